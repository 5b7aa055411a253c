#pragma once
#include <cstddef>
#include <cstdint>
#include <map>

namespace emulation {

enum class MemoryKind { pageable, pinned, managed, device };

/// What was allocated. Memory of the device can be touched only while a DeviceAccess lives.
class Memory {
public:
    ~Memory();
    /// All bytes 0xff: NaN in every floating type. Null if there is no more.
    void* allocate(MemoryKind kind, std::size_t bytes);
    /// False if nothing of the kind was allocated there.
    bool release(MemoryKind kind, void* memory);

    /// What the bytes are; `fits` tells whether all of them are in one allocation.
    struct Found {
        MemoryKind kind = MemoryKind::pageable;
        bool fits = true;
    };
    Found find(const void* memory, std::size_t bytes) const;
    std::size_t device_bytes() const { return device_bytes_; }

private:
    friend class DeviceAccess;
    struct Allocation {
        MemoryKind kind;
        std::size_t bytes;
    };
    void give_back(std::uintptr_t begin, const Allocation& allocation);
    void set_access(bool allowed);

    std::map<std::uintptr_t, Allocation> allocations_{};
    std::size_t device_bytes_ = 0;
    int accesses_ = 0;
};

/// The one of this process.
Memory& memory();

class DeviceAccess {
public:
    DeviceAccess();
    ~DeviceAccess();
    DeviceAccess(const DeviceAccess&) = delete;
    DeviceAccess& operator=(const DeviceAccess&) = delete;
};

} // namespace emulation
