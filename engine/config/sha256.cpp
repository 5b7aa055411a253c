#include "engine/config/sha256.h"
#include "engine/config/regular_file.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <memory>
#include <openssl/evp.h>
#include <span>
#include <vector>

namespace sweetspot {

static std::string hexadecimal(std::span<const unsigned char> bytes) {
    std::string text;
    for (const auto byte : bytes)
        for (const int digit : {byte >> 4, byte & 15}) text += "0123456789abcdef"[digit];
    return text;
}

std::string sha256_of_file(const std::string& path, const std::function<void(double)>& progress) {
    RegularFile file(path);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(),
                                                                         EVP_MD_CTX_free);
    require(digest && EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr), Failure::bug,
            "OpenSSL has SHA-256");
    std::vector<char> piece(1u << 20);
    std::size_t read = 0;
    while (const auto got = file.read(piece)) {
        EVP_DigestUpdate(digest.get(), piece.data(), got);
        read += got;
        if (progress) progress(double(read) / double(std::max(read, file.size())));
    }
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
