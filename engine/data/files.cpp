#include "engine/data/files.h"
#include "kernels/core/error.h"
#include <cerrno>
#include <cstring>
#include <fstream>

namespace sweetspot {

namespace {
[[noreturn]] void refuse(const std::string& path, const std::string& why) {
    throw Error(Failure::file, path + ": " + why);
}
} // namespace

std::string read_file(const std::string& path_or_resource, std::size_t limit_bytes) {
    ByteSource source(path_or_resource, limit_bytes);
    std::string text;
    for (auto piece = source.next(); !piece.empty(); piece = source.next()) text += piece;
    return text;
}

void write_file(const std::string& path, const std::string& text) {
    errno = 0;
    std::ofstream stream(path, std::ios::binary);
    if (!stream) refuse(path, std::string("cannot be written: ") + std::strerror(errno));
    stream.write(text.data(), std::streamsize(text.size()));
    stream.close();
    if (!stream) refuse(path, std::string("cannot be written: ") + std::strerror(errno));
}

} // namespace sweetspot
