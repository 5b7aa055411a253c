#pragma once
#include "kernels/core/context.h"

namespace sweetspot {

/// x += bias, to each row: what a product's epilogue does, as a pass of its own.
struct AddBias {
    static constexpr auto name = "add_bias";

    Out x;   ///< [rows, width], f32, bf16 or f16, rows may be strided
    In bias; ///< [width], f32

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// x += delta: the residual, as a pass of its own.
struct Add {
    static constexpr auto name = "add";

    Out x;    ///< [rows, width], f32
    In delta; ///< [rows, width], f32, bf16 or f16

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// x = 0.
struct Zero {
    static constexpr auto name = "zero";

    Out x; ///< any shape and type, dense

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// y = x in y's type; between f32, bf16 and f16, rounding to nearest even.
struct Convert {
    static constexpr auto name = "convert";

    In x;  ///< any shape; in host memory it may be unaligned
    Out y; ///< x's shape

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// y = factor · x: also packs rows that lie apart.
struct Scale {
    static constexpr auto name = "scale";

    In x;  ///< [rows, width], f32, bf16 or f16, rows may be strided
    Out y; ///< [rows, width], of x's type, dense; may be x, if that is
    float factor = 1;

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// y = 0 where x is 0: a pruned weight stays 0 if its gradient and moments do.
struct HoldZeros {
    static constexpr auto name = "hold_zeros";

    In x;  ///< any shape, f32, bf16 or f16, dense
    Out y; ///< x's shape, f32, dense

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// y[i] = x[indices[i]]: picks rows, e.g. the last of each sequence, or packs the ones that are not
/// padding.
struct GatherRows {
    static constexpr auto name = "gather_rows";

    In x;       ///< [rows, width], f32, bf16 or f16, rows may be strided
    In indices; ///< [n], i32, each in [0, rows)
    Out y;      ///< [n, width], of x's type

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// y = 0, then y[indices[i]] = x[i]: puts packed rows back between padding.
struct ScatterRows {
    static constexpr auto name = "scatter_rows";

    In x;       ///< [n, width], f32, bf16 or f16, rows may be strided
    In indices; ///< [n], i32, each in [0, rows), no two alike
    Out y;      ///< [rows, width], of x's type

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

void launch(const AddBias&, CpuStream&);
void launch(const AddBias&, CudaStream&);
void launch(const Add&, CpuStream&);
void launch(const Add&, CudaStream&);
void launch(const Zero&, CpuStream&);
void launch(const Zero&, CudaStream&);
void launch(const Convert&, CpuStream&);
void launch(const Convert&, CudaStream&);
void launch(const Scale&, CpuStream&);
void launch(const Scale&, CudaStream&);
void launch(const HoldZeros&, CpuStream&);
void launch(const HoldZeros&, CudaStream&);
void launch(const GatherRows&, CpuStream&);
void launch(const GatherRows&, CudaStream&);
void launch(const ScatterRows&, CpuStream&);
void launch(const ScatterRows&, CudaStream&);

} // namespace sweetspot
