#pragma once
#include "engine/config/model_config.h"
#include "kernels/core/error.h"
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>

/// What targets share: their input in parts, files made of it, and what may come of reading them.
namespace sweetspot::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

/// An input that stands for several files: they are parted by lines of "%%". The last one takes
/// what is left; those that are missing are empty.
template <std::size_t count>
std::array<std::string_view, count> parts_of(std::string_view text) {
    constexpr std::string_view between = "\n%%\n";
    std::array<std::string_view, count> parts;
    for (std::size_t i = 0; i + 1 < count; ++i) {
        const auto end = std::min(text.find(between), text.size());
        parts[i] = text.substr(0, end);
        text.remove_prefix(std::min(end + between.size(), text.size()));
    }
    parts.back() = text;
    return parts;
}

/// Throws what is no Error, and so a finding, unless it holds.
inline void expect(bool holds, const std::string& what) {
    if (!holds) throw std::logic_error("not so: " + what);
}

/// Reads; an Error is as good as a value if it is the input's fault.
template <class Read>
void refusable(Read&& read) {
    try {
        read();
    } catch (const Error& error) {
        expect(error.kind == Failure::bad_input || error.kind == Failure::file ||
                   error.kind == Failure::unsupported,
               std::string("the input is at fault: ") + error.what());
    }
}

/// Sizes so small that a whole checkpoint is an input.
inline ModelConfig tiny_llama() {
    ModelConfig c;
    c.name = "tiny";
    c.family = Family::llama;
    c.layers = 1;
    c.width = c.head_size = c.mlp_width = 2;
    c.heads = c.kv_heads = 1;
    c.vocabulary = 3;
    c.positions = 8;
    c.norm = NormStyle::rms;
    c.mlp = MlpStyle::swiglu;
    c.causal = true;
    return c;
}

/// A folder that goes with the process.
class Folder {
public:
    Folder() {
        auto name = (std::filesystem::temp_directory_path() / "sweetspot-fuzz-XXXXXX").string();
        if (!mkdtemp(name.data())) throw std::logic_error("no folder " + name);
        path_ = name;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string path(const std::string& name) const { return (path_ / name).string(); }
    std::string write(const std::string& name, std::string_view bytes) const {
        std::ofstream(path(name), std::ios::binary).write(bytes.data(), bytes.size());
        return path(name);
    }

private:
    std::filesystem::path path_;
};

} // namespace sweetspot::fuzz
