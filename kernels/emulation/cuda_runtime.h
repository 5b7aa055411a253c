#pragma once

// Stands in for CUDA's header of this name when kernels are compiled as C++ and run on the CPU.
// Offers what the kernels and the host code around them use, and nothing else: a missing name is a
// compile error.

#define CUDA_EMULATION 1

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <type_traits>

#include "block.h"
#include "runtime.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) alignas(n)
// No __shared__: see SHARED in kernels/cuda/launch.cuh. No __noinline__: libstdc++ has an attribute
// of that name.

// ---- waiting for other threads

inline void __syncthreads(emulation::Place place = emulation::Place::current()) {
    emulation::wait_at_barrier(place);
}

inline void __syncwarp(unsigned mask = 0xffffffff,
                       emulation::Place place = emulation::Place::current()) {
    emulation::wait_for_warp(
        mask, "__syncwarp", nullptr, [](const emulation::Lanes&, unsigned) {}, place);
}

namespace emulation {

template <class Lane>
Lane& at(const Lanes& lanes, unsigned lane) {
    return *static_cast<Lane*>(lanes[lane]);
}

template <class T>
T shuffle(unsigned mask, T value, unsigned source, const char* operation, Place place) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
    struct Lane {
        T value;
        unsigned source;
        T result;
        const char* operation;
        Place place;
    } lane{value, source, value, operation, place};
    wait_for_warp(
        mask, operation, &lane,
        [](const Lanes& lanes, unsigned present) {
            for (unsigned i = 0; i < 32; ++i) {
                if (!(present >> i & 1)) continue;
                Lane& reader = at<Lane>(lanes, i);
                if (!(present >> reader.source & 1))
                    fail(std::string(reader.operation) + " in line " +
                         std::to_string(reader.place.line()) + ": lane " + std::to_string(i) +
                         " reads lane " + std::to_string(reader.source) +
                         ", which has exited or is not in the mask");
                reader.result = at<Lane>(lanes, reader.source).value;
            }
        },
        place);
    return lane.result;
}

template <class T, class Combine>
T vote(unsigned mask, T value, Combine, const char* operation, Place place) {
    struct Lane {
        T value, result;
    } lane{value, value};
    wait_for_warp(
        mask, operation, &lane,
        [](const Lanes& lanes, unsigned present) {
            T result = at<Lane>(lanes, unsigned(std::countr_zero(present))).value;
            for (unsigned i = unsigned(std::countr_zero(present)) + 1; i < 32; ++i)
                if (present >> i & 1) result = Combine{}(result, at<Lane>(lanes, i).value);
            for (unsigned i = 0; i < 32; ++i)
                if (present >> i & 1) at<Lane>(lanes, i).result = result;
        },
        place);
    return lane.result;
}

} // namespace emulation

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              emulation::Place place = emulation::Place::current()) {
    unsigned lane = emulation::lane_index(), segment = lane & ~unsigned(width - 1);
    return emulation::shuffle(mask, value, segment | (unsigned(source) & unsigned(width - 1)),
                              "__shfl_sync", place);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 emulation::Place place = emulation::Place::current()) {
    unsigned lane = emulation::lane_index(), within = lane & unsigned(width - 1);
    return emulation::shuffle(mask, value, within < delta ? lane : lane - delta, "__shfl_up_sync",
                              place);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   emulation::Place place = emulation::Place::current()) {
    unsigned lane = emulation::lane_index(), within = lane & unsigned(width - 1);
    return emulation::shuffle(mask, value, within + delta >= unsigned(width) ? lane : lane + delta,
                              "__shfl_down_sync", place);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32,
                  emulation::Place place = emulation::Place::current()) {
    unsigned lane = emulation::lane_index(), source = lane ^ unsigned(bits);
    bool later_segment = source >= (lane | unsigned(width - 1)) + 1;
    return emulation::shuffle(mask, value, later_segment ? lane : source, "__shfl_xor_sync", place);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              emulation::Place place = emulation::Place::current()) {
    unsigned bit = predicate ? 1u << emulation::lane_index() : 0;
    return emulation::vote(mask, bit, std::bit_or<>(), "__ballot_sync", place);
}
inline int __any_sync(unsigned mask, int predicate,
                      emulation::Place place = emulation::Place::current()) {
    return emulation::vote(mask, int(predicate != 0), std::bit_or<>(), "__any_sync", place);
}
inline int __all_sync(unsigned mask, int predicate,
                      emulation::Place place = emulation::Place::current()) {
    return emulation::vote(mask, int(predicate != 0), std::bit_and<>(), "__all_sync", place);
}

namespace emulation {
struct Least {
    template <class T>
    T operator()(T a, T b) const {
        return b < a ? b : a;
    }
};
struct Greatest {
    template <class T>
    T operator()(T a, T b) const {
        return a < b ? b : a;
    }
};
} // namespace emulation
#define EMULATED_REDUCE(name, combine)                                                             \
    inline unsigned name(unsigned mask, unsigned value,                                            \
                         emulation::Place place = emulation::Place::current()) {                   \
        return emulation::vote(mask, value, combine{}, #name, place);                              \
    }                                                                                              \
    inline int name(unsigned mask, int value,                                                      \
                    emulation::Place place = emulation::Place::current()) {                        \
        return emulation::vote(mask, value, combine{}, #name, place);                              \
    }
EMULATED_REDUCE(__reduce_add_sync, std::plus<>)
EMULATED_REDUCE(__reduce_min_sync, emulation::Least)
EMULATED_REDUCE(__reduce_max_sync, emulation::Greatest)
#undef EMULATED_REDUCE

// ---- memory

/// What was written before is seen by who reads after a fence of its own. Without one of the two,
/// ThreadSanitizer reports a race.
inline void __threadfence() {
    emulation::fence();
}
inline void __threadfence_block() {
    emulation::fence();
}

// Hints for the caches of a GPU.
#define EMULATED_LOAD(name)                                                                        \
    template <class T>                                                                             \
    T name(const T* address) {                                                                     \
        return *address;                                                                           \
    }
EMULATED_LOAD(__ldg)
EMULATED_LOAD(__ldcs)
EMULATED_LOAD(__ldcg)
EMULATED_LOAD(__ldlu)
#undef EMULATED_LOAD
#define EMULATED_STORE(name)                                                                       \
    template <class T>                                                                             \
    void name(T* address, std::type_identity_t<T> value) {                                         \
        *address = value;                                                                          \
    }
EMULATED_STORE(__stcs)
EMULATED_STORE(__stcg)
EMULATED_STORE(__stwt)
#undef EMULATED_STORE

template <class T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
    return std::atomic_ref(*address).fetch_add(value, std::memory_order_relaxed);
}
template <class T>
T atomicSub(T* address, std::type_identity_t<T> value) {
    return std::atomic_ref(*address).fetch_sub(value, std::memory_order_relaxed);
}
template <class T>
T atomicOr(T* address, std::type_identity_t<T> value) {
    return std::atomic_ref(*address).fetch_or(value, std::memory_order_relaxed);
}
template <class T>
T atomicExch(T* address, std::type_identity_t<T> value) {
    return std::atomic_ref(*address).exchange(value, std::memory_order_relaxed);
}
template <class T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> desired) {
    std::atomic_ref(*address).compare_exchange_strong(expected, desired, std::memory_order_relaxed);
    return expected;
}
namespace emulation {
/// Replaces the value by change(value), and returns what it was.
template <class T, class Change>
T exchange_with(T* address, Change change) {
    static_assert(std::is_integral_v<T>);
    std::atomic_ref shared(*address);
    T old = shared.load(std::memory_order_relaxed);
    while (!shared.compare_exchange_weak(old, change(old), std::memory_order_relaxed)) {}
    return old;
}
} // namespace emulation
template <class T>
T atomicMax(T* address, std::type_identity_t<T> value) {
    return emulation::exchange_with(address, [=](T old) { return old < value ? value : old; });
}
template <class T>
T atomicMin(T* address, std::type_identity_t<T> value) {
    return emulation::exchange_with(address, [=](T old) { return value < old ? value : old; });
}
/// Counts to `last` and starts again.
inline unsigned atomicInc(unsigned* address, unsigned last) {
    return emulation::exchange_with(address,
                                    [=](unsigned old) { return old >= last ? 0 : old + 1; });
}

// ---- arithmetic

#define EMULATED_MIN_MAX(type)                                                                     \
    constexpr type min(type a, type b) {                                                           \
        return b < a ? b : a;                                                                      \
    }                                                                                              \
    constexpr type max(type a, type b) {                                                           \
        return a < b ? b : a;                                                                      \
    }
EMULATED_MIN_MAX(int)
EMULATED_MIN_MAX(unsigned)
EMULATED_MIN_MAX(long)
EMULATED_MIN_MAX(unsigned long)
EMULATED_MIN_MAX(long long)
EMULATED_MIN_MAX(unsigned long long)
#undef EMULATED_MIN_MAX
inline float min(float a, float b) {
    return fminf(a, b);
}
inline float max(float a, float b) {
    return fmaxf(a, b);
}
inline double min(double a, double b) {
    return fmin(a, b);
}
inline double max(double a, double b) {
    return fmax(a, b);
}

#define EMULATED_FUNCTION(result, name, type, value)                                               \
    inline result name(type x) {                                                                   \
        return static_cast<result>(value);                                                         \
    }
EMULATED_FUNCTION(float, rsqrtf, float, 1 / std::sqrt(x))
EMULATED_FUNCTION(double, rsqrt, double, 1 / std::sqrt(x))
EMULATED_FUNCTION(float, __frsqrt_rn, float, 1 / std::sqrt(double(x)))
EMULATED_FUNCTION(float, __fsqrt_rn, float, std::sqrt(x))
EMULATED_FUNCTION(float, __frcp_rn, float, 1 / x)
EMULATED_FUNCTION(float, __expf, float, std::exp(x))
EMULATED_FUNCTION(float, __logf, float, std::log(x))
EMULATED_FUNCTION(float, __log2f, float, std::log2(x))
EMULATED_FUNCTION(float, __sinf, float, std::sin(x))
EMULATED_FUNCTION(float, __cosf, float, std::cos(x))
EMULATED_FUNCTION(float, __saturatef, float, x > 0 ? std::fmin(x, 1.0f) : 0.0f)
EMULATED_FUNCTION(int, __float2int_rn, float, std::lrint(x))
EMULATED_FUNCTION(int, __float2int_rz, float, x)
EMULATED_FUNCTION(int, __float2int_rd, float, std::floor(x))
EMULATED_FUNCTION(int, __float2int_ru, float, std::ceil(x))
EMULATED_FUNCTION(unsigned, __float2uint_rn, float, std::lrint(x))
EMULATED_FUNCTION(float, __int2float_rn, int, x)
EMULATED_FUNCTION(float, __uint2float_rn, unsigned, x)
EMULATED_FUNCTION(float, __int_as_float, int, std::bit_cast<float>(x))
EMULATED_FUNCTION(float, __uint_as_float, unsigned, std::bit_cast<float>(x))
EMULATED_FUNCTION(int, __float_as_int, float, std::bit_cast<int>(x))
EMULATED_FUNCTION(unsigned, __float_as_uint, float, std::bit_cast<unsigned>(x))
EMULATED_FUNCTION(int, __popc, unsigned, std::popcount(x))
EMULATED_FUNCTION(int, __popcll, unsigned long long, std::popcount(x))
EMULATED_FUNCTION(int, __ffs, int, x ? std::countr_zero(unsigned(x)) + 1 : 0)
EMULATED_FUNCTION(int, __clz, int, std::countl_zero(unsigned(x)))
EMULATED_FUNCTION(int, __clzll, long long, std::countl_zero(static_cast<unsigned long long>(x)))
#undef EMULATED_FUNCTION

#define EMULATED_FUNCTION2(result, name, type, value)                                              \
    inline result name(type x, type y) {                                                           \
        return static_cast<result>(value);                                                         \
    }
EMULATED_FUNCTION2(float, __fdividef, float, x / y)
EMULATED_FUNCTION2(float, __fdiv_rn, float, x / y)
EMULATED_FUNCTION2(float, __fadd_rn, float, x + y)
EMULATED_FUNCTION2(float, __fsub_rn, float, x - y)
EMULATED_FUNCTION2(float, __fmul_rn, float, x* y)
EMULATED_FUNCTION2(float, __powf, float, std::pow(x, y))
EMULATED_FUNCTION2(unsigned, __umulhi, unsigned, std::uint64_t(x) * y >> 32)
EMULATED_FUNCTION2(int, __mulhi, int, std::int64_t(x) * y >> 32)
#undef EMULATED_FUNCTION2

inline float __fmaf_rn(float x, float y, float z) {
    return std::fma(x, y, z);
}
inline unsigned __brev(unsigned x) {
    unsigned reversed = 0;
    for (int bit = 0; bit < 32; ++bit) reversed |= (x >> bit & 1) << (31 - bit);
    return reversed;
}
