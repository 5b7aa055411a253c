#include "profiler/recorder.h"
#include <algorithm>

namespace sweetspot {

Recorder::Recorder(Context& context, std::vector<Instrument*> instruments)
    : context_(context), instruments_(std::move(instruments)) {}

bool Recorder::follows_graphs() const noexcept {
    return std::any_of(instruments_.begin(), instruments_.end(),
                       [](const Instrument* one) { return one->follows_graphs(); });
}

void Recorder::began(const Work& work) noexcept {
    const auto index = Index(regions_.size());
    regions_.push_back({.name = names_(work.name),
                        .parent = open_.empty() ? none : open_.back(),
                        .begin = now(),
                        .cost = work.cost,
                        .op = work.dtype.has_value(),
                        .dtype = work.dtype.value_or(DType::f32)});
    open_.push_back(index);
    for (Instrument* one : instruments_) one->entered(index);
}

void Recorder::ended() noexcept {
    for (Instrument* one : instruments_) one->left();
    regions_[open_.back()].end = now();
    open_.pop_back();
}

void Recorder::allocated(Purpose purpose, MemoryKind, std::size_t bytes) noexcept {
    memory_.push_back({now(), purpose, open_.empty() ? none : open_.back(), std::int64_t(bytes)});
}

void Recorder::freed(Purpose purpose, MemoryKind, std::size_t bytes) noexcept {
    memory_.push_back({now(), purpose, open_.empty() ? none : open_.back(), -std::int64_t(bytes)});
}

void Recorder::begin() {
    context_.synchronize();
    memory_.clear();
    const auto& live = context_.allocator.use().live;
    std::copy(live.begin(), live.end(), live_at_begin_.begin());
    for (std::size_t i = 0; i < instruments_.size(); ++i) try {
            instruments_[i]->start();
        } catch (...) {
            while (i > 0) instruments_[--i]->stop();
            throw;
        }
    origin_ = now();
}

namespace {

/// Regions of this pass, and those of earlier ones that its activities are of; the others go.
void keep_what_is_used(Trace& trace, Nanoseconds origin) {
    std::vector<bool> used(trace.regions.size());
    for (std::size_t i = 0; i < used.size(); ++i) used[i] = trace.regions[i].begin >= origin;
    for (const Activity& activity : trace.activities)
        for (Index r = activity.region; r != none && !used[r]; r = trace.regions[r].parent)
            used[r] = true;
    std::vector<Index> moved(used.size(), none);
    std::vector<TraceRegion> kept;
    for (std::size_t i = 0; i < used.size(); ++i) {
        if (!used[i]) continue;
        TraceRegion region = trace.regions[i];
        if (region.parent != none) region.parent = moved[region.parent];
        moved[i] = Index(kept.size());
        kept.push_back(region);
    }
    trace.regions = std::move(kept);
    for (Activity& activity : trace.activities)
        if (activity.region != none) activity.region = moved[activity.region];
    for (RegionCount& count : trace.counts) count.region = moved[count.region];
    for (ThreadSpan& span : trace.threads)
        if (span.region != none) span.region = moved[span.region];
    for (MemoryChange& change : trace.memory)
        if (change.region != none) change.region = moved[change.region];
}

} // namespace

void Recorder::stop() {
    for (Instrument* one : instruments_) one->stop();
}

Trace Recorder::end() {
    const Nanoseconds end = now();
    stop();
    Trace trace{.regions = regions_, .memory = memory_, .live_at_begin = live_at_begin_};
    for (Instrument* one : instruments_) one->fill(trace, names_);
    trace.names = name_list_;
    keep_what_is_used(trace, origin_);
    const auto by_begin = [](const auto& a, const auto& b) { return a.begin < b.begin; };
    std::stable_sort(trace.activities.begin(), trace.activities.end(), by_begin);
    const auto since_begin = [&](Nanoseconds& time) { time -= origin_; };
    for (TraceRegion& region : trace.regions) since_begin(region.begin), since_begin(region.end);
    for (Activity& activity : trace.activities)
        since_begin(activity.begin), since_begin(activity.end);
    for (Reading& reading : trace.readings) since_begin(reading.time);
    for (MemoryChange& change : trace.memory) since_begin(change.time);
    for (ThreadSpan& span : trace.threads) since_begin(span.begin), since_begin(span.end);
    trace.end = end - origin_;
    return trace;
}

} // namespace sweetspot
