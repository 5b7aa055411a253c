#pragma once
#include "kernels/core/observer.h"
#include "kernels/core/tensor.h"
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace sweetspot {

/// Bytes in use now and at most, for each purpose and in all. `peak_total` is the largest sum at
/// one moment, so it is at most the sum of the peaks.
struct MemoryUse {
    std::array<std::size_t, purpose_count> live{}, peak{};
    std::size_t live_total = 0, peak_total = 0;
    std::array<std::size_t, purpose_count>
        at_peak{}; ///< live by purpose when peak_total was reached
    std::map<std::pair<std::size_t, Purpose>, int> blocks{}; ///< live ones by size, how many

    void add(Purpose purpose, std::size_t bytes);
    void remove(Purpose purpose, std::size_t bytes);
    /// Forgets what happened: peaks become what is live now. For a measurement that starts here.
    void reset_peaks();
};

/// What a pool holds now, in bytes of its blocks: reserved = allocated + kept + free.
struct PoolUse {
    std::size_t allocated = 0; ///< live blocks: the ledger's bytes, each rounded up to a block
    std::size_t kept = 0;      ///< free in an arena, which keeps it for its graph
    std::size_t reserved = 0;  ///< taken from the source
    std::size_t peak_reserved = 0;
    std::size_t largest_free = 0; ///< block that needs no new segment

    std::size_t free() const { return reserved - allocated - kept; }
    /// Share of the free bytes that is not in the largest free block: 0 when one block has it all.
    double fragmentation() const;
};

/// Every allocation is rounded up to this, on every device, so that predictions can be exact.
constexpr std::size_t allocation_alignment = 64;
constexpr std::size_t rounded(std::size_t bytes) {
    return (bytes + allocation_alignment - 1) / allocation_alignment * allocation_alignment;
}

/// Rounded up: "12 MiB".
std::string mebibytes(std::size_t bytes);

/// Gives out memory of one device and keeps the ledger. Not thread-safe: the engine's thread calls
/// it.
class Allocator {
public:
    explicit Allocator(MemoryKind kind) : kind_(kind) {}
    virtual ~Allocator() = default;
    Allocator(const Allocator&) = delete;
    Allocator& operator=(const Allocator&) = delete;

    /// At least `bytes` bytes, uninitialised. Throws Error(out_of_memory) that names the request,
    /// the purpose, what is live, its largest blocks and what is left. A plan's memory is null.
    void* allocate(std::size_t bytes, Purpose);
    /// Gives back what allocate(bytes, purpose) returned. Never throws.
    void release(void*, std::size_t bytes, Purpose) noexcept;

    /// From here to end_arena() memory comes from an arena, which stays reserved until it is
    /// dropped: addresses that were recorded meanwhile stay good. An allocator whose memory nobody
    /// records has none: 0.
    virtual int begin_arena() { return 0; }
    virtual void end_arena() {}
    virtual void drop_arena(int) noexcept {}

    /// Whether so many bytes from here on can be copied at once.
    virtual bool contiguous(const void*, std::size_t) const { return true; }
    /// What it keeps of what it was given; nothing if it keeps nothing.
    virtual PoolUse pool() const { return {}; }

    MemoryKind kind() const { return kind_; }
    const MemoryUse& use() const { return *use_; }
    MemoryUse& use() { return *use_; }
    /// Counts with another allocator, which must outlive it, e.g. managed weights with device
    /// memory: their peak is one. Before anything is allocated.
    void count_with(Allocator& other) { use_ = other.use_; }
    /// Refuses to have more than this many bytes live at once; 0 = no limit.
    std::size_t limit_bytes = 0;
    /// Gives up what is kept and can be had again; called before a request fails. May be empty.
    std::function<void()> reclaim{};
    Observer* observer = nullptr; ///< not owned; null when nobody watches

private:
    virtual void* take(std::size_t bytes) = 0;         ///< null when there is no more
    virtual bool only_counts() const { return false; } ///< null is what it gives out
    virtual void give(void*, std::size_t bytes) noexcept = 0;
    /// What there is where take() found no more.
    virtual std::string shortage() const { return "the system has no more"; }

    MemoryKind kind_;
    MemoryUse own_use_;
    MemoryUse* use_ = &own_use_;
};

/// Host memory, aligned for vectors; large blocks are advised to use huge pages.
class HostAllocator : public Allocator {
public:
    HostAllocator() : Allocator(MemoryKind::host) {}

private:
    void* take(std::size_t bytes) override;
    void give(void*, std::size_t bytes) noexcept override;
};

/// Makes the process keep what it frees: a step frees what the next one allocates again, and fresh
/// pages would fault anew each time. For a program's main(), before it allocates.
void keep_freed_memory();

/// Keeps the ledger and gives out nothing: what the device `plan` uses.
class PlanAllocator : public Allocator {
public:
    explicit PlanAllocator(MemoryKind kind = MemoryKind::host) : Allocator(kind) {}

private:
    void* take(std::size_t) override { return nullptr; }
    bool only_counts() const override { return true; }
    void give(void*, std::size_t) noexcept override {}
};

/// Memory with one owner. Move-only; gives itself back to its allocator, which must outlive it.
class Buffer {
public:
    Buffer() = default;
    Buffer(Allocator& allocator, std::size_t bytes, Purpose purpose);
    ~Buffer() { reset(); }
    Buffer(Buffer&& other) noexcept { *this = static_cast<Buffer&&>(other); }
    Buffer& operator=(Buffer&& other) noexcept;

    void* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }
    void reset() noexcept;

private:
    Allocator* allocator_ = nullptr; ///< not owned
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
    Purpose purpose_ = Purpose::activations;
};

/// A tensor that owns its memory. Move-only. Uninitialised when made.
class Tensor {
public:
    Tensor() = default;
    Tensor(Allocator& allocator, Shape shape, DType dtype, Purpose purpose = Purpose::activations)
        : buffer_(allocator, std::size_t(shape.count()) * size_of(dtype), purpose), shape_(shape),
          dtype_(dtype) {}

    Out out() const { return {buffer_.data(), shape_, dtype_}; }
    In in() const { return {buffer_.data(), shape_, dtype_}; }
    operator In() const { return in(); }
    operator Out() const { return out(); }
    const Shape& shape() const { return shape_; }
    DType dtype() const { return dtype_; }
    bool present() const { return shape_.rank > 0; }
    template <class T>
    T* as() const {
        return static_cast<T*>(buffer_.data());
    }

private:
    Buffer buffer_;
    Shape shape_{};
    DType dtype_ = DType::f32;
};

} // namespace sweetspot
