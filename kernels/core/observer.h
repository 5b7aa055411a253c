#pragma once
#include "kernels/core/tensor.h"
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace sweetspot {

/// Where an allocation lives.
enum class MemoryKind { host, pinned, device, managed };
constexpr std::array<std::string_view, 4> names_of(MemoryKind) {
    return {"host", "pinned", "device", "managed"};
}

/// What an allocation is for. Peaks are kept for each, exactly.
enum class Purpose { weights, activations, gradients, optimizer, kv_cache, workspace };
constexpr std::size_t purpose_count = 6;
constexpr std::array<std::string_view, purpose_count> names_of(Purpose) {
    return {"weights", "activations", "gradients", "optimizer", "kv_cache", "workspace"};
}

/// Work that a stretch of code stands for, whatever device does it.
struct Cost {
    double flops = 0;
    double bytes = 0; ///< read plus written, each tensor counted once
};

/// A stretch of code as an observer is told of it: an op, or a region of several.
struct Work {
    std::string_view name;        ///< "matmul", "layer 3"; good during the call
    Cost cost{};                  ///< an op's
    std::optional<DType> dtype{}; ///< what an op multiplies: of its products' inputs, else f32
    bool tf32 = false;            ///< that it may round f32 inputs to
    std::uint64_t id = 0;         ///< counts what the observer was told of, from 1
};

/// Is told what kernels and engine do. The profiler is one; tests write others.
/// Calls come in order from the thread that runs the engine, and nest.
class Observer {
public:
    virtual ~Observer() = default;
    virtual void began(const Work&) noexcept = 0;
    virtual void ended() noexcept = 0;
    virtual void allocated(Purpose, MemoryKind, std::size_t bytes) noexcept = 0;
    virtual void freed(Purpose, MemoryKind, std::size_t bytes) noexcept = 0;
    /// Whether it knows what a graph does from having been told while that was recorded; if not, it
    /// is told of every op, and graphs are not used meanwhile.
    virtual bool follows_graphs() const noexcept { return false; }
};

} // namespace sweetspot
