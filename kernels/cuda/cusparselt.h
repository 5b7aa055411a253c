#pragma once
#include "kernels/cuda/libraries.h"
#include "kernels/cuda/tuning_file.h"
#include <map>
#include <optional>

namespace sweetspot {

/// y = x · weightᵀ, with bias and then the library's GELU in the same kernel if asked for, of a
/// weight [n, k] of which two of four neighbours are 0.
struct SparseProduct {
    /// The library counts rows of x in eights.
    static constexpr std::int64_t row_step = 8;

    In x;                         ///< [m, k], bf16 or f16, m a multiple of 8; rows may be strided
    const void* weight = nullptr; ///< as CusparseLt::compress() wrote it
    Out y;                        ///< [m, n], of x's type; rows may be strided
    const void* bias = nullptr;   ///< [n], of x's type, or null
    bool gelu = false;
    bool searches = true; ///< for the fastest algorithm; else the library's first
};

/// What an algorithm is chosen by. Strides in elements.
struct SparseShape {
    std::int64_t m = 0, n = 0, k = 0, x_stride = 0, y_stride = 0;
    DType type = DType::bf16;
    const void* bias = nullptr; ///< plans are made for one
    bool gelu = false, searches = true;

    auto operator<=>(const SparseShape&) const = default;
};

/// Which function a library's GELU is: found out by asking it, since its documentation does not
/// say.
enum class GeluForm { neither, erf, tanh };

/// cuSPARSELt on one device. Which algorithm is the fastest is searched once for each shape, of x's
/// rows up to the next power of two, and kept in a file for this GPU and version of the library.
class CusparseLt {
public:
    /// Throws Error(unsupported) if the library is missing, device if it cannot start.
    explicit CusparseLt(CudaDevice&);
    ~CusparseLt();
    CusparseLt(const CusparseLt&) = delete;
    CusparseLt& operator=(const CusparseLt&) = delete;

    /// "0.8.1"
    const std::string& version() const { return version_; }
    /// Why a weight of this shape cannot be stored for its kernels, a phrase; nothing if it can.
    std::optional<std::string> refusal(std::int64_t n, std::int64_t k, DType);
    /// weight: [n, k], bf16 or f16, dense, on the device; two of four neighbours are 0. compressed:
    /// packed_shape() of it. Waits until it is done.
    void compress(In weight, Out compressed, CudaStream&);
    /// With MatMul::library_workspace_bytes of the stream's workspace. False, and nothing is
    /// launched, if the library cannot do it. A first call searches, which waits for the stream;
    /// while a graph is recorded it takes the first algorithm instead.
    bool multiply(const SparseProduct&, CudaStream&);
    /// Of products of this type; asked once, by a small product.
    GeluForm gelu_form(DType);

    /// What else was measured by shape on this GPU, kept in the same file.
    std::optional<std::string> known(const std::string& what) const;
    void keep(const std::string& what, const std::string& value);

private:
    struct Functions;
    struct Plan;
    std::unique_ptr<Plan> make_plan(const SparseShape&, const SparseProduct&, CudaStream&);
    std::string choose(const SparseShape&, const SparseProduct&, Plan&, CudaStream&);
    bool search(const SparseProduct&, Plan&, CudaStream&);
    void start_plan(Plan&);
    std::string key(const std::string& what) const;

    CudaDevice& device_;
    std::unique_ptr<Functions> call_; ///< with the library's handle
    std::string version_{};
    TuningFile tuned_;
    std::map<SparseShape, std::unique_ptr<Plan>> plans_;
    std::map<DType, GeluForm> gelu_forms_{};
};

} // namespace sweetspot
