#pragma once
#include "kernels/cuda/libraries.h"
#include "kernels/cuda/product.h"
#include <cublasLt.h>
#include <map>

namespace sweetspot {

/// What an algorithm is chosen by. Strides in elements, alignments in bytes, at most 256.
struct CublasShape {
    std::int64_t m = 0, n = 0, k = 0;
    bool a_transposed = false, b_transposed = false;
    std::int64_t a_stride = 0, b_stride = 0, c_stride = 0, before_stride = 0;
    DType type = DType::f32, c_type = DType::f32;
    bool tf32 = false, accumulate = false, tuned = false;
    Epilogue epilogue{};
    unsigned a_alignment = 0, b_alignment = 0, c_alignment = 0, bias_alignment = 0;

    auto operator<=>(const CublasShape&) const = default;
};

/// cuBLASLt on one device: its heuristics are asked once for each product, which is then repeated.
class Cublas {
public:
    /// Throws Error(unsupported) if the library is missing, device if it cannot start.
    explicit Cublas(CudaDevice&);
    ~Cublas();
    Cublas(const Cublas&) = delete;
    Cublas& operator=(const Cublas&) = delete;

    /// As launch_product().
    bool multiply(const Product&, CudaStream&);

private:
    struct Functions;
    struct Plan;
    Plan& plan(const CublasShape&, const Product&, const CudaStream&);
    std::unique_ptr<Plan> make_plan(const CublasShape&, const Product&, const CudaStream&);
    void point(Plan&, const Product&); ///< to the epilogue's tensors
    /// Sets Plan::chosen and possible.
    void choose(const CublasShape&, Plan&, const Product&, const CudaStream&);
    void launch(const Plan&, const Product&, const CudaStream&);
    double seconds(Plan&, const Product&, const CudaStream&); ///< infinite if it cannot
    void note(const CublasShape&, const Plan&);

    CudaDevice& device_;
    std::unique_ptr<Functions> call_;
    cublasLtHandle_t handle_ = nullptr;
    std::map<CublasShape, std::unique_ptr<Plan>> plans_;
};

} // namespace sweetspot
