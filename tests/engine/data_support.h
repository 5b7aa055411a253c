#pragma once
#include "engine/config/json.h"
#include "engine/data/files.h"
#include "kernels/core/error.h"
#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <optional>
#include <vector>
#include <zlib.h>

namespace sweetspot {

/// A file of the real data beside the repository; the test must skip where it is missing.
inline std::string shared_data(const std::string& name) {
    return SWEETSPOT_SOURCE_DIR "/../shared/data/" + name;
}
#define SKIP_WITHOUT_SHARED_DATA(name)                                                             \
    if (!QFile::exists(QString::fromStdString(sweetspot::shared_data(name))))                      \
    QSKIP("the real data of ../shared/data is not on this machine")

/// A folder of a test's own, gone with the test.
class Folder {
public:
    std::string path(const std::string& name) const {
        return folder_.filePath(QString::fromStdString(name)).toStdString();
    }
    /// Writes a file and gives its path. A file of that name is removed, not overwritten: some file
    /// systems wait for the disk when one is emptied and written again.
    std::string write(const std::string& name, const std::string& text) const {
        QFile::remove(QString::fromStdString(path(name)));
        write_file(path(name), text);
        return path(name);
    }

private:
    QTemporaryDir folder_;
};

/// The ids of one case of a tokenizer's golden.json.
inline std::vector<std::int32_t> ids_of(const Json& golden_case) {
    std::vector<std::int32_t> ids;
    for (const auto& id : *golden_case.find("ids")) ids.push_back(id.get<std::int32_t>());
    return ids;
}

inline std::string gzipped(const std::string& text) {
    z_stream deflate{};
    constexpr int gzip = 16 + MAX_WBITS, memory = 8;
    deflateInit2(&deflate, 6, Z_DEFLATED, gzip, memory, Z_DEFAULT_STRATEGY);
    std::string data(deflateBound(&deflate, text.size()), '\0');
    deflate.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    deflate.avail_in = uInt(text.size());
    deflate.next_out = reinterpret_cast<Bytef*>(data.data());
    deflate.avail_out = uInt(data.size());
    ::deflate(&deflate, Z_FINISH);
    data.resize(deflate.total_out);
    deflateEnd(&deflate);
    return data;
}

/// What `work` throws, as "kind: sentence", with `folder` before file names left out; empty if it
/// throws nothing.
template <class Work>
std::string error_of(Work&& work, const Folder& folder) {
    try {
        work();
        return {};
    } catch (const Error& error) {
        auto text =
            std::string(names_of(error.kind)[std::size_t(error.kind)]) + ": " + error.what();
        const auto prefix = folder.path("x").substr(0, folder.path("x").size() - 1);
        for (std::size_t at; (at = text.find(prefix)) != std::string::npos;)
            text.erase(at, prefix.size());
        return text;
    }
}
#define COMPARE_ERROR(work, folder, expected)                                                      \
    QCOMPARE(QString::fromStdString(sweetspot::error_of([&] { work; }, folder)), QString(expected))

} // namespace sweetspot
