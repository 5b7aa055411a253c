#pragma once
#include "engine/config/mapped_file.h"
#include "kernels/core/weight_format.h"
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sweetspot {

/// A value of a GGUF's metadata; text lies in the file.
using GgufValue = std::variant<std::int64_t, double, bool, std::string_view,
                               std::vector<std::string_view>, std::vector<double>>;

struct GgufTensor {
    std::string name{};
    std::string type{}; ///< as ggml calls it: F32, F16, BF16, Q8_0, …
    WeightFormat format = WeightFormat::dense;
    std::vector<std::int64_t> shape{}; ///< slowest-moving first; the file has it the other way
    std::span<const std::byte> bytes{};
};

/// All that a GGUF file says before its numbers, and where these lie. Views into the mapped file,
/// which must outlive it.
struct Gguf {
    std::string path{};
    std::map<std::string, GgufValue, std::less<>> metadata{};
    std::map<std::string, std::span<const std::byte>, std::less<>> as_is{}; ///< type and value
    std::vector<GgufTensor> tensors{};

    /// Null if the key is not there. Throws Error(file) if its value is of another kind.
    template <class T>
    const T* find(std::string_view key) const {
        const auto found = metadata.find(key);
        if (found == metadata.end()) return nullptr;
        if (const T* value = std::get_if<T>(&found->second)) return value;
        refuse_kind(key);
    }
    [[noreturn]] void refuse_kind(std::string_view key) const;
};

/// Reads versions 2 and 3, little-endian, as written by one converter: tensors lie one after the
/// other, aligned, and nothing else lies between or behind them. Throws Error, a sentence that
/// begins with the path: file for what is malformed; unsupported for types that are not read and
/// for one part of several.
Gguf read_gguf(const MappedFile&);

/// The number that stands for a type: "F32", "Q4_K"; nothing for one that is not read.
std::optional<std::uint32_t> gguf_type(std::string_view name);

} // namespace sweetspot
