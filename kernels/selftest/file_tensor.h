#pragma once
#include "kernels/core/float_types.h"
#include "kernels/core/tensor.h"
#include <cstring>
#include <vector>

namespace sweetspot::selftest {

/// Numbers in host memory as a mapped file has them: of any type, one byte off every alignment.
class FileTensor {
public:
    FileTensor(const float* numbers, Shape shape, DType dtype)
        : bytes_(1 + std::size_t(shape.count()) * size_of(dtype)), shape_(shape), dtype_(dtype) {
        for (std::int64_t i = 0; i < shape.count(); ++i) put(numbers[i], i);
    }
    In in() const { return {bytes_.data() + 1, shape_, dtype_}; }

private:
    void put(float x, std::int64_t i) {
        const auto write = [&](const auto& value) {
            std::memcpy(bytes_.data() + 1 + std::size_t(i) * sizeof value, &value, sizeof value);
        };
        if (dtype_ == DType::f32) return write(x);
        if (dtype_ == DType::bf16) return write(to_bfloat16(x));
        write(_Float16(x));
    }

    std::vector<unsigned char> bytes_;
    Shape shape_;
    DType dtype_;
};

} // namespace sweetspot::selftest
