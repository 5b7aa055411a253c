#pragma once
#include "vector_types.h"
#include <cstdint>
#include <functional>
#include <string_view>

/// The emulated device as a tracer sees it: what it is given, and when it did it.
namespace emulation {

/// One piece of a stream's work.
struct Done {
    enum What { other, kernel, copy, fill } what = other;
    std::string_view name{}; ///< a kernel's
    dim3 grid{}, block{};
    std::size_t shared_bytes = 0;
    std::size_t bytes = 0;                   ///< copied or filled
    std::uint64_t correlation = 0, node = 0; ///< as called() and the like gave them; 0 = none
    std::int64_t begin = 0, end = 0;         ///< nanoseconds of the steady clock
};

/// Is told by the threads that call CUDA.
class Watcher {
public:
    virtual ~Watcher() = default;
    /// A stream is given work: gives the call's number.
    virtual std::uint64_t called() = 0;
    /// It is captured, and the work becomes a node; a graph is made ready, and a node is copied.
    virtual std::uint64_t node_made() = 0;
    virtual std::uint64_t node_cloned(std::uint64_t original) = 0;
    virtual void did(const Done&) = 0;
};
/// Null: nobody. Not owned.
void watch(Watcher*);
Watcher* watcher();

/// What the work that runs now is: said by itself, once.
void note(const Done&);
/// The work, told of when it is done. Without a watcher as it is.
std::function<void()> watched(std::function<void()> work, std::uint64_t correlation,
                              std::uint64_t node);

} // namespace emulation
