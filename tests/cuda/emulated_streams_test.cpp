// The stand-in for CUDA: streams, events, graphs, and what is made to go wrong.
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/mma.cuh"
#include "tests/cuda/on_device.h"
#include "tests/suite.h"
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

__global__ void add_kernel(float* to, const float* from, int count) {
    for (int i = int(threadIdx.x); i < count; i += int(blockDim.x)) to[i] += from[i];
}

__global__ void shuffle_from_exited_kernel(float* values) {
    if (threadIdx.x >= 20) return;
    values[threadIdx.x] += __shfl_down_sync(all_lanes, values[threadIdx.x], 16);
}

std::vector<float> floats(std::size_t count, float first = 0) {
    std::vector<float> x(count);
    std::iota(x.begin(), x.end(), first);
    return x;
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

class EmulatedStreamsTest : public QObject {
    Q_OBJECT
private slots:
    void init() {
        emulation::set_order({Order::forward});
        emulation::reset_device();
        cudaGetLastError();
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

SWEETSPOT_TEST(EmulatedStreamsTest)
#include "emulated_streams_test.moc"
