#include "kernels/cpu/attention_steps.h"

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// Products in f32, of f32 or bf16 numbers.
template <class T>
struct FloatMath {
    using Session = TinyIsZero; ///< what holds while the products run
    using Element = T;
    using Query = float;
    using Word = float;
    static constexpr int keys = 64; ///< in a block
    static constexpr int key_step = tile_rows;

    SWEETSPOT_INLINE static FloatPart step(float a, FloatPart b, FloatPart c) { return a * b + c; }
    SWEETSPOT_INLINE static FloatPart power(FloatPart x) { return power_of_two<5>(x); }

    static void pack_values(const AttentionHead& h) {
        T* to = static_cast<T*>(h.packed_v);
        const T* from = static_cast<const T*>(h.v);
        for (std::int64_t j = 0; j < h.real; ++j)
            for_lanes(h.size,
                      [&](auto at) { at.store(to + j * h.width, at.load(from + j * h.v_stride)); });
        clear_padding(h, to);
    }
    /// Rows and columns of packed keys or values that are not real become zero.
    static void clear_padding(const AttentionHead& h, T* packed) {
        for (std::int64_t j = 0; j < h.real; ++j)
            for (std::int64_t d = h.size; d < h.width; ++d) packed[j * h.width + d] = T{};
        const std::int64_t end = rounded_up(h.rows, 64) * h.width;
        for (std::int64_t i = h.real * h.width; i < end; ++i) packed[i] = T{};
    }
    /// Weights of two keys, from a lane on.
    template <class Lanes>
    SWEETSPOT_INLINE static void put_weights(const AttentionHead& h, std::int64_t j, int lane,
                                             Lanes even, Lanes odd) {
        std::memcpy(h.scores + j * queries + lane, &even, sizeof even);
        std::memcpy(h.scores + (j + 1) * queries + lane, &odd, sizeof odd);
    }
    static void scores(const AttentionHead& h, std::int64_t first, std::int64_t n, int used) {
        const float* k = in_float(h, h.packed_k, first, n);
        product<FloatMath, false>({k, h.width, 1}, n, h.queries, h.size, used, h.scores);
    }
    template <bool add>
    static void values(const AttentionHead& h, std::int64_t first, std::int64_t n, int used) {
        const float* v = in_float(h, h.packed_v, first, n);
        product<FloatMath, add>({v, 1, h.width}, rounded_up(h.size, tile_rows), h.scores, n, used,
                                h.out);
    }

private:
    SWEETSPOT_INLINE static const float* in_float(const AttentionHead& h, const void* packed,
                                                  std::int64_t first, std::int64_t n) {
        const T* from = static_cast<const T*>(packed) + first * h.width;
        if constexpr (sizeof(T) == sizeof(float)) {
            return from;
        } else {
            for (std::int64_t i = 0; i < n * h.width; i += lanes)
                store(h.spare + i, load(from + i));
            return h.spare;
        }
    }
};

} // namespace

const AttentionKernel& attention_kernel(DType dtype) {
    return dtype == DType::f32 ? attention_steps<FloatMath<float>>
                               : attention_steps<FloatMath<BFloat16>>;
}

} // namespace sweetspot::SWEETSPOT_TARGET
