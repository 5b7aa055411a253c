#pragma once
#include "cuda_runtime_api.h"
#include <functional>

/// The machine behind the names of cuda_runtime_api.h: one device, whose streams really are
/// asynchronous. When queued work is done depends on set_order (block.h):
///
/// - forward: as late as possible, when the host waits for it; no further than it must.
/// - reverse: the stream that was made first as in forward; all others run ahead of it, each as far
///   as the events that it waits for allow.
/// - random: after each call, random streams do some of their work.
///
/// So a wait that is missing shows as a wrong result in one of them. Memory of the device can be
/// touched only by its work: elsewhere it is a segmentation fault (poisoned for AddressSanitizer).
/// Pinned memory is read when a copy runs, pageable memory at the call, as CUDA does.
namespace emulation {

/// Gives a stream work to do; while the stream is captured, work to record.
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);

/// What the next calls find. 0 devices, a driver of version 0 (there is none) or an old one (12000)
/// are what a machine may have.
void set_device_count(int count);
void set_driver_version(int version);
void set_capability(int capability); ///< major · 10 + minor; 80 at first
void set_device_memory(std::size_t bytes);
/// The allocation after so many more fails, of any kind.
void fail_allocation(int after = 0);

/// What a kernel that did what CUDA does not allow leads to: an emulation::Error thrown by the call
/// that waited for it (at first), or, if sticky, cudaErrorIllegalAddress from each call until
/// reset_device(). In both cases what was queued behind it is dropped.
void set_sticky(bool sticky);
/// As if the device had met this error on its own: each call returns it until reset_device().
void break_device(cudaError_t error);
/// All of the above as at first. Streams, events, graphs and memory stay valid.
void reset_device();

} // namespace emulation
