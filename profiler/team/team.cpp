#include "profiler/team/team.h"
#include "kernels/core/team_watch.h"
#include <algorithm>
#include <span>

// The team says when its threads worked and knows nothing of regions; the engine's thread, which
// gives it its jobs, says when it entered and left which region. Both are joined by time, since a
// job begins and ends in one region.

namespace sweetspot {

namespace {

constexpr std::size_t most_spans = 1'000'000; ///< a thread

class TeamInstrument : public Instrument {
public:
    std::string_view name() const override { return "threads"; }
    void start() override {
        moves_.clear();
        start_watching_team(most_spans);
    }
    void stop() override { watched_ = stop_watching_team(); }

    void entered(Index region) noexcept override {
        open_.push_back(region);
        moves_.push_back({now(), region});
    }
    void left() noexcept override {
        open_.pop_back();
        moves_.push_back({now(), open_.empty() ? none : open_.back()});
    }

    void fill(Trace& trace, Names&) override {
        trace.dropped += watched_.dropped;
        const auto helpers = std::find_if(watched_.spans.begin(), watched_.spans.end(),
                                          [](const TeamSpan& span) { return span.thread > 0; });
        fill_own(trace, {watched_.spans.begin(), helpers});
        for (auto span = helpers; span != watched_.spans.end(); ++span)
            trace.threads.push_back(
                {std::uint32_t(span->thread), region_at(span->begin), span->begin, span->end});
    }

private:
    struct Move {
        Nanoseconds time;
        Index to;
    };

    /// Where the engine's thread was then.
    Index region_at(Nanoseconds time) const {
        const auto after =
            std::upper_bound(moves_.begin(), moves_.end(), time,
                             [](Nanoseconds t, const Move& move) { return t < move.time; });
        return after == moves_.begin() ? none : std::prev(after)->to;
    }

    /// The engine's thread: all of each op but where it waited at the end of a job.
    void fill_own(Trace& trace, std::span<const TeamSpan> jobs) const {
        auto job = jobs.begin();
        for (std::size_t i = 0; i + 1 < moves_.size(); ++i) {
            const Index region = moves_[i].to;
            if (region == none || !trace.regions[region].op) continue;
            Nanoseconds from = moves_[i].time;
            const Nanoseconds end = moves_[i + 1].time;
            for (; job != jobs.end() && job->begin < end; ++job) {
                if (job->begin < from) continue; // between two ops, of which there are none
                trace.threads.push_back({0, region, from, job->end});
                from = job->over;
            }
            trace.threads.push_back({0, region, from, end});
        }
    }

    std::vector<Index> open_;
    std::vector<Move> moves_; ///< of the engine's thread, by time
    TeamWatched watched_;
};

} // namespace

std::unique_ptr<Instrument> open_team() {
    return std::make_unique<TeamInstrument>();
}

} // namespace sweetspot
