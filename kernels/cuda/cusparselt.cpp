#include "kernels/cuda/cusparselt.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/cusparselt_api.h"
#include "kernels/cuda/cusparselt_gelu.h"
#include "kernels/cuda/recording.h"
#include "kernels/cuda/scratch.h"
#include "kernels/ops/matmul.h"
#include <algorithm>
#include <bit>
#include <sstream>

/// cuSPARSELt, opened when a weight in 2:4 is first given to it, and asked for one kind of product.
/// It counts by columns: a row-major [rows, columns] is its [columns, rows]. So y = x · weightᵀ is
/// its Y [n, m] = Wᵀ · X of a W [k, n] and an X [k, m] as all three lie in memory, with the weight
/// as the first operand, which alone may be sparse.
namespace sweetspot {

using namespace cusparselt;

namespace {

/// Facts are for reading: so many products are written down.
constexpr std::size_t noted_products = 64;
constexpr std::int64_t weight_step = 16; ///< rows and columns of a sparse operand in 16 bits
constexpr std::uint32_t alignment = 16;  ///< of every operand, in bytes

cudaDataType_t type_of(DType type) {
    return type == DType::f16 ? CUDA_R_16F : CUDA_R_16BF;
}

std::string name_of(DType type) {
    return std::string(names_of(type)[std::size_t(type)]);
}

bool aligned(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer) % alignment == 0;
}

std::string describe(const SparseShape& p, std::int64_t m) {
    return "matmul " + std::to_string(m) + " rows x 2:4 [" + std::to_string(p.n) + ", " +
           std::to_string(p.k) + "]^T, " + name_of(p.type) + (p.bias ? ", bias" : "") +
           (p.gelu ? ", gelu" : "") + (p.searches ? "" : ", not searched");
}

/// How an algorithm is told from others.
struct Choice {
    int algorithm = 0, split = 1, mode = 0, buffers = 0;

    template <class Visit>
    void each(Visit&& visit) {
        visit(CUSPARSELT_MATMUL_ALG_CONFIG_ID, algorithm);
        visit(CUSPARSELT_MATMUL_SPLIT_K, split);
        if (split == 1) return; // the others are refused then
        visit(CUSPARSELT_MATMUL_SPLIT_K_MODE, mode);
        visit(CUSPARSELT_MATMUL_SPLIT_K_BUFFERS, buffers);
    }
    std::string text() const {
        return std::to_string(algorithm) + ' ' + std::to_string(split) + ' ' +
               std::to_string(mode) + ' ' + std::to_string(buffers);
    }
    static std::optional<Choice> from(const std::string& text) {
        std::istringstream parts(text);
        Choice y;
        if (parts >> y.algorithm >> y.split >> y.mode >> y.buffers) return y;
        return {};
    }
};

} // namespace

/// The library's functions, by our declarations of them, and its handle.
struct CusparseLt::Functions {
    Functions() {
        library.find(create, "cusparseLtInit");
        library.find(destroy, "cusparseLtDestroy");
        library.find(property, "cusparseLtGetProperty");
        library.find(status_text, "cusparseLtGetErrorString");
        library.find(dense, "cusparseLtDenseDescriptorInit");
        library.find(sparse, "cusparseLtStructuredDescriptorInit");
        library.find(destroy_matrix, "cusparseLtMatDescriptorDestroy");
        library.find(describe, "cusparseLtMatmulDescriptorInit");
        library.find(set, "cusparseLtMatmulDescSetAttribute");
        library.find(create_selection, "cusparseLtMatmulAlgSelectionInit");
        library.find(destroy_selection, "cusparseLtMatmulAlgSelectionDestroy");
        library.find(set_selection, "cusparseLtMatmulAlgSetAttribute");
        library.find(get_selection, "cusparseLtMatmulAlgGetAttribute");
        library.find(create_plan, "cusparseLtMatmulPlanInit");
        library.find(destroy_plan, "cusparseLtMatmulPlanDestroy");
        library.find(workspace, "cusparseLtMatmulGetWorkspace");
        library.find(multiply, "cusparseLtMatmul");
        library.find(search, "cusparseLtMatmulSearch");
        library.find(compressed_size, "cusparseLtSpMMACompressedSize2");
        library.find(compress, "cusparseLtSpMMACompress2");
        check(create(&handle), "cusparseLtInit");
    }
    ~Functions() { destroy(&handle); }
    Functions(const Functions&) = delete;
    Functions& operator=(const Functions&) = delete;

    void check(cusparseStatus_t status, const char* what) const {
        if (status == CUSPARSE_STATUS_SUCCESS) return;
        const Failure kind = status == CUSPARSE_STATUS_ALLOC_FAILED    ? Failure::out_of_memory
                             : status == CUSPARSE_STATUS_ARCH_MISMATCH ? Failure::unsupported
                                                                       : Failure::device;
        throw Error(kind, std::string("cuSPARSELt: ") + what + ": " + status_text(status));
    }
    /// Whether it can be done; what is wrong with the device or its memory is thrown.
    bool can(cusparseStatus_t status, const char* what) const {
        if (status == CUSPARSE_STATUS_NOT_SUPPORTED || status == CUSPARSE_STATUS_INVALID_VALUE ||
            status == CUSPARSE_STATUS_INSUFFICIENT_RESOURCES)
            return false;
        check(status, what);
        return true;
    }

    SharedLibrary library{{"libcusparseLt.so.0"},
                          "the device cuda has no products of weights in 2:4 (it comes with "
                          "PyPI's nvidia-cusparselt-cu13, not with the CUDA Toolkit)"};
    decltype(&cusparseLtInit) create = nullptr;
    decltype(&cusparseLtDestroy) destroy = nullptr;
    decltype(&cusparseLtGetProperty) property = nullptr;
    decltype(&cusparseLtGetErrorString) status_text = nullptr;
    decltype(&cusparseLtDenseDescriptorInit) dense = nullptr;
    decltype(&cusparseLtStructuredDescriptorInit) sparse = nullptr;
    decltype(&cusparseLtMatDescriptorDestroy) destroy_matrix = nullptr;
    decltype(&cusparseLtMatmulDescriptorInit) describe = nullptr;
    decltype(&cusparseLtMatmulDescSetAttribute) set = nullptr;
    decltype(&cusparseLtMatmulAlgSelectionInit) create_selection = nullptr;
    decltype(&cusparseLtMatmulAlgSelectionDestroy) destroy_selection = nullptr;
    decltype(&cusparseLtMatmulAlgSetAttribute) set_selection = nullptr;
    decltype(&cusparseLtMatmulAlgGetAttribute) get_selection = nullptr;
    decltype(&cusparseLtMatmulPlanInit) create_plan = nullptr;
    decltype(&cusparseLtMatmulPlanDestroy) destroy_plan = nullptr;
    decltype(&cusparseLtMatmulGetWorkspace) workspace = nullptr;
    decltype(&cusparseLtMatmul) multiply = nullptr;
    decltype(&cusparseLtMatmulSearch) search = nullptr;
    decltype(&cusparseLtSpMMACompressedSize2) compressed_size = nullptr;
    decltype(&cusparseLtSpMMACompress2) compress = nullptr;
    cusparseLtHandle_t handle{};
};

/// Descriptors of one product. They point to each other: they stay where they are.
struct CusparseLt::Plan {
    explicit Plan(const Functions& call) : call(call) {}
    ~Plan() {
        if (planned) call.destroy_plan(&plan);
        if (selected) call.destroy_selection(&selection);
        for (int i = 0; i < made; ++i) call.destroy_matrix(&matrices[i]);
    }
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

    const Functions& call;
    cusparseLtMatDescriptor_t matrices[3]{}; ///< weight, x, y
    cusparseLtMatmulDescriptor_t product{};
    cusparseLtMatmulAlgSelection_t selection{};
    cusparseLtMatmulPlan_t plan{};
    int made = 0; ///< of the matrices
    bool selected = false, planned = false, possible = false;
    std::size_t workspace_bytes = 0;
};

CusparseLt::CusparseLt(CudaDevice& device)
    : device_(device), call_(std::make_unique<Functions>()), tuned_("cusparselt.txt") {
    for (const auto part : {MAJOR_VERSION, MINOR_VERSION, PATCH_LEVEL}) {
        int value = 0;
        call_->check(call_->property(part, &value), "cusparseLtGetProperty");
        version_ += (version_.empty() ? "" : ".") + std::to_string(value);
    }
    device.note("cusparseLt", version_);
}

CusparseLt::~CusparseLt() {
    plans_.clear();
}

std::optional<std::string> CusparseLt::refusal(std::int64_t n, std::int64_t k, DType type) {
    const std::string shape = "[" + std::to_string(n) + ", " + std::to_string(k) + "]";
    if (type != DType::bf16 && type != DType::f16)
        return "cuSPARSELt is asked for products in 16 bits";
    if (n % weight_step || k % weight_step || n < 1 || k < 1)
        return "no kernel takes " + shape + ": cuSPARSELt wants multiples of " +
               std::to_string(weight_step);
    Plan plan(*call_);
    if (!call_->can(call_->sparse(&call_->handle, &plan.matrices[0], k, n, k, alignment,
                                  type_of(type), CUSPARSE_ORDER_COL,
                                  CUSPARSELT_SPARSITY_50_PERCENT),
                    "cusparseLtStructuredDescriptorInit"))
        return "cuSPARSELt refuses a sparse " + shape;
    plan.made = 1;
    std::size_t bytes = 0, scratch = 0;
    call_->check(call_->compressed_size(&call_->handle, &plan.matrices[0], &bytes, &scratch),
                 "cusparseLtSpMMACompressedSize2");
    const auto format =
        type == DType::f16 ? WeightFormat::two_of_four_f16 : WeightFormat::two_of_four_bf16;
    if (k % block_format(format).numbers || bytes > packed_bytes(format, n, k, DType::u8))
        return "cuSPARSELt stores " + shape + " in " + std::to_string(bytes) +
               " bytes, more than 9/16 of the dense ones";
    return {};
}

void CusparseLt::compress(In weight, Out compressed, CudaStream& stream) {
    const std::int64_t n = weight.shape[0], k = weight.shape[1];
    if (const auto why = refusal(n, k, weight.dtype)) throw Error(Failure::unsupported, *why);
    Plan plan(*call_);
    call_->check(call_->sparse(&call_->handle, &plan.matrices[0], k, n, weight.stride(), alignment,
                               type_of(weight.dtype), CUSPARSE_ORDER_COL,
                               CUSPARSELT_SPARSITY_50_PERCENT),
                 "cusparseLtStructuredDescriptorInit");
    plan.made = 1;
    std::size_t bytes = 0, scratch_bytes = 0;
    call_->check(call_->compressed_size(&call_->handle, &plan.matrices[0], &bytes, &scratch_bytes),
                 "cusparseLtSpMMACompressedSize2");
    const OutsideRecording outside;
    const DeviceScratch scratch(std::max<std::size_t>(scratch_bytes, 1));
    check_cuda(cudaMemsetAsync(compressed.data, 0, compressed.bytes(), stream.handle),
               "cudaMemsetAsync"); // what the library leaves of the room for it
    CUstream_st* handle = stream.handle;
    call_->check(call_->compress(&call_->handle, &plan.matrices[0], 1, CUSPARSE_OPERATION_TRANSPOSE,
                                 weight.data, compressed.data, scratch.memory(), handle),
                 "cusparseLtSpMMACompress2");
    stream.synchronize(); // its scratch goes
}

bool CusparseLt::multiply(const SparseProduct& p, CudaStream& stream) {
    const SparseShape shape{.m = p.x.shape[0],
                            .n = p.y.shape[1],
                            .k = p.x.shape[1],
                            .x_stride = p.x.stride(),
                            .y_stride = p.y.stride(),
                            .type = p.x.dtype,
                            .bias = p.bias,
                            .gelu = p.gelu,
                            .searches = p.searches};
    for (const void* pointer : {p.x.data, p.weight, static_cast<const void*>(p.y.data), p.bias})
        if (!aligned(pointer)) return false;
    std::unique_ptr<Plan>& plan = plans_[shape];
    if (!plan) plan = make_plan(shape, p, stream);
    if (!plan->possible) return false;
    const float alpha = 1, beta = 0;
    CUstream_st* handle = stream.handle;
    call_->check(call_->multiply(&call_->handle, &plan->plan, &alpha, p.weight, p.x.data, &beta,
                                 p.y.data, p.y.data, stream.workspace, &handle, 1),
                 "cusparseLtMatmul");
    return true;
}

std::unique_ptr<CusparseLt::Plan>
CusparseLt::make_plan(const SparseShape& p, const SparseProduct& product, CudaStream& stream) {
    auto plan = std::make_unique<Plan>(*call_);
    auto& [weight, x, y] = plan->matrices;
    const auto type = type_of(p.type);
    const auto make = [&](cusparseStatus_t status, const char* what) {
        if (!call_->can(status, what)) return false;
        ++plan->made;
        return true;
    };
    if (!make(call_->sparse(&call_->handle, &weight, p.k, p.n, p.k, alignment, type,
                            CUSPARSE_ORDER_COL, CUSPARSELT_SPARSITY_50_PERCENT),
              "cusparseLtStructuredDescriptorInit") ||
        !make(call_->dense(&call_->handle, &x, p.k, p.m, p.x_stride, alignment, type,
                           CUSPARSE_ORDER_COL),
              "cusparseLtDenseDescriptorInit") ||
        !make(call_->dense(&call_->handle, &y, p.n, p.m, p.y_stride, alignment, type,
                           CUSPARSE_ORDER_COL),
              "cusparseLtDenseDescriptorInit") ||
        !call_->can(call_->describe(&call_->handle, &plan->product, CUSPARSE_OPERATION_TRANSPOSE,
                                    CUSPARSE_OPERATION_NON_TRANSPOSE, &weight, &x, &y, &y,
                                    CUSPARSE_COMPUTE_32F),
                    "cusparseLtMatmulDescriptorInit"))
        return plan;
    const auto set = [&](cusparseLtMatmulDescAttribute_t what, const auto& value) {
        call_->check(call_->set(&call_->handle, &plan->product, what, &value, sizeof value),
                     "cusparseLtMatmulDescSetAttribute");
    };
    if (p.bias) set(CUSPARSELT_MATMUL_BIAS_POINTER, p.bias);
    if (p.gelu) set(CUSPARSELT_MATMUL_ACTIVATION_GELU, 1);
    const std::string how = choose(p, product, *plan, stream);
    if (plans_.size() > noted_products)
        device_.note("2:4 products in all", std::to_string(plans_.size()));
    else
        device_.note(describe(p, p.m), how);
    return plan;
}

/// Makes the plan with the algorithm that is known, searched or the library's first. How it was.
std::string CusparseLt::choose(const SparseShape& p, const SparseProduct& product, Plan& plan,
                               CudaStream& stream) {
    const auto select = [&] {
        if (plan.selected) call_->destroy_selection(&plan.selection);
        plan.selected =
            call_->can(call_->create_selection(&call_->handle, &plan.selection, &plan.product,
                                               CUSPARSELT_MATMUL_ALG_DEFAULT),
                       "cusparseLtMatmulAlgSelectionInit");
        return plan.selected;
    };
    if (!select()) return "no algorithm";
    const std::string what = describe(p, std::int64_t(std::bit_ceil(std::uint64_t(p.m))));
    const auto kept = known(what);
    if (std::optional<Choice> choice; p.searches && kept && (choice = Choice::from(*kept))) {
        bool set = true;
        choice->each([&](cusparseLtMatmulAlgAttribute_t attribute, int value) {
            const int usual = attribute == CUSPARSELT_MATMUL_SPLIT_K ? 1 : 0;
            const bool begins_so = attribute != CUSPARSELT_MATMUL_ALG_CONFIG_ID && value == usual;
            if (!set || begins_so) return;
            set = call_->can(call_->set_selection(&call_->handle, &plan.selection, attribute,
                                                  &value, sizeof value),
                             "cusparseLtMatmulAlgSetAttribute");
        });
        if (set) start_plan(plan);
        if (plan.possible) return "algorithm " + choice->text() + ", known from a search";
        if (!select()) return "no algorithm"; // this version has it no more
    }
    start_plan(plan);
    cudaStreamCaptureStatus capture{};
    check_cuda(cudaStreamIsCapturing(stream.handle, &capture), "cudaStreamIsCapturing");
    const bool records = capture != cudaStreamCaptureStatusNone;
    if (p.searches && plan.possible && !records && search(product, plan, stream)) {
        Choice found;
        found.each([&](cusparseLtMatmulAlgAttribute_t attribute, int& value) {
            call_->check(call_->get_selection(&call_->handle, &plan.selection, attribute, &value,
                                              sizeof value),
                         "cusparseLtMatmulAlgGetAttribute");
        });
        start_plan(plan);
        if (plan.possible) {
            keep(what, found.text());
            return "algorithm " + found.text() + ", searched";
        }
        if (!select()) return "no algorithm";
        start_plan(plan); // what was found wants more workspace than there is
    }
    return plan.possible ? "the library's first algorithm" : "no algorithm";
}

/// Anew, if it was made before.
void CusparseLt::start_plan(Plan& plan) {
    if (plan.planned) call_->destroy_plan(&plan.plan);
    plan.planned =
        call_->can(call_->create_plan(&call_->handle, &plan.plan, &plan.product, &plan.selection),
                   "cusparseLtMatmulPlanInit");
    plan.possible = plan.planned;
    if (!plan.planned) return;
    call_->check(call_->workspace(&call_->handle, &plan.plan, &plan.workspace_bytes),
                 "cusparseLtMatmulGetWorkspace");
    plan.possible = plan.workspace_bytes <= MatMul::library_workspace_bytes;
}

/// With workspace of the library's own, since what algorithms want differs. y is written.
bool CusparseLt::search(const SparseProduct& p, Plan& plan, CudaStream& stream) {
    stream.synchronize();
    const float alpha = 1, beta = 0;
    CUstream_st* handle = stream.handle;
    return call_->can(call_->search(&call_->handle, &plan.plan, &alpha, p.weight, p.x.data, &beta,
                                    p.y.data, p.y.data, nullptr, &handle, 1),
                      "cusparseLtMatmulSearch");
}

GeluForm CusparseLt::gelu_form(DType type) {
    const auto found = gelu_forms_.find(type);
    if (found != gelu_forms_.end()) return found->second;
    const GeluForm form = find_gelu_form(*this, device_, type);
    constexpr const char* names[] = {"neither erf nor tanh", "erf", "tanh"};
    device_.note("cusparseLt gelu, " + name_of(type), names[std::size_t(form)]);
    return gelu_forms_[type] = form;
}

std::string CusparseLt::key(const std::string& what) const {
    return device_.info().name + ", cuSPARSELt " + version_ + ", " + what;
}
std::optional<std::string> CusparseLt::known(const std::string& what) const {
    return tuned_.find(key(what));
}
void CusparseLt::keep(const std::string& what, const std::string& value) {
    tuned_.add(key(what), value);
}

CusparseLt& CudaDevice::Libraries::cusparselt() {
    if (!cusparselt_) {
        const OutsideRecording outside;
        cusparselt_ = std::make_shared<CusparseLt>(device_);
    }
    return *cusparselt_;
}

} // namespace sweetspot
