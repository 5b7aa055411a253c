#include "kernels/core/philox.h"
#include "kernels/cuda/rows.cuh"
#include "kernels/ops/dropout.h"

namespace sweetspot {

namespace {

template <class T>
struct Dropped {
    T* x;
    std::uint32_t dropped_below;
    float scale;
    std::uint64_t own_seed;
    const std::uint64_t* device_seed; ///< or null

    __device__ float kept(float x, std::uint32_t word) const {
        return word >= dropped_below ? x * scale : 0.0f;
    }
    template <int count>
    __device__ Pack<float, count> value(std::int64_t i) const {
        auto numbers = load_floats<count>(x + i);
        const std::uint64_t seed = device_seed ? *device_seed : own_seed;
        if constexpr (count == 1) {
            numbers.x[0] = kept(numbers.x[0], philox_word(std::uint64_t(i), seed));
        } else {
            static_assert(count == 4);
            const auto words = philox(std::uint64_t(i) / 4, seed);
#pragma unroll
            for (int j = 0; j < count; ++j) numbers.x[j] = kept(numbers.x[j], words.x[j]);
        }
        return numbers;
    }
    template <int count>
    __device__ void store(std::int64_t i, const Pack<float, count>& numbers) const {
        store_floats(x + i, numbers);
    }
};

} // namespace

void launch(const Drop& op, CudaStream& stream) {
    with_type(op.x.dtype, [&]<class T>(T) {
        const Dropped<T> work{op.x.as<T>(), op.dropout.dropped_below(), op.dropout.kept_scale(),
                              op.dropout.seed, op.dropout.device_seed};
        with_packs<4>(aligned(op.x, 4), [&]<int count>(Count<count>) {
            launch_flat<count>(stream, work, op.x.shape.count());
        });
    });
}

} // namespace sweetspot
