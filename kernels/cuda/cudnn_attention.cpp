#include "kernels/cuda/cudnn_attention.h"
#include <deque>
#include <limits>

namespace sweetspot {

namespace {

/// What a call gives a pointer for. Numbers from `first_virtual` on are of tensors that exist only
/// between operations.
enum Id : std::int64_t {
    q_id = 1,
    k_id,
    v_id,
    y_id,
    scale_id,
    masked_id,
    q_lengths_id,
    k_lengths_id,
    q_offsets_id,
    k_offsets_id,
    v_offsets_id,
    y_offsets_id,
    first_virtual = 100
};

cudnnDataType_t type_of(DType type) {
    return type == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_HALF;
}

/// The operations of attention over [sequences, heads, rows, ...], and their tensors.
class AttentionGraph {
public:
    AttentionGraph(const CudnnFunctions& call, const AttentionShape& shape)
        : call_(call), shape_(shape) {
        build();
    }

    /// Lives as long as this.
    CudnnDescriptor finish() {
        std::vector<cudnnBackendDescriptor_t> handles;
        for (const CudnnDescriptor& operation : operations_) handles.push_back(operation.handle());
        CudnnDescriptor graph(call_, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
        graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, handles).finish();
        return graph;
    }

private:
    using Sizes = std::vector<std::int64_t>;
    using Tensor = const CudnnDescriptor*; // null where there is none

    void build() {
        const AttentionShape& s = shape_;
        const cudnnDataType_t type = type_of(s.type);
        const Tensor q = rows_of(q_id, s.heads, s.q_stride, q_offsets_id);
        const Tensor k = rows_of(k_id, s.kv_heads, s.k_stride, k_offsets_id, true);
        const Tensor v = rows_of(v_id, s.kv_heads, s.v_stride, v_offsets_id);
        const Tensor y = rows_of(y_id, s.heads, s.y_stride, y_offsets_id);
        const Tensor q_lengths = s.masked ? lengths(q_lengths_id) : nullptr;
        const Tensor k_lengths = s.masked ? lengths(k_lengths_id) : nullptr;

        Tensor scores = between(CUDNN_DATA_FLOAT);
        matmul(q, k, scores, q_lengths, k_lengths, nullptr);
        scores = computed(CUDNN_POINTWISE_MUL, scores, number(scale_id));
        if (s.masked) scores = without_padding(scores, q_lengths, k_lengths);
        if (s.causal) scores = without_future(scores);
        matmul(softmax(scores, type), v, y, q_lengths, nullptr, k_lengths);
    }

    // ---- tensors

    CudnnDescriptor& tensor(std::int64_t id, cudnnDataType_t type, const Sizes& sizes,
                            const Sizes& strides) {
        return tensors_.emplace_back(call_, CUDNN_BACKEND_TENSOR_DESCRIPTOR)
            .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id)
            .set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
            .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::int64_t(16))
            .set(CUDNN_ATTR_TENSOR_DIMENSIONS, sizes)
            .set(CUDNN_ATTR_TENSOR_STRIDES, strides);
    }

    /// [sequences, heads, rows, head_size], or with the last two swapped.
    Tensor rows_of(Id id, std::int64_t heads, std::int64_t stride, Id offsets,
                   bool transposed = false) {
        const AttentionShape& s = shape_;
        Sizes sizes{s.sequences, heads, s.rows, s.head_size};
        Sizes strides{s.rows * stride, s.head_size, stride, 1};
        if (transposed) {
            std::swap(sizes[2], sizes[3]);
            std::swap(strides[2], strides[3]);
        }
        CudnnDescriptor& made = tensor(id, type_of(s.type), sizes, strides);
        if (s.ragged) {
            CudnnDescriptor& starts =
                tensor(offsets, CUDNN_DATA_INT64, {s.sequences + 1, 1, 1, 1}, {1, 1, 1, 1});
            made.set(CUDNN_ATTR_TENSOR_RAGGED_OFFSET_DESC, starts.finish());
        }
        return &made.finish();
    }

    Tensor lengths(Id id) {
        return &tensor(id, CUDNN_DATA_INT32, {shape_.sequences, 1, 1, 1}, {1, 1, 1, 1}).finish();
    }

    /// A float that the host gives with each call.
    Tensor number(Id id) {
        return &tensor(id, CUDNN_DATA_FLOAT, {1, 1, 1, 1}, {1, 1, 1, 1})
                    .set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, true)
                    .finish();
    }

    /// [sequences, heads, rows, columns], which is never stored.
    Tensor between(cudnnDataType_t type, std::int64_t columns) {
        const std::int64_t heads = shape_.heads, rows = shape_.rows;
        return &tensor(next_++, type, {shape_.sequences, heads, rows, columns},
                       {heads * rows * columns, rows * columns, columns, 1})
                    .set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true)
                    .finish();
    }
    Tensor between(cudnnDataType_t type) { return between(type, shape_.rows); }

    // ---- operations

    /// The lengths say how much of each matrix there is; null: all of it.
    void matmul(Tensor a, Tensor b, Tensor c, Tensor m, Tensor n, Tensor k) {
        CudnnDescriptor how(call_, CUDNN_BACKEND_MATMUL_DESCRIPTOR);
        how.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT);
        if (n) how.set(CUDNN_ATTR_MATMUL_PADDING_VALUE, 0.0);
        CudnnDescriptor& operation =
            operations_.emplace_back(call_, CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR)
                .set(CUDNN_ATTR_OPERATION_MATMUL_DESC, how.finish())
                .set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, *a)
                .set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, *b)
                .set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, *c);
        if (m) operation.set(CUDNN_ATTR_OPERATION_MATMUL_GEMM_M_OVERRIDE_DESC, *m);
        if (n) operation.set(CUDNN_ATTR_OPERATION_MATMUL_GEMM_N_OVERRIDE_DESC, *n);
        if (k) operation.set(CUDNN_ATTR_OPERATION_MATMUL_GEMM_K_OVERRIDE_DESC, *k);
        operation.finish();
    }

    /// y = what(x), what(x, other), or what(x, other, chooser). Returns y.
    Tensor pointwise(cudnnPointwiseMode_t what, cudnnDataType_t precision, Tensor y, Tensor x,
                     Tensor other = nullptr, Tensor chooser = nullptr, int axis = -1) {
        CudnnDescriptor how(call_, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
        how.set(CUDNN_ATTR_POINTWISE_MODE, what).set(CUDNN_ATTR_POINTWISE_MATH_PREC, precision);
        if (axis >= 0) how.set(CUDNN_ATTR_POINTWISE_AXIS, std::int64_t(axis));
        CudnnDescriptor& operation =
            operations_.emplace_back(call_, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR)
                .set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how.finish())
                .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *x)
                .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, *y);
        if (other) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *other);
        if (chooser) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, *chooser);
        operation.finish();
        return y;
    }
    /// In f32, of all scores.
    Tensor computed(cudnnPointwiseMode_t what, Tensor x, Tensor other = nullptr) {
        return pointwise(what, CUDNN_DATA_FLOAT, between(CUDNN_DATA_FLOAT), x, other);
    }
    Tensor compared(cudnnPointwiseMode_t what, Tensor x, Tensor other) {
        return pointwise(what, CUDNN_DATA_BOOLEAN, between(CUDNN_DATA_BOOLEAN), x, other);
    }
    /// The index along an axis: 2 counts queries, 3 keys.
    Tensor index(Tensor scores, int axis) {
        return pointwise(CUDNN_POINTWISE_GEN_INDEX, CUDNN_DATA_INT32, between(CUDNN_DATA_INT32),
                         scores, nullptr, nullptr, axis);
    }
    /// Minus infinity where `kept` is false.
    Tensor masked(Tensor scores, Tensor kept) {
        if (!masked_) masked_ = number(masked_id);
        return pointwise(CUDNN_POINTWISE_BINARY_SELECT, CUDNN_DATA_FLOAT, between(CUDNN_DATA_FLOAT),
                         scores, masked_, kept);
    }
    Tensor without_padding(Tensor scores, Tensor q_lengths, Tensor k_lengths) {
        const Tensor row = compared(CUDNN_POINTWISE_CMP_LT, index(scores, 2), q_lengths);
        const Tensor column = compared(CUDNN_POINTWISE_CMP_LT, index(scores, 3), k_lengths);
        return masked(scores, compared(CUDNN_POINTWISE_LOGICAL_AND, row, column));
    }
    Tensor without_future(Tensor scores) {
        const Tensor row = index(scores, 2), column = index(scores, 3);
        return masked(scores, compared(CUDNN_POINTWISE_CMP_GE, row, column));
    }
    Tensor reduced(cudnnReduceTensorOp_t what, Tensor x) {
        CudnnDescriptor how(call_, CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
        how.set(CUDNN_ATTR_REDUCTION_OPERATOR, what)
            .set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_DATA_FLOAT);
        const Tensor y = between(CUDNN_DATA_FLOAT, 1);
        operations_.emplace_back(call_, CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR)
            .set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, how.finish())
            .set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, *x)
            .set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, *y)
            .finish();
        return y;
    }
    /// With the logarithm of each row's sum, without which the library does not know the pattern.
    Tensor softmax(Tensor scores, cudnnDataType_t type) {
        const Tensor largest = reduced(CUDNN_REDUCE_TENSOR_MAX, scores);
        const Tensor below = computed(CUDNN_POINTWISE_SUB, scores, largest);
        const Tensor power = computed(CUDNN_POINTWISE_EXP, below);
        const Tensor sum = reduced(CUDNN_REDUCE_TENSOR_ADD, power);
        const Tensor logarithm =
            pointwise(CUDNN_POINTWISE_LOG, CUDNN_DATA_FLOAT, between(CUDNN_DATA_FLOAT, 1), sum);
        pointwise(CUDNN_POINTWISE_ADD, CUDNN_DATA_FLOAT, between(CUDNN_DATA_FLOAT, 1), largest,
                  logarithm);
        return pointwise(CUDNN_POINTWISE_DIV, CUDNN_DATA_FLOAT, between(type), power, sum);
    }

    const CudnnFunctions& call_;
    AttentionShape shape_;
    std::deque<CudnnDescriptor> tensors_{}, operations_{}; // which do not move
    Tensor masked_ = nullptr;
    std::int64_t next_ = first_virtual;
};

/// What the library would try, best first.
std::vector<CudnnDescriptor> configurations(const CudnnDescriptor& properties,
                                            const CudnnDescriptor& graph) {
    const CudnnFunctions& call = graph.call();
    CudnnDescriptor heuristic(call, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
        .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_HEUR_MODE_A)
        .set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, properties);
    std::vector<CudnnDescriptor> found;
    if (!heuristic.try_finish()) return found;
    const auto get = [&](std::int64_t room, std::int64_t& count, void* to) {
        call.check(call.get_attribute(heuristic.handle(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                      CUDNN_TYPE_BACKEND_DESCRIPTOR, room, &count, to),
                   "asking for engines");
    };
    std::int64_t count = 0;
    get(0, count, nullptr);
    std::vector<cudnnBackendDescriptor_t> handles;
    for (std::int64_t i = 0; i < count; ++i)
        handles.push_back(found.emplace_back(call, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).handle());
    get(count, count, handles.data());
    while (std::int64_t(found.size()) > count) found.pop_back();
    return found;
}

} // namespace

std::string describe(const AttentionShape& s) {
    return "[" + std::to_string(s.sequences) + ", " + std::to_string(s.heads) + "/" +
           std::to_string(s.kv_heads) + ", " + std::to_string(s.rows) + ", " +
           std::to_string(s.head_size) + "] " + std::string(names_of(s.type)[std::size_t(s.type)]) +
           (s.causal ? ", causal" : "") + (s.masked ? ", masked" : "") +
           (s.ragged ? ", ragged" : "");
}

AttentionPlan::AttentionPlan(const CudnnDescriptor& properties, const AttentionShape& shape)
    : shape_(shape) {
    AttentionGraph operations(properties.call(), shape);
    const CudnnDescriptor graph = operations.finish();
    for (const CudnnDescriptor& configuration : configurations(properties, graph))
        if (try_engine(properties, configuration)) return;
    throw Error(Failure::unsupported, "cuDNN " + std::to_string(properties.call().version()) +
                                          " has no fused attention for " + describe(shape) +
                                          " on this GPU: " + properties.call().why());
}

bool AttentionPlan::try_engine(const CudnnDescriptor& properties,
                               const CudnnDescriptor& configuration) {
    const CudnnFunctions& call = properties.call();
    auto plan = std::make_unique<CudnnDescriptor>(call, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan->set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration)
        .set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, properties);
    if (!plan->try_finish()) return false;
    const auto get = [&](const CudnnDescriptor& from, cudnnBackendAttributeName_t name,
                         cudnnBackendAttributeType_t type, void* to) {
        std::int64_t count = 0;
        call.check(call.get_attribute(from.handle(), name, type, 1, &count, to),
                   "cudnnBackendGetAttribute");
    };
    std::int64_t bytes = 0;
    get(*plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, &bytes);
    if (std::size_t(bytes) > most_workspace_bytes) return false;
    CudnnDescriptor engine(call, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    cudnnBackendDescriptor_t handle = engine.handle();
    get(configuration, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, &handle);
    get(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, &engine_);
    workspace_bytes_ = std::size_t(bytes);
    plan_ = std::move(plan);
    return true;
}

std::string AttentionPlan::description() const {
    return "engine " + std::to_string(engine_) + ", workspace " + std::to_string(workspace_bytes_);
}

void AttentionPlan::run(cudnnHandle_t handle, const AttentionPointers& p) const {
    float scale = p.scale, masked = -std::numeric_limits<float>::infinity();
    std::vector<std::int64_t> ids;
    std::vector<void*> pointers;
    const auto give = [&](Id id, const void* pointer) {
        ids.push_back(id);
        pointers.push_back(const_cast<void*>(pointer));
    };
    give(q_id, p.q);
    give(k_id, p.k);
    give(v_id, p.v);
    give(y_id, p.y);
    give(scale_id, &scale);
    if (shape_.masked || shape_.causal) give(masked_id, &masked);
    if (shape_.masked) {
        give(q_lengths_id, p.lengths);
        give(k_lengths_id, p.lengths);
    }
    if (shape_.ragged) {
        give(q_offsets_id, p.q_offsets);
        give(k_offsets_id, p.k_offsets);
        give(v_offsets_id, p.v_offsets);
        give(y_offsets_id, p.y_offsets);
    }
    const CudnnFunctions& call = plan_->call();
    CudnnDescriptor pack(call, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids)
        .set_pointers(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, pointers)
        .set_pointers(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, {p.workspace})
        .finish();
    call.check(call.execute(handle, plan_->handle(), pack.handle()), "cudnnBackendExecute");
}

} // namespace sweetspot
