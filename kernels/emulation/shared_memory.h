#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "block.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif
#ifdef EMULATION_TSAN
extern "C" void AnnotateIgnoreWritesBegin(const char* file, int line);
extern "C" void AnnotateIgnoreWritesEnd(const char* file, int line);
#endif

namespace emulation {

constexpr std::size_t most_shared = 227 * 1024; // that any GPU gives a block

/// The shared memory of one block: arrays with a no-go zone around each, which AddressSanitizer
/// watches and which is compared at the end of the block in any build.
class SharedMemory {
public:
    void reset() {
        unpoison();
        arrays_.clear();
        used_ = 0;
#ifdef EMULATION_TSAN
        retired_.push_back(
            std::move(bytes_)); // fresh memory, as otherwise consecutive blocks would seem to race
#endif
        if (!bytes_) bytes_.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, capacity)));
    }
    void forget_retired() {
        retired_.clear();
    }
    ~SharedMemory() {
        unpoison();
    }

    /// With a null key, dynamic shared memory.
    void* find(const void* key, const char* name, std::size_t bytes, std::size_t limit) {
        for (const Array& array : arrays_)
            if (array.key == key) return array.begin;
        std::size_t room = (bytes + zone - 1) / zone * zone + zone;
        if (used_ + room + zone + alignment > capacity || bytes > limit)
            fail(std::string("shared memory for ") + name + " exceeds the limit");
        if (arrays_.empty()) forbid(bytes_.get(), zone), used_ = zone;
        if (!key) {
            const std::size_t begin = (used_ + alignment - 1) / alignment * alignment;
            forbid(bytes_.get() + used_, begin - used_);
            used_ = begin;
        }
        std::byte* begin = bytes_.get() + used_;
        fill(begin, bytes);
        forbid(begin + bytes, room - bytes);
        used_ += room;
        arrays_.push_back({key, name, begin, bytes});
        return begin;
    }

    bool within_one_array(const void* address, std::size_t bytes) const {
        auto* begin = static_cast<const std::byte*>(address);
        return std::ranges::any_of(arrays_, [&](const Array& array) {
            return begin >= array.begin && begin + bytes <= array.begin + array.bytes;
        });
    }

    unsigned address(const void* pointer) const {
        return unsigned(static_cast<const std::byte*>(pointer) - bytes_.get());
    }
    std::byte* at(unsigned address) {
        return bytes_.get() + address;
    }

    /// The name of the array next to which something was written; null if none.
    const char* overrun() {
        unpoison();
        for (const Array& array : arrays_) {
            std::byte* end = array.begin + array.bytes;
            for (std::size_t i = 0; i < zone; ++i)
                if (array.begin[-1 - std::ptrdiff_t(i)] != mark || end[i] != mark)
                    return array.name;
        }
        return nullptr;
    }

private:
    static constexpr std::size_t zone = 128, alignment = 1024;
    static constexpr std::size_t capacity = most_shared + 64 * zone + alignment;
    static constexpr std::byte mark{
        0xff}; // NaN in every floating type, inside the arrays and around them
    struct Array {
        const void* key;
        const char* name;
        std::byte* begin;
        std::size_t bytes;
    };
    struct Free {
        void operator()(std::byte* bytes) const { std::free(bytes); }
    };

    static void fill(std::byte* begin, std::size_t bytes) {
#ifdef EMULATION_TSAN // this is not an access by the thread that happens to be the first to ask for
                      // an array
        AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
#endif
        std::memset(begin, std::to_integer<int>(mark), bytes);
#ifdef EMULATION_TSAN
        AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
#endif
    }
    static void forbid(std::byte* begin, std::size_t bytes) {
        fill(begin, bytes);
#ifdef __SANITIZE_ADDRESS__
        __asan_poison_memory_region(begin, bytes);
#endif
    }
    void unpoison() {
#ifdef __SANITIZE_ADDRESS__
        if (bytes_) __asan_unpoison_memory_region(bytes_.get(), capacity);
#endif
    }

    std::unique_ptr<std::byte, Free> bytes_;
    std::vector<std::unique_ptr<std::byte, Free>> retired_;
    std::vector<Array> arrays_;
    std::size_t used_ = 0;
};

} // namespace emulation
