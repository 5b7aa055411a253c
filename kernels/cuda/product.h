#pragma once
#include "kernels/ops/matmul.h"

namespace sweetspot {

/// What a product does besides multiplying, in the same kernel.
struct Epilogue {
    bool bias = false;
    bool gelu = false;   ///< after the bias, in the tanh form
    bool before = false; ///< keeps what gelu was given

    auto operator<=>(const Epilogue&) const = default;
};

/// c = a · b, or c += a · b, [m, n], and the epilogue. All three products of training are of this
/// kind: of a linear a · weightᵀ, and of its gradients dy · weight and dyᵀ · x.
struct Product {
    In a; ///< [m, k], or [k, m] if transposed; rows may be strided
    In b; ///< [k, n], or [n, k] if transposed, of a's type; likewise
    bool a_transposed = false;
    bool b_transposed = false;
    Out c; ///< f32 or of a's type, rows may be strided
    bool accumulate = false;
    bool tf32 = false;  ///< inputs in f32 may be rounded to TF32
    bool tuned = false; ///< by the fastest of several algorithms, each tried, not by the first
    Epilogue epilogue{};
    const void* bias = nullptr; ///< [n], of c's type
    Out before{};               ///< [m, n], of c's type

    std::int64_t k() const { return a.shape[a_transposed ? 0 : 1]; }
};

/// By cuBLASLt, with MatMul::library_workspace_bytes of the stream's workspace. False, and
/// nothing is launched, if the library cannot do it in one go.
bool launch_product(const Product&, CudaStream&);
/// Throws Error(unsupported) if it cannot; nothing to do is done.
void launch_any(Product, CudaStream&);

/// A weight in 2:4, in 16 bits. Throws Error(unsupported) for other types of a and c, and if there
/// is no library or no algorithm.
void launch_two_of_four(const MatMul&, CudaStream&);

/// The op's bias in c's type, of which a library adds one: if it is f32, a copy behind the
/// library's own workspace, rounded as the result will be.
const void* bias_of_type(const MatMul&, CudaStream&);
/// What the product's own kernel has not done of the op's bias and activation.
void finish(const MatMul&, Epilogue done, CudaStream&);

/// The rows of a dense weight as they lie on a GPU: [n, k], strided.
In rows_of(const Weight&);

} // namespace sweetspot
