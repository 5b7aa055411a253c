// Which files the store opens, and what it puts beside them.
#include "app/store/store.h"
#include "kernels/core/error.h"
#include "tests/suite.h"
#include <QTemporaryDir>
#include <QTest>
#include <fstream>
#include <sys/stat.h>

using namespace sweetspot;

namespace {

/// What opening says that is wrong; "" if nothing is.
std::string opening(const std::string& path, Store::Mode mode = Store::Mode::write) {
    try {
        Store(path, mode);
        return {};
    } catch (const Error& error) {
        return error.kind == Failure::file ? error.what() : "another failure";
    }
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string text_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

class StoreFilesTest : public QObject {
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> folder_;
    std::string path_;

    std::string file(const char* name) const { return folder_->filePath(name).toStdString(); }

private slots:
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        path_ = file("runs.sweetspot");
    }

    void beside_what_is_no_database_nothing_is_made() {
        const auto folder = file("folder"), pipe = file("pipe");
        std::filesystem::create_directory(folder);
        QCOMPARE(mkfifo(pipe.c_str(), 0600), 0);
        write_file(path_, "precious");
        for (const auto mode : {Store::Mode::write, Store::Mode::read}) {
            QCOMPARE(opening(folder, mode), folder + " is a folder, not a database");
            QCOMPARE(opening(pipe, mode), pipe + " is a device or a pipe, not a database");
            QCOMPARE(opening("/dev/null", mode),
                     std::string("/dev/null is a device or a pipe, not a database"));
            QCOMPARE(opening(path_, mode), path_ + " is not a database");
        }
        for (const auto& path : {folder, pipe, path_, std::string("/dev/null")})
            QVERIFY2(!std::filesystem::exists(path + "-writer"), path.c_str());
        QCOMPARE(text_of(path_), std::string("precious"));
    }

    void an_empty_file_becomes_a_database() {
        write_file(path_, "");
        QCOMPARE(opening(path_), std::string());
        QVERIFY(text_of(path_).starts_with("SQLite format 3"));
    }

    void a_lock_that_is_a_link_is_not_followed() {
        const auto victim = file("victim");
        write_file(victim, "precious");
        for (const bool hard : {false, true}) {
            if (hard)
                std::filesystem::create_hard_link(victim, path_ + "-writer");
            else
                std::filesystem::create_symlink(victim, path_ + "-writer");
            const auto said = opening(path_);
            QVERIFY2(said.find(path_ + "-writer is a link or no file") != said.npos, said.c_str());
            QCOMPARE(text_of(victim), std::string("precious"));
            std::filesystem::remove(path_ + "-writer");
        }
        QCOMPARE(opening(path_), std::string());
    }

    void a_database_has_one_lock_whatever_it_is_called() {
        { const Store made(path_); }
        const Store store(path_);
        const auto other = file("other.sweetspot");
        std::filesystem::create_symlink(path_, other);
        const auto said = opening(other);
        QVERIFY2(said.find("is being written by another Sweetspot") != said.npos, said.c_str());
        QVERIFY(!std::filesystem::exists(other + "-writer"));
    }
};

SWEETSPOT_TEST(StoreFilesTest)
#include "store_files_test.moc"
