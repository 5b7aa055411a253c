#include "kernels/ops/norm.h"
#include "kernels/core/philox.h"
#include "kernels/cpu/parallel.h"
#include <algorithm>
#include <cmath>

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

/// One row, which stays in the first cache between the passes.
struct Row {
    const float* x;
    const float* weight;
    const float* bias; ///< or null
    std::int64_t width;

    /// The row is from now on `to`, which may be x itself: x + delta. Asks for the next rows of
    /// both, which tend to come from memory.
    template <class T>
    void add(const T* delta, float* to) {
        for_lanes(width, [&](auto at) {
            __builtin_prefetch(x + width + at.first, 1);
            __builtin_prefetch(delta + width + at.first);
            at.store(to, at.load(x) + at.load(delta));
        });
        x = to;
    }

    /// Likewise x + dropout(delta); `place` is where the row begins in its tensor.
    template <class T>
    void add_some(const T* delta, const Dropout& dropout, std::int64_t place, float* to) {
        const std::uint32_t dropped_below = dropout.dropped_below();
        const float scale = dropout.kept_scale();
        for (std::int64_t i = 0; i < width; ++i) {
            const bool kept = philox_word(std::uint64_t(place + i), dropout.seed) >= dropped_below;
            to[i] = kept ? x[i] + to_float(delta[i]) * scale : x[i];
        }
        x = to;
    }

    /// The sum of f(x) over the row, in four sums side by side so that additions overlap.
    template <class F>
    float sum_of(const F& f) const {
        Vector sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        std::int64_t i = 0;
        for (; i + 4 * lanes <= width; i += 4 * lanes)
#pragma GCC unroll 4
            for (int j = 0; j < 4; ++j) sums[j] = sums[j] + f(load(x + i + j * lanes));
        for (; i + lanes <= width; i += lanes) sums[0] = sums[0] + f(load(x + i));
        if (i < width) {
            const std::int64_t rest = width - i;
            sums[1] = sums[1] + keep_first(f(load_first(x + i, rest)), rest, 0.0f);
        }
        return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
    }

    /// y = (x - mean) · scale · weight + bias
    template <class T>
    void write(T* y, float mean, float scale) const {
        const Vector shift = mean, factor = scale;
        if (bias)
            for_lanes(width, [&](auto at) {
                at.store(y, fma((at.load(x) - shift) * factor, at.load(weight), at.load(bias)));
            });
        else
            for_lanes(width, [&](auto at) {
                at.store(y, (at.load(x) - shift) * factor * at.load(weight));
            });
    }
};

struct Statistics {
    float mean, rstd;
};

template <class T>
Statistics normalise(const Row& row, NormKind kind, float epsilon, T* y) {
    const float width = float(row.width);
    float mean = 0;
    if (kind == NormKind::layer) mean = row.sum_of([](Vector x) { return x; }) / width;
    const Vector shift = mean;
    const float squares = row.sum_of([&](Vector x) { return (x - shift) * (x - shift); });
    const float rstd = 1.0f / std::sqrt(squares / width + epsilon);
    row.write(y, mean, rstd);
    return {mean, rstd};
}

template <class D, class T>
void normalise(const Norm& op, CpuStream& stream) {
    const std::int64_t width = op.x.shape[1];
    const std::size_t bytes = op.x.bytes() + op.y.bytes();
    for_rows(op.x.shape[0], bytes, stream.threads, [&](std::int64_t i) {
        const std::int64_t first = i * width;
        Row row{op.x.as<float>() + first, op.weight.as<float>(), op.bias.as<float>(), width};
        float* sum = op.sum.as<float>() + first;
        if (op.delta.present() && op.dropout.probability > 0)
            row.add_some(op.delta.as<D>() + first, op.dropout, first, sum);
        else if (op.delta.present())
            row.add(op.delta.as<D>() + first, sum);
        const auto [mean, rstd] = normalise(row, op.kind, op.epsilon, op.y.as<T>() + first);
        if (op.mean.present()) op.mean.as<float>()[i] = mean;
        if (op.rstd.present()) op.rstd.as<float>()[i] = rstd;
    });
}

/// dx of one row: with x̂ = (x - mean) · rstd and g = dy · weight, rstd times what of g is left
/// without its mean (of the layer kind) and without its share along x̂.
template <class T>
void turn_back(const NormBackward& op, std::int64_t row) {
    const std::int64_t width = op.x.shape[1];
    const float *x = op.x.as<float>() + row * width, *weight = op.weight.as<float>();
    const T* dy = op.dy.as<T>() + row * width;
    float* dx = op.dx.as<float>() + row * width;
    const Vector mean = op.mean.present() ? op.mean.as<float>()[row] : 0.0f;
    const Vector rstd = op.rstd.as<float>()[row];
    Vector sums = 0.0f, products = 0.0f; // lanes past the end have g = 0
    for_lanes(width, [&](auto at) {
        const Vector g = at.load(dy) * at.load(weight);
        sums = sums + g;
        products = fma(g, (at.load(x) - mean) * rstd, products);
    });
    const Vector shift = op.kind == NormKind::layer ? sum(sums) / float(width) : 0.0f;
    const Vector along = sum(products) / float(width);
    for_lanes(width, [&](auto at) {
        const Vector g = at.load(dy) * at.load(weight);
        const Vector rest = (g - shift) - (at.load(x) - mean) * rstd * along;
        at.store(dx, op.accumulate ? fma(rest, rstd, at.load(dx)) : rest * rstd);
    });
}

/// Adds to dweight and dbias of columns [first, first + count), rows in their order.
template <class T>
void add_columns(const NormBackward& op, std::int64_t first, std::int64_t count) {
    const std::int64_t rows = op.x.shape[0], width = op.x.shape[1];
    float* dweight = op.dweight.as<float>() + first;
    float* dbias = op.dbias.present() ? op.dbias.as<float>() + first : nullptr;
    for (std::int64_t row = 0; row < rows; ++row) {
        const float* x = op.x.as<float>() + row * width + first;
        const T* dy = op.dy.as<T>() + row * width + first;
        const Vector mean = op.mean.present() ? op.mean.as<float>()[row] : 0.0f;
        const Vector rstd = op.rstd.as<float>()[row];
        for_lanes(count, [&](auto at) {
            const Vector d = at.load(dy);
            at.store(dweight, fma(d, (at.load(x) - mean) * rstd, at.load(dweight)));
            if (dbias) at.store(dbias, at.load(dbias) + d);
        });
    }
}

/// The gradient by one head becomes that by what was normalised, and its share of the weight's is
/// added. With x̂ = x · rstd and g = dy · weight: rstd times what of g is left without its share
/// along x̂.
template <class T>
void turn_back_head(const T* x, const float* weight, float epsilon, std::int64_t size, T* dx,
                    float* dweight) {
    Vector squares = 0.0f, products = 0.0f;
    for_lanes(size, [&](auto at) {
        const Vector number = at.load(x);
        squares = fma(number, number, squares);
        products = fma(at.load(dx) * at.load(weight), number, products);
    });
    const Vector rstd = 1.0f / std::sqrt(sum(squares) / float(size) + epsilon);
    const Vector along = Vector(sum(products) / float(size)) * rstd;
    for_lanes(size, [&](auto at) {
        const Vector normal = at.load(x) * rstd, d = at.load(dx);
        at.store(dweight, fma(d, normal, at.load(dweight)));
        at.store(dx, (d * at.load(weight) - normal * along) * rstd);
    });
}

} // namespace

void launch(const HeadNormBackward& op, CpuStream& stream) {
    constexpr std::int64_t parts = HeadNormBackward::parts;
    const std::int64_t rows = op.x.shape[0], size = op.weight.shape[0];
    auto* sums = static_cast<float*>(stream.workspace);
    with_type(op.x.dtype, [&]<class T>(T) {
        for_rows(parts, op.x.bytes() + op.dx.bytes(), stream.threads, [&](std::int64_t part) {
            float* own = sums + part * size;
            for_lanes(size, [&](auto at) { at.store(own, Vector(0.0f)); });
            for (std::int64_t row = rows * part / parts; row < rows * (part + 1) / parts; ++row)
                for (std::int64_t first = 0; first < op.x.shape[1]; first += size)
                    turn_back_head(op.x.as<T>() + row * op.x.stride() + first,
                                   op.weight.as<float>(), op.epsilon, size,
                                   op.dx.as<T>() + row * op.dx.stride() + first, own);
        });
    });
    float* dweight = op.dweight.as<float>();
    for (std::int64_t part = 0; dweight && part < parts; ++part)
        for_lanes(size, [&](auto at) {
            at.store(dweight, at.load(dweight) + at.load(sums + part * size));
        });
}

void launch(const NormBackward& op, CpuStream& stream) {
    const std::int64_t rows = op.x.shape[0], width = op.x.shape[1];
    constexpr std::int64_t strip = 256; // columns
    const std::size_t bytes = op.x.bytes() + op.dy.bytes();
    with_type(op.dy.dtype, [&]<class T>(T) {
        // First the sums of columns, as dx may be where dy was.
        for_rows((width + strip - 1) / strip, bytes, stream.threads, [&](std::int64_t i) {
            add_columns<T>(op, i * strip, std::min(strip, width - i * strip));
        });
        for_rows(rows, bytes + op.dx.bytes(), stream.threads,
                 [&](std::int64_t row) { turn_back<T>(op, row); });
    });
}

void launch(const HeadNorm& op, CpuStream& stream) {
    const std::int64_t size = op.weight.shape[0], heads = op.x.shape[1] / size;
    with_type(op.x.dtype, [&]<class T>(T) {
        for_rows(op.x.shape[0], 2 * op.x.bytes(), stream.threads, [&](std::int64_t row) {
            for (std::int64_t head = 0; head < heads; ++head) {
                T* x = op.x.as<T>() + row * op.x.stride() + head * size;
                Vector squares = 0.0f;
                for_lanes(size, [&](auto at) {
                    const Vector numbers = at.load(x);
                    squares = fma(numbers, numbers, squares);
                });
                const Vector rstd = 1.0f / std::sqrt(sum(squares) / float(size) + op.epsilon);
                for_lanes(size, [&](auto at) {
                    at.store(x, at.load(x) * rstd * at.load(op.weight.as<float>()));
                });
            }
        });
    });
}

void launch(const Norm& op, CpuStream& stream) {
    with_type(op.delta.dtype, [&]<class D>(D) {
        with_type(op.y.dtype, [&]<class T>(T) { normalise<D, T>(op, stream); });
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET
