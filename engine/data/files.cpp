#include "engine/data/files.h"
#include "kernels/core/error.h"
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <openssl/evp.h>
#include <span>
#include <vector>

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

static std::string hexadecimal(std::span<const unsigned char> bytes) {
    std::string text;
    for (const auto byte : bytes)
        for (const int digit : {byte >> 4, byte & 15}) text += "0123456789abcdef"[digit];
    return text;
}

std::string sha256_of_file(const std::string& path) {
    InputFile file(path);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(),
                                                                         EVP_MD_CTX_free);
    require(digest && EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr), Failure::bug,
            "OpenSSL has SHA-256");
    std::vector<char> piece(1u << 20);
    while (const auto count = file.read(piece)) EVP_DigestUpdate(digest.get(), piece.data(), count);
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
