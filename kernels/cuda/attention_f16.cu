#include "kernels/cuda/attention_flash.cuh"

namespace sweetspot {

template void launch_flash(const AttentionView<__half>&, cudaStream_t);

} // namespace sweetspot
