#pragma once
#include "app/analysis/budget.h"
#include "app/analysis/reasons.h"
#include "app/analysis/rounds.h"

/// Which run to take. Three steps, so that a page can do each when it has to: weigh() the runs by
/// one to three objectives when they change; recommend() when a budget is dragged, which costs
/// a microsecond a run; explain() what was recommended.
namespace sweetspot {

/// A run that counts: done, with a value of every objective.
struct Spot {
    std::size_t run = 0; ///< its place among the runs
    Objectives values{};
    Placed placed{};                     ///< `leader` is a place among the spots
    Judgement judged = Judgement::exact; ///< by the first objective, by which ties are told
    std::vector<RoundValue> rounds{};    ///< of it; empty where the run is flagged
};

/// A run that does not.
struct LeftOut {
    std::size_t run = 0;
    std::string why{}; ///< "failed: out of memory: ...", "has no perplexity"; no full stop
};

struct Spots {
    std::vector<std::string> objectives{}; ///< metrics; the first is the one to recommend by
    std::vector<Spot> points{};
    std::vector<std::size_t> order{}; ///< of the points, the best first, by their values alone
    std::vector<LeftOut> left_out{};
    std::vector<std::string> notes{}; ///< sentences: several machines, one round, other tokens, …
};

/// `objectives`: one to three metrics that have a better direction. `baseline` decides which losses
/// are comparable: those over the tokens that it scored; without one, over those most runs scored.
Spots weigh(std::span<const RunRecord>, std::span<const std::string> objectives,
            const RunRecord* baseline = nullptr, const CompareOptions& = {});

/// What is beyond a budget.
struct Miss {
    Budget budget{};
    std::string text{}; ///< "peak memory is 30 GiB, 25 % over 24 GiB"
};

struct Recommendation {
    std::optional<std::size_t> pick{};    ///< a place among the runs: the best that fits
    std::vector<std::size_t> ties{};      ///< likewise: those that fit and may be as good
    std::vector<bool> fits{};             ///< of each spot
    std::optional<std::size_t> nearest{}; ///< where nothing fits: the run that is least beyond
    std::vector<Miss> misses{};           ///< of the nearest
};

/// Within all budgets, the best by the first objective; of equal ones the better by the next.
Recommendation recommend(std::span<const RunRecord>, const Spots&, std::span<const Budget>,
                         const RunRecord* baseline = nullptr, const CompareOptions& = {});

/// Takes a run that was recommended before instead, if it fits and may be as good: while runs come
/// in, a recommendation changes only where that is certain.
void keep_recommended(Recommendation&, std::size_t before);

/// What there is to say of a recommendation.
struct Explanation {
    std::vector<MetricComparison> gains{}; ///< of the objectives and what people look at first
    std::vector<Reasons> reasons{};        ///< of each objective in which pick and baseline differ
    std::vector<std::string> warnings{};   ///< compare()'s of baseline and pick
    std::vector<RunConfig> missing{};      ///< points that would tell more, each once
    std::vector<std::string> sentences{};  ///< all of it in words
};
/// `baseline` may be null: then nothing is gained against it. There is a pick.
Explanation explain(std::span<const RunRecord>, const Spots&, const Recommendation&,
                    const RunRecord* baseline, const CompareOptions& = {});

/// What runs are held against if nobody says: the first that is done, of a sweep the first value of
/// every axis. Null if none is.
const RunRecord* default_baseline(std::span<const RunRecord>);

} // namespace sweetspot
