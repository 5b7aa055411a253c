#include "kernels/cuda/attention_backward_tiles.cuh"

namespace sweetspot {

template void launch_backward(const BackwardView<__half>&, cudaStream_t);

} // namespace sweetspot
