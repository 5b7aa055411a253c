#pragma once
#include "kernels/core/context.h"
#include "profiler/instrument.h"
#include "profiler/profiler.h"

namespace sweetspot {

/// Records one pass: the regions that the engine enters, the memory it takes, and what instruments
/// see meanwhile. Not thread-safe: the engine's thread has it.
///
///     Recorder recorder(context, instruments);
///     recorder.prepare([&] { run_step(…); });               // graphs are recorded again
///     const Trace trace = recorder.record([&] { run_step(…); });
class Recorder : public Observer {
public:
    /// Neither is owned.
    Recorder(Context&, std::vector<Instrument*>);
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    /// A pass that is watched and not kept, where there are graphs: they are recorded anew, so that
    /// their nodes are known by the regions that made them. Throws what `pass` throws.
    template <class Pass>
    void prepare(Pass&& pass) {
        if (!context_.graphs || !follows_graphs()) return;
        context_.graphs->clear();
        watch([&] { pass(); });
    }

    /// The trace of a pass, to whose end the device is waited for. Throws what `pass` throws.
    template <class Pass>
    Trace record(Pass&& pass) {
        begin();
        try {
            watch([&] {
                pass();
                context_.synchronize();
            });
        } catch (...) {
            stop();
            throw;
        }
        return end();
    }

    void began(const Work&) noexcept override;
    void ended() noexcept override;
    void allocated(Purpose, MemoryKind, std::size_t bytes) noexcept override;
    void freed(Purpose, MemoryKind, std::size_t bytes) noexcept override;
    bool follows_graphs() const noexcept override;

private:
    template <class Pass>
    void watch(Pass&& pass) {
        const Watching watching(context_, *this);
        pass();
    }
    void begin();
    void stop();
    Trace end();

    Context& context_;
    std::vector<Instrument*> instruments_;
    std::vector<std::string> name_list_{};
    Names names_{name_list_};
    std::vector<TraceRegion>
        regions_{}; ///< of all passes: a graph's nodes may be of an earlier one
    std::vector<MemoryChange> memory_{}; ///< of this pass
    std::array<std::int64_t, purpose_count> live_at_begin_{};
    std::vector<Index> open_{}; ///< regions, outermost first
    Nanoseconds origin_ = 0;
};

} // namespace sweetspot
