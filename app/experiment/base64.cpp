#include "app/experiment/base64.h"
#include <openssl/evp.h>

namespace sweetspot {

namespace {

auto bytes_of(auto* data) {
    return reinterpret_cast<const unsigned char*>(data);
}

} // namespace

std::string to_base64(std::span<const std::byte> bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, 0); // and the end of a C string
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                       bytes_of(bytes.data()), int(bytes.size()));
    text.resize(std::size_t(length));
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    std::string bytes(text.size() / 4 * 3, 0);
    const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                       bytes_of(text.data()), int(text.size()));
    if (length < 0 || text.size() % 4) return {};
    const auto padding = text.ends_with("==") ? 2u : text.ends_with("=") ? 1u : 0u;
    bytes.resize(std::size_t(length) - padding); // OpenSSL counts what stands for padding
    return bytes;
}

} // namespace sweetspot
