#pragma once
#include "kernels/core/error.h"
#include <QString>
#include <QTemporaryDir>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace sweetspot::files {

inline std::string written(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
}

inline std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A safetensors file with this header and so many bytes of data.
inline std::string safetensors(const std::string& header, std::size_t data_bytes) {
    const std::uint64_t length = header.size();
    return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header +
           std::string(data_bytes, '\0');
}

/// The sentence of the error that a call ends in, behind the name of its kind.
template <class Call>
QString error_of(Call&& call) {
    try {
        call();
    } catch (const Error& error) {
        return QString::fromStdString(std::string(names_of(error.kind)[std::size_t(error.kind)]) +
                                      ": " + error.what());
    }
    return "no error";
}

} // namespace sweetspot::files
