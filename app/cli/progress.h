#pragma once
#include "app/analysis/estimate.h"
#include "app/experiment/plan.h"
#include <chrono>
#include <filesystem>

namespace sweetspot {

/// Tells on standard error how a sweep goes: a line a round, and on a terminal one for each step of
/// a training and below them one that moves, with the phase and the time left.
class Progress {
public:
    /// `flops`: predicted work of each run, 0 where unknown; the estimate is by it.
    Progress(const std::vector<PlannedRun>&, std::vector<double> flops, TimeEstimate);
    ~Progress(); ///< takes the moving line away

    void phase(std::size_t index, const Phase&);
    void say_step(std::size_t index, const std::string& line); ///< of a training; on a terminal
    void round_ended(std::size_t index, int round, const RunRecord&);
    void ended(std::size_t index, const RunRecord&); ///< all rounds, or it failed

private:
    void draw(const std::string& doing);
    void say(std::size_t index, const RunRecord&, const std::string& which);
    void clear();
    std::string point(const RunConfig&) const;
    std::string time_left() const;
    std::optional<double> training_left() const; ///< seconds, by the steps so far

    const std::vector<PlannedRun>& runs_;
    std::vector<double> flops_;
    TimeEstimate estimate_;
    std::vector<std::string> varying_;
    std::vector<int> pending_;          ///< rounds of each run that are yet to end
    std::size_t count_ = 0, ended_ = 0; ///< rounds
    bool terminal_ = false, drawn_ = false;
    std::chrono::steady_clock::time_point run_began_, last_drawn_{};
    std::optional<Phase> training_{}; ///< as it began to be told, of the run under way
    std::chrono::steady_clock::time_point training_began_{};
    double trained_share_ = 0;
};

/// Tells on standard error that a file is being read whole, once, to know it again by its contents:
/// for one that takes more than a second, with the time left.
class ReadingProgress {
public:
    ReadingProgress();
    ~ReadingProgress(); ///< takes the moving line away

    void operator()(const std::filesystem::path& file, double share);

private:
    void clear();

    std::filesystem::path file_{};
    std::chrono::steady_clock::time_point began_{}, last_drawn_{};
    bool terminal_, drawn_ = false, said_ = false;
};

} // namespace sweetspot
