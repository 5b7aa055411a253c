#include "engine/config/sha256.h"
#include "kernels/core/error.h"
#include <cerrno>
#include <cstring>
#include <filesystem>
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

std::string hexadecimal(std::span<const unsigned char> bytes) {
    std::string text;
    for (const auto byte : bytes)
        for (const int digit : {byte >> 4, byte & 15}) text += "0123456789abcdef"[digit];
    return text;
}
} // namespace

std::string sha256_of_file(const std::string& path) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) refuse(path, "there is no such file");
    if (!std::filesystem::is_regular_file(path, ignored))
        refuse(path, std::filesystem::is_directory(path, ignored)
                         ? "this is a folder; a file is needed"
                         : "is a pipe or a device, which may never end; a regular file is needed");
    errno = 0;
    std::ifstream stream(path, std::ios::binary);
    if (!stream) refuse(path, std::string("cannot be opened: ") + std::strerror(errno));
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
