#pragma once
#include "kernels/cpu/matmul_scratch.h"
#include <compare>
#include <memory>

namespace sweetspot {

/// What decides a product c[rows, columns] = a[rows, inner] · packed weights + bias on one thread.
/// a and c are dense.
struct ProductShape {
    std::int64_t rows = 0, columns = 0, inner = 0;
    DType a = DType::f32, c = DType::f32;
    bool bias = false;
    bool accumulate = false; ///< add to c
    auto operator<=>(const ProductShape&) const = default;
};

/// A product as oneDNN computes it: made once for each shape, kept, and run by many threads at a
/// time.
class OneDnnProduct {
public:
    explicit OneDnnProduct(const ProductShape&);
    ~OneDnnProduct();

    /// The product of this shape, made at the first call; null where oneDNN has none that reads our
    /// packed layout at full speed: below AVX-512, and in bf16 without instructions for it or with
    /// an inner dimension that is no multiple of 32. At most most_onednn_rows rows. Throws
    /// Error(bug) if it asks for more scratch than onednn_scratch_bytes() promises.
    static const OneDnnProduct* find(const ProductShape&);

    /// scratch is onednn_scratch_bytes() of the calling thread's own.
    void run(const void* a, const void* weight, const float* bias, void* c, void* scratch) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Which factor of a product lies turned around.
enum class Turned { a, b };

/// c[m, n] = a · b, or c += a · b, in f32 on the calling thread, of a [m, k] and b [k, n] of which
/// one lies turned around; each with elements from row to row, as it lies.
void multiply_turned(Turned which, std::int64_t m, std::int64_t n, std::int64_t k, const float* a,
                     std::int64_t a_stride, const float* b, std::int64_t b_stride, float* c,
                     std::int64_t c_stride, bool accumulate);

} // namespace sweetspot
