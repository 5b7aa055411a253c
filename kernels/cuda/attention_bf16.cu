#include "kernels/cuda/attention_flash.cuh"

namespace sweetspot {

template void launch_flash(const AttentionView<__nv_bfloat16>&, cudaStream_t);

} // namespace sweetspot
