// Streams, events and graphs.
#include "machine.h"
#include "watch.h"
#include <algorithm>

namespace emulation {

cudaError_t Machine::outside_capture() {
    cudaError_t result = cudaSuccess;
    std::erase_if(captures, [](const auto& capture) { return capture.expired(); });
    for (const auto& weak : captures) {
        const auto capture = weak.lock();
        if (capture->mode == cudaStreamCaptureModeRelaxed ||
            capture_mode == cudaStreamCaptureModeRelaxed)
            continue;
        capture->invalid = true;
        result = cudaErrorStreamCaptureUnsupported;
    }
    return result;
}

cudaError_t Machine::give(Stream& stream, std::function<void()> work) {
    if (!stream.capture) {
        const std::uint64_t correlation = watcher() ? watcher()->called() : 0;
        streams.give(stream, {watched(std::move(work), correlation, 0)});
        return cudaSuccess;
    }
    if (stream.capture->invalid) return cudaErrorStreamCaptureInvalidated;
    stream.capture->recording.branches[stream.branch].push_back(
        {.work = std::move(work), .id = watcher() ? watcher()->node_made() : 0});
    return cudaSuccess;
}

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
    return call([&](Machine& m) { return m.give(*m.stream(stream), std::move(work)); });
}

/// The same for libraries that this program opens, which know no more of it than that.
extern "C" int emulation_launch(cudaStream_t stream, void (*work)(void*), void* argument) {
    return enqueue(stream, [=] { work(argument); });
}

namespace {

cudaError_t spoil(Capture& capture, cudaError_t error) {
    capture.invalid = true;
    return error;
}

/// `stream` waits for an event that was recorded while its stream was captured.
cudaError_t wait_for_captured(const std::shared_ptr<Stream>& stream, const EventState& event) {
    const auto capture = event.capture.lock();
    if (!capture) return cudaErrorCapturedEvent;
    if (capture->invalid) return cudaErrorStreamCaptureInvalidated;
    if (stream->capture && stream->capture != capture) {
        stream->capture->invalid = true;
        return spoil(*capture, cudaErrorStreamCaptureMerge);
    }
    if (!stream->capture) Capture::join(capture, stream);
    capture->recording.branches[stream->branch].push_back({nullptr, event.branch, event.until});
    return cudaSuccess;
}

/// Does some work, as time goes by while the host asks.
cudaError_t query(Machine& m, Stream& stream, std::size_t until) {
    if (stream.done >= until) return cudaSuccess;
    m.streams.finish(stream, stream.done + 1);
    return cudaErrorNotReady;
}

} // namespace
} // namespace emulation

using namespace emulation;

cudaError_t cudaDeviceSynchronize() {
    return call([](Machine& m) {
        if (const cudaError_t refused = m.outside_capture()) return refused;
        m.streams.finish_all();
        return cudaSuccess;
    });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* handle, unsigned) {
    return call([&](Machine& m) {
        auto state = std::make_shared<Stream>();
        state->runs_ahead = m.streams.all.size() > 1; // the default stream is always there
        m.streams.all.push_back(state);
        *handle = new CUstream_st{std::move(state)};
        return cudaSuccess;
    });
}
cudaError_t cudaStreamDestroy(cudaStream_t handle) {
    return call_to_release([&](Machine& m, const auto& finish) {
        if (!handle) return cudaErrorInvalidResourceHandle;
        finish();
        std::erase(m.streams.all, handle->state);
        delete handle;
        return cudaSuccess;
    });
}
cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
    return call([&](Machine& m) {
        const auto stream = m.stream(handle);
        if (stream->capture) return spoil(*stream->capture, cudaErrorStreamCaptureUnsupported);
        m.streams.finish(*stream, stream->given);
        return cudaSuccess;
    });
}
cudaError_t cudaStreamQuery(cudaStream_t handle) {
    return call([&](Machine& m) {
        const auto stream = m.stream(handle);
        if (stream->capture) return spoil(*stream->capture, cudaErrorStreamCaptureUnsupported);
        return query(m, *stream, stream->given);
    });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
    return call([&](Machine& m) {
        const auto stream = m.stream(handle);
        const EventState& state = *event->state;
        if (state.captured) return wait_for_captured(stream, state);
        if (!state.stream) return cudaSuccess; // never recorded
        if (stream->capture) return spoil(*stream->capture, cudaErrorStreamCaptureIsolation);
        m.streams.give(*stream, {nullptr, state.stream, state.until});
        return cudaSuccess;
    });
}

// ---- events

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* handle, unsigned flags) {
    return call([&](Machine&) {
        *handle = new CUevent_st{std::make_shared<EventState>()};
        (*handle)->state->timed = !(flags & cudaEventDisableTiming);
        return cudaSuccess;
    });
}
cudaError_t cudaEventCreate(cudaEvent_t* handle) {
    return cudaEventCreateWithFlags(handle, cudaEventDefault);
}
cudaError_t cudaEventDestroy(cudaEvent_t handle) {
    return call_to_release([&](Machine&, const auto&) {
        delete handle;
        return cudaSuccess;
    });
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
    return call([&](Machine& m) {
        const auto stream = m.stream(handle);
        const auto state = event->state;
        state->captured = stream->capture != nullptr;
        state->capture = stream->capture;
        if (stream->capture) {
            if (stream->capture->invalid) return cudaErrorStreamCaptureInvalidated;
            state->branch = stream->branch;
            state->until = stream->capture->recording.branches[stream->branch].size();
            return cudaSuccess;
        }
        state->stream = stream;
        state->until = stream->given + 1;
        m.streams.give(*stream, {[state] { state->time = std::chrono::steady_clock::now(); }});
        return cudaSuccess;
    });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    return call([&](Machine& m) {
        if (event->state->captured) return m.outside_capture(), cudaErrorCapturedEvent;
        if (event->state->stream) m.streams.finish(*event->state->stream, event->state->until);
        return cudaSuccess;
    });
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
    return call([&](Machine& m) {
        if (event->state->captured) return m.outside_capture(), cudaErrorCapturedEvent;
        if (!event->state->stream) return cudaSuccess;
        return query(m, *event->state->stream, event->state->until);
    });
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t stop) {
    return call([&](Machine&) {
        for (const cudaEvent_t event : {start, stop}) {
            if (!event->state->timed || !event->state->stream)
                return cudaErrorInvalidResourceHandle;
            if (!event->state->happened()) return cudaErrorNotReady;
        }
        const auto elapsed = stop->state->time - start->state->time;
        *milliseconds = std::chrono::duration<float, std::milli>(elapsed).count();
        return cudaSuccess;
    });
}

// ---- graphs

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
    return call([&](Machine& m) {
        if (!handle) return cudaErrorStreamCaptureUnsupported;
        if (handle->state->capture) return cudaErrorIllegalState;
        const auto capture = std::make_shared<Capture>();
        capture->mode = mode;
        Capture::join(capture, handle->state);
        m.captures.push_back(capture);
        return cudaSuccess;
    });
}
cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
    *graph = nullptr;
    return call([&](Machine& m) {
        const auto capture = m.stream(handle)->capture;
        if (!capture) return cudaErrorIllegalState;
        if (handle->state->branch != 0) return spoil(*capture, cudaErrorStreamCaptureUnmatched);
        capture->end();
        if (capture->invalid) return cudaErrorStreamCaptureInvalidated;
        if (!capture->recording.joined()) return cudaErrorStreamCaptureUnjoined;
        *graph = new CUgraph_st{std::make_shared<Recording>(std::move(capture->recording))};
        return cudaSuccess;
    });
}
cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
    return call([&](Machine& m) {
        const auto capture = m.stream(handle)->capture;
        *status = !capture           ? cudaStreamCaptureStatusNone
                  : capture->invalid ? cudaStreamCaptureStatusInvalidated
                                     : cudaStreamCaptureStatusActive;
        return cudaSuccess;
    });
}
cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
    return std::swap(machine().capture_mode, *mode), cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* ready, cudaGraph_t graph, unsigned long long) {
    return call([&](Machine&) {
        if (!graph) return cudaErrorInvalidValue;
        *ready = new CUgraphExec_st{std::make_shared<const Recording>(graph->recording->cloned())};
        return cudaSuccess;
    });
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t ready, cudaStream_t stream) {
    if (!ready) return cudaErrorInvalidValue;
    return enqueue(stream, [recording = ready->recording] { recording->run(); });
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t ready) {
    return call_to_release([&](Machine&, const auto&) {
        delete ready;
        return cudaSuccess;
    });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    return call_to_release([&](Machine&, const auto&) {
        delete graph;
        return cudaSuccess;
    });
}
