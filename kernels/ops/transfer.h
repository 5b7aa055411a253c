#pragma once
#include "kernels/core/context.h"

namespace sweetspot {

/// y = x in y's type, where x lies in host memory and y on the device. x may be changed or freed as
/// soon as launch() returns. Not part of what a graph records.
struct Upload {
    static constexpr auto name = "upload";

    In x;  ///< any shape; f32, bf16, f16, or i32 if y is; may be unaligned
    Out y; ///< x's shape

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// y = x, where y lies in host memory: there once the stream has been synchronized.
struct Download {
    static constexpr auto name = "download";

    In x;  ///< any shape
    Out y; ///< of x's shape and type

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

void launch(const Upload&, CpuStream&);
void launch(const Upload&, CudaStream&);
void launch(const Download&, CpuStream&);
void launch(const Download&, CudaStream&);

} // namespace sweetspot
