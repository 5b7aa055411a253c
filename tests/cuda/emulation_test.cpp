// The stand-in for CUDA itself: layouts of fragments by hand, streams, events, graphs, and what is
// made to go wrong. Faults in kernels are planted in faults.cuh.
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/mma.cuh"
#include "tests/cuda/on_device.h"
#include <QTest>
#include <numeric>
#include <vector>

using namespace sweetspot;
using emulation::Order;

namespace {

constexpr unsigned all_lanes = 0xffffffff;

struct Streams {
    cudaStream_t compute = nullptr, copies = nullptr;
    cudaEvent_t event = nullptr, other_event = nullptr;
    Streams() {
        cudaStreamCreateWithFlags(&compute, cudaStreamNonBlocking);
        cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking);
        cudaEventCreate(&event);
        cudaEventCreate(&other_event);
    }
    ~Streams() {
        cudaEventDestroy(event);
        cudaEventDestroy(other_event);
        cudaStreamDestroy(copies);
        cudaStreamDestroy(compute);
    }
};

// ---- one instruction each; a thread's fragment goes out as it is

/// A tile of 16 rows of 16 elements, element (row, column) being 16 row + column.
template <int registers, bool transposed>
__global__ void load_kernel(std::uint32_t* out) {
    SHARED(std::uint16_t[256], tile);
    const int lane = int(threadIdx.x);
    for (int i = lane; i < 256; i += 32) tile[i] = std::uint16_t(i);
    __syncwarp();
    std::uint32_t r[registers];
    const std::uint16_t* row = tile + lane % 16 * 16 + lane / 16 * 8;
    if constexpr (registers == 4)
        transposed ? ldmatrix_x4_transposed(r, row) : ldmatrix_x4(r, row);
    else
        transposed ? ldmatrix_x2_transposed(r, row) : ldmatrix_x2(r, row);
    for (int i = 0; i < registers; ++i) out[lane * registers + i] = r[i];
}

template <class T>
__global__ void mma_kernel(const std::uint32_t* a, const std::uint32_t* b, float* d) {
    const unsigned lane = threadIdx.x;
    const std::uint32_t from_a[4] = {a[lane * 4], a[lane * 4 + 1], a[lane * 4 + 2],
                                     a[lane * 4 + 3]};
    float sums[4] = {0.5f, 0, 0, 0};
    if constexpr (std::is_same_v<T, float>)
        mma_m16n8k8_tf32(sums, from_a, b[lane * 2], b[lane * 2 + 1]);
    else
        mma_m16n8k16<T>(sums, from_a, b[lane * 2], b[lane * 2 + 1]);
    for (unsigned i = 0; i < 4; ++i) d[lane * 4 + i] = sums[i];
}

template <int bytes>
__global__ void copy_kernel(const float* from, float* out, int valid_bytes) {
    SHARED(float[4 * 32], buffer);
    constexpr unsigned each = bytes / 4;
    const unsigned first = threadIdx.x * each;
    copy_async<bytes>(buffer + first, from + first, valid_bytes);
    copy_async_commit();
    copy_async_wait<0>();
    for (unsigned i = 0; i < each; ++i) out[first + i] = buffer[first + i];
}

__global__ void add_kernel(float* to, const float* from, int count) {
    for (int i = int(threadIdx.x); i < count; i += int(blockDim.x)) to[i] += from[i];
}

__global__ void last_block_kernel(float* sum, float* partial, unsigned* arrived, bool fences) {
    partial[blockIdx.x] = float(blockIdx.x);
    if (fences) __threadfence();
    if (atomicAdd(arrived, 1) + 1 < gridDim.x) return;
    if (fences) __threadfence();
    for (unsigned i = 0; i < gridDim.x; ++i) *sum += partial[i];
}

__global__ void shuffle_from_exited_kernel(float* values) {
    if (threadIdx.x >= 20) return;
    values[threadIdx.x] += __shfl_down_sync(all_lanes, values[threadIdx.x], 16);
}

__global__ void intrinsics_kernel(float* out) {
    const int lane = int(threadIdx.x);
    float* mine = out + lane * 12;
    mine[0] = __shfl_sync(all_lanes, float(lane), 5, 8);
    mine[1] = __shfl_up_sync(all_lanes, float(lane), 3);
    mine[2] = __shfl_down_sync(all_lanes, float(lane), 3);
    mine[3] = __shfl_xor_sync(all_lanes, float(lane), 16);
    mine[4] = float(__popc(__ballot_sync(all_lanes, lane % 3 == 0)));
    mine[5] = float(__any_sync(all_lanes, lane == 7)) - float(__all_sync(all_lanes, lane == 7));
    mine[6] = float(__reduce_add_sync(all_lanes, lane));
    mine[7] = float(__reduce_max_sync(all_lanes, -lane));
    mine[8] = float(__reduce_min_sync(all_lanes, unsigned(lane + 1)));
    mine[9] = float(__clz(1 << 4)) + float(__ffs(8)) + float(__brev(1) >> 31);
    mine[10] = float(__umulhi(1u << 31, 6)) + __saturatef(-2) + __saturatef(3);
    mine[11] = float(__float2int_rn(2.5f)) + float(__float2int_rz(-1.5f));
}

std::vector<float> floats(std::size_t count, float first = 0) {
    std::vector<float> x(count);
    std::iota(x.begin(), x.end(), first);
    return x;
}

template <class T>
std::uint16_t bits_of(float x) {
    return std::bit_cast<std::uint16_t>(from_float<T>(x));
}

/// Numbers that are exact in every type, and different at every place.
float a_at(int row, int column) {
    return float((row * 5 + column * 3) % 17 - 8) / 4;
}
float b_at(int row, int column) {
    return float((row * 7 + column * 11) % 13 - 6) / 2;
}

/// What each lane must hold of the product, computed from the layout that the PTX manual draws.
std::vector<float> expected_product(int k) {
    std::vector<float> d(128);
    for (int lane = 0; lane < 32; ++lane)
        for (int i = 0; i < 4; ++i) {
            const int row = lane / 4 + (i < 2 ? 0 : 8), column = lane % 4 * 2 + i % 2;
            float sum = i == 0 ? 0.5f : 0;
            for (int inner = 0; inner < k; ++inner) sum += a_at(row, inner) * b_at(inner, column);
            d[std::size_t(lane * 4 + i)] = sum;
        }
    return d;
}

template <class T>
void check_pairs() {
    std::vector<std::uint32_t> a, b;
    for (int lane = 0; lane < 32; ++lane) {
        const int group = lane / 4, quad = lane % 4;
        const auto pair = [&](float low, float high) {
            return std::uint32_t(bits_of<T>(low)) | std::uint32_t(bits_of<T>(high)) << 16;
        };
        for (const int column : {2 * quad, 2 * quad + 8})
            for (const int row : {group, group + 8})
                a.push_back(pair(a_at(row, column), a_at(row, column + 1)));
        for (const int row : {2 * quad, 2 * quad + 8})
            b.push_back(pair(b_at(row, group), b_at(row + 1, group)));
    }
    QCOMPARE(a[0], pack2<T>(a_at(0, 0), a_at(0, 1)));
    const OnDevice<std::uint32_t> device_a(a), device_b(b);
    const OnDevice<float> d(128);
    launch_kernel<mma_kernel<T>>(nullptr, {1, 32}, device_a.data(), device_b.data(), d.data());
    QCOMPARE(d.read(), expected_product(16));
}

template <int registers, bool transposed>
void check_load(std::initializer_list<std::uint32_t> lane_0,
                std::initializer_list<std::uint32_t> lane_6) {
    const OnDevice<std::uint32_t> out(32 * registers);
    launch_kernel<load_kernel<registers, transposed>>(nullptr, {1, 32}, out.data());
    const auto r = out.read();
    QVERIFY(std::equal(lane_0.begin(), lane_0.end(), r.begin()));
    QVERIFY(std::equal(lane_6.begin(), lane_6.end(), r.begin() + 6 * registers));
}

constexpr std::uint32_t two(std::uint32_t low, std::uint32_t high) {
    return low | high << 16;
}

/// The sentence of the exception that `work` throws; empty if none.
template <class Work>
QString thrown_by(Work&& work) {
    try {
        work();
    } catch (const std::exception& error) {
        return error.what();
    }
    return {};
}

} // namespace

class EmulationTest : public QObject {
    Q_OBJECT
private slots:
    void init() {
        emulation::set_order({Order::forward});
        emulation::reset_device();
        cudaGetLastError();
    }

    void ldmatrix_gives_each_lane_the_pairs_that_the_manual_draws() {
        // Lane 6 is group 1, quad 2: columns 4 and 5 of row 1, or rows 4 and 5 of column 1.
        check_load<4, false>({two(0, 1), two(128, 129), two(8, 9), two(136, 137)},
                             {two(20, 21), two(148, 149), two(28, 29), two(156, 157)});
        check_load<4, true>({two(0, 16), two(128, 144), two(8, 24), two(136, 152)},
                            {two(65, 81), two(193, 209), two(73, 89), two(201, 217)});
        check_load<2, false>({two(0, 1), two(128, 129)}, {two(20, 21), two(148, 149)});
        check_load<2, true>({two(0, 16), two(128, 144)}, {two(65, 81), two(193, 209)});
    }

    void mma_multiplies_fragments_that_were_laid_out_by_hand() {
        check_pairs<__nv_bfloat16>();
        check_pairs<__half>();
    }

    void mma_of_tf32_takes_its_own_layout_and_ignores_the_lower_bits() {
        std::vector<std::uint32_t> a, b;
        for (int lane = 0; lane < 32; ++lane) {
            const int group = lane / 4, quad = lane % 4;
            for (const int column : {quad, quad + 4})
                for (const int row : {group, group + 8})
                    a.push_back(std::bit_cast<std::uint32_t>(a_at(row, column)) | 0x1fff);
            for (const int row : {quad, quad + 4}) b.push_back(to_tf32(b_at(row, group)));
        }
        const OnDevice<std::uint32_t> device_a(a), device_b(b);
        const OnDevice<float> d(128);
        launch_kernel<mma_kernel<float>>(nullptr, {1, 32}, device_a.data(), device_b.data(),
                                         d.data());
        QCOMPARE(d.read(), expected_product(8));
        QCOMPARE(to_tf32(1 + 0x1p-11f), std::bit_cast<std::uint32_t>(1 + 0x1p-10f)); // ties away
        QCOMPARE(to_tf32(1 + 0x1p-12f), std::bit_cast<std::uint32_t>(1.0f));
    }

    void copies_of_4_8_and_16_bytes_arrive_and_fill_up_with_zeros() {
        for (const Order::Kind kind : {Order::forward, Order::reverse}) {
            emulation::set_order({kind});
            const OnDevice<float> from(floats(128, 1));
            const auto copied = [&]<int bytes>(std::integral_constant<int, bytes>, int valid) {
                const OnDevice<float> out(32 * bytes / 4);
                launch_kernel<copy_kernel<bytes>>(nullptr, {1, 32}, from.data(), out.data(), valid);
                return out.read();
            };
            QCOMPARE(copied(std::integral_constant<int, 4>{}, 4), floats(32, 1));
            QCOMPARE(copied(std::integral_constant<int, 8>{}, 8), floats(64, 1));
            QCOMPARE(copied(std::integral_constant<int, 16>{}, 16), floats(128, 1));
            const auto half = copied(std::integral_constant<int, 16>{}, 8);
            QCOMPARE(half[5], 6.0f);
            QCOMPARE(half[6], 0.0f);
            QCOMPARE(copied(std::integral_constant<int, 4>{}, 0), std::vector<float>(32, 0));
        }
    }

    void shuffles_votes_and_arithmetic_are_those_of_the_manual() {
        const OnDevice<float> out(32 * 12);
        launch_kernel<intrinsics_kernel>(nullptr, {1, 32}, out.data());
        const auto all = out.read();
        const std::vector<float> lane_1(all.begin() + 12, all.begin() + 24);
        QCOMPARE(lane_1,
                 (std::vector<float>{5, 1, 4, 17, 11, 1, 496, 0, 1, 27 + 4 + 1, 3 + 0 + 1, 2 - 1}));
        const std::vector<float> lane_30(all.begin() + 360, all.begin() + 364);
        QCOMPARE(lane_30, (std::vector<float>{29, 27, 30, 14}));
    }

    void the_last_block_sees_what_the_others_wrote_before_their_fence() {
        for (const Order order :
             {Order{Order::forward}, Order{Order::reverse}, Order{Order::random, 3}}) {
            emulation::set_order(order);
            const OnDevice<float> sum(std::vector<float>{0}), partial(16);
            const OnDevice<unsigned> arrived(std::vector<unsigned>{0});
            launch_kernel<last_block_kernel>(nullptr, {16, 1}, sum.data(), partial.data(),
                                             arrived.data(), true);
            QCOMPARE(sum.read()[0], 120.0f);
        }
    }

    // ---- streams and events

    void work_is_done_when_somebody_waits_for_it() {
        Streams s;
        const OnDevice<float> x(floats(4)), one(std::vector<float>(4, 1));
        launch_kernel<add_kernel>(s.compute, {1, 32}, x.data(), (const float*)one.data(), 4);
        cudaEventRecord(s.event, s.compute);
        QCOMPARE(cudaEventQuery(s.event), cudaErrorNotReady);
        QCOMPARE(cudaStreamSynchronize(s.copies), cudaSuccess); // another stream helps nobody
        QCOMPARE(cudaStreamQuery(s.compute), cudaErrorNotReady);
        QCOMPARE(cudaStreamSynchronize(s.compute), cudaSuccess);
        QCOMPARE(cudaStreamQuery(s.compute), cudaSuccess);
        QCOMPARE(cudaEventQuery(s.event), cudaSuccess);
        QCOMPARE(x.read(), floats(4, 1));
    }

    void asking_again_and_again_ends() {
        Streams s;
        cudaEventRecord(s.other_event, s.compute);
        cudaEventRecord(s.event, s.compute);
        int asked = 0;
        while (cudaEventQuery(s.event) == cudaErrorNotReady) ++asked;
        QVERIFY(asked > 0 && asked < 10);
        float milliseconds = -1;
        QCOMPARE(cudaEventElapsedTime(&milliseconds, s.other_event, s.event), cudaSuccess);
        QVERIFY(milliseconds >= 0);
    }

    /// A copy that the kernel needs, then one that overwrites what the kernel reads.
    QString copy_add_copy(const Order& order, bool waits_for_copy, bool waits_for_kernel) {
        emulation::set_order(order);
        Streams s;
        const OnDevice<float> sum(std::vector<float>(64, 0)), buffer(64);
        float *first = nullptr, *second = nullptr;
        cudaHostAlloc(&first, 64 * 4, cudaHostAllocDefault);
        cudaHostAlloc(&second, 64 * 4, cudaHostAllocDefault);
        std::fill_n(first, 64, 1.0f);
        std::fill_n(second, 64, 2.0f);
        cudaMemcpyAsync(buffer.data(), first, 256, cudaMemcpyHostToDevice, s.copies);
        cudaEventRecord(s.event, s.copies);
        if (waits_for_copy) cudaStreamWaitEvent(s.compute, s.event);
        launch_kernel<add_kernel>(s.compute, {1, 32}, sum.data(), (const float*)buffer.data(), 64);
        cudaEventRecord(s.other_event, s.compute);
        if (waits_for_kernel) cudaStreamWaitEvent(s.copies, s.other_event);
        cudaMemcpyAsync(buffer.data(), second, 256, cudaMemcpyHostToDevice, s.copies);
        cudaStreamSynchronize(s.compute);
        const float result = sum.read()[0];
        cudaFreeHost(first);
        cudaFreeHost(second);
        return QString::number(double(result));
    }

    void a_missing_wait_between_streams_gives_a_wrong_result_in_some_order() {
        const std::vector<Order> orders{
            {Order::forward}, {Order::reverse}, {Order::random, 1}, {Order::random, 2}};
        for (const Order& order : orders) QCOMPARE(copy_add_copy(order, true, true), "1");
        QCOMPARE(copy_add_copy({Order::forward}, false, true), "nan"); // read before the copy
        QCOMPARE(copy_add_copy({Order::reverse}, true, false), "2");   // overwritten before read
    }

    void pinned_memory_is_read_when_the_copy_runs_and_pageable_memory_at_the_call() {
        Streams s;
        const OnDevice<float> x(1), y(1);
        std::vector<float> pageable{1};
        float* pinned = nullptr;
        cudaHostAlloc(&pinned, 4, cudaHostAllocDefault);
        *pinned = 1;
        cudaMemcpyAsync(x.data(), pageable.data(), 4, cudaMemcpyDefault, s.compute);
        cudaMemcpyAsync(y.data(), pinned, 4, cudaMemcpyDefault, s.compute);
        pageable[0] = *pinned = 2;
        QCOMPARE(x.read()[0], 1.0f);
        QCOMPARE(y.read()[0], 2.0f);
        cudaMemcpyAsync(pageable.data(), y.data(), 4, cudaMemcpyDefault, s.compute);
        QCOMPARE(pageable[0], 2.0f); // a copy to pageable memory waits
        cudaFreeHost(pinned);
    }

    void rows_are_copied_with_their_pitches() {
        const OnDevice<float> x(std::vector<float>(6, 0));
        const auto from = floats(8, 1);
        cudaMemcpy2DAsync(x.data(), 12, from.data(), 16, 8, 2, cudaMemcpyHostToDevice);
        QCOMPARE(x.read(), (std::vector<float>{1, 2, 0, 5, 6, 0}));
    }

    void a_copy_past_an_allocation_or_in_the_wrong_direction_is_refused() {
        const OnDevice<float> x(4);
        const auto from = floats(8);
        QCOMPARE(cudaMemcpy(x.data(), from.data(), 20, cudaMemcpyDefault), cudaErrorInvalidValue);
        QCOMPARE(cudaMemcpy(x.data(), from.data(), 16, cudaMemcpyDeviceToHost),
                 cudaErrorInvalidValue);
        QCOMPARE(cudaGetLastError(), cudaErrorInvalidValue);
        QCOMPARE(cudaGetLastError(), cudaSuccess);
    }

    void managed_memory_is_shared_and_prefetched_only_if_managed() {
        float* managed = nullptr;
        cudaMallocManaged(&managed, 16);
        QVERIFY(managed[0] != managed[0]);
        managed[0] = 3;
        const OnDevice<float> x(4);
        const cudaMemLocation here{cudaMemLocationTypeDevice, 0};
        QCOMPARE(cudaMemPrefetchAsync(managed, 16, here, 0), cudaSuccess);
        QCOMPARE(cudaMemPrefetchAsync(managed, 20, here, 0), cudaErrorInvalidValue);
        QCOMPARE(cudaMemPrefetchAsync(x.data(), 16, here, 0), cudaErrorInvalidValue);
        QCOMPARE(cudaMemAdvise(managed, 16, cudaMemAdviseSetReadMostly, here), cudaSuccess);
        QCOMPARE(cudaFree(managed), cudaSuccess);
        QCOMPARE(cudaFree(managed), cudaErrorInvalidValue);
    }

    // ---- graphs

    void a_graph_repeats_what_was_recorded_and_recording_does_nothing() {
        Streams s;
        const OnDevice<float> x(std::vector<float>(4, 0)), one(std::vector<float>(4, 1));
        cudaGraph_t graph = nullptr;
        cudaGraphExec_t ready = nullptr;
        QCOMPARE(cudaStreamBeginCapture(s.compute, cudaStreamCaptureModeThreadLocal), cudaSuccess);
        launch_kernel<add_kernel>(s.compute, {1, 32}, x.data(), (const float*)one.data(), 4);
        cudaStreamCaptureStatus status{};
        cudaStreamIsCapturing(s.compute, &status);
        QCOMPARE(status, cudaStreamCaptureStatusActive);
        QCOMPARE(cudaStreamEndCapture(s.compute, &graph), cudaSuccess);
        QCOMPARE(x.read()[0], 0.0f);
        QCOMPARE(cudaGraphInstantiate(&ready, graph), cudaSuccess);
        QCOMPARE(cudaGraphDestroy(graph), cudaSuccess);
        for (int i = 0; i < 3; ++i) QCOMPARE(cudaGraphLaunch(ready, s.compute), cudaSuccess);
        QCOMPARE(x.read()[0], 3.0f);
        QCOMPARE(cudaGraphExecDestroy(ready), cudaSuccess);
    }

    /// The kernel of copy_add_copy in a graph of two streams, launched twice.
    float recorded_copy_and_add(const Order& order, bool waits, cudaError_t& ended) {
        emulation::set_order(order);
        Streams s;
        const OnDevice<float> sum(std::vector<float>(4, 0)), buffer(4), from(floats(4, 1));
        cudaGraph_t graph = nullptr;
        cudaGraphExec_t ready = nullptr;
        cudaStreamBeginCapture(s.compute, cudaStreamCaptureModeThreadLocal);
        cudaEventRecord(s.event, s.compute);
        cudaStreamWaitEvent(s.copies, s.event); // the other stream joins
        cudaMemcpyAsync(buffer.data(), from.data(), 16, cudaMemcpyDefault, s.copies);
        cudaEventRecord(s.event, s.copies);
        if (waits) cudaStreamWaitEvent(s.compute, s.event);
        launch_kernel<add_kernel>(s.compute, {1, 32}, sum.data(), (const float*)buffer.data(), 4);
        if (!waits) cudaStreamWaitEvent(s.compute, s.event);
        ended = cudaStreamEndCapture(s.compute, &graph);
        cudaGraphInstantiate(&ready, graph);
        cudaGraphDestroy(graph);
        for (int i = 0; i < 2; ++i) cudaGraphLaunch(ready, s.compute);
        const float result = sum.read()[0];
        cudaGraphExecDestroy(ready);
        return result;
    }

    void a_graph_of_two_streams_keeps_their_waits_and_no_others() {
        cudaError_t ended{};
        for (const Order order :
             {Order{Order::forward}, Order{Order::reverse}, Order{Order::random, 5}}) {
            QCOMPARE(recorded_copy_and_add(order, true, ended), 2.0f);
            QCOMPARE(ended, cudaSuccess);
        }
        QVERIFY(std::isnan(recorded_copy_and_add({Order::forward}, false, ended)));
    }

    void what_cannot_be_recorded_spoils_the_recording() {
        Streams s;
        cudaGraph_t graph = nullptr;
        const OnDevice<float> x(4);
        const auto from = floats(4);
        void* memory = nullptr;
        const auto spoiled_by = [&](auto&& call) {
            cudaStreamBeginCapture(s.compute, cudaStreamCaptureModeThreadLocal);
            const cudaError_t refused = call();
            const cudaError_t ended = cudaStreamEndCapture(s.compute, &graph);
            return refused == cudaErrorStreamCaptureUnsupported &&
                   ended == cudaErrorStreamCaptureInvalidated && !graph;
        };
        QVERIFY(spoiled_by([&] { return cudaStreamSynchronize(s.compute); }));
        QVERIFY(spoiled_by([&] { return cudaDeviceSynchronize(); }));
        QVERIFY(spoiled_by([&] { return cudaStreamQuery(s.compute); }));
        QVERIFY(spoiled_by([&] { return cudaMalloc(&memory, 16); }));
        QVERIFY(spoiled_by([&] {
            return cudaMemcpyAsync(x.data(), from.data(), 16, cudaMemcpyDefault, s.compute);
        }));
        QCOMPARE(cudaStreamEndCapture(s.compute, &graph), cudaErrorIllegalState);
        QCOMPARE(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeRelaxed),
                 cudaErrorStreamCaptureUnsupported);
    }

    void memory_can_be_had_during_a_recording_by_who_says_so() {
        Streams s;
        cudaGraph_t graph = nullptr;
        void* memory = nullptr;
        cudaStreamBeginCapture(s.compute, cudaStreamCaptureModeThreadLocal);
        cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
        cudaThreadExchangeStreamCaptureMode(&mode);
        QCOMPARE(cudaMalloc(&memory, 16), cudaSuccess);
        QCOMPARE(cudaFree(memory), cudaSuccess);
        cudaThreadExchangeStreamCaptureMode(&mode);
        QCOMPARE(mode, cudaStreamCaptureModeRelaxed);
        QCOMPARE(cudaStreamEndCapture(s.compute, &graph), cudaSuccess);
        cudaGraphDestroy(graph);
    }

    void streams_are_forked_and_joined_by_events_of_the_recording() {
        Streams s;
        cudaGraph_t graph = nullptr;
        cudaEventRecord(s.other_event, s.copies);
        cudaStreamBeginCapture(s.compute, cudaStreamCaptureModeThreadLocal);
        QCOMPARE(cudaStreamWaitEvent(s.compute, s.other_event), cudaErrorStreamCaptureIsolation);
        QCOMPARE(cudaStreamEndCapture(s.compute, &graph), cudaErrorStreamCaptureInvalidated);

        cudaStreamBeginCapture(s.compute, cudaStreamCaptureModeThreadLocal);
        cudaEventRecord(s.event, s.compute);
        cudaStreamWaitEvent(s.copies, s.event);
        QCOMPARE(cudaEventSynchronize(s.event), cudaErrorCapturedEvent);
        cudaStreamEndCapture(s.compute, &graph);

        cudaStreamBeginCapture(s.compute, cudaStreamCaptureModeThreadLocal);
        cudaEventRecord(s.event, s.compute);
        cudaStreamWaitEvent(s.copies, s.event);
        QCOMPARE(cudaStreamEndCapture(s.compute, &graph), cudaErrorStreamCaptureUnjoined);
        QCOMPARE(cudaStreamWaitEvent(s.copies, s.event), cudaErrorCapturedEvent);
    }

    // ---- what goes wrong

    void memory_ends_where_the_test_says() {
        emulation::set_device_memory(1 << 20);
        std::size_t free = 0, total = 0;
        {
            const OnDevice<char> half(1 << 19);
            cudaMemGetInfo(&free, &total);
            QCOMPARE(free, std::size_t(1) << 19);
            QCOMPARE(total, std::size_t(1) << 20);
            void* more = nullptr;
            QCOMPARE(cudaMalloc(&more, (1 << 19) + 1), cudaErrorMemoryAllocation);
        }
        void* all = nullptr;
        QCOMPARE(cudaMalloc(&all, 1 << 20), cudaSuccess);
        QCOMPARE(cudaFree(all), cudaSuccess);
        emulation::fail_allocation(1);
        QCOMPARE(cudaMalloc(&all, 16), cudaSuccess);
        QCOMPARE(cudaFree(all), cudaSuccess);
        QCOMPARE(cudaHostAlloc(&all, 16, 0), cudaErrorMemoryAllocation);
        QCOMPARE(cudaHostAlloc(&all, 16, 0), cudaSuccess);
        QCOMPARE(cudaFreeHost(all), cudaSuccess);
    }

    void a_machine_may_have_no_device_or_an_old_driver() {
        int count = -1;
        emulation::set_device_count(0);
        QCOMPARE(cudaGetDeviceCount(&count), cudaErrorNoDevice);
        QCOMPARE(count, 0);
        emulation::set_device_count(1);
        emulation::set_driver_version(12000);
        QCOMPARE(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
        QCOMPARE(cudaDriverGetVersion(&count), cudaSuccess);
        QCOMPARE(count, 12000);
        QCOMPARE(cudaGetErrorName(cudaErrorInsufficientDriver), "cudaErrorInsufficientDriver");
        emulation::reset_device();
        emulation::set_capability(90);
        cudaDeviceProp properties{};
        QCOMPARE(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
        QCOMPARE(properties.major, 9);
        QCOMPARE(cudaGetDeviceProperties(&properties, 1), cudaErrorInvalidDevice);
    }

    void a_forbidden_act_of_a_kernel_is_thrown_by_the_call_that_waits() {
        const OnDevice<float> x(floats(64));
        launch_kernel<shuffle_from_exited_kernel>(nullptr, {1, 32}, x.data());
        QVERIFY(thrown_by([] { cudaDeviceSynchronize(); }).contains("lane 4 reads lane 20"));
        QCOMPARE(cudaDeviceSynchronize(), cudaSuccess);
        launch_kernel<shuffle_from_exited_kernel>(nullptr, {1, 32}, x.data());
        { const OnDevice<float> freed(1); } // in a destructor: the next call throws
        QVERIFY(thrown_by([] { cudaDeviceSynchronize(); }).contains("lane 4 reads lane 20"));
    }

    void a_sticky_error_stays_until_the_device_is_reset() {
        emulation::set_sticky(true);
        const OnDevice<float> x(floats(64));
        launch_kernel<shuffle_from_exited_kernel>(nullptr, {1, 32}, x.data());
        QCOMPARE(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
        QCOMPARE(cudaGetLastError(), cudaErrorIllegalAddress);
        QCOMPARE(cudaGetLastError(), cudaErrorIllegalAddress);
        void* memory = nullptr;
        QCOMPARE(cudaMalloc(&memory, 16), cudaErrorIllegalAddress);
        QVERIFY(
            thrown_by([&] {
                launch_kernel<add_kernel>(nullptr, {1, 32}, x.data(), (const float*)x.data(), 4);
            }).contains("illegal memory access"));
        emulation::reset_device();
        QCOMPARE(cudaMalloc(&memory, 16), cudaSuccess);
        QCOMPARE(cudaFree(memory), cudaSuccess);
        emulation::break_device(cudaErrorECCUncorrectable);
        QCOMPARE(cudaDeviceSynchronize(), cudaErrorECCUncorrectable);
    }

    void a_launch_that_cuda_would_refuse_is_refused_at_once() {
        const auto launch = [](const LaunchShape& shape) {
            return thrown_by([&] {
                launch_kernel<add_kernel>(nullptr, shape, (float*)nullptr, (const float*)nullptr,
                                          0);
            });
        };
        QCOMPARE(launch({0, 32}), "add_kernel: invalid grid");
        QCOMPARE(launch({{1, 65536, 1}, 32}), "add_kernel: invalid grid");
        QCOMPARE(launch({1, 1025}), "add_kernel: invalid block");
        const QString too_much = "add_kernel: 102400 bytes of shared memory, and this GPU gives a "
                                 "block ";
        QCOMPARE(launch({1, 32, 100 * 1024}), QString()); // compute capability 8.0
        emulation::set_capability(89);
        QCOMPARE(launch({1, 32, 100 * 1024}), too_much + "101376");
        emulation::reset_device();
    }
};

QTEST_APPLESS_MAIN(EmulationTest)
#include "emulation_test.moc"
