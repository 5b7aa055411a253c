#include "kernels/core/clock.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/device.h"
#include <vector>

namespace sweetspot {

namespace {

/// Marks are events on the stream that computes, which serve again when they were released.
class CudaClock : public DeviceClock {
public:
    explicit CudaClock(cudaStream_t stream) : stream_(stream) {}
    ~CudaClock() override {
        for (const cudaEvent_t event : events_) cudaEventDestroy(event);
    }
    CudaClock(const CudaClock&) = delete;
    CudaClock& operator=(const CudaClock&) = delete;

    Mark mark() override {
        if (free_.empty()) {
            cudaEvent_t event = nullptr;
            check_cuda(cudaEventCreate(&event), "cudaEventCreate");
            free_.push_back(events_.size());
            events_.push_back(event);
            free_.reserve(events_.size()); // so that release() never allocates
        }
        check_cuda(cudaEventRecord(events_[free_.back()], stream_), "cudaEventRecord");
        const Mark mark = free_.back();
        free_.pop_back();
        return mark;
    }

    double seconds(Mark from, Mark to) override {
        check_cuda(cudaEventSynchronize(events_[to]), "cudaEventSynchronize");
        float milliseconds = 0;
        check_cuda(cudaEventElapsedTime(&milliseconds, events_[from], events_[to]),
                   "cudaEventElapsedTime");
        return double(milliseconds) / 1000;
    }

    void release(Mark mark) noexcept override { free_.push_back(mark); }

private:
    cudaStream_t stream_; // not owned
    std::vector<cudaEvent_t> events_{};
    std::vector<Mark> free_{};
};

} // namespace

std::unique_ptr<DeviceClock> CudaDevice::clock() {
    return std::make_unique<CudaClock>(stream().handle);
}

} // namespace sweetspot
