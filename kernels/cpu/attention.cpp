#include "kernels/core/team.h"
#include "kernels/cpu/attention_kernel.h"
#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/isa.h"
#include <algorithm>
#include <functional>

namespace sweetspot {

namespace baseline {
const AttentionKernel& attention_kernel(DType);
}
namespace avx2 {
const AttentionKernel& attention_kernel(DType);
}
namespace avx512 {
const AttentionKernel& attention_kernel(DType);
}
namespace avx512_bf16 {
const AttentionKernel& attention_kernel(DType);
const AttentionKernel& attention_pairs_kernel();
} // namespace avx512_bf16
namespace amx {
const AttentionKernel& attention_tiles_kernel();
}

const AttentionKernel& attention_kernel(DType dtype) {
    switch (isa()) {
    case Isa::baseline: return baseline::attention_kernel(dtype);
    case Isa::avx2: return avx2::attention_kernel(dtype);
    case Isa::avx512: return avx512::attention_kernel(dtype);
    case Isa::avx512_bf16:
    case Isa::amx: break;
    }
    if (dtype == DType::f32) return avx512_bf16::attention_kernel(dtype);
    return isa() == Isa::amx ? amx::attention_tiles_kernel()
                             : avx512_bf16::attention_pairs_kernel();
}

namespace {

constexpr int block = AttentionScratch::queries;

/// Blocks of queries of one sequence whose heads share keys and values, which are packed once.
struct Task {
    int sequence, kv_head;
    std::int64_t first, last; ///< of (head in the group, block), in that order
    double work;
};

std::int64_t blocks_of(const Attention& op, int sequence) {
    return (op.segments->rows_of(sequence) + block - 1) / block;
}

/// All work, longest first, in pieces that leave no thread idle for long. A piece is not smaller
/// than four blocks, or packing would show.
std::vector<Task> tasks_of(const Attention& op, int threads) {
    const std::int64_t group = op.heads / op.kv_heads;
    double total = 0;
    for (int s = 0; s < op.segments->count(); ++s)
        total += double(op.segments->rows_of(s)) * op.segments->rows_of(s) * op.heads;
    std::vector<Task> tasks;
    for (int s = 0; s < op.segments->count(); ++s) {
        const double rows = op.segments->rows_of(s), work = rows * rows * double(group);
        const std::int64_t items = group * blocks_of(op, s);
        const auto wanted = std::int64_t(4.0 * threads * work / total) + 1;
        const std::int64_t pieces = std::clamp<std::int64_t>(wanted, 1, std::max(items / 4, 1L));
        for (int kv_head = 0; kv_head < op.kv_heads; ++kv_head)
            for (std::int64_t p = 0; p < pieces; ++p)
                tasks.push_back({s, kv_head, items * p / pieces, items * (p + 1) / pieces,
                                 work / double(pieces)});
    }
    std::ranges::stable_sort(tasks, std::greater(), &Task::work);
    return tasks;
}

/// The scratch of one thread, cut into pieces.
AttentionHead with_scratch(const Attention& op, char* memory) {
    const auto s = AttentionScratch::of(op.segments->longest(), op.head_size(), op.q.dtype);
    const auto take = [&](std::size_t bytes) {
        char* piece = memory;
        memory += bytes;
        return piece;
    };
    const auto floats = [&](std::size_t bytes) { return reinterpret_cast<float*>(take(bytes)); };
    AttentionHead h{};
    h.width = s.width;
    h.packed_k = take(s.packed_bytes);
    h.packed_v = take(s.packed_bytes);
    h.queries = floats(s.lane_bytes);
    h.out = floats(s.lane_bytes);
    h.spare = floats(s.lane_bytes);
    h.scores = floats(AttentionScratch::score_bytes);
    h.weights = take(AttentionScratch::weight_bytes);
    h.most = floats(block * sizeof(float));
    h.sum = floats(block * sizeof(float));
    h.factor = floats(block * sizeof(float));
    h.largest_key = floats(block * sizeof(float));
    h.size = op.head_size();
    h.cosine = op.cosine.as<float>();
    h.sine = op.sine.as<float>();
    h.scale = op.scale;
    h.causal = op.causal;
    h.window = op.window;
    h.q_stride = op.q.stride();
    h.k_stride = op.k.stride();
    h.v_stride = op.v.stride();
    h.y_stride = op.y.stride();
    return h;
}

template <class Byte, class View>
Byte* at(const View& t, std::int64_t row, std::int64_t column) {
    return static_cast<Byte*>(t.data) +
           (row * t.stride() + column) * std::int64_t(size_of(t.dtype));
}

void enter(const Attention& op, AttentionHead& h, int sequence, std::int64_t head) {
    const std::int64_t row = op.segments->offsets[sequence];
    const std::int64_t kv_head = head / (op.heads / op.kv_heads);
    h.rows = op.segments->rows_of(sequence);
    h.real = op.segments->lengths[sequence];
    h.q = at<const char>(op.q, row, head * h.size);
    h.k = at<const char>(op.k, row, kv_head * h.size);
    h.v = at<const char>(op.v, row, kv_head * h.size);
    h.y = at<char>(op.y, row, head * h.size);
    if (op.log_sum_exp.present())
        h.log_sum_exp = op.log_sum_exp.as<float>() + head * op.log_sum_exp.shape[1] + row;
}

/// visit(head, index of the head, first query, queries) for each block of each task, keys and
/// values packed before.
template <class Visit>
void for_blocks(const Attention& op, CpuStream& stream, const Visit& visit) {
    const AttentionKernel& kernel = attention_kernel(op.q.dtype);
    const std::vector<Task> tasks = tasks_of(op, stream.threads);
    const std::size_t bytes = op.workspace_bytes(1);
    const std::int64_t group = op.heads / op.kv_heads;
    for_pieces(std::int64_t(tasks.size()), stream.threads, [&](std::int64_t t, int thread) {
        const Task& task = tasks[std::size_t(t)];
        AttentionHead h =
            with_scratch(op, static_cast<char*>(stream.workspace) + bytes * std::size_t(thread));
        enter(op, h, task.sequence, task.kv_head * group);
        kernel.pack(h);
        const std::int64_t blocks = blocks_of(op, task.sequence);
        for (std::int64_t item = task.first; item < task.last; ++item) {
            const std::int64_t head = task.kv_head * group + item / blocks;
            const std::int64_t first = item % blocks * block;
            enter(op, h, task.sequence, head);
            visit(kernel, h, task.sequence, head, first,
                  int(std::min<std::int64_t>(block, h.rows - first)));
        }
    });
}

void launch_flash(const Attention& op, CpuStream& stream) {
    for_blocks(op, stream,
               [](const AttentionKernel& kernel, const AttentionHead& h, int, std::int64_t,
                  std::int64_t first, int count) { kernel.flash(h, first, count); });
}

/// Three passes over all scores. Those of a block of queries lie together, key by key.
void launch_naive(const Attention& op, CpuStream& stream) {
    std::vector<std::int64_t> starts{0};
    for (int s = 0; s < op.segments->count(); ++s)
        starts.push_back(starts.back() + std::int64_t(op.segments->rows_of(s)) *
                                             op.segments->rows_of(s) * op.heads);
    const auto scores_at = [&](const AttentionHead& h, int sequence, std::int64_t head,
                               std::int64_t first) {
        return op.scores.as<float>() + starts[sequence] + (head * h.rows + first) * h.rows;
    };
    using Kernel = AttentionKernel;
    for_blocks(op, stream,
               [&](const Kernel& kernel, const AttentionHead& h, int sequence, std::int64_t head,
                   std::int64_t first, int count) {
                   kernel.store_scores(h, first, count, scores_at(h, sequence, head, first));
               });
    for_blocks(op, stream,
               [&](const Kernel& kernel, const AttentionHead& h, int sequence, std::int64_t head,
                   std::int64_t first, int count) {
                   kernel.normalise(scores_at(h, sequence, head, first), keys_of(h, first, count),
                                    count);
               });
    for_blocks(op, stream,
               [&](const Kernel& kernel, const AttentionHead& h, int sequence, std::int64_t head,
                   std::int64_t first, int count) {
                   kernel.combine(h, first, count, scores_at(h, sequence, head, first));
               });
}

} // namespace

void launch(const Attention& op, CpuStream& stream) {
    require_cpu_type(op.q.dtype);
    require(op.kind != AttentionKind::vendor, Failure::unsupported,
            "attention of a vendor runs on a GPU only; a CPU has flash and naive");
    op.kind == AttentionKind::flash ? launch_flash(op, stream) : launch_naive(op, stream);
}

} // namespace sweetspot
