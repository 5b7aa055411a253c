#pragma once
#include "kernels/core/context.h"
#include "kernels/core/float_types.h"
#include <QTest>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

/// What tests of ops share: tensors between guard words, random inputs, errors, contexts.
namespace sweetspot::check {

/// A tensor that owns its memory between guard words. Elements no one has set are poisoned: NaN, or
/// -1 for integers. With a row stride, the gaps between rows are guarded too.
class Guarded {
public:
    /// offset_bytes moves the data away from an aligned address.
    Guarded(Shape shape, DType dtype, std::int64_t row_stride = 0, std::size_t offset_bytes = 0)
        : shape_(shape), dtype_(dtype), row_stride_(row_stride),
          first_(guard_bytes + offset_bytes) {
        rows_ = row_stride ? shape[0] : 1;
        row_bytes_ = std::size_t(shape.count() / rows_) * size_of(dtype);
        stride_bytes_ = row_stride ? std::size_t(row_stride) * size_of(dtype) : row_bytes_;
        bytes_.assign(first_ + std::size_t(rows_) * stride_bytes_ + guard_bytes, guard);
        for (std::int64_t row = 0; row < rows_; ++row) std::memset(at_row(row), 0xff, row_bytes_);
    }
    Guarded(Shape shape, const std::vector<double>& values, DType dtype = DType::f32,
            std::int64_t row_stride = 0, std::size_t offset_bytes = 0)
        : Guarded(shape, dtype, row_stride, offset_bytes) {
        set(values);
    }
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;

    Out out() { return {at_row(0), shape_, dtype_, row_stride_}; }
    In in() { return out(); }
    operator In() { return in(); }
    operator Out() { return out(); }

    void set(const std::vector<double>& values) {
        for (std::size_t i = 0; i < values.size(); ++i) set(std::int64_t(i), values[i]);
    }
    std::vector<double> values() {
        std::vector<double> result(std::size_t(shape_.count()));
        for (std::size_t i = 0; i < result.size(); ++i) result[i] = get(std::int64_t(i));
        return result;
    }
    /// No byte around the elements was written.
    bool intact() {
        std::vector<unsigned char> copy = bytes_;
        for (std::int64_t row = 0; row < rows_; ++row)
            std::memset(copy.data() + first_ + std::size_t(row) * stride_bytes_, guard, row_bytes_);
        for (unsigned char byte : copy)
            if (byte != guard) return false;
        return true;
    }

private:
    static constexpr unsigned char guard = 0xa5;
    static constexpr std::size_t guard_bytes = 256;

    unsigned char* at_row(std::int64_t row) {
        return bytes_.data() + first_ + std::size_t(row) * stride_bytes_;
    }
    unsigned char* at(std::int64_t i) {
        const std::int64_t width = shape_.count() / rows_;
        return at_row(i / width) + std::size_t(i % width) * size_of(dtype_);
    }
    template <class T>
    T read(std::int64_t i) {
        T x;
        std::memcpy(&x, at(i), sizeof x);
        return x;
    }
    double get(std::int64_t i) {
        switch (dtype_) {
        case DType::f32: return read<float>(i);
        case DType::bf16: return to_float(read<BFloat16>(i));
        case DType::f16: return to_float(read<Float16>(i));
        case DType::i32: return read<std::int32_t>(i);
        case DType::u8: return read<std::uint8_t>(i);
        }
        return 0;
    }
    void set(std::int64_t i, double x) {
        const float single = float(x);
        const BFloat16 brain = to_bfloat16(single);
        const _Float16 half = _Float16(x);
        const bool whole = dtype_ == DType::i32 || dtype_ == DType::u8;
        const auto integer = std::int32_t(whole ? x : 0); // its first byte is a u8
        const void* from = dtype_ == DType::f32    ? static_cast<const void*>(&single)
                           : dtype_ == DType::bf16 ? static_cast<const void*>(&brain)
                           : dtype_ == DType::f16  ? static_cast<const void*>(&half)
                                                   : static_cast<const void*>(&integer);
        std::memcpy(at(i), from, size_of(dtype_));
    }

    Shape shape_;
    DType dtype_;
    std::int64_t row_stride_, rows_ = 1;
    std::size_t first_, row_bytes_ = 0, stride_bytes_ = 0;
    std::vector<unsigned char> bytes_;
};

/// Normally distributed numbers, the same for the same seed.
inline std::vector<double> random_normal(std::int64_t count, unsigned seed, double deviation = 1) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal(0, deviation);
    std::vector<double> values(std::size_t(count), 0.0);
    for (double& x : values) x = normal(generator);
    return values;
}

/// The numbers as they are after a trip through `dtype`.
inline std::vector<double> rounded_to(DType dtype, const std::vector<double>& values) {
    Guarded trip({std::int64_t(values.size())}, values, dtype);
    return trip.values();
}

/// Root mean square of the differences over that of what was expected. NaN if a number is NaN.
inline double relative_error(const std::vector<double>& actual,
                             const std::vector<double>& expected) {
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        difference += (actual.at(i) - expected[i]) * (actual.at(i) - expected[i]);
        size += expected[i] * expected[i];
    }
    return std::sqrt(difference / std::max(size, 1e-300));
}

/// The largest difference of two numbers in the same place; infinite if one is NaN.
inline double largest_difference(const std::vector<double>& actual,
                                 const std::vector<double>& expected) {
    double largest = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const double difference = std::abs(actual.at(i) - expected[i]);
        if (!(difference <= largest)) largest = std::isnan(difference) ? INFINITY : difference;
    }
    return largest;
}

/// Runs an op on the host with this many threads.
template <class Op>
void run_on_cpu(const Op& op, int threads = 2) {
    HostAllocator allocator;
    Context context(CpuStream{.threads = threads}, allocator);
    run(op, context);
}

/// What check() says about an op that does not fit together; empty if it says nothing.
template <class Op>
std::string complaint(const Op& op) {
    try {
        op.check();
    } catch (const Error& error) {
        return error.kind == Failure::bad_shape ? error.what()
                                                : std::string("of another kind: ") + error.what();
    }
    return {};
}

/// What running an op on the host says if it is refused as unsupported; empty if it is not.
template <class Op>
std::string refusal(const Op& op) {
    try {
        run_on_cpu(op);
    } catch (const Error& error) {
        return error.kind == Failure::unsupported ? error.what()
                                                  : std::string("of another kind: ") + error.what();
    }
    return {};
}

inline const std::string no_f16 = "the CPU computes in f32 and bf16; f16 needs device cuda";

} // namespace sweetspot::check
