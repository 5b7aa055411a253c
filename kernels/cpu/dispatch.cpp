#include "kernels/cpu/dispatch.h"
#include "kernels/ops/activation.h"
#include "kernels/ops/attention.h"
#include "kernels/ops/attention_backward.h"
#include "kernels/ops/dropout.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/embedding.h"
#include "kernels/ops/loss.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/norm.h"
#include "kernels/ops/rotary.h"

namespace sweetspot {

SWEETSPOT_DISPATCH(Activate)
SWEETSPOT_DISPATCH(AppendKeyValue)
SWEETSPOT_DISPATCH(AttentionBackward)
SWEETSPOT_DISPATCH(CachedAttention)
SWEETSPOT_DISPATCH(SwiGlu)
SWEETSPOT_DISPATCH(Drop)
SWEETSPOT_DISPATCH(AddBias)
SWEETSPOT_DISPATCH(Add)
SWEETSPOT_DISPATCH(Convert)
SWEETSPOT_DISPATCH(GatherRows)
SWEETSPOT_DISPATCH(ScatterRows)
SWEETSPOT_DISPATCH(Embedding)
SWEETSPOT_DISPATCH(RaggedPositions)
SWEETSPOT_DISPATCH(CrossEntropy)
SWEETSPOT_DISPATCH(Sample)
SWEETSPOT_DISPATCH(PackWeight)
SWEETSPOT_DISPATCH(MatMul)
SWEETSPOT_DISPATCH(Norm)
SWEETSPOT_DISPATCH(RotaryTable)
SWEETSPOT_DISPATCH(Rotary)

void require_cpu_type(DType type) {
    require(type != DType::f16, Failure::unsupported,
            "the CPU computes in f32 and bf16; f16 needs device cuda");
}

} // namespace sweetspot
