#include "kernels/cuda/attention_backward_tiles.cuh"

namespace sweetspot {

template void launch_backward(const BackwardView<__nv_bfloat16>&, cudaStream_t);

} // namespace sweetspot
