#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

/// A libcupti.so that watches no GPU: it plays what a test tells it, as records in the buffers that
/// it is given. Its functions are those of profiler/cupti/functions.h, with CUPTI's own types.
namespace stand_in {

struct Kernel {
    const char* name = "kernel"; ///< mangled; good until reset()
    std::uint32_t stream = 7, correlation = 0;
    std::uint64_t begin = 0, end = 0, node = 0;
    std::array<int, 3> grid{1, 1, 1}, block{32, 1, 1};
    int registers = 0, shared_bytes = 0;
};

struct State {
    // what asks find
    unsigned version = 130001;
    int subscribe_result = 0, enable_result = 0; ///< CUptiResult
    const char* other_tool = "";
    std::size_t most_records = 0; ///< in a buffer; 0 = as many as it holds
    bool cut_last_record = false; ///< of the next buffer that is handed back
    std::size_t lost = 0;         ///< records that it says were dropped, once
    // what was asked
    bool subscribed = false;
    int finalized = 0, buffers = 0;
    std::size_t regions = 0; ///< correlation ids that are pushed now
};

class Cupti : public State {
public:
    virtual ~Cupti() = default;
    virtual void reset() = 0;
    /// Any kind that is enabled.
    virtual bool watching() const = 0;
    /// A call of the runtime by a thread: with the region that it is in, unless `unknown`.
    virtual void call(std::uint32_t correlation, std::uint64_t begin, std::uint64_t end,
                      std::uint32_t thread, bool unknown = false) = 0;
    virtual void kernel(const Kernel&) = 0;
    virtual void copy(const Kernel&, std::uint64_t bytes) = 0;
    virtual void fill(const Kernel&, std::uint64_t bytes) = 0;
    /// Of device memory, at a call's begin.
    virtual void memory(std::uint32_t correlation, std::uint64_t time, std::uint64_t bytes,
                        bool freed) = 0;
    /// A record of a kind that nobody has heard of.
    virtual void strange() = 0;
    virtual void node_made(std::uint64_t id) = 0;
    virtual void node_cloned(std::uint64_t original, std::uint64_t id) = 0;
};

} // namespace stand_in

extern "C" stand_in::Cupti* cupti_stand_in();
