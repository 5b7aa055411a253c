#pragma once
#include "kernels/ops/activation.h"
#include "kernels/ops/attention.h"
#include "kernels/ops/attention_backward.h"
#include "kernels/ops/attention_cache.h"
#include "kernels/ops/dropout.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/embedding.h"
#include "kernels/ops/fused.h"
#include "kernels/ops/loss.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/matmul_backward.h"
#include "kernels/ops/norm.h"
#include "kernels/ops/optimizer.h"
#include "kernels/ops/rotary.h"
#include "kernels/ops/transfer.h"
#include "kernels/ops/weight.h"

/// Every op, once: X(op, family, compiled). What goes through all of them follows from this list:
/// the launches that a build without CUDA refuses, the choice among instruction sets, the cases of
/// the selftest. tests/architecture_test.cpp looks for the rest of an op by its family:
/// kernels/ops/FAMILY.h, kernels/cpu/FAMILY.cpp, kernels/selftest/FAMILY_cases.cpp and
/// tests/kernels/FAMILY_test.cpp; its launch on a GPU is anywhere in kernels/cuda. `vectorised`:
/// its source for the CPU is compiled once for each instruction set (kernels/CMakeLists.txt);
/// `plain`: once.
#define SWEETSPOT_OPS(X)                                                                           \
    X(Activate, activation, vectorised)                                                            \
    X(SwiGlu, activation, vectorised)                                                              \
    X(ActivateBackward, activation, vectorised)                                                    \
    X(SwiGluBackward, activation, vectorised)                                                      \
    X(Attention, attention, plain)                                                                 \
    X(AttentionBackward, attention_backward, vectorised)                                           \
    X(AppendKeyValue, attention_cache, vectorised)                                                 \
    X(CachedAttention, attention_cache, vectorised)                                                \
    X(RoundKeyValue, attention_cache, vectorised)                                                  \
    X(Drop, dropout, vectorised)                                                                   \
    X(AddBias, elementwise, vectorised)                                                            \
    X(Add, elementwise, vectorised)                                                                \
    X(Zero, elementwise, vectorised)                                                               \
    X(Convert, elementwise, vectorised)                                                            \
    X(Scale, elementwise, vectorised)                                                              \
    X(HoldZeros, elementwise, vectorised)                                                          \
    X(GatherRows, elementwise, vectorised)                                                         \
    X(ScatterRows, elementwise, vectorised)                                                        \
    X(Embedding, embedding, vectorised)                                                            \
    X(EmbeddingBackward, embedding, vectorised)                                                    \
    X(RaggedPositions, embedding, vectorised)                                                      \
    X(NormMatMul, fused, plain)                                                                    \
    X(AttentionProjection, fused, plain)                                                           \
    X(CrossEntropy, loss, vectorised)                                                              \
    X(CrossEntropyGradient, loss, vectorised)                                                      \
    X(Sample, loss, vectorised)                                                                    \
    X(MatMul, matmul, vectorised)                                                                  \
    X(MatMulBackward, matmul_backward, vectorised)                                                 \
    X(WeightGradient, matmul_backward, vectorised)                                                 \
    X(Norm, norm, vectorised)                                                                      \
    X(HeadNorm, norm, vectorised)                                                                  \
    X(NormBackward, norm, vectorised)                                                              \
    X(HeadNormBackward, norm, vectorised)                                                          \
    X(AdamW, optimizer, vectorised)                                                                \
    X(Sgd, optimizer, vectorised)                                                                  \
    X(SquareSum, optimizer, vectorised)                                                            \
    X(ClipScale, optimizer, vectorised)                                                            \
    X(StochasticRound, optimizer, vectorised)                                                      \
    X(RotaryTable, rotary, vectorised)                                                             \
    X(Rotary, rotary, vectorised)                                                                  \
    X(Upload, transfer, plain)                                                                     \
    X(Download, transfer, plain)                                                                   \
    X(PackWeight, weight, vectorised)                                                              \
    X(RepackWeight, weight, vectorised)                                                            \
    X(UnpackWeight, weight, vectorised)
