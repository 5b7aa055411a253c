#include "kernels/core/transfers.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/device.h"

namespace sweetspot {

namespace {

class CudaEvent : public Event {
public:
    CudaEvent() {
        // An event that takes no time stamp is the cheaper one to wait for.
        check_cuda(cudaEventCreateWithFlags(&handle_, cudaEventDisableTiming),
                   "cudaEventCreateWithFlags");
    }
    ~CudaEvent() override { cudaEventDestroy(handle_); }
    CudaEvent(const CudaEvent&) = delete;
    CudaEvent& operator=(const CudaEvent&) = delete;
    cudaEvent_t handle() const { return handle_; }

private:
    cudaEvent_t handle_ = nullptr;
};

class CudaTransfers : public Transfers {
public:
    CudaTransfers(CudaDevice& device, int streams)
        : compute_(device.stream().handle), location_{.type = cudaMemLocationTypeDevice,
                                                      .id = device.info().index} {
        for (int i = 0; i < streams; ++i) {
            cudaStream_t stream = nullptr;
            // Non-blocking: the default stream, which libraries may use, does not wait for it.
            check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
                       "cudaStreamCreateWithFlags");
            streams_.emplace_back(stream, cudaStreamDestroy);
        }
    }

    int count() const override { return int(streams_.size()); }

    void copy(int stream, void* to, const void* from, std::size_t bytes) override {
        check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, at(stream)),
                   "cudaMemcpyAsync");
    }

    void prefetch(int stream, const void* data, std::size_t bytes) override {
        check_cuda(cudaMemPrefetchAsync(data, bytes, location_, 0, at(stream)),
                   "cudaMemPrefetchAsync");
    }

    void advise(const void* data, std::size_t bytes, Advice advice) override {
        const auto tell = [&](cudaMemoryAdvise what) {
            check_cuda(cudaMemAdvise(data, bytes, what, location_), "cudaMemAdvise");
        };
        switch (advice) {
        case Advice::none: return;
        case Advice::preferred_location: return tell(cudaMemAdviseSetPreferredLocation);
        case Advice::read_mostly: return tell(cudaMemAdviseSetReadMostly);
        case Advice::accessed_by: return tell(cudaMemAdviseSetAccessedBy);
        }
    }

    std::unique_ptr<Event> make_event() override { return std::make_unique<CudaEvent>(); }

    void record(Event& event, int stream) override {
        check_cuda(cudaEventRecord(static_cast<CudaEvent&>(event).handle(), at(stream)),
                   "cudaEventRecord");
    }

    void wait(int stream, const Event& event) override {
        const auto handle = static_cast<const CudaEvent&>(event).handle();
        check_cuda(cudaStreamWaitEvent(at(stream), handle, 0), "cudaStreamWaitEvent");
    }

private:
    cudaStream_t at(int stream) const {
        return stream == compute ? compute_ : streams_.at(std::size_t(stream)).get();
    }

    cudaStream_t compute_; // not owned
    cudaMemLocation location_;
    std::vector<std::unique_ptr<CUstream_st, cudaError_t (*)(cudaStream_t)>> streams_{};
};

} // namespace

std::unique_ptr<Transfers> CudaDevice::transfers(int streams) {
    return std::make_unique<CudaTransfers>(*this, streams);
}

} // namespace sweetspot
