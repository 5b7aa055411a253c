#pragma once
#include "kernels/cuda/cusparselt.h"

namespace sweetspot {

/// What the library makes of numbers from -6 to 6, which a weight that changes nothing gives it,
/// beside both forms.
GeluForm find_gelu_form(CusparseLt&, CudaDevice&, DType);

} // namespace sweetspot
