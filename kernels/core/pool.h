#pragma once
#include "kernels/core/memory.h"
#include <map>
#include <memory>
#include <set>

namespace sweetspot {

/// Where a pool gets its segments: cudaMalloc, cudaMallocManaged, cudaHostAlloc.
class MemorySource {
public:
    virtual ~MemorySource() = default;
    virtual MemoryKind kind() const = 0;
    /// Aligned to PoolAllocator::block_alignment; null when there is no more.
    virtual void* reserve(std::size_t bytes) = 0;
    virtual void release(void*, std::size_t bytes) noexcept = 0;
    virtual std::size_t free_bytes() const = 0; ///< that reserve() could still give, about
};

/// Gives out blocks of segments that it keeps, because the driver's own calls wait for the device.
/// Blocks are reused in the order of calls, which is right for one stream. Best fit; neighbours
/// that are free become one. Before a request fails free segments go back to the source, then what
/// reclaim() gives up; but not within an arena, since the driver frees nothing while it records.
///
/// Requests of up to small_request bytes share segments of segment_step bytes, which is what the
/// driver gives out at least; a larger one gets a segment of its own, rounded up to that step,
/// whose rest later large ones may use. Small blocks live long (gains, biases), so in the segment
/// of a large block they would keep it from being given back or used whole.
class PoolAllocator : public Allocator {
public:
    static constexpr std::size_t block_alignment = 512, small_request = 1u << 20,
                                 segment_step = 2u << 20;

    explicit PoolAllocator(std::unique_ptr<MemorySource>);
    /// Gives everything back, live or not.
    ~PoolAllocator() override;

    PoolUse pool() const override;
    /// Whether they are of one segment: the driver refuses a copy that goes from one of its
    /// allocations into the next, though their addresses may be neighbours.
    bool contiguous(const void*, std::size_t bytes) const override;
    /// Gives segments without live blocks back to the source, but for those that arenas keep.
    void trim() noexcept;

    /// An arena takes over segments without live blocks before it asks the source, so that what a
    /// step used before it was recorded need not be reserved twice. Arenas do not nest.
    int begin_arena() override;
    void end_arena() override { current_ = 0; }
    /// What is live stays; what is free is for everybody again.
    void drop_arena(int) noexcept override;

private:
    struct Segment {
        std::size_t bytes;
        bool small; ///< shared by small requests
        int arena;  ///< 0 = for everybody
    };
    struct Block {
        std::size_t bytes;
        bool live;
        char* segment;
    };
    struct Free { ///< sorted so that the best fit is the first that is large enough
        int arena;
        bool small;
        std::size_t bytes;
        char* at;
        auto operator<=>(const Free&) const = default;
    };

    void* take(std::size_t bytes) override;
    void give(void*, std::size_t bytes) noexcept override;
    std::string shortage() const override;

    char* best_fit(std::size_t bytes, bool small) const;
    char* idle_segment(std::size_t bytes, bool small) const;
    char* new_segment(std::size_t bytes, bool small);
    void* reserve(std::size_t bytes);
    bool idle(char* segment) const;
    void move_to(int arena, char* segment);
    Free entry(char* block) const;
    void free_block(char*);

    std::unique_ptr<MemorySource> source_;
    std::map<char*, Segment> segments_{};
    std::map<char*, Block> blocks_{}; ///< all, live and free, so that neighbours are found
    std::set<Free> free_{};
    int current_ = 0, last_ = 0; ///< arenas
    std::size_t allocated_ = 0, kept_ = 0, reserved_ = 0, peak_reserved_ = 0;
};

} // namespace sweetspot
