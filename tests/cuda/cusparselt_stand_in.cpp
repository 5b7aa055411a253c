#include "tests/cuda/cusparselt_stand_in.h"
#include "kernels/core/float_types.h"
#include "kernels/cuda/cusparselt_api.h"
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

/// The emulated GPU's, of the program that opened this library.
extern "C" int emulation_launch(CUstream_st*, void (*work)(void*), void* argument);

namespace {

using namespace sweetspot::cusparselt;

stand_in::CusparseLt own;

/// What the caller holds, without knowing it.
struct Matrix {
    std::int64_t rows, columns, stride;
    cudaDataType_t type;
    bool sparse;
};
struct Product {
    Matrix a, b, d;
    const void* bias;
    int gelu;
};
struct Selection {
    const Product* product;
    int algorithm, split, mode, buffers;
};
struct Plan {
    const Product* product;
    Selection* selection;
};
template <class What, class Opaque>
What& in(Opaque* held) {
    static_assert(sizeof(What) <= sizeof held->data);
    return *reinterpret_cast<What*>(const_cast<std::uint8_t*>(held->data));
}

/// As told; otherwise what is right or wrong with the call.
cusparseStatus_t answer(const char* name, bool right = true,
                        cusparseStatus_t otherwise = CUSPARSE_STATUS_INVALID_VALUE) {
    if (own.failing == name) return cusparseStatus_t(own.result);
    return right ? CUSPARSE_STATUS_SUCCESS : otherwise;
}
bool is_16_bits(cudaDataType_t type) {
    return type == CUDA_R_16F || type == CUDA_R_16BF;
}
bool divides(std::int64_t step, const Matrix& m) {
    return m.rows > 0 && m.columns > 0 && m.rows % step == 0 && m.columns % step == 0 &&
           m.stride % step == 0 && m.stride >= m.rows;
}
bool aligned(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
}
float number(std::uint16_t bits, cudaDataType_t type) {
    if (type == CUDA_R_16F) return float(std::bit_cast<_Float16>(bits));
    sweetspot::BFloat16 x;
    x.bits = bits;
    return to_float(x);
}
std::uint16_t bits(float x, cudaDataType_t type) {
    if (type == CUDA_R_16F) return std::bit_cast<std::uint16_t>(_Float16(x));
    return sweetspot::to_bfloat16(x).bits;
}

/// Work of the device, in its turn. A graph may do it again: it is kept.
cusparseStatus_t queue(CUstream_st* stream, std::function<void()> work) {
    static std::vector<std::unique_ptr<std::function<void()>>> kept;
    kept.push_back(std::make_unique<std::function<void()>>(std::move(work)));
    const auto call = [](void* held) { (*static_cast<std::function<void()>*>(held))(); };
    return emulation_launch(stream, call, kept.back().get()) ? CUSPARSE_STATUS_EXECUTION_FAILED
                                                             : CUSPARSE_STATUS_SUCCESS;
}

std::size_t value_bytes(const Matrix& m) {
    return std::size_t(m.rows * m.columns); // half of them, in two bytes
}

/// Values, and behind them four bits for each four numbers: which two they are.
void compress(const Matrix& m, const std::uint16_t* dense, std::uint8_t* to) {
    auto* values = reinterpret_cast<std::uint16_t*>(to);
    std::uint8_t* places = to + value_bytes(m);
    std::memset(places, 0, std::size_t(m.rows * m.columns) / 8);
    std::size_t group = 0;
    for (std::int64_t column = 0; column < m.columns; ++column)
        for (std::int64_t row = 0; row < m.rows; row += 4, ++group) {
            int found = 0;
            int where[2] = {0, 1};
            for (int i = 0; i < 4; ++i) {
                if (number(dense[column * m.stride + row + i], m.type) == 0) continue;
                if (found < 2)
                    where[found] = i;
                else
                    own.lost = true;
                ++found;
            }
            if (found == 1) where[1] = where[0] == 3 ? 2 : 3;
            for (int i = 0; i < 2; ++i)
                values[2 * group + std::size_t(i)] = dense[column * m.stride + row + where[i]];
            places[group / 2] =
                std::uint8_t(places[group / 2] | (where[0] | where[1] << 2) << (group % 2 * 4));
        }
}

float gelu(float x) {
    if (own.erf) return 0.5f * x * (1 + std::erf(x * float(M_SQRT1_2)));
    return 0.5f * x * (1 + std::tanh(float(M_2_SQRTPI * M_SQRT1_2) * (x + 0.044715f * x * x * x)));
}

void multiply(const Product& p, const std::uint8_t* a, const std::uint16_t* b, std::uint16_t* d) {
    const auto* values = reinterpret_cast<const std::uint16_t*>(a);
    const std::uint8_t* places = a + value_bytes(p.a);
    const std::int64_t k = p.a.rows, n = p.a.columns;
    std::vector<float> row(static_cast<std::size_t>(k));
    for (std::int64_t out = 0; out < n; ++out) {
        row.assign(row.size(), 0);
        for (std::int64_t i = 0; i < k; i += 4) {
            const auto group = std::size_t(out * k + i) / 4;
            const int pair = places[group / 2] >> (group % 2 * 4) & 15;
            row[std::size_t(i + (pair & 3))] += number(values[2 * group], p.a.type);
            row[std::size_t(i + (pair >> 2))] += number(values[2 * group + 1], p.a.type);
        }
        const float bias =
            p.bias ? number(static_cast<const std::uint16_t*>(p.bias)[out], p.a.type) : 0;
        for (std::int64_t m = 0; m < p.b.columns; ++m) {
            float sum = bias;
            for (std::int64_t i = 0; i < k; ++i)
                sum += row[std::size_t(i)] * number(b[m * p.b.stride + i], p.b.type);
            d[m * p.d.stride + out] = bits(p.gelu ? gelu(sum) : sum, p.d.type);
        }
    }
}

} // namespace

extern "C" stand_in::CusparseLt* cusparselt_stand_in() {
    return &own;
}

namespace sweetspot::cusparselt {

extern "C" {

cusparseStatus_t cusparseLtInit(cusparseLtHandle_t*) {
    return ++own.objects, answer("cusparseLtInit");
}
cusparseStatus_t cusparseLtDestroy(const cusparseLtHandle_t*) {
    return --own.objects, answer("cusparseLtDestroy");
}
cusparseStatus_t cusparseLtGetProperty(libraryPropertyType_t part, int* value) {
    return *value = part == MINOR_VERSION ? 8
                    : part == PATCH_LEVEL ? 1
                                          : 0,
           answer("cusparseLtGetProperty");
}
const char* cusparseLtGetErrorString(cusparseStatus_t status) {
    return status == CUSPARSE_STATUS_NOT_INITIALIZED ? "initialization error" : "another error";
}

cusparseStatus_t cusparseLtDenseDescriptorInit(const cusparseLtHandle_t*,
                                               cusparseLtMatDescriptor_t* made, std::int64_t rows,
                                               std::int64_t columns, std::int64_t stride,
                                               std::uint32_t alignment, cudaDataType_t type,
                                               cusparseOrder_t order) {
    const Matrix m{rows, columns, stride, type, false};
    const bool right =
        divides(8, m) && alignment == 16 && is_16_bits(type) && order == CUSPARSE_ORDER_COL;
    const auto status = answer("cusparseLtDenseDescriptorInit", right);
    if (status == CUSPARSE_STATUS_SUCCESS) in<Matrix>(made) = m, ++own.objects;
    return status;
}
cusparseStatus_t cusparseLtStructuredDescriptorInit(const cusparseLtHandle_t*,
                                                    cusparseLtMatDescriptor_t* made,
                                                    std::int64_t rows, std::int64_t columns,
                                                    std::int64_t stride, std::uint32_t alignment,
                                                    cudaDataType_t type, cusparseOrder_t order,
                                                    cusparseLtSparsity_t) {
    const Matrix m{rows, columns, stride, type, true};
    const bool right =
        divides(16, m) && alignment == 16 && is_16_bits(type) && order == CUSPARSE_ORDER_COL;
    const auto status = answer("cusparseLtStructuredDescriptorInit", right);
    if (status == CUSPARSE_STATUS_SUCCESS) in<Matrix>(made) = m, ++own.objects;
    return status;
}
cusparseStatus_t cusparseLtMatDescriptorDestroy(const cusparseLtMatDescriptor_t*) {
    return --own.objects, answer("cusparseLtMatDescriptorDestroy");
}

cusparseStatus_t cusparseLtMatmulDescriptorInit(
    const cusparseLtHandle_t*, cusparseLtMatmulDescriptor_t* made, cusparseOperation_t of_a,
    cusparseOperation_t of_b, const cusparseLtMatDescriptor_t* a,
    const cusparseLtMatDescriptor_t* b, const cusparseLtMatDescriptor_t* c,
    const cusparseLtMatDescriptor_t* d, cusparseComputeType compute) {
    const auto &left = in<Matrix>(a), &right = in<Matrix>(b), &result = in<Matrix>(d);
    in<Product>(made) = {left, right, result, nullptr, 0};
    return answer("cusparseLtMatmulDescriptorInit",
                  left.sparse && !right.sparse && c == d && of_a == CUSPARSE_OPERATION_TRANSPOSE &&
                      of_b == CUSPARSE_OPERATION_NON_TRANSPOSE && left.rows == right.rows &&
                      left.columns == result.rows && right.columns == result.columns &&
                      compute == CUSPARSE_COMPUTE_32F,
                  CUSPARSE_STATUS_NOT_SUPPORTED);
}
cusparseStatus_t cusparseLtMatmulDescSetAttribute(const cusparseLtHandle_t*,
                                                  cusparseLtMatmulDescriptor_t* held,
                                                  cusparseLtMatmulDescAttribute_t what,
                                                  const void* data, std::size_t bytes) {
    Product& p = in<Product>(held);
    const bool bias = what == CUSPARSELT_MATMUL_BIAS_POINTER;
    if (bias) std::memcpy(&p.bias, data, sizeof p.bias);
    if (what == CUSPARSELT_MATMUL_ACTIVATION_GELU) std::memcpy(&p.gelu, data, sizeof p.gelu);
    return answer("cusparseLtMatmulDescSetAttribute",
                  bytes == (bias ? sizeof(void*) : sizeof(int)));
}

cusparseStatus_t cusparseLtMatmulAlgSelectionInit(const cusparseLtHandle_t*,
                                                  cusparseLtMatmulAlgSelection_t* made,
                                                  const cusparseLtMatmulDescriptor_t* product,
                                                  cusparseLtMatmulAlg_t) {
    in<Selection>(made) = {&in<Product>(product), 0, 1, 0, 0};
    const auto status = answer("cusparseLtMatmulAlgSelectionInit");
    if (status == CUSPARSE_STATUS_SUCCESS) ++own.objects;
    return status;
}
cusparseStatus_t cusparseLtMatmulAlgSelectionDestroy(const cusparseLtMatmulAlgSelection_t*) {
    return --own.objects, answer("cusparseLtMatmulAlgSelectionDestroy");
}

namespace {
int* attribute(Selection& s, cusparseLtMatmulAlgAttribute_t what) {
    switch (what) {
    case CUSPARSELT_MATMUL_ALG_CONFIG_ID: return &s.algorithm;
    case CUSPARSELT_MATMUL_SPLIT_K: return &s.split;
    case CUSPARSELT_MATMUL_SPLIT_K_MODE: return &s.mode;
    case CUSPARSELT_MATMUL_SPLIT_K_BUFFERS: return &s.buffers;
    }
    return nullptr;
}
} // namespace

cusparseStatus_t cusparseLtMatmulAlgSetAttribute(const cusparseLtHandle_t*,
                                                 cusparseLtMatmulAlgSelection_t* held,
                                                 cusparseLtMatmulAlgAttribute_t what,
                                                 const void* data, std::size_t bytes) {
    int value = 0;
    std::memcpy(&value, data, sizeof value);
    int* at = attribute(in<Selection>(held), what);
    const bool known = what != CUSPARSELT_MATMUL_ALG_CONFIG_ID || value < own.algorithms;
    if (at && known) *at = value;
    return answer("cusparseLtMatmulAlgSetAttribute", at && known && bytes == sizeof value);
}
cusparseStatus_t cusparseLtMatmulAlgGetAttribute(const cusparseLtHandle_t*,
                                                 const cusparseLtMatmulAlgSelection_t* held,
                                                 cusparseLtMatmulAlgAttribute_t what, void* data,
                                                 std::size_t bytes) {
    const int* at = attribute(in<Selection>(held), what);
    if (at) std::memcpy(data, at, sizeof *at);
    return answer("cusparseLtMatmulAlgGetAttribute", at && bytes == sizeof *at);
}

cusparseStatus_t cusparseLtMatmulPlanInit(const cusparseLtHandle_t*, cusparseLtMatmulPlan_t* made,
                                          const cusparseLtMatmulDescriptor_t* product,
                                          const cusparseLtMatmulAlgSelection_t* selection) {
    in<Plan>(made) = {&in<Product>(product), &in<Selection>(selection)};
    const auto status = answer("cusparseLtMatmulPlanInit");
    if (status == CUSPARSE_STATUS_SUCCESS) ++own.objects;
    return status;
}
cusparseStatus_t cusparseLtMatmulPlanDestroy(const cusparseLtMatmulPlan_t*) {
    return --own.objects, answer("cusparseLtMatmulPlanDestroy");
}
cusparseStatus_t cusparseLtMatmulGetWorkspace(const cusparseLtHandle_t*,
                                              const cusparseLtMatmulPlan_t* plan,
                                              std::size_t* bytes) {
    return *bytes = in<Plan>(plan).selection->algorithm == own.fastest ? own.its_workspace : 0,
           answer("cusparseLtMatmulGetWorkspace");
}
cusparseStatus_t cusparseLtMatmul(const cusparseLtHandle_t*, const cusparseLtMatmulPlan_t* plan,
                                  const void* alpha, const void* a, const void* b, const void* beta,
                                  const void* c, void* d, void*, CUstream_st** streams,
                                  std::int32_t stream_count) {
    const Product product = *in<Plan>(plan).product;
    const bool right = *static_cast<const float*>(alpha) == 1 &&
                       *static_cast<const float*>(beta) == 0 && c == d && stream_count == 1 &&
                       aligned(a) && aligned(b) && aligned(d) && aligned(product.bias);
    const auto status = answer("cusparseLtMatmul", right);
    if (status != CUSPARSE_STATUS_SUCCESS) return status;
    ++own.products;
    own.algorithm = in<Plan>(plan).selection->algorithm;
    own.bias = product.bias, own.gelu = product.gelu, own.rows = product.b.columns;
    return queue(streams[0], [=] {
        std::this_thread::sleep_for(std::chrono::microseconds(own.microseconds));
        if (own.computes)
            multiply(product, static_cast<const std::uint8_t*>(a),
                     static_cast<const std::uint16_t*>(b), static_cast<std::uint16_t*>(d));
    });
}
cusparseStatus_t cusparseLtMatmulSearch(const cusparseLtHandle_t*, cusparseLtMatmulPlan_t* plan,
                                        const void*, const void*, const void*, const void*,
                                        const void*, void* d, void*, CUstream_st** streams,
                                        std::int32_t) {
    const auto status = answer("cusparseLtMatmulSearch");
    if (status != CUSPARSE_STATUS_SUCCESS) return status;
    ++own.searches;
    in<Plan>(plan).selection->algorithm = own.fastest;
    return queue(streams[0], [d] { std::memset(d, 0xff, 2); }); // it writes there
}

cusparseStatus_t cusparseLtSpMMACompressedSize2(const cusparseLtHandle_t*,
                                                const cusparseLtMatDescriptor_t* held,
                                                std::size_t* bytes, std::size_t* scratch_bytes) {
    const Matrix& m = in<Matrix>(held);
    *bytes = std::size_t(m.rows * m.columns) * 9 / 8 + own.more_bytes;
    *scratch_bytes = 64;
    return answer("cusparseLtSpMMACompressedSize2", m.sparse);
}
cusparseStatus_t cusparseLtSpMMACompress2(const cusparseLtHandle_t*,
                                          const cusparseLtMatDescriptor_t* held, int is_a,
                                          cusparseOperation_t operation, const void* dense,
                                          void* compressed, void* scratch, CUstream_st* stream) {
    const Matrix m = in<Matrix>(held);
    const auto status =
        answer("cusparseLtSpMMACompress2",
               is_a && operation == CUSPARSE_OPERATION_TRANSPOSE && scratch && aligned(compressed));
    if (status != CUSPARSE_STATUS_SUCCESS) return status;
    ++own.compressions;
    return queue(stream, [=] {
        std::memset(scratch, 0, 64);
        compress(m, static_cast<const std::uint16_t*>(dense),
                 static_cast<std::uint8_t*>(compressed));
    });
}

} // extern "C"

} // namespace sweetspot::cusparselt
