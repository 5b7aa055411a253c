#pragma once
#include "block.h"
#include "cuda.h"
#include "cuda_fp16.h"
#include <type_traits>

// The instructions of kernels/cuda/hopper.cuh, which describes them, on the CPU. What is
// asynchronous is done as late as allowed, or early, as the Order says, and what must not be
// touched meanwhile is NaN: the destination of a copy until it arrives, an accumulator until it is
// waited for. Operands are read when the product is waited for.

namespace emulation {

void mbarrier_init(std::uint64_t* barrier, unsigned arrivals, Place);
void mbarrier_arrive(std::uint64_t* barrier, unsigned expected_bytes, Place);
void mbarrier_wait(std::uint64_t* barrier, unsigned parity, Place);

void tma_load(void* tile, const CUtensorMap& map, std::array<int, 3> corner, std::uint64_t* barrier,
              Place);

void named_barrier(int barrier, int threads, bool waits, Place);

struct Wgmma {
    float* d;
    int count;              ///< of floats in d
    const std::uint32_t* a; ///< or null
    std::uint64_t a_descriptor, b_descriptor;
    bool b_mn_major, add, half;
    Place place;
};
void wgmma(const Wgmma&);
void wgmma_fence();
void wgmma_commit();
void wgmma_wait(int pending, Place);

} // namespace emulation

namespace sweetspot {

using emulation::shared_address;

inline void mbarrier_init(std::uint64_t* barrier, unsigned arrivals,
                          emulation::Place place = emulation::Place::current()) {
    emulation::mbarrier_init(barrier, arrivals, place);
}
inline void mbarrier_init_fence() {}
inline void mbarrier_arrive(std::uint64_t* barrier,
                            emulation::Place place = emulation::Place::current()) {
    emulation::mbarrier_arrive(barrier, 0, place);
}
inline void mbarrier_arrive_expect(std::uint64_t* barrier, unsigned bytes,
                                   emulation::Place place = emulation::Place::current()) {
    emulation::mbarrier_arrive(barrier, bytes, place);
}
inline void mbarrier_wait(std::uint64_t* barrier, unsigned parity,
                          emulation::Place place = emulation::Place::current()) {
    emulation::mbarrier_wait(barrier, parity, place);
}

inline void tma_load_3d(void* tile, const CUtensorMap* map, int x, int y, int z,
                        std::uint64_t* barrier,
                        emulation::Place place = emulation::Place::current()) {
    emulation::tma_load(tile, *map, {x, y, z}, barrier, place);
}
inline void prefetch_tensor_map(const CUtensorMap*) {}

template <int count>
void release_registers() {
    static_assert(count % 8 == 0 && count >= 24 && count <= 256);
}
template <int count>
void acquire_registers() {
    static_assert(count % 8 == 0 && count >= 24 && count <= 256);
}

inline void named_barrier_sync(int barrier, int threads,
                               emulation::Place place = emulation::Place::current()) {
    emulation::named_barrier(barrier, threads, true, place);
}
inline void named_barrier_arrive(int barrier, int threads,
                                 emulation::Place place = emulation::Place::current()) {
    emulation::named_barrier(barrier, threads, false, place);
}

inline void wgmma_fence() {
    emulation::wgmma_fence();
}
inline void wgmma_commit() {
    emulation::wgmma_commit();
}
inline void compute_before(float, void*) {}
template <int pending, int count>
void wgmma_wait(float (&)[count], emulation::Place place = emulation::Place::current()) {
    emulation::wgmma_wait(pending, place);
}
template <class T, int count>
void wgmma(float (&d)[count], std::uint64_t a, std::uint64_t b, bool add,
           emulation::Place place = emulation::Place::current()) {
    emulation::wgmma({d, count, nullptr, a, b, false, add, std::is_same_v<T, __half>, place});
}
template <class T, int count>
void wgmma(float (&d)[count], const std::uint32_t (&a)[4], std::uint64_t b, bool add,
           emulation::Place place = emulation::Place::current()) {
    emulation::wgmma({d, count, a, 0, b, true, add, std::is_same_v<T, __half>, place});
}

} // namespace sweetspot
