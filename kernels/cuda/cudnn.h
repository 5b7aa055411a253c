#pragma once
#include "kernels/cuda/libraries.h"
#include <cudnn.h>
#include <map>
#include <memory>
#include <vector>

/// cuDNN by its backend API: everything is a descriptor that is made, given attributes and
/// finished.
namespace sweetspot {

/// The library's functions, by its own declarations.
struct CudnnFunctions {
    /// Throws Error(unsupported) if the library is missing.
    CudnnFunctions();
    /// Throws Error(device) with the library's own words unless `status` is success.
    void check(cudnnStatus_t status, const char* what) const;
    /// The library's words for the last failure.
    std::string why() const;

    SharedLibrary library;
    decltype(&::cudnnGetVersion) version = nullptr;
    decltype(&::cudnnGetErrorString) status_text = nullptr;
    decltype(&::cudnnGetLastErrorString) last_error = nullptr;
    decltype(&::cudnnCreate) create = nullptr;
    decltype(&::cudnnDestroy) destroy = nullptr;
    decltype(&::cudnnSetStream) set_stream = nullptr;
    decltype(&::cudnnBackendCreateDescriptor) create_descriptor = nullptr;
    decltype(&::cudnnBackendDestroyDescriptor) destroy_descriptor = nullptr;
    decltype(&::cudnnBackendSetAttribute) set_attribute = nullptr;
    decltype(&::cudnnBackendGetAttribute) get_attribute = nullptr;
    decltype(&::cudnnBackendFinalize) finalize = nullptr;
    decltype(&::cudnnBackendExecute) execute = nullptr;
};

/// One descriptor. Move-only; lives no longer than the functions.
class CudnnDescriptor {
public:
    CudnnDescriptor(const CudnnFunctions&, cudnnBackendDescriptorType_t);
    ~CudnnDescriptor();
    CudnnDescriptor(CudnnDescriptor&& other) noexcept;
    CudnnDescriptor& operator=(CudnnDescriptor&&) = delete;

    /// The attribute's type follows from T.
    template <class T>
    CudnnDescriptor& set(cudnnBackendAttributeName_t name, const T& value) {
        set(name, type_of(T{}), 1, &value);
        return *this;
    }
    template <class T>
    CudnnDescriptor& set(cudnnBackendAttributeName_t name, const std::vector<T>& values) {
        set(name, type_of(T{}), std::int64_t(values.size()), values.data());
        return *this;
    }
    CudnnDescriptor& set(cudnnBackendAttributeName_t name, const CudnnDescriptor& value) {
        return set(name, value.handle_);
    }
    CudnnDescriptor& set_pointers(cudnnBackendAttributeName_t name,
                                  const std::vector<void*>& values) {
        set(name, CUDNN_TYPE_VOID_PTR, std::int64_t(values.size()), values.data());
        return *this;
    }
    CudnnDescriptor& finish();
    bool try_finish(); ///< false if the library does not support it

    cudnnBackendDescriptor_t handle() const { return handle_; }
    const CudnnFunctions& call() const { return *call_; }

private:
    static cudnnBackendAttributeType_t type_of(std::int64_t) { return CUDNN_TYPE_INT64; }
    static cudnnBackendAttributeType_t type_of(float) { return CUDNN_TYPE_FLOAT; }
    static cudnnBackendAttributeType_t type_of(double) { return CUDNN_TYPE_DOUBLE; }
    static cudnnBackendAttributeType_t type_of(bool) { return CUDNN_TYPE_BOOLEAN; }
    static cudnnBackendAttributeType_t type_of(char) { return CUDNN_TYPE_CHAR; }
    static cudnnBackendAttributeType_t type_of(cudnnHandle_t) { return CUDNN_TYPE_HANDLE; }
    static cudnnBackendAttributeType_t type_of(cudnnDataType_t) { return CUDNN_TYPE_DATA_TYPE; }
    static cudnnBackendAttributeType_t type_of(cudnnBackendHeurMode_t) {
        return CUDNN_TYPE_HEUR_MODE;
    }
    static cudnnBackendAttributeType_t type_of(cudnnPointwiseMode_t) {
        return CUDNN_TYPE_POINTWISE_MODE;
    }
    static cudnnBackendAttributeType_t type_of(cudnnReduceTensorOp_t) {
        return CUDNN_TYPE_REDUCTION_OPERATOR_TYPE;
    }
    static cudnnBackendAttributeType_t type_of(void*) { return CUDNN_TYPE_BACKEND_DESCRIPTOR; }
    void set(cudnnBackendAttributeName_t, cudnnBackendAttributeType_t, std::int64_t count,
             const void* values);

    const CudnnFunctions* call_;
    cudnnBackendDescriptor_t handle_ = nullptr;
};

class AttentionPlan;
struct AttentionShape;

/// cuDNN on one device, with the plans that were made so far.
class Cudnn {
public:
    /// Throws Error(unsupported) if the library is missing, device if it cannot start.
    explicit Cudnn(CudaDevice&);
    ~Cudnn();
    Cudnn(const Cudnn&) = delete;
    Cudnn& operator=(const Cudnn&) = delete;

    /// Made at first use, which takes a while. Throws Error(unsupported) if cuDNN has no engine for
    /// it, or none that is content with the workspace (see AttentionPlan).
    AttentionPlan& plan(const AttentionShape&);
    /// Work goes to this stream from now on.
    cudnnHandle_t on(const CudaStream&);

private:
    CudaDevice& device_;
    CudnnFunctions call_;
    cudnnHandle_t handle_ = nullptr;
    std::map<AttentionShape, std::unique_ptr<AttentionPlan>> plans_;
};

} // namespace sweetspot
