#include "kernels/cuda/attention_kinds.cuh"
#include "kernels/cuda/attention_sm90.h"
#include "kernels/cuda/attention_turn.h"
#include "kernels/cuda/attention_vendor.h"
#include "kernels/ops/attention_checks.h"

namespace sweetspot {

namespace {

template <class T>
void launch_kind(const Attention& op, CudaStream& stream) {
    const AttentionView<T> view = view_of<T>(op);
    if (op.kind == AttentionKind::naive) return launch_naive(view, stream.handle);
    if constexpr (sizeof(T) == 2) {
        const auto fits = [](const In& t) {
            return reinterpret_cast<std::uintptr_t>(t.data) % 4 == 0 && t.stride() % 2 == 0;
        };
        if (view.head_size % 2 == 0 && view.head_size <= largest_flash_head && fits(op.q) &&
            fits(op.k) && fits(op.v) && fits(op.y))
            return launch_flash(view, stream.handle);
    }
    require(view.head_size <= largest_float_head, Failure::unsupported,
            "flash attention on a GPU has heads of at most 256 channels");
    launch_flash_float(view, stream.handle);
}

} // namespace

void launch(const Attention& op, CudaStream& stream) {
    require_no_window(op.window);
    const Attention turned = with_turned_rows(op, stream);
    CudaStream behind = stream; // the turned rows
    behind.workspace = static_cast<std::byte*>(stream.workspace) + op.gpu_turned_bytes();
    if (op.kind == AttentionKind::vendor) return launch_vendor(turned, behind);
    if (launch_sm90(turned, behind)) return;
    with_type(op.q.dtype, [&]<class T>(T) { launch_kind<T>(turned, stream); });
}

} // namespace sweetspot
