#pragma once
#include <cuda_runtime.h>

namespace sweetspot {

/// While a graph is recorded the driver refuses to allocate memory and to load code, unless the
/// thread says that it knows what it does: neither is a part of the recording. In this scope it
/// does.
class OutsideRecording {
public:
    OutsideRecording() { cudaThreadExchangeStreamCaptureMode(&mode_); }
    ~OutsideRecording() { cudaThreadExchangeStreamCaptureMode(&mode_); }
    OutsideRecording(const OutsideRecording&) = delete;
    OutsideRecording& operator=(const OutsideRecording&) = delete;

private:
    cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

} // namespace sweetspot
