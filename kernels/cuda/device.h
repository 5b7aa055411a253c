#pragma once
#include "kernels/core/clock.h"
#include "kernels/core/graph.h"
#include "kernels/core/pool.h"
#include "kernels/core/stream.h"
#include "kernels/core/transfers.h"
#include <memory>
#include <string>
#include <vector>

/// The GPU as the host sees it. No header of the toolkit is included here: every build has these
/// declarations, and a build without CUDA, or a machine without a driver, says so in a sentence.
namespace sweetspot {

struct CudaDeviceInfo {
    int index = 0;
    std::string name{};
    std::string pci{};  ///< its place on the bus, by which other libraries know it: 0000:1B:00.0
    int capability = 0; ///< compute capability, major · 10 + minor: 90 is Hopper
    std::size_t memory_bytes = 0;
    std::size_t l2_bytes = 0;
    std::size_t shared_bytes_per_block = 0; ///< with opt-in
    int multiprocessors = 0;
    int driver_version = 0;  ///< newest CUDA the driver knows, 13000 for 13.0
    int runtime_version = 0; ///< of this build
    bool managed_on_demand =
        false; ///< managed memory moves page by page, so it can be oversubscribed
};

/// The GPUs of this machine. Throws Error: unsupported in a build without CUDA, device with a
/// sentence if there is no driver, no GPU, or the driver is older than this build needs.
std::vector<CudaDeviceInfo> cuda_devices();

/// One GPU, opened: a stream to compute on and what the libraries need. Used, like all that comes
/// from it, by the thread that opened it, and must outlive that.
///
/// After some errors (an illegal address, a failed assertion, memory that ECC cannot correct) every
/// call of the process fails; their sentence says so, and is_lost() from then on.
class CudaDevice {
public:
    /// Throws Error(device) as cuda_devices(), or if there is no such index; unsupported if the GPU
    /// is older than compute capability 8.0; bad_input if SWEETSPOT_CUDA_ARCH is not a capability.
    explicit CudaDevice(int index = 0);
    ~CudaDevice();
    CudaDevice(const CudaDevice&) = delete;
    CudaDevice& operator=(const CudaDevice&) = delete;

    const CudaDeviceInfo& info() const;
    /// What kernels are chosen by: info().capability, lowered by SWEETSPOT_CUDA_ARCH (e.g. 80).
    int capability() const;
    CudaStream stream();
    /// Whether only a new process can use the device again.
    bool is_lost() const;

    /// device, managed or pinned. reserve() may be called while a graph is recorded.
    std::unique_ptr<MemorySource> memory(MemoryKind);
    /// With so many streams beside the one that computes.
    std::unique_ptr<Transfers> transfers(int streams);
    /// Records the stream that computes.
    std::unique_ptr<GraphRecorder> graph_recorder();
    std::size_t free_bytes() const;

    /// Of the stream that computes.
    std::unique_ptr<DeviceClock> clock();

    /// Versions of driver and libraries, and which algorithm each product shape got: for a record.
    std::vector<std::pair<std::string, std::string>> facts() const;
    /// Adds a fact, or changes it.
    void note(const std::string& name, const std::string& value);

    struct Libraries; ///< handles of cuBLASLt and cuDNN, loaded at first use
    Libraries& libraries();

private:
    struct Implementation;
    std::unique_ptr<Implementation> own_;
    std::shared_ptr<Libraries> libraries_; // shared, because only its maker knows the type
};

} // namespace sweetspot
