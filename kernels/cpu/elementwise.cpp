#include "kernels/ops/elementwise.h"
#include "kernels/cpu/parallel.h"
#include <algorithm>

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// Elements of a flat tensor that a thread takes at once.
constexpr std::int64_t chunk = 16 * 1024;

template <class From>
void convert(const Convert& op, CpuStream& stream) {
    with_type(op.y.dtype, [&]<class To>(To) {
        const std::int64_t count = op.x.shape.count();
        const std::size_t bytes = op.x.bytes() + op.y.bytes();
        for_rows((count + chunk - 1) / chunk, bytes, stream.threads, [&](std::int64_t i) {
            const From* x = op.x.as<From>() + i * chunk;
            To* y = op.y.as<To>() + i * chunk;
            const std::int64_t rest = count - i * chunk;
            for_lanes(rest < chunk ? rest : chunk, [&](auto at) { at.store(y, at.load(x)); });
        });
    });
}

} // namespace

void launch(const AddBias& op, CpuStream& stream) {
    with_type(op.x.dtype, [&]<class T>(T) {
        const float* bias = op.bias.as<float>();
        for_rows(op.x.shape[0], 2 * op.x.bytes(), stream.threads, [&](std::int64_t row) {
            T* x = op.x.as<T>() + row * op.x.stride();
            for_lanes(op.x.shape[1], [&](auto at) { at.store(x, at.load(x) + at.load(bias)); });
        });
    });
}

void launch(const Add& op, CpuStream& stream) {
    with_type(op.delta.dtype, [&]<class T>(T) {
        const std::int64_t width = op.x.shape[1];
        for_rows(op.x.shape[0], 2 * op.x.bytes(), stream.threads, [&](std::int64_t row) {
            float* x = op.x.as<float>() + row * width;
            const T* delta = op.delta.as<T>() + row * width;
            for_lanes(width, [&](auto at) { at.store(x, at.load(x) + at.load(delta)); });
        });
    });
}

void launch(const Zero& op, CpuStream& stream) {
    constexpr std::size_t piece = 256 * 1024;
    const std::size_t bytes = op.x.bytes();
    for_rows(std::int64_t((bytes + piece - 1) / piece), bytes, stream.threads, [&](std::int64_t i) {
        const std::size_t first = std::size_t(i) * piece;
        std::memset(op.x.as<char>() + first, 0, std::min(piece, bytes - first));
    });
}

void launch(const Convert& op, CpuStream& stream) {
    if (op.x.dtype == DType::f16) return convert<Float16>(op, stream);
    if (op.x.dtype == DType::bf16) return convert<BFloat16>(op, stream);
    convert<float>(op, stream);
}

void launch(const Scale& op, CpuStream& stream) {
    with_type(op.x.dtype, [&]<class T>(T) {
        const std::int64_t width = op.x.shape[1];
        for_rows(op.x.shape[0], 2 * op.y.bytes(), stream.threads, [&](std::int64_t row) {
            const T* x = op.x.as<T>() + row * op.x.stride();
            T* y = op.y.as<T>() + row * width;
            for_lanes(width, [&](auto at) { at.store(y, at.load(x) * op.factor); });
        });
    });
}

void launch(const HoldZeros& op, CpuStream& stream) {
    with_type(op.x.dtype, [&]<class T>(T) {
        const std::int64_t count = op.x.shape.count();
        for_rows((count + chunk - 1) / chunk, op.x.bytes() + 2 * op.y.bytes(), stream.threads,
                 [&](std::int64_t i) {
                     const T* x = op.x.as<T>();
                     float* y = op.y.as<float>();
                     const std::int64_t last = std::min(count, (i + 1) * chunk);
                     for (std::int64_t at = i * chunk; at < last; ++at)
                         y[at] = to_float(x[at]) == 0 ? 0 : y[at];
                 });
    });
}

void launch(const GatherRows& op, CpuStream& stream) {
    const std::size_t element = size_of(op.x.dtype);
    const std::size_t row_bytes = std::size_t(op.x.shape[1]) * element;
    const std::size_t stride_bytes = std::size_t(op.x.stride()) * element;
    for_rows(op.y.shape[0], 2 * op.y.bytes(), stream.threads, [&](std::int64_t row) {
        const auto from = std::size_t(op.indices.as<std::int32_t>()[row]);
        std::memcpy(op.y.as<char>() + std::size_t(row) * row_bytes,
                    op.x.as<char>() + from * stride_bytes, row_bytes);
    });
}

void launch(const ScatterRows& op, CpuStream& stream) {
    const std::size_t element = size_of(op.x.dtype);
    const std::size_t row_bytes = std::size_t(op.x.shape[1]) * element;
    const std::size_t stride_bytes = std::size_t(op.x.stride()) * element;
    std::memset(op.y.data, 0, op.y.bytes());
    for_rows(op.x.shape[0], 2 * op.x.bytes(), stream.threads, [&](std::int64_t row) {
        const auto to = std::size_t(op.indices.as<std::int32_t>()[row]);
        std::memcpy(op.y.as<char>() + to * row_bytes,
                    op.x.as<char>() + std::size_t(row) * stride_bytes, row_bytes);
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET
