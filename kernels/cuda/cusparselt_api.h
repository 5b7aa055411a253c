#pragma once
#include <cstddef>
#include <cstdint>

/// What is called of cuSPARSELt, whose header does not come with the CUDA Toolkit: declarations
/// after the library's documentation, alike in 0.8 and 0.10, with the names that it exports. Types
/// that the caller only holds are as large as they are there.
/// In a namespace, because the toolkit has some of the same types.
struct CUstream_st;

namespace sweetspot::cusparselt {

extern "C" {

struct alignas(16) cusparseLtHandle_t {
    std::uint8_t data[512];
};
struct alignas(16) cusparseLtMatDescriptor_t {
    std::uint8_t data[512];
};
struct alignas(16) cusparseLtMatmulDescriptor_t {
    std::uint8_t data[512];
};
struct alignas(16) cusparseLtMatmulAlgSelection_t {
    std::uint8_t data[512];
};
struct alignas(16) cusparseLtMatmulPlan_t {
    std::uint8_t data[512];
};

enum cusparseStatus_t : int {
    CUSPARSE_STATUS_SUCCESS = 0,
    CUSPARSE_STATUS_NOT_INITIALIZED = 1,
    CUSPARSE_STATUS_ALLOC_FAILED = 2,
    CUSPARSE_STATUS_INVALID_VALUE = 3,
    CUSPARSE_STATUS_ARCH_MISMATCH = 4,
    CUSPARSE_STATUS_EXECUTION_FAILED = 6,
    CUSPARSE_STATUS_INTERNAL_ERROR = 7,
    CUSPARSE_STATUS_NOT_SUPPORTED = 10,
    CUSPARSE_STATUS_INSUFFICIENT_RESOURCES = 11
};
enum cusparseOrder_t : int { CUSPARSE_ORDER_COL = 1 };
enum cusparseOperation_t : int {
    CUSPARSE_OPERATION_NON_TRANSPOSE = 0,
    CUSPARSE_OPERATION_TRANSPOSE = 1
};
enum cudaDataType_t : int { CUDA_R_16F = 2, CUDA_R_16BF = 14 };
enum libraryPropertyType_t : int { MAJOR_VERSION = 0, MINOR_VERSION = 1, PATCH_LEVEL = 2 };
enum cusparseLtSparsity_t : int { CUSPARSELT_SPARSITY_50_PERCENT = 0 };
enum cusparseComputeType : int { CUSPARSE_COMPUTE_32F = 2 };
enum cusparseLtMatmulAlg_t : int { CUSPARSELT_MATMUL_ALG_DEFAULT = 0 };
enum cusparseLtMatmulDescAttribute_t : int {
    CUSPARSELT_MATMUL_ACTIVATION_GELU = 3, ///< int
    CUSPARSELT_MATMUL_BIAS_POINTER = 8     ///< void*
};
enum cusparseLtMatmulAlgAttribute_t : int { ///< of int, but for the mode, an enum
    CUSPARSELT_MATMUL_ALG_CONFIG_ID = 0,
    CUSPARSELT_MATMUL_SPLIT_K = 3,
    CUSPARSELT_MATMUL_SPLIT_K_MODE = 4,
    CUSPARSELT_MATMUL_SPLIT_K_BUFFERS = 5
};

cusparseStatus_t cusparseLtInit(cusparseLtHandle_t*);
cusparseStatus_t cusparseLtDestroy(const cusparseLtHandle_t*);
cusparseStatus_t cusparseLtGetProperty(libraryPropertyType_t, int* value);
const char* cusparseLtGetErrorString(cusparseStatus_t);

cusparseStatus_t cusparseLtDenseDescriptorInit(const cusparseLtHandle_t*,
                                               cusparseLtMatDescriptor_t*, std::int64_t rows,
                                               std::int64_t columns, std::int64_t stride,
                                               std::uint32_t alignment, cudaDataType_t,
                                               cusparseOrder_t);
cusparseStatus_t cusparseLtStructuredDescriptorInit(const cusparseLtHandle_t*,
                                                    cusparseLtMatDescriptor_t*, std::int64_t rows,
                                                    std::int64_t columns, std::int64_t stride,
                                                    std::uint32_t alignment, cudaDataType_t,
                                                    cusparseOrder_t, cusparseLtSparsity_t);
cusparseStatus_t cusparseLtMatDescriptorDestroy(const cusparseLtMatDescriptor_t*);
cusparseStatus_t cusparseLtMatmulDescriptorInit(
    const cusparseLtHandle_t*, cusparseLtMatmulDescriptor_t*, cusparseOperation_t of_a,
    cusparseOperation_t of_b, const cusparseLtMatDescriptor_t* a,
    const cusparseLtMatDescriptor_t* b, const cusparseLtMatDescriptor_t* c,
    const cusparseLtMatDescriptor_t* d, cusparseComputeType);
cusparseStatus_t cusparseLtMatmulDescSetAttribute(const cusparseLtHandle_t*,
                                                  cusparseLtMatmulDescriptor_t*,
                                                  cusparseLtMatmulDescAttribute_t, const void* data,
                                                  std::size_t bytes);

cusparseStatus_t cusparseLtMatmulAlgSelectionInit(const cusparseLtHandle_t*,
                                                  cusparseLtMatmulAlgSelection_t*,
                                                  const cusparseLtMatmulDescriptor_t*,
                                                  cusparseLtMatmulAlg_t);
cusparseStatus_t cusparseLtMatmulAlgSelectionDestroy(const cusparseLtMatmulAlgSelection_t*);
cusparseStatus_t cusparseLtMatmulAlgSetAttribute(const cusparseLtHandle_t*,
                                                 cusparseLtMatmulAlgSelection_t*,
                                                 cusparseLtMatmulAlgAttribute_t, const void* data,
                                                 std::size_t bytes);
cusparseStatus_t cusparseLtMatmulAlgGetAttribute(const cusparseLtHandle_t*,
                                                 const cusparseLtMatmulAlgSelection_t*,
                                                 cusparseLtMatmulAlgAttribute_t, void* data,
                                                 std::size_t bytes);

cusparseStatus_t cusparseLtMatmulPlanInit(const cusparseLtHandle_t*, cusparseLtMatmulPlan_t*,
                                          const cusparseLtMatmulDescriptor_t*,
                                          const cusparseLtMatmulAlgSelection_t*);
cusparseStatus_t cusparseLtMatmulPlanDestroy(const cusparseLtMatmulPlan_t*);
cusparseStatus_t cusparseLtMatmulGetWorkspace(const cusparseLtHandle_t*,
                                              const cusparseLtMatmulPlan_t*, std::size_t* bytes);
/// d = alpha · op(a) · op(b) + beta · c.
cusparseStatus_t cusparseLtMatmul(const cusparseLtHandle_t*, const cusparseLtMatmulPlan_t*,
                                  const void* alpha, const void* a, const void* b, const void* beta,
                                  const void* c, void* d, void* workspace, CUstream_st** streams,
                                  std::int32_t stream_count);
/// Likewise, again and again, until the plan's selection is of the fastest algorithm.
cusparseStatus_t cusparseLtMatmulSearch(const cusparseLtHandle_t*, cusparseLtMatmulPlan_t*,
                                        const void* alpha, const void* a, const void* b,
                                        const void* beta, const void* c, void* d, void* workspace,
                                        CUstream_st** streams, std::int32_t stream_count);

cusparseStatus_t cusparseLtSpMMACompressedSize2(const cusparseLtHandle_t*,
                                                const cusparseLtMatDescriptor_t*,
                                                std::size_t* bytes, std::size_t* scratch_bytes);
cusparseStatus_t cusparseLtSpMMACompress2(const cusparseLtHandle_t*,
                                          const cusparseLtMatDescriptor_t*, int is_a,
                                          cusparseOperation_t, const void* dense, void* compressed,
                                          void* scratch, CUstream_st*);
} // extern "C"

} // namespace sweetspot::cusparselt
