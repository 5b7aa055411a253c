// The vendor's libraries, in builds with CUDA. Needs no GPU.
#include "kernels/cuda/cudnn_attention.h"
#include "kernels/ops/matmul.h"
#include "tests/suite.h"
#include <QFile>
#include <QTest>

using namespace sweetspot;

namespace {

/// An H100, as cuDNN writes down the properties of a device.
constexpr std::string_view h100 = R"({"deviceName": "NVIDIA H100 80GB HBM3", "cudaDeviceId": 0,
    "deviceVer": 900, "driverVer": 13000, "multiProcessorCount": 132, "warpSize": 32,
    "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64],
    "regsPerBlock": 65536, "maxRegistersPerSM": 65536, "maxSharedMemoryPerBlock": 49152,
    "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024,
    "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "pciDeviceId": 0,
    "isTccDriver": 0, "supportCoopLaunch": 1, "smClockRateKHz": 1980000,
    "memClockRateKHz": 2619000, "l2CacheSize": 52428800, "totalGlobalMem": 85000000000})";

/// Why there is no plan, or nothing.
QString refusal(const CudnnDescriptor& properties, const AttentionShape& shape) {
    try {
        const AttentionPlan plan(properties, shape);
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

} // namespace

class LibrariesTest : public QObject {
    Q_OBJECT
private slots:
    void the_cpu_opens_no_library_of_cuda() {
        HostAllocator memory;
        Context context(CpuStream{.threads = 1}, memory);
        const Tensor a(memory, {1, 32}, DType::f32), c(memory, {1, 64}, DType::f32);
        const Tensor source(memory, {64, 32}, DType::f32);
        const Tensor packed(memory, packed_shape(64, 32, DType::f32), DType::f32);
        run(PackWeight{.sources = {source}, .packed = packed}, context);
        run(MatMul{.a = a, .weight = {.data = packed, .n = 64, .k = 32}, .c = c}, context);
        QFile maps("/proc/self/maps");
        QVERIFY(maps.open(QIODevice::ReadOnly));
        const QByteArray mapped = maps.readAll();
        QVERIFY(mapped.contains("libc.so"));
        for (const char* name : {"libcuda", "libcublas", "libcudnn", "libnvrtc"})
            QVERIFY2(!mapped.contains(name), name);
    }

    void a_missing_library_is_named_with_what_is_lost() {
        try {
            SharedLibrary({"libnothing.so.7"}, "there is no poetry");
            QFAIL("opened");
        } catch (const Error& error) {
            const QString sentence = error.what();
            QCOMPARE(int(error.kind), int(Failure::unsupported));
            for (const char* words : {"libnothing.so.7", "no poetry", "/lib64", "LD_LIBRARY_PATH"})
                QVERIFY2(sentence.contains(words), qPrintable(sentence));
        }
    }

    void a_missing_function_is_named() {
        const SharedLibrary library({"libm.so.6"}, "there is no arithmetic");
        double (*cosine)(double) = nullptr;
        library.find(cosine, "cos");
        QCOMPARE(cosine(0), 1.0);
        QVERIFY_THROWS_EXCEPTION(Error, library.find(cosine, "cos_of_another_version"));
    }

    /// Without a driver, the library's engine gets as far as looking for it.
    void cudnn_knows_the_graph_of_attention() {
        std::unique_ptr<CudnnFunctions> call;
        try {
            call = std::make_unique<CudnnFunctions>();
        } catch (const Error& error) {
            QSKIP(error.what());
        }
        CudnnDescriptor properties(*call, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
        properties
            .set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                 std::vector<char>(h100.begin(), h100.end()))
            .finish();
        for (const DType type : {DType::bf16, DType::f16})
            for (const std::int64_t head_size : {16, 64, 80, 128})
                for (const bool causal : {false, true})
                    for (const int layout : {0, 1, 2}) {
                        const AttentionShape shape{.sequences = 3,
                                                   .rows = layout == 1 ? 333 : 512,
                                                   .heads = 8,
                                                   .kv_heads = head_size == 64 ? 2 : 8,
                                                   .head_size = head_size,
                                                   .q_stride = 3 * 8 * head_size,
                                                   .k_stride = 3 * 8 * head_size,
                                                   .v_stride = 3 * 8 * head_size,
                                                   .y_stride = 8 * head_size,
                                                   .type = type,
                                                   .causal = causal,
                                                   .masked = layout > 0,
                                                   .ragged = layout == 2};
                        const QString why = refusal(properties, shape);
                        QVERIFY2(why.isEmpty() || why.contains("libcuda") ||
                                     why.contains("cuLibraryLoadData"),
                                 qPrintable(why));
                    }
    }
};

SWEETSPOT_TEST(LibrariesTest)
#include "libraries_test.moc"
