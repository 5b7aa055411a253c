#include "kernels/cuda/cusparselt_gelu.h"
#include "kernels/core/float_types.h"
#include "kernels/cuda/recording.h"
#include "kernels/cuda/scratch.h"
#include "kernels/ops/matmul.h"
#include <bit>
#include <cmath>
#include <vector>

namespace sweetspot {

namespace {

/// In 16 bits, and back.
std::uint16_t bits_of(double x, DType type) {
    if (type == DType::f16) return std::bit_cast<std::uint16_t>(_Float16(x));
    return to_bfloat16(float(x)).bits;
}
double number_of(std::uint16_t bits, DType type) {
    if (type == DType::f16) return double(std::bit_cast<_Float16>(bits));
    BFloat16 x;
    x.bits = bits;
    return double(to_float(x));
}

} // namespace

/// Gives it numbers from -6 to 6, by a weight that changes nothing. The forms are up to 4.7e-4
/// apart where a GELU is a few hundredths, of which a bf16 has 1.2e-4.
GeluForm find_gelu_form(CusparseLt& library, CudaDevice& device, DType type) {
    constexpr std::int64_t side = 64;
    constexpr std::size_t bytes = side * side * sizeof(std::uint16_t);
    const OutsideRecording outside;
    const DeviceScratch scratch(4 * bytes + MatMul::library_workspace_bytes);
    const OwnStream own;
    CudaStream stream{
        .handle = own.handle, .device = &device, .workspace = scratch.memory() + 4 * bytes};
    std::vector<std::uint16_t> numbers(2 * side * side, 0);
    for (std::int64_t i = 0; i < side; ++i) numbers[std::size_t(i * side + i)] = bits_of(1, type);
    for (std::int64_t i = 0; i < side * side; ++i)
        numbers[std::size_t(side * side + i)] =
            bits_of(-6 + 12 * double(i) / (side * side - 1), type);
    check_cuda(cudaMemcpyAsync(scratch.memory(), numbers.data(), 2 * bytes, cudaMemcpyDefault,
                               stream.handle),
               "cudaMemcpyAsync");
    const Shape square{side, side};
    const Out compressed{scratch.memory() + 2 * bytes, {std::int64_t(bytes)}, DType::u8};
    const In x{scratch.memory() + bytes, square, type};
    const Out y{scratch.memory() + 3 * bytes, square, type};
    if (library.refusal(side, side, type)) return GeluForm::neither;
    library.compress({scratch.memory(), square, type}, compressed, stream);
    if (!library.multiply(
            {.x = x, .weight = compressed.data, .y = y, .gelu = true, .searches = false}, stream))
        return GeluForm::neither;
    std::vector<std::uint16_t> found(side * side);
    check_cuda(cudaMemcpyAsync(found.data(), y.data, bytes, cudaMemcpyDefault, stream.handle),
               "cudaMemcpyAsync");
    stream.synchronize();
    const double rounding = type == DType::f16 ? 0x1p-10 : 0x1p-8, of_kernels = 1e-5;
    bool erf = true, tanh = true;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const double at = number_of(numbers[side * side + i], type), is = number_of(found[i], type),
                     exact = at / 2 * (1 + std::erf(at * M_SQRT1_2)),
                     other =
                         at / 2 *
                         (1 + std::tanh(M_2_SQRTPI * M_SQRT1_2 * (at + 0.044715 * at * at * at)));
        const auto near = [&](double y) {
            return std::abs(is - y) <= rounding * std::abs(y) + of_kernels;
        };
        erf = erf && near(exact);
        tanh = tanh && near(other);
    }
    return erf ? GeluForm::erf : tanh ? GeluForm::tanh : GeluForm::neither;
}

} // namespace sweetspot
