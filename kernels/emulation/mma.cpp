#include "mma.h"

// The products of tensor cores: operands are registers, so no sanitizer has to watch this file.
namespace emulation {

namespace {

/// What a lane brings.
struct Fragments {
    float* d;
    const std::uint32_t* a;
    std::uint32_t b[2];
};

/// The number in one half of a register, or in all of it.
template <Elements elements>
double number(std::uint32_t bits, unsigned half) {
    const auto sixteen = std::uint16_t(bits >> 16 * half);
    if constexpr (elements == Elements::f16) return double(__half2float(__half{sixteen}));
    if constexpr (elements == Elements::bf16)
        return double(__bfloat162float(__nv_bfloat16{sixteen}));
    return double(std::bit_cast<float>(bits & 0xffffe000));
}

template <Elements elements>
void resolve(const Lanes& lanes, unsigned present) {
    constexpr unsigned packed = elements == Elements::tf32 ? 1 : 2, k = 8 * packed;
    if (present != 0xffffffff) fail("mma needs all 32 lanes");
    double a[16][k], b[k][8], d[16][8];
    for (unsigned i = 0; i < 32; ++i) {
        const auto& lane = *static_cast<const Fragments*>(lanes[i]);
        const unsigned group = i / 4, quad = i % 4;
        for (unsigned half = 0; half < packed; ++half) {
            const unsigned inner = quad * packed + half, next = 4 * packed;
            for (unsigned r = 0; r < 4; ++r)
                a[group + r % 2 * 8][inner + r / 2 * next] = number<elements>(lane.a[r], half);
            for (unsigned r = 0; r < 2; ++r)
                b[inner + r * next][group] = number<elements>(lane.b[r], half);
        }
        for (unsigned r = 0; r < 4; ++r) d[group + r / 2 * 8][quad * 2 + r % 2] = double(lane.d[r]);
    }
    for (unsigned row = 0; row < 16; ++row)
        for (unsigned inner = 0; inner < k; ++inner)
            for (unsigned column = 0; column < 8; ++column)
                d[row][column] += a[row][inner] * b[inner][column];
    for (unsigned i = 0; i < 32; ++i)
        for (unsigned r = 0; r < 4; ++r)
            static_cast<Fragments*>(lanes[i])->d[r] =
                float(d[i / 4 + r / 2 * 8][i % 4 * 2 + r % 2]);
}

} // namespace

void multiply(Elements elements, float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
              std::uint32_t b1, Place place) {
    Fragments mine{d, a, {b0, b1}};
    const Resolve product = elements == Elements::tf32  ? resolve<Elements::tf32>
                            : elements == Elements::f16 ? resolve<Elements::f16>
                                                        : resolve<Elements::bf16>;
    wait_for_warp(0xffffffff, "mma", &mine, product, place);
}

} // namespace emulation
