// The stand-in for CUDA: layouts of fragments by hand, copies and shuffles. Faults in kernels are
// planted in faults.cuh.
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

__global__ void last_block_kernel(float* sum, float* partial, unsigned* arrived, bool fences) {
    partial[blockIdx.x] = float(blockIdx.x);
    if (fences) __threadfence();
    if (atomicAdd(arrived, 1) + 1 < gridDim.x) return;
    if (fences) __threadfence();
    for (unsigned i = 0; i < gridDim.x; ++i) *sum += partial[i];
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
};

SWEETSPOT_TEST(EmulationTest)
#include "emulation_test.moc"
