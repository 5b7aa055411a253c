#include "engine/train/new_file.h"
#include "kernels/core/error.h"
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <utility>

namespace sweetspot {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void cannot_write(const std::string& path) {
    throw Error(Failure::file, path + " cannot be written: " + std::strerror(errno));
}

std::string list_of(const std::vector<std::int64_t>& shape) {
    std::string text;
    for (const auto size : shape) text += (text.empty() ? "" : ",") + std::to_string(size);
    return "[" + text + "]";
}

/// The header and the length before it.
std::string header_of(const std::vector<TensorShape>& tensors) {
    std::string header = R"({"__metadata__":{"format":"pt"})";
    std::int64_t at = 0;
    for (const auto& [name, shape] : tensors) {
        std::int64_t end = at + std::int64_t(sizeof(float));
        for (const auto size : shape) end = at + (end - at) * size;
        header += ",\"" + name + R"(":{"dtype":"F32","shape":)" + list_of(shape) +
                  R"(,"data_offsets":[)" + std::to_string(at) + "," + std::to_string(end) + "]}";
        at = end;
    }
    header += "}";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    static_assert(std::endian::native == std::endian::little);
    const std::uint64_t size = header.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof size) + header;
}

} // namespace

NewFile::NewFile(std::string path)
    : path_(std::move(path)), partial_(path_ + ".partial"),
      file_(open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (file_ < 0) fail();
}

NewFile::~NewFile() {
    if (file_ < 0) return;
    close(file_);
    unlink(partial_.c_str());
}

void NewFile::write(const void* bytes, std::size_t count) {
    const char* at = static_cast<const char*>(bytes);
    while (count > 0) {
        const ssize_t done = ::write(file_, at, count);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) fail();
        at += done;
        count -= std::size_t(done);
    }
}

void NewFile::commit() {
    if (fsync(file_) != 0) fail();
    if (close(std::exchange(file_, -1)) != 0) fail();
    rename_for_good(partial_, path_);
}

void NewFile::fail() const {
    cannot_write(path_);
}

NewTensorFile::NewTensorFile(const std::string& path, const std::vector<TensorShape>& tensors)
    : file_(path) {
    file_.write(header_of(tensors));
}

void make_folder(const std::string& path) {
    std::error_code problem;
    fs::create_directories(path, problem);
    if (problem) throw Error(Failure::file, path + " cannot be made: " + problem.message());
}

void sync_folder(const std::string& path) {
    const int folder = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (folder < 0) cannot_write(path);
    const bool synced = fsync(folder) == 0;
    close(folder);
    if (!synced) cannot_write(path);
}

void rename_for_good(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) != 0) cannot_write(to);
    const fs::path folder = fs::path(to).parent_path();
    sync_folder(folder.empty() ? "." : folder.string());
}

} // namespace sweetspot
