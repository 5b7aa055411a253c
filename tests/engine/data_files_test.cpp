#include "data_support.h"
#include "engine/config/sha256.h"
#include "engine/data/files.h"
#include "tests/suite.h"

using namespace sweetspot;

class DataFilesTest : public QObject {
    Q_OBJECT
private slots:
    void the_sha256_of_abc_is_the_standards() {
        const Folder folder;
        QCOMPARE(sha256_of_file(folder.write("abc", "abc")).c_str(),
                 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        QCOMPARE(sha256_of_file(folder.write("empty", "")).c_str(),
                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    void the_sha256_of_a_million_letters_crosses_the_pieces_it_is_read_in() {
        const Folder folder;
        QCOMPARE(sha256_of_file(folder.write("a", std::string(1000000, 'a'))).c_str(),
                 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }

    void gzip_data_comes_unpacked_whatever_its_name() {
        const Folder folder;
        QCOMPARE(read_file(folder.write("plain", "some text")).c_str(), "some text");
        QCOMPARE(read_file(folder.write("packed.gz", gzipped("some text"))).c_str(), "some text");
        QCOMPARE(read_file(folder.write("packed", gzipped("some text"))).c_str(), "some text");
        QCOMPARE(read_file(folder.write("nothing.gz", gzipped(""))).size(), std::size_t(0));
    }

    void several_gzip_members_are_joined_and_zeros_behind_them_ignored() {
        const Folder folder;
        const auto two = gzipped("first ") + gzipped(std::string(100000, 'x'));
        const std::string expected = "first " + std::string(100000, 'x');
        QVERIFY(read_file(folder.write("two.gz", two)) == expected);
        QVERIFY(read_file(folder.write("tape.gz", two + std::string(512, '\0'))) == expected);
    }

    void gzip_data_that_is_cut_or_damaged_is_refused_with_its_place() {
        const Folder folder;
        const auto whole = gzipped("some text that is long enough, some text");
        const auto size = int(whole.size()); // the library's version decides it
        const auto cut = folder.write("cut.gz", whole.substr(0, whole.size() - 5));
        COMPARE_ERROR(read_file(cut), folder,
                      QString("file: cut.gz: the gzip data is damaged or cut short (member 1, "
                              "which begins at byte 0 of %1)")
                          .arg(size - 5));
        const auto tail = folder.write("tail.gz", whole + "garbage");
        COMPARE_ERROR(read_file(tail), folder,
                      QString("file: tail.gz: the gzip data is damaged or cut short (member 2, "
                              "which begins at byte %1 of %2)")
                          .arg(size)
                          .arg(size + 7));
        const auto text = folder.write("text.gz", "no gzip");
        COMPARE_ERROR(read_file(text), folder, "file: text.gz: is not gzip data");
        const auto empty = folder.write("empty.gz", "");
        COMPARE_ERROR(read_file(empty), folder, "file: empty.gz: is empty, and so no gzip data");
    }

    void what_unpacks_beyond_the_limit_is_refused() {
        const Folder folder;
        const auto bomb = folder.write("bomb.gz", gzipped(std::string(8 << 20, '\0')));
        COMPARE_ERROR(
            read_file(bomb, 1 << 20), folder,
            "file: bomb.gz: unpacks to more than 1 MiB, and more is not read of one file");
        QCOMPARE(read_file(bomb, 8 << 20).size(), std::size_t(8 << 20));
        const auto plain = folder.write("plain", std::string(2 << 20, 'x'));
        COMPARE_ERROR(read_file(plain, 1 << 20), folder,
                      "file: plain: is larger than 1 MiB, and more is not read of one file");
    }

    void what_is_no_file_is_refused_with_a_sentence() {
        const Folder folder;
        COMPARE_ERROR(read_file(folder.path("gone")), folder, "file: gone: there is no such file");
        COMPARE_ERROR(sha256_of_file(folder.path("gone")), folder,
                      "file: gone: there is no such file");
        COMPARE_ERROR(read_file(folder.path(".")), folder,
                      "file: .: this is a folder; a file is needed");
        COMPARE_ERROR(write_file(folder.path("no/file"), "text"), folder,
                      "file: no/file: cannot be written: No such file or directory");
    }

    void a_full_disk_is_a_sentence() {
        if (!QFile::exists("/dev/full")) QSKIP("this system has no /dev/full");
        const Folder folder;
        COMPARE_ERROR(write_file("/dev/full", "text"), folder,
                      "file: /dev/full: cannot be written: No space left on device");
    }
};

SWEETSPOT_TEST(DataFilesTest)
#include "data_files_test.moc"
