#pragma once
#include "kernels/core/memory.h"
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace sweetspot {

/// Where a pool gets its segments: cudaMalloc, cudaMallocManaged, cudaHostAlloc.
class MemorySource {
public:
    virtual ~MemorySource() = default;
    virtual MemoryKind kind() const = 0;
    virtual void* reserve(std::size_t bytes) = 0; ///< null when there is no more
    virtual void release(void*, std::size_t bytes) noexcept = 0;
    virtual std::size_t free_bytes() const = 0; ///< that reserve() could still give, about
};

/// What a pool holds now.
struct PoolUse {
    std::size_t allocated = 0; ///< live blocks
    std::size_t reserved = 0;  ///< taken from the source
    std::size_t peak_reserved = 0;
    std::size_t largest_free = 0; ///< block that needs no new segment

    /// Share of the free bytes that is not in the largest free block: 0 when one block has it all.
    double fragmentation() const;
};

/// Gives out blocks of segments that it keeps, because the driver's own calls wait for the device.
/// Blocks are reused in the order of calls, which is right for one stream. Best fit; neighbours
/// that are free become one; a free segment goes back to the source before a request fails.
class PoolAllocator : public Allocator {
public:
    explicit PoolAllocator(std::unique_ptr<MemorySource>);
    ~PoolAllocator() override;

    PoolUse pool() const;
    /// Gives segments without live blocks back to the source.
    void trim() noexcept;
};

} // namespace sweetspot
