#pragma once

// Stands in for CUDA's header of this name when kernels are compiled as C++ and run on the CPU.
// Offers what the kernels and the host code around them use, and nothing else: a missing name is a
// compile error.

#define CUDA_EMULATION 1

#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <type_traits>

#include "block.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
// No __shared__: see SHARED in device/launch.cuh. No __noinline__: libstdc++ has an attribute of
// that name.

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
template <class T>
T __reduce_add_sync(unsigned mask, T value, emulation::Place place = emulation::Place::current()) {
    return T(emulation::vote(mask, unsigned(value), std::plus<>(), "__reduce_add_sync", place));
}

// ---- memory

inline void __threadfence() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
}
inline void __threadfence_block() {}

template <class T>
T __ldg(const T* address) {
    return *address;
}
template <class T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
    return std::atomic_ref(*address).fetch_add(value, std::memory_order_relaxed);
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
template <class T>
T atomicMax(T* address, std::type_identity_t<T> value) {
    static_assert(std::is_integral_v<T>);
    std::atomic_ref shared(*address);
    T old = shared.load(std::memory_order_relaxed);
    while (old < value && !shared.compare_exchange_weak(old, value, std::memory_order_relaxed)) {}
    return old;
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

inline float rsqrtf(float x) {
    return 1 / std::sqrt(x);
}
inline float __expf(float x) {
    return std::exp(x);
}
inline float __logf(float x) {
    return std::log(x);
}
inline float __fdividef(float x, float y) {
    return x / y;
}
inline float __int_as_float(int x) {
    return std::bit_cast<float>(x);
}
inline int __float_as_int(float x) {
    return std::bit_cast<int>(x);
}
inline int __popc(unsigned x) {
    return std::popcount(x);
}
inline int __ffs(int x) {
    return x ? std::countr_zero(unsigned(x)) + 1 : 0;
}

// ---- host interface: everything happens at once, streams and events only have to exist

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2 };
enum cudaMemcpyKind {
    cudaMemcpyHostToHost,
    cudaMemcpyHostToDevice,
    cudaMemcpyDeviceToHost,
    cudaMemcpyDeviceToDevice,
    cudaMemcpyDefault
};
using cudaStream_t = struct CUstream_st*;
namespace emulation {
/// Gives a stream work to do.
void enqueue(cudaStream_t stream, std::function<void()> work);
} // namespace emulation
struct CUevent_st {
    std::chrono::steady_clock::time_point time;
};
using cudaEvent_t = CUevent_st*;

inline const char* cudaGetErrorString(cudaError_t error) {
    return error == cudaSuccess ? "no error" : "invalid";
}
inline cudaError_t cudaGetLastError() {
    return cudaSuccess;
}
inline cudaError_t cudaPeekAtLastError() {
    return cudaSuccess;
}
inline cudaError_t cudaGetDeviceCount(int* count) {
    return *count = 1, cudaSuccess;
}
inline cudaError_t cudaDeviceSynchronize() {
    return cudaSuccess;
}

/// Fresh memory holds NaNs, and is followed by AddressSanitizer's red zone without a gap.
inline cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
    if (posix_memalign(memory, 256, bytes ? bytes : 1)) return cudaErrorMemoryAllocation;
    std::memset(*memory, 0xff, bytes);
    return cudaSuccess;
}
template <class T>
cudaError_t cudaMalloc(T** memory, std::size_t bytes) {
    return cudaMalloc(reinterpret_cast<void**>(memory), bytes);
}
inline cudaError_t cudaFree(void* memory) {
    return std::free(memory), cudaSuccess;
}
inline cudaError_t cudaMallocAsync(void** memory, std::size_t bytes, cudaStream_t) {
    return cudaMalloc(memory, bytes);
}
inline cudaError_t cudaFreeAsync(void* memory, cudaStream_t) {
    return cudaFree(memory);
}
inline cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind) {
    return bytes ? std::memmove(to, from, bytes) : nullptr, cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes,
                                   cudaMemcpyKind kind, cudaStream_t = nullptr) {
    return cudaMemcpy(to, from, bytes, kind);
}
inline cudaError_t cudaMemset(void* memory, int value, std::size_t bytes) {
    return bytes ? std::memset(memory, value, bytes) : nullptr, cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes,
                                   cudaStream_t = nullptr) {
    return cudaMemset(memory, value, bytes);
}
inline cudaError_t cudaStreamCreate(cudaStream_t* stream) {
    return *stream = nullptr, cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t) {
    return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) {
    return cudaSuccess;
}
inline cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned = 0) {
    return cudaSuccess;
}
inline cudaError_t cudaEventCreate(cudaEvent_t* event) {
    return *event = new CUevent_st, cudaSuccess;
}
inline cudaError_t cudaEventDestroy(cudaEvent_t event) {
    return delete event, cudaSuccess;
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t) {
    return cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t = nullptr) {
    return event->time = std::chrono::steady_clock::now(), cudaSuccess;
}
inline cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t start, cudaEvent_t stop) {
    return *ms = std::chrono::duration<float, std::milli>(stop->time - start->time).count(),
           cudaSuccess;
}
