#include "kernels/core/graph.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/device.h"

namespace sweetspot {

namespace {

class CudaGraph : public Graph {
public:
    CudaGraph(cudaGraph_t recorded, cudaStream_t stream) : stream_(stream) {
        check_cuda(cudaGraphInstantiate(&ready_, recorded, 0), "cudaGraphInstantiate");
    }
    ~CudaGraph() override { cudaGraphExecDestroy(ready_); }
    CudaGraph(const CudaGraph&) = delete;
    CudaGraph& operator=(const CudaGraph&) = delete;
    void launch() override { check_cuda(cudaGraphLaunch(ready_, stream_), "cudaGraphLaunch"); }

private:
    cudaStream_t stream_; // not owned
    cudaGraphExec_t ready_ = nullptr;
};

class CudaGraphRecorder : public GraphRecorder {
public:
    explicit CudaGraphRecorder(cudaStream_t stream) : stream_(stream) {}

    void begin() override {
        check_cuda(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal),
                   "cudaStreamBeginCapture");
    }

    std::unique_ptr<Graph> end() override {
        cudaGraph_t recorded = nullptr;
        check_cuda(cudaStreamEndCapture(stream_, &recorded), "cudaStreamEndCapture");
        const std::unique_ptr<CUgraph_st, cudaError_t (*)(cudaGraph_t)> owner(recorded,
                                                                              cudaGraphDestroy);
        return std::make_unique<CudaGraph>(recorded, stream_);
    }

    void abandon() noexcept override {
        cudaGraph_t recorded = nullptr;
        cudaStreamEndCapture(stream_, &recorded);
        if (recorded) cudaGraphDestroy(recorded);
        cudaGetLastError(); // forget that the recording failed
    }

private:
    cudaStream_t stream_; // not owned
};

} // namespace

std::unique_ptr<GraphRecorder> CudaDevice::graph_recorder() {
    return std::make_unique<CudaGraphRecorder>(stream().handle);
}

} // namespace sweetspot
