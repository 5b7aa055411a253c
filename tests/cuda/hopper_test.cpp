// Hopper's instructions under the emulation by numbers made by hand, then attention that is made of
// them against the CPU. The emulation has the instructions as the PTX manual describes them, by the
// reading of whoever wrote the kernels: a misreading shows on a GPU only, where the selftest runs
// the same cases.
#include "kernels/core/context.h"
#include "kernels/cuda/attention_sm90.h"
#include "kernels/cuda/convert.cuh"
#include "kernels/cuda/device.h"
#include "kernels/cuda/hopper.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/emulation/runtime.h"
#include "kernels/selftest/bench.h"
#include "tests/cuda/on_device.h"
#include "tests/suite.h"
#include <QTest>
#include <cmath>
#include <numeric>

using namespace sweetspot;
using namespace sweetspot::selftest;
using emulation::Order;

namespace {

constexpr unsigned line = 64; // elements in the 128 bytes of a line

/// Where an element of a tile lies, in elements: chunks of 8 change places within a line.
constexpr unsigned swizzled_place(unsigned row, unsigned column) {
    return row * line + ((column / 8) ^ (row % 8)) * 8 + column % 8;
}

// ---- one kernel for each group of instructions

/// 32 threads count up what thread 32 hands them, one number a phase, through one place.
__global__ void ring_kernel(int* sums, int numbers) {
    SHARED(Mbarrier[2], barriers);
    SHARED(int[1], place);
    if (threadIdx.x == 0) {
        mbarrier_init(&barriers[0], 1);
        mbarrier_init(&barriers[1], 32);
        mbarrier_init_fence();
    }
    __syncthreads();
    int sum = 0;
    for (unsigned i = 0; i < unsigned(numbers); ++i)
        if (threadIdx.x == 32) {
            mbarrier_wait(&barriers[1], i % 2 ^ 1);
            place[0] = int(i) + 1;
            mbarrier_arrive(&barriers[0]);
        } else if (threadIdx.x < 32) {
            mbarrier_wait(&barriers[0], i % 2);
            sum += place[0];
            mbarrier_arrive(&barriers[1]);
        }
    if (threadIdx.x < 32) sums[threadIdx.x] = sum;
}

/// Two warps take turns in writing to `log`.
__global__ void turns_kernel(int* log) {
    SHARED(int[1], count);
    if (threadIdx.x == 0) count[0] = 0;
    __syncthreads();
    const int warp = int(threadIdx.x) / 32;
    if (warp == 1) named_barrier_arrive(1, 64);
    for (int i = 0; i < 4; ++i) {
        named_barrier_sync(1 + warp, 64);
        if (threadIdx.x % 32 == 0) log[count[0]++] = warp;
        __syncwarp();
        named_barrier_arrive(2 - warp, 64);
    }
}

struct CopyArguments {
    CUtensorMap map;
    std::uint16_t* out; ///< [8, 64] as it lies in shared memory
    std::uint16_t* before;
};
__global__ void copy_kernel(const __grid_constant__ CopyArguments a) {
    auto* tile = dynamic_shared<std::uint16_t>();
    SHARED(Mbarrier, full);
    if (threadIdx.x == 0) {
        mbarrier_init(&full, 1);
        mbarrier_init_fence();
        mbarrier_arrive_expect(&full, 8 * 128);
        tma_load_3d(tile, &a.map, 64, 1, 2, &full);
        *a.before = tile[0];
    }
    __syncthreads();
    mbarrier_wait(&full, 0);
    for (unsigned i = threadIdx.x; i < 8 * line; i += blockDim.x) a.out[i] = tile[i];
}

struct ProductArguments {
    const float *a, *b; ///< [64, 64] and [128, 64], or [64, 128] if b is MN-major
    float* d;           ///< [64, 128]
    float* before;      ///< an element of d while it was computed
    unsigned stride_bytes, leading_bytes;
    bool fence;
};
template <class T, bool b_mn_major>
__global__ void product_kernel(ProductArguments p) {
    struct Tiles {
        T a[64 * line], b[2 * 64 * line];
    };
    auto& tiles = *dynamic_shared<Tiles>();
    const unsigned thread = threadIdx.x, first_row = thread / 32 * 16 + thread % 32 / 4;
    const unsigned first_column = thread % 4 * 2;
    for (unsigned i = thread; i < 64 * line; i += 128)
        tiles.a[swizzled_place(i / line, i % line)] = from_float<T>(p.a[i]);
    for (unsigned i = thread; i < 128 * line; i += 128)
        if (b_mn_major) // 64 rows of k in two panels of 64 columns
            tiles.b[i % 128 / line * 64 * line + swizzled_place(i / 128, i % line)] =
                from_float<T>(p.b[i]);
        else
            tiles.b[swizzled_place(i / line, i % line)] = from_float<T>(p.b[i]);
    __syncthreads();
    float d[64];
    std::uint32_t a[4][4];
    for (unsigned step = 0; step < 4; ++step)
        for (unsigned i = 0; i < 4; ++i) {
            const float* x =
                p.a + (first_row + i % 2 * 8) * 64 + step * 16 + first_column + i / 2 * 8;
            a[step][i] = pack2<T>(x[0], x[1]);
        }
    if (p.fence) wgmma_fence();
    for (unsigned step = 0; step < 4; ++step) {
        if constexpr (b_mn_major)
            wgmma<T>(
                d, a[step],
                advanced(wgmma_descriptor(shared_address(tiles.b), p.leading_bytes, p.stride_bytes),
                         step * 16 * 128),
                step > 0);
        else
            wgmma<T>(
                d, advanced(wgmma_descriptor(shared_address(tiles.a), 16, 1024), 32 * step),
                advanced(wgmma_descriptor(shared_address(tiles.b), p.leading_bytes, p.stride_bytes),
                         32 * step),
                step > 0);
    }
    wgmma_commit();
    if (thread == 0) *p.before = d[0];
    wgmma_wait<0>(d);
    for (unsigned i = 0; i < 64; ++i)
        p.d[(first_row + i / 2 % 2 * 8) * 128 + i / 4 * 8 + first_column + i % 2] = d[i];
}

__global__ void abandoned_kernel(bool too_many) {
    SHARED(Mbarrier, barrier);
    mbarrier_init(&barrier, 2);
    for (int i = 0; too_many && i < 2; ++i) mbarrier_arrive(&barrier);
    mbarrier_wait(&barrier, 0);
    if (too_many) named_barrier_sync(0, 32);
}

std::vector<Order> orders() {
#ifdef __SANITIZE_ADDRESS__ // which is slow, and finds its faults in any order
    return {{Order::forward}, {Order::reverse}};
#else
    return {{Order::forward}, {Order::reverse}, {Order::random, 1}, {Order::random, 2}};
#endif
}

/// Small whole numbers, so that every sum of products is exact.
std::vector<float> numbers(std::size_t count, unsigned seed) {
    std::vector<float> x(count);
    for (std::size_t i = 0; i < count; ++i) x[i] = float(int((i * 37 + seed) % 11) - 5);
    return x;
}

struct Outcome {
    std::vector<float> d, expected;
    float before;
};
template <class T, bool b_mn_major>
Outcome multiply(unsigned leading_bytes, unsigned stride_bytes, bool fence = true) {
    const auto a = numbers(64 * 64, 1), b = numbers(128 * 64, 5);
    std::vector<float> expected(64 * 128);
    for (std::size_t i = 0; i < 64; ++i)
        for (std::size_t j = 0; j < 128; ++j)
            for (std::size_t k = 0; k < 64; ++k)
                expected[i * 128 + j] +=
                    a[i * 64 + k] * (b_mn_major ? b[k * 128 + j] : b[j * 64 + k]);
    const OnDevice<float> a_device(a), b_device(b), d(64 * 128), before(1);
    launch_kernel<product_kernel<T, b_mn_major>>(
        nullptr, {1, 128, 3 * 64 * line * sizeof(T)},
        ProductArguments{a_device.data(), b_device.data(), d.data(), before.data(), stride_bytes,
                         leading_bytes, fence});
    return {d.read(), expected, before.read()[0]};
}

/// Each buffer is an allocation of its own, with what a sanitizer puts around it.
class OneByOne : public Allocator {
public:
    explicit OneByOne(MemorySource& memory) : Allocator(memory.kind()), memory_(memory) {}

private:
    void* take(std::size_t bytes) override { return memory_.reserve(bytes); }
    void give(void* buffer, std::size_t bytes) noexcept override { memory_.release(buffer, bytes); }

    MemorySource& memory_;
};

struct Settings {
    DType type = DType::bf16;
    int head_size = 128, heads = 2, kv_heads = 2;
    bool causal = false;
    std::vector<std::int32_t> rows{150}, lengths{150};
    double deviation = 1;
};

/// q, k and v are columns of one tensor.
void check(Bench& t, const Settings& s) {
    Segments segments{.offsets = {0}, .lengths = s.lengths};
    for (const auto rows : s.rows) segments.offsets.push_back(segments.offsets.back() + rows);
    const std::int64_t rows = segments.rows(), q_width = s.heads * s.head_size;
    const std::int64_t kv_width = s.kv_heads * s.head_size;
    const Value qkv = t.normal({rows, q_width + 2 * kv_width}, s.type, s.deviation);
    const Value y = t.output({rows, q_width}, s.type);
    const Value log_sum_exp = t.output({s.heads, rows}, DType::f32);
    const Value offsets = t.of({segments.count() + 1}, DType::i32, as_numbers(segments.offsets));
    const Value lengths = t.of({segments.count()}, DType::i32, as_numbers(segments.lengths));
    const auto op = [&](Side side) {
        segments.device_offsets = offsets.in(side);
        segments.device_lengths = lengths.in(side);
        return Attention{.q = columns(qkv.in(side), 0, q_width),
                         .k = columns(qkv.in(side), q_width, kv_width),
                         .v = columns(qkv.in(side), q_width + kv_width, kv_width),
                         .y = y.out(side),
                         .log_sum_exp = log_sum_exp.out(side),
                         .segments = &segments,
                         .heads = s.heads,
                         .kv_heads = s.kv_heads,
                         .causal = s.causal,
                         .scale = float(1 / std::sqrt(double(s.head_size)))};
    };
    sweetspot::run(op(Side::reference), t.cpu());
    CudaStream stream = std::get<CudaStream>(t.device().stream);
    const Value taken = t.integers({1}, 7, 8); // what another op left there
    stream.workspace = taken.out(Side::device).data;
    t.expect(launch_sm90(op(Side::device), stream), "the kernel does not apply");
    t.expect_close(y, 2 * epsilon_of(s.type), "y");
    t.expect_within(log_sum_exp, 2e-5 * s.deviation * s.deviation, "log_sum_exp");
    t.expect_unchanged(qkv, "q, k and v");
}

std::vector<Case> cases() {
    std::vector<Case> all;
    const auto add = [&](const std::string& name, const Settings& s) {
        all.push_back({name, [s](Bench& t) { check(t, s); }});
    };
    for (const bool causal : {false, true}) {
        const std::string end = causal ? ", causal" : "";
        add("several tiles of keys and queries" + end,
            {.causal = causal, .rows = {391}, .lengths = {391}});
        add("the same in halves" + end,
            {.type = DType::f16, .causal = causal, .rows = {391}, .lengths = {391}});
        add("heads of 64 in halves" + end, {.type = DType::f16,
                                            .head_size = 64,
                                            .heads = 1,
                                            .kv_heads = 1,
                                            .causal = causal,
                                            .rows = {385},
                                            .lengths = {385}});
        add("ragged and grouped heads of 64" + end, {.head_size = 64,
                                                     .heads = 6,
                                                     .kv_heads = 2,
                                                     .causal = causal,
                                                     .rows = {1, 65, 193, 17},
                                                     .lengths = {1, 65, 193, 17}});
        add("padded" + end, {.heads = 3,
                             .kv_heads = 1,
                             .causal = causal,
                             .rows = {140, 9, 70},
                             .lengths = {130, 1, 64}});
        add("heads of 80" + end, {.head_size = 80, .causal = causal});
        add("heads of 40" + end, {.head_size = 40, .causal = causal});
        add("large scores" + end, {.heads = 1,
                                   .kv_heads = 1,
                                   .causal = causal,
                                   .rows = {300},
                                   .lengths = {300},
                                   .deviation = 8});
    }
    return all;
}

} // namespace

class HopperTest : public QObject {
    Q_OBJECT
private slots:
    void init() { emulation::set_capability(90); }
    void cleanup() {
        emulation::set_order({Order::forward});
        emulation::reset_device();
    }

    void phases_of_an_mbarrier_hand_a_place_to_and_fro() {
        for (const Order order : orders()) {
            emulation::set_order(order);
            const OnDevice<int> sums(32);
            launch_kernel<ring_kernel>(nullptr, {1, 64}, sums.data(), 9);
            QCOMPARE(sums.read(), std::vector<int>(32, 45));
        }
    }

    void named_barriers_give_turns() {
        for (const Order order : orders()) {
            emulation::set_order(order);
            const OnDevice<int> log(8);
            launch_kernel<turns_kernel>(nullptr, {1, 64}, log.data());
            QCOMPARE(log.read(), (std::vector{0, 1, 0, 1, 0, 1, 0, 1}));
        }
    }

    void a_box_is_swizzled_and_zero_outside_the_tensor() {
        // 6 rows of 3 heads of 80 elements, of which the copy begins with element 64 of head 1 of
        // row 2. Element e of head h of row r is 1000 r + 100 h + e.
        std::vector<std::uint16_t> tensor;
        for (int row = 0; row < 6; ++row)
            for (int head = 0; head < 3; ++head)
                for (int element = 0; element < 80; ++element)
                    tensor.push_back(std::uint16_t(1000 * row + 100 * head + element));
        const OnDevice<std::uint16_t> data(tensor);
        const std::uint64_t sizes[] = {80, 3, 6}, strides[] = {160, 480};
        const std::uint32_t box[] = {64, 1, 8}, steps[] = {1, 1, 1};
        for (const Order order : orders()) {
            emulation::set_order(order);
            const OnDevice<std::uint16_t> out(8 * line), before(1);
            CopyArguments arguments{{}, out.data(), before.data()};
            QCOMPARE(cuTensorMapEncodeTiled(
                         &arguments.map, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 3, data.data(), sizes,
                         strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
                         CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                         CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
                     CUDA_SUCCESS);
            launch_kernel<copy_kernel>(nullptr, {1, 32, 8 * 128}, arguments);
            const auto tile = out.read();
            QCOMPARE(tile[0], 2164);              // row 2, element 64, is where it begins
            QCOMPARE(tile[8], 2172);              // the next chunk after it
            QCOMPARE(tile[64 + 8], 3164);         // in the next line the first two chunks
            QCOMPARE(tile[64], 3172);             // change places
            QCOMPARE(tile[2 * 64 + 2 * 8], 4164); // and in the one after it the first and third
            QCOMPARE(tile[16], 0);                // element 80 is none of the head
            QCOMPARE(tile[4 * 64 + 4 * 8], 0);    // row 6 is none
            if (order.kind == Order::forward) QCOMPARE(before.read()[0], 0xffff);
        }
    }

    void products_are_right_by_their_descriptors() {
        for (const Order order : orders()) {
            emulation::set_order(order);
            for (const Outcome& outcome :
                 {multiply<__nv_bfloat16, false>(16, 1024), multiply<__half, false>(16, 1024),
                  multiply<__nv_bfloat16, true>(64 * 128, 1024),
                  multiply<__half, true>(64 * 128, 1024)}) {
                QCOMPARE(outcome.d, outcome.expected);
                QVERIFY2(std::isnan(outcome.before), "read before it was waited for");
            }
        }
    }

    void products_by_other_descriptors_are_wrong() {
        const Outcome rows = multiply<__half, false>(16, 512);
        QVERIFY(rows.d != rows.expected);
        const Outcome panels = multiply<__half, true>(1024, 64 * 128);
        QVERIFY(panels.d != panels.expected);
    }

    void misuse_is_reported() {
        QVERIFY_THROWS_EXCEPTION(emulation::Error, (multiply<__half, true>(64 * 128, 1024, false)));
        QVERIFY_THROWS_EXCEPTION(emulation::Error, (multiply<__half, true>(64 * 1024, 1024)));
        for (const bool too_many : {false, true})
            QVERIFY_THROWS_EXCEPTION(
                emulation::Error, (launch_kernel<abandoned_kernel>(nullptr, {1, 1}, too_many),
                                   check_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize")));
    }

    void attention_agrees_with_the_cpu_in_every_order_of_threads() {
        CudaDevice device;
        const auto memory = device.memory(MemoryKind::device);
        OneByOne allocator(*memory);
        for (const Order order : orders()) {
            emulation::set_order(order);
            Context context(device.stream(), allocator);
            for (const Case& test : cases())
                if (QString::fromStdString(test.name).contains(qgetenv("SWEETSPOT_CASES")))
                    for (const std::string& failure : run_case(test, context, *memory, 1))
                        QFAIL(failure.c_str());
        }
    }

    void the_cases_for_every_gpu_agree_too() {
        CudaDevice device;
        const auto memory = device.memory(MemoryKind::device);
        OneByOne allocator(*memory);
        Context context(device.stream(), allocator);
        for (const Case& test : all_cases())
            if (test.name.starts_with("attention, flash") &&
                test.name.find("f32") == std::string::npos)
                for (const std::string& failure : run_case(test, context, *memory, 1))
                    QFAIL(failure.c_str());
    }

    void attention_elsewhere_is_left_to_other_kernels() {
        emulation::set_capability(80);
        CudaDevice device;
        CudaStream stream = device.stream();
        alignas(16) char byte[16];
        const Segments segments{.offsets = {0, 1}, .lengths = {1}};
        const In in{byte, {1, 64}, DType::bf16};
        Attention op{
            .q = in, .k = in, .v = in, .y = {byte, {1, 64}, DType::bf16}, .segments = &segments};
        QVERIFY(!launch_sm90(op, stream));
        emulation::set_capability(90);
        CudaDevice hopper;
        stream = hopper.stream();
        op.q.data = byte + 2;
        QVERIFY(!launch_sm90(op, stream));
        op.q = {byte, {1, 64}, DType::f32};
        QVERIFY(!launch_sm90(op, stream));
        op.q = {byte, {1, 32}, DType::bf16};
        QVERIFY(!launch_sm90(op, stream));
    }
};

SWEETSPOT_TEST(HopperTest)
#include "hopper_test.moc"
