#include "engine/data/files.h"
#include "engine/config/resources.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <libdeflate.h>
#include <memory>
#include <openssl/evp.h>
#include <span>
#include <vector>

namespace sweetspot {

namespace {
[[noreturn]] void refuse(const std::string& path, const std::string& why) {
    throw Error(Failure::file, path + ": " + why);
}

std::ifstream open(const std::string& path) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) refuse(path, "there is no such file");
    if (std::filesystem::is_directory(path, ignored))
        refuse(path, "this is a folder; a file is needed");
    errno = 0;
    std::ifstream stream(path, std::ios::binary);
    if (!stream) refuse(path, std::string("cannot be opened: ") + std::strerror(errno));
    return stream;
}

/// The path, or the resource of that name for a relative path that leads nowhere from here.
std::string located(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::path(path).is_absolute() || std::filesystem::exists(path, ignored))
        return path;
    const std::string resource = resource_path(path);
    return std::filesystem::exists(resource, ignored) ? resource : path;
}

bool is_gzip(const std::string& data) {
    return data.starts_with("\x1f\x8b");
}

/// Room to try first for what `size` bytes of gzip data unpack to: what the last four bytes claim,
/// as far as deflate's best ratio (1032 to 1) allows it.
std::size_t first_guess(const std::string& data, std::size_t limit_bytes) {
    std::size_t claimed = 0;
    for (int i = 1; i <= 4; ++i) claimed = claimed << 8 | std::uint8_t(data[data.size() - i]);
    return std::clamp(claimed, std::size_t(64), std::min(1032 * data.size(), limit_bytes));
}

std::string unpacked(const std::string& path, const std::string& data, std::size_t limit_bytes) {
    const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> inflate(
        libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
    std::string text;
    std::size_t from = 0, filled = 0;
    for (int member = 1; from < data.size(); ++member) {
        // Padding with zeros behind the last member is common (tapes, some tools) and harmless.
        if (member > 1 && data.find_first_not_of('\0', from) == std::string::npos) break;
        for (;;) {
            if (text.size() == filled)
                text.resize(filled ? std::min(2 * filled, limit_bytes)
                                   : first_guess(data, limit_bytes));
            std::size_t used = 0, made = 0;
            const auto result = libdeflate_gzip_decompress_ex(
                inflate.get(), data.data() + from, data.size() - from, text.data() + filled,
                text.size() - filled, &used, &made);
            if (result == LIBDEFLATE_SUCCESS) {
                from += used;
                filled += made;
                break;
            }
            if (result != LIBDEFLATE_INSUFFICIENT_SPACE)
                refuse(path, "the gzip data is damaged or cut short (member " +
                                 std::to_string(member) + ", which begins at byte " +
                                 std::to_string(from) + " of " + std::to_string(data.size()) + ")");
            if (text.size() >= limit_bytes)
                refuse(path, "unpacks to more than " + std::to_string(limit_bytes >> 20) + " MiB");
            text.resize(std::min(2 * text.size(), limit_bytes));
        }
    }
    text.resize(filled);
    return text;
}
} // namespace

std::string read_file(const std::string& path_or_resource, std::size_t limit_bytes) {
    const std::string path = located(path_or_resource);
    auto stream = open(path);
    std::error_code ignored;
    const auto size = std::filesystem::file_size(path, ignored);
    if (!ignored && size > limit_bytes)
        refuse(path, "is larger than " + std::to_string(limit_bytes >> 20) + " MiB");
    std::string data;
    if (!ignored) data.reserve(size);
    std::vector<char> piece(1u << 20);
    while (stream.read(piece.data(), std::streamsize(piece.size())), stream.gcount() > 0)
        data.append(piece.data(), std::size_t(stream.gcount()));
    if (stream.bad()) refuse(path, std::string("cannot be read: ") + std::strerror(errno));
    // The shortest gzip file has 18 bytes: a header of 10 and a trailer of 8.
    if (is_gzip(data) && data.size() >= 18) return unpacked(path, data, limit_bytes);
    if (is_gzip(data)) refuse(path, "the gzip data is cut short");
    if (path.ends_with(".gz"))
        refuse(path, data.empty() ? "is empty, and so no gzip data" : "is not gzip data");
    return data;
}

void write_file(const std::string& path, const std::string& text) {
    errno = 0;
    std::ofstream stream(path, std::ios::binary);
    if (!stream) refuse(path, std::string("cannot be written: ") + std::strerror(errno));
    stream.write(text.data(), std::streamsize(text.size()));
    stream.close();
    if (!stream) refuse(path, std::string("cannot be written: ") + std::strerror(errno));
}

static std::string hexadecimal(std::span<const unsigned char> bytes) {
    std::string text;
    for (const auto byte : bytes)
        for (const int digit : {byte >> 4, byte & 15}) text += "0123456789abcdef"[digit];
    return text;
}

std::string sha256_of_file(const std::string& path) {
    auto stream = open(path);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(),
                                                                         EVP_MD_CTX_free);
    require(digest && EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr), Failure::bug,
            "OpenSSL has SHA-256");
    std::vector<char> piece(1u << 20);
    while (stream.read(piece.data(), std::streamsize(piece.size())), stream.gcount() > 0)
        EVP_DigestUpdate(digest.get(), piece.data(), std::size_t(stream.gcount()));
    if (stream.bad()) refuse(path, std::string("cannot be read: ") + std::strerror(errno));
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_DigestFinal_ex(digest.get(), sum, &length);
    return hexadecimal({sum, length});
}

std::string sha256_of_text(std::string_view text) {
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_Digest(text.data(), text.size(), sum, &length, EVP_sha256(), nullptr);
    return hexadecimal({sum, length});
}

} // namespace sweetspot
