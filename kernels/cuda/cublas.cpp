#include "kernels/cuda/cublas.h"
#include <algorithm>
#include <cstdint>
#include <limits>

namespace sweetspot {

/// The library's functions, by its own declarations.
struct Cublas::Functions {
    Functions() {
        library.find(create, "cublasLtCreate");
        library.find(destroy, "cublasLtDestroy");
        library.find(version, "cublasLtGetVersion");
        library.find(status_text, "cublasLtGetStatusString");
        library.find(create_product, "cublasLtMatmulDescCreate");
        library.find(destroy_product, "cublasLtMatmulDescDestroy");
        library.find(set_product, "cublasLtMatmulDescSetAttribute");
        library.find(create_layout, "cublasLtMatrixLayoutCreate");
        library.find(destroy_layout, "cublasLtMatrixLayoutDestroy");
        library.find(create_preference, "cublasLtMatmulPreferenceCreate");
        library.find(destroy_preference, "cublasLtMatmulPreferenceDestroy");
        library.find(set_preference, "cublasLtMatmulPreferenceSetAttribute");
        library.find(ask, "cublasLtMatmulAlgoGetHeuristic");
        library.find(get_algorithm, "cublasLtMatmulAlgoConfigGetAttribute");
        library.find(multiply, "cublasLtMatmul");
    }

    void check(cublasStatus_t status, const char* what) const {
        if (status == CUBLAS_STATUS_SUCCESS) return;
        throw Error(status == CUBLAS_STATUS_ALLOC_FAILED ? Failure::out_of_memory : Failure::device,
                    std::string("cuBLASLt: ") + what + ": " + status_text(status));
    }

    SharedLibrary library{{"libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR)},
                          "the device cuda has no matrix products"};
    decltype(&::cublasLtCreate) create = nullptr;
    decltype(&::cublasLtDestroy) destroy = nullptr;
    decltype(&::cublasLtGetVersion) version = nullptr;
    decltype(&::cublasLtGetStatusString) status_text = nullptr;
    decltype(&::cublasLtMatmulDescCreate) create_product = nullptr;
    decltype(&::cublasLtMatmulDescDestroy) destroy_product = nullptr;
    decltype(&::cublasLtMatmulDescSetAttribute) set_product = nullptr;
    decltype(&::cublasLtMatrixLayoutCreate) create_layout = nullptr;
    decltype(&::cublasLtMatrixLayoutDestroy) destroy_layout = nullptr;
    decltype(&::cublasLtMatmulPreferenceCreate) create_preference = nullptr;
    decltype(&::cublasLtMatmulPreferenceDestroy) destroy_preference = nullptr;
    decltype(&::cublasLtMatmulPreferenceSetAttribute) set_preference = nullptr;
    decltype(&::cublasLtMatmulAlgoGetHeuristic) ask = nullptr;
    decltype(&::cublasLtMatmulAlgoConfigGetAttribute) get_algorithm = nullptr;
    decltype(&::cublasLtMatmul) multiply = nullptr;
};

/// The library is column-major: to it a row-major [rows, columns] is its transpose. So c is
/// [n, m], its A is our b and its B our a. What is transposed for us is so for it, too: a weight
/// [n, k] is its [k, n].
struct Cublas::Plan {
    explicit Plan(const Functions& call) : call(call) {}
    ~Plan() {
        if (product) call.destroy_product(product);
        for (const cublasLtMatrixLayout_t layout : {b, a, c})
            if (layout) call.destroy_layout(layout);
    }
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

    const Functions& call;
    cublasLtMatmulDesc_t product = nullptr;
    cublasLtMatrixLayout_t b = nullptr, a = nullptr, c = nullptr;
    cublasLtMatmulHeuristicResult_t chosen{};
    bool possible = false;
};

namespace {

/// Facts are for reading: so many products are written down.
constexpr std::size_t noted_products = 64;
/// Algorithms that a tuned product may have.
constexpr int most_tried = 16;

cudaDataType_t type_of(DType type) {
    switch (type) {
    case DType::bf16: return CUDA_R_16BF;
    case DType::f16: return CUDA_R_16F;
    default: return CUDA_R_32F;
    }
}

unsigned alignment_of(const void* pointer) {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    return unsigned(std::min<std::uintptr_t>(address & -address, 256));
}

std::uint32_t epilogue_of(Epilogue epilogue) {
    if (epilogue.before)
        return epilogue.bias ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS : CUBLASLT_EPILOGUE_GELU_AUX;
    if (epilogue.gelu) return epilogue.bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
    return epilogue.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
}

std::string name_of(DType type) {
    return std::string(names_of(type)[std::size_t(type)]);
}

/// "[rows, columns]" as it lies in memory, or as its transpose.
std::string describe(std::int64_t rows, std::int64_t columns, bool transposed) {
    return "[" + std::to_string(transposed ? columns : rows) + ", " +
           std::to_string(transposed ? rows : columns) + "]" + (transposed ? "^T" : "");
}

std::string describe(const CublasShape& p) {
    return "matmul " + describe(p.m, p.k, p.a_transposed) + " x " +
           describe(p.k, p.n, p.b_transposed) + ", " + (p.tf32 ? "tf32" : name_of(p.type)) +
           " to " + name_of(p.c_type) + (p.accumulate ? ", added" : "") +
           (p.tuned ? ", tuned" : "") + (p.epilogue.bias ? ", bias" : "") +
           (p.epilogue.gelu ? ", gelu_tanh" : "") + (p.epilogue.before ? " of what is kept" : "");
}

} // namespace

Cublas::Cublas(CudaDevice& device) : device_(device), call_(std::make_unique<Functions>()) {
    call_->check(call_->create(&handle_), "cublasLtCreate");
    device.note("cublasLt", std::to_string(call_->version()));
}

Cublas::~Cublas() {
    plans_.clear();
    if (handle_) call_->destroy(handle_);
}

bool Cublas::multiply(const Product& p, CudaStream& stream) {
    Plan& plan = this->plan({.m = p.c.shape[0],
                             .n = p.c.shape[1],
                             .k = p.k(),
                             .a_transposed = p.a_transposed,
                             .b_transposed = p.b_transposed,
                             .a_stride = p.a.stride(),
                             .b_stride = p.b.stride(),
                             .c_stride = p.c.stride(),
                             .before_stride = p.epilogue.before ? p.before.stride() : 0,
                             .type = p.a.dtype,
                             .c_type = p.c.dtype,
                             .tf32 = p.tf32 && p.a.dtype == DType::f32,
                             .accumulate = p.accumulate,
                             .tuned = p.tuned,
                             .epilogue = p.epilogue,
                             .a_alignment = alignment_of(p.a.data),
                             .b_alignment = alignment_of(p.b.data),
                             .c_alignment = alignment_of(p.c.data),
                             .bias_alignment = alignment_of(p.bias)},
                            p, stream);
    if (!plan.possible) return false;
    point(plan, p);
    launch(plan, p, stream);
    return true;
}

void Cublas::launch(const Plan& plan, const Product& p, const CudaStream& stream) {
    const float alpha = 1, beta = p.accumulate ? 1 : 0;
    call_->check(call_->multiply(handle_, plan.product, &alpha, p.b.data, plan.b, p.a.data, plan.a,
                                 &beta, p.c.data, plan.c, p.c.data, plan.c, &plan.chosen.algo,
                                 stream.workspace, MatMul::library_workspace_bytes, stream.handle),
                 "cublasLtMatmul");
}

double Cublas::seconds(Plan& plan, const Product& p, const CudaStream& stream) {
    constexpr int warm_ups = 3, samples = 7;
    if (plan.chosen.state != CUBLAS_STATUS_SUCCESS) return std::numeric_limits<double>::infinity();
    const auto clock = device_.clock();
    double found[samples];
    for (int i = 0; i < warm_ups; ++i) launch(plan, p, stream);
    for (double& x : found) x = seconds_of(*clock, [&] { launch(plan, p, stream); });
    std::nth_element(found, found + samples / 2, found + samples);
    return found[samples / 2];
}

Cublas::Plan& Cublas::plan(const CublasShape& shape, const Product& product,
                           const CudaStream& stream) {
    std::unique_ptr<Plan>& plan = plans_[shape];
    if (!plan) plan = make_plan(shape, product, stream);
    return *plan;
}

void Cublas::point(Plan& plan, const Product& p) {
    const auto set = [&](cublasLtMatmulDescAttributes_t what, const void* pointer) {
        call_->check(call_->set_product(plan.product, what, &pointer, sizeof pointer),
                     "pointing a product to its epilogue");
    };
    if (p.epilogue.bias) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
    if (p.epilogue.before) set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, p.before.data);
}

std::unique_ptr<Cublas::Plan> Cublas::make_plan(const CublasShape& p, const Product& product,
                                                const CudaStream& stream) {
    auto plan = std::make_unique<Plan>(*call_);
    const auto set = [&](cublasLtMatmulDescAttributes_t what, const auto& value) {
        call_->check(call_->set_product(plan->product, what, &value, sizeof value),
                     "describing a product");
    };
    const auto layout = [&](cublasLtMatrixLayout_t& made, DType type, std::int64_t rows,
                            std::int64_t columns, std::int64_t stride) {
        call_->check(call_->create_layout(&made, type_of(type), std::uint64_t(rows),
                                          std::uint64_t(columns), stride),
                     "cublasLtMatrixLayoutCreate");
    };
    const auto compute = p.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    call_->check(call_->create_product(&plan->product, compute, CUDA_R_32F),
                 "cublasLtMatmulDescCreate");
    const auto turn = [](bool transposed) {
        return std::int32_t(transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
    };
    set(CUBLASLT_MATMUL_DESC_TRANSA, turn(p.b_transposed));
    set(CUBLASLT_MATMUL_DESC_TRANSB, turn(p.a_transposed));
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue_of(p.epilogue));
    if (p.epilogue.bias) set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, std::int32_t(type_of(p.c_type)));
    if (p.epilogue.before) set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, p.before_stride);
    point(*plan, product);
    layout(plan->b, p.type, p.b_transposed ? p.k : p.n, p.b_transposed ? p.n : p.k, p.b_stride);
    layout(plan->a, p.type, p.a_transposed ? p.m : p.k, p.a_transposed ? p.k : p.m, p.a_stride);
    layout(plan->c, p.c_type, p.n, p.m, p.c_stride);
    choose(p, *plan, product, stream);
    return plan;
}

void Cublas::choose(const CublasShape& p, Plan& plan, const Product& product,
                    const CudaStream& stream) {
    cublasLtMatmulPreference_t made = nullptr;
    call_->check(call_->create_preference(&made), "cublasLtMatmulPreferenceCreate");
    const std::unique_ptr<cublasLtMatmulPreferenceOpaque_t,
                          decltype(&::cublasLtMatmulPreferenceDestroy)>
        preference(made, call_->destroy_preference);
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t what, const auto& value) {
        call_->check(call_->set_preference(made, what, &value, sizeof value),
                     "cublasLtMatmulPreferenceSetAttribute");
    };
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t(MatMul::library_workspace_bytes));
    // Partial sums of a product that is cut along k stay f32: by default they may have c's type.
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
        std::uint32_t(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, std::uint32_t(p.b_alignment));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, std::uint32_t(p.a_alignment));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, std::uint32_t(p.c_alignment));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, std::uint32_t(p.c_alignment));
    int found = 0;
    cublasLtMatmulHeuristicResult_t proposed[most_tried]{};
    const cublasStatus_t status = call_->ask(handle_, plan.product, plan.b, plan.a, plan.c, plan.c,
                                             made, p.tuned ? most_tried : 1, proposed, &found);
    plan.chosen = proposed[0];
    double least = std::numeric_limits<double>::infinity();
    const auto* fastest = proposed;
    for (int i = 0; p.tuned && status == CUBLAS_STATUS_SUCCESS && i < found; ++i) {
        plan.chosen = proposed[i];
        const double time = seconds(plan, product, stream);
        if (time < least) least = time, fastest = proposed + i;
    }
    plan.chosen = *fastest;
    plan.possible =
        status == CUBLAS_STATUS_SUCCESS && found > 0 && plan.chosen.state == CUBLAS_STATUS_SUCCESS;
    if (!plan.possible && status != CUBLAS_STATUS_SUCCESS &&
        status != CUBLAS_STATUS_NOT_SUPPORTED && status != CUBLAS_STATUS_INVALID_VALUE)
        call_->check(status, "cublasLtMatmulAlgoGetHeuristic");
    note(p, plan);
}

void Cublas::note(const CublasShape& p, const Plan& plan) {
    if (plans_.size() > noted_products) {
        device_.note("matmul, products in all", std::to_string(plans_.size()));
        return;
    }
    if (!plan.possible) {
        device_.note(describe(p), "no algorithm: bias and activation are a pass of their own");
        return;
    }
    const auto get = [&](cublasLtMatmulAlgoConfigAttributes_t what, auto value) {
        std::size_t written = 0;
        call_->check(call_->get_algorithm(&plan.chosen.algo, what, &value, sizeof value, &written),
                     "cublasLtMatmulAlgoConfigGetAttribute");
        return std::to_string(value);
    };
    device_.note(describe(p),
                 "algorithm " + get(CUBLASLT_ALGO_CONFIG_ID, std::int32_t(0)) + ", tile " +
                     get(CUBLASLT_ALGO_CONFIG_TILE_ID, std::uint32_t(0)) + ", stages " +
                     get(CUBLASLT_ALGO_CONFIG_STAGES_ID, std::uint32_t(0)) + ", split-k " +
                     get(CUBLASLT_ALGO_CONFIG_SPLITK_NUM, std::int32_t(0)) + ", workspace " +
                     std::to_string(plan.chosen.workspaceSize));
}

Cublas& CudaDevice::Libraries::cublas() {
    if (!cublas_) cublas_ = std::make_shared<Cublas>(device_);
    return *cublas_;
}

bool launch_product(const Product& product, CudaStream& stream) {
    return stream.device->libraries().cublas().multiply(product, stream);
}

} // namespace sweetspot
