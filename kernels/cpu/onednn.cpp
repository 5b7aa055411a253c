#include "kernels/cpu/onednn.h"
#include "kernels/cpu/isa.h"
#include "kernels/ops/matmul.h"
#include <cstring>
#include <map>
#include <mutex>
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>

namespace sweetspot {

namespace {

using dnnl::memory;

/// oneDNN fixes the number of threads of a product when it is made.
class OneThread {
public:
    OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
    ~OneThread() { omp_set_num_threads(before_); }
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;

private:
    int before_;
};

memory::data_type type_of(DType type) {
    return type == DType::bf16 ? memory::data_type::bf16 : memory::data_type::f32;
}

/// packed_shape()'s layout in oneDNN's words: blocks of 64 columns by 16 rows, or by 16 pairs of
/// them.
memory::format_tag packed_tag(DType type) {
    return type == DType::bf16 ? memory::format_tag::BA16a64b2a : memory::format_tag::BA16a64b;
}

const dnnl::engine& host() {
    static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    return engine;
}

/// oneDNN shall not use more than we say we use. It listens before its first product only.
void limit_instruction_set() {
    if (isa() == Isa::baseline) dnnl::set_max_cpu_isa(dnnl::cpu_isa::sse41);
    if (isa() == Isa::avx2) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2);
    if (isa() == Isa::avx512) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx512_core);
    if (isa() == Isa::avx512_bf16) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx512_core_bf16);
}

void limit_instruction_set_once() {
    static const bool limited = (limit_instruction_set(), true);
    (void)limited;
}

bool has_fast_product(const ProductShape& shape) {
    if (shape.a == DType::bf16) return isa() >= Isa::avx512_bf16 && shape.inner % 32 == 0;
    return isa() >= Isa::avx512;
}

dnnl::matmul::primitive_desc describe(const ProductShape& shape) {
    const memory::dim rows = shape.rows, columns = shape.columns, inner = shape.inner;
    const memory::desc a({rows, inner}, type_of(shape.a), memory::format_tag::ab);
    const memory::desc weight({inner, columns}, type_of(shape.a), packed_tag(shape.a));
    const memory::desc bias({1, columns}, memory::data_type::f32, memory::format_tag::ab);
    const memory::desc c({rows, columns}, type_of(shape.c), memory::format_tag::ab);

    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (shape.accumulate) {
        dnnl::post_ops add;
        add.append_sum(1.0f);
        attributes.set_post_ops(add);
    }
    const auto wanted =
        shape.bias ? dnnl::matmul::desc(a, weight, bias, c) : dnnl::matmul::desc(a, weight, c);
    return {wanted, attributes, host()};
}

} // namespace

struct OneDnnProduct::State {
    explicit State(const ProductShape& shape) : shape(shape), description(describe(shape)) {}

    ProductShape shape;
    dnnl::matmul::primitive_desc description;
    dnnl::matmul product;
};

OneDnnProduct::OneDnnProduct(const ProductShape& shape) {
    const OneThread one_thread;
    state_ = std::make_unique<State>(shape);
    const char* kernel = state_->description.impl_info_str();
    if (std::strncmp(kernel, "brg", 3) != 0) {
        state_.reset(); // it would be slower than our own
        return;
    }
    const std::size_t asked = state_->description.scratchpad_desc().get_size();
    if (asked > onednn_scratch_bytes(shape.inner, shape.a))
        throw Error(Failure::bug,
                    std::string("oneDNN's ") + kernel + " asks for " + std::to_string(asked) +
                        " bytes of scratch for a product of " + std::to_string(shape.rows) + " x " +
                        std::to_string(shape.inner) + " with " + std::to_string(shape.inner) +
                        " x " + std::to_string(shape.columns) + ", more than we planned");
    state_->product = dnnl::matmul(state_->description);
}

OneDnnProduct::~OneDnnProduct() = default;

const OneDnnProduct* OneDnnProduct::find(const ProductShape& shape) {
    if (!has_fast_product(shape)) return nullptr;
    // Making one takes a millisecond, so they outlive the streams they are made for.
    static std::mutex mutex;
    static std::map<ProductShape, OneDnnProduct> products;
    limit_instruction_set_once();
    const std::lock_guard lock(mutex);
    const OneDnnProduct& product = products.try_emplace(shape, shape).first->second;
    return product.state_ ? &product : nullptr;
}

void OneDnnProduct::run(const void* a, const void* weight, const float* bias, void* c,
                        void* scratch) const {
    thread_local dnnl::stream stream(host());
    const auto& description = state_->description;
    const auto view = [](const memory::desc& desc, const void* data) {
        return memory(desc, host(), const_cast<void*>(data));
    };
    std::unordered_map<int, memory> arguments{
        {DNNL_ARG_SRC, view(description.src_desc(), a)},
        {DNNL_ARG_WEIGHTS, view(description.weights_desc(), weight)},
        {DNNL_ARG_DST, view(description.dst_desc(), c)},
        {DNNL_ARG_SCRATCHPAD, view(description.scratchpad_desc(), scratch)}};
    if (state_->shape.bias) arguments.emplace(DNNL_ARG_BIAS, view(description.bias_desc(), bias));
    state_->product.execute(stream, arguments);
}

void multiply_turned(Turned which, std::int64_t m, std::int64_t n, std::int64_t k, const float* a,
                     std::int64_t a_stride, const float* b, std::int64_t b_stride, float* c,
                     std::int64_t c_stride, bool accumulate) {
    limit_instruction_set_once();
    const OneThread one_thread;
    const bool a_is = which == Turned::a;
    const auto status = dnnl_sgemm(a_is ? 'T' : 'N', a_is ? 'N' : 'T', m, n, k, 1, a, a_stride, b,
                                   b_stride, accumulate ? 1 : 0, c, c_stride);
    if (status != dnnl_success) throw Error(Failure::bug, "oneDNN refused a product of matrices");
}

} // namespace sweetspot
