// Our regions as NVTX's listeners see them; one of ours stands in for Nsight Systems.
#include "kernels/core/shared_library.h"
#include "profiler/nvtx/nvtx.h"
#include <QtTest>

using namespace sweetspot;

class NvtxTest : public QObject {
    Q_OBJECT
private slots:
    void a_listener_sees_regions_and_ops_nested_as_they_are() {
        qputenv("NVTX_INJECTION64_PATH", NVTX_FILE); // read at the first call
        HostAllocator memory;
        Context context{CpuStream{}, memory};
        {
            const auto ranges = open_nvtx_ranges(context);
            const Region layer(context, "layer 3");
            const Region op(context, Work{.name = "matmul", .dtype = DType::f32});
        }
        { const Region unseen(context, "afterwards"); }
        const SharedLibrary listener({NVTX_FILE}, "there is nothing to test with");
        const char* (*told)() = nullptr;
        listener.find(told, "what_nvtx_told");
        QCOMPARE(QByteArray(told()),
                 QByteArray("domain sweetspot\n( layer 3\n( matmul\n)\n)\nover\n"));
    }
};

QTEST_GUILESS_MAIN(NvtxTest)
#include "nvtx_test.moc"
