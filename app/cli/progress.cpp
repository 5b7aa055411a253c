#include "app/cli/progress.h"
#include "app/analysis/format.h"
#include "app/analysis/series.h"
#include "app/cli/run_table.h"
#include "app/experiment/printable.h"
#include "app/experiment/rounds.h"
#include <algorithm>
#include <cmath>
#include <iostream>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

// What a person sees while a sweep runs: a bar on a terminal, a line a run elsewhere, always on
// stderr.

namespace sweetspot {

namespace {

using Clock = std::chrono::steady_clock;

int terminal_columns() {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

/// The first `columns` letters of a text, so that the moving line stays one line.
std::string cut(const std::string& text, int columns) {
    int letters = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        if ((text[i] & 0xC0) != 0x80 && ++letters > columns) return text.substr(0, i);
    return text;
}

std::string bar(double share, int cells) {
    const int full = std::clamp(int(share * cells), 0, cells);
    std::string text;
    for (int i = 0; i < cells; ++i) text += i < full ? "█" : "░";
    return text;
}

std::string outcome(const RunRecord& run) {
    // The line says of which round it is.
    const auto notes = notes_of(run, RunMark::What::rounds);
    if (run.status != RunStatus::done) {
        std::string text;
        for (const auto& note : notes) text += (text.empty() ? "" : "; ") + note;
        return text;
    }
    std::string text;
    const auto add = [&](std::string_view metric) {
        if (const auto value = value_of(run, metric))
            text += (text.empty() ? "" : ", ") + format_value(*value, find_metric(metric)->unit);
    };
    add("step_seconds");
    if (const auto steps = summarize(run, "step_seconds"); steps && steps->count > 1)
        text += " ± " + format_value(relative_noise(*steps), "share");
    add("tokens_per_second");
    add("peak_bytes");
    if (const auto perplexity = value_of(run, "perplexity"))
        text += ", perplexity " + format_number(*perplexity, 4);
    for (const auto& note : notes) text += ", " + note;
    return text;
}

} // namespace

Progress::Progress(const std::vector<PlannedRun>& runs, std::vector<double> flops,
                   TimeEstimate estimate)
    : runs_(runs), flops_(std::move(flops)), estimate_(std::move(estimate)),
      terminal_(isatty(STDERR_FILENO)), run_began_(Clock::now()) {
    std::vector<RunRecord> records(runs.size());
    for (std::size_t i = 0; i < runs.size(); ++i) {
        records[i].config = runs[i].config;
        pending_.push_back(
            runs[i].impossible.empty() ? rounds_of(runs[i].config) - runs[i].rounds_done : 0);
        count_ += std::size_t(pending_.back());
    }
    varying_ = varying_fields(records);
}

Progress::~Progress() {
    clear();
}

std::string Progress::point(const RunConfig& config) const {
    RunRecord run;
    run.config = config;
    return point_name(run.config, varying_);
}

std::string Progress::time_left() const {
    double left = 0;
    bool first = true;
    for (std::size_t i = 0; i < runs_.size(); ++i) {
        if (!pending_[i]) continue;
        const int rounds = rounds_of(runs_[i].config);
        const auto part = round_config(runs_[i].config, rounds - pending_[i]);
        if (first && rounds == 1)
            if (const auto seconds = training_left()) {
                left += *seconds;
                first = false;
                continue;
            }
        const auto seconds = estimate_.round_seconds(part, flops_[i]);
        if (!seconds || flops_[i] <= 0) return {};
        left += (pending_[i] - 1) * *seconds;
        const std::chrono::duration<double> spent = Clock::now() - run_began_;
        left += first ? std::max(0.0, *seconds - spent.count()) : *seconds;
        first = false;
    }
    return format_duration(left < 10 ? std::ceil(left) : left) + " left";
}

std::optional<double> Progress::training_left() const {
    if (!training_ || !(trained_share_ > training_->fraction)) return {};
    const std::chrono::duration<double> spent = Clock::now() - training_began_;
    return spent.count() * (1 - trained_share_) / (trained_share_ - training_->fraction);
}

void Progress::say_step(std::size_t index, const std::string& line) {
    if (!terminal_) return;
    clear();
    const auto whose = runs_.size() > 1 ? point(runs_[index].config) + ": " : "";
    std::cerr << printable(whose + line) << std::endl;
}

void Progress::phase(std::size_t index, const Phase& phase) {
    if (!terminal_) return;
    const auto now = Clock::now();
    if (phase.name != "train")
        training_.reset();
    else if (!training_)
        training_ = phase, training_began_ = now;
    trained_share_ = phase.fraction;
    if (now - last_drawn_ < std::chrono::milliseconds(100)) return;
    last_drawn_ = now;
    draw(point(runs_[index].config) + " · " + phase.name);
}

void Progress::draw(const std::string& doing) {
    std::string line = bar(count_ ? double(ended_) / double(count_) : 1, 16) + " " +
                       std::to_string(ended_) + "/" + std::to_string(count_);
    if (const auto left = time_left(); !left.empty()) line += " · " + left;
    line += " · " + printable(doing);
    std::cerr << "\r\033[K" << cut(line, terminal_columns() - 1) << std::flush;
    drawn_ = true;
}

void Progress::clear() {
    if (drawn_) std::cerr << "\r\033[K" << std::flush;
    drawn_ = false;
}

void Progress::round_ended(std::size_t index, int round, const RunRecord& run) {
    const int rounds = rounds_of(runs_[index].config);
    --pending_[index];
    ++ended_;
    say(index, run, rounds > 1 ? ", round " + to_text(round + 1) + " of " + to_text(rounds) : "");
}

void Progress::ended(std::size_t index, const RunRecord& run) {
    if (run.status == RunStatus::failed) {
        ended_ += std::size_t(std::exchange(pending_[index], 0));
        say(index, run, "");
    }
    estimate_.learn(run);
}

ReadingProgress::ReadingProgress() : terminal_(isatty(STDERR_FILENO)) {}

ReadingProgress::~ReadingProgress() {
    clear();
}

void ReadingProgress::clear() {
    if (drawn_) std::cerr << "\r\033[K" << std::flush;
    drawn_ = false;
}

void ReadingProgress::operator()(const std::filesystem::path& file, double share) {
    const auto now = Clock::now();
    if (file != file_) {
        clear();
        file_ = file;
        began_ = last_drawn_ = now;
        said_ = false;
    }
    const double seconds = std::chrono::duration<double>(now - began_).count();
    if (seconds < 1 || (terminal_ ? now - last_drawn_ < std::chrono::milliseconds(100) : said_))
        return;
    const std::string text = "Reading " + printable(file.string()) +
                             " once, to know its contents again: " +
                             format_duration(std::ceil(seconds * (1 - share) / share)) + " left";
    if (terminal_)
        std::cerr << "\r\033[K" << cut(text, terminal_columns() - 1) << std::flush;
    else
        std::cerr << text << std::endl;
    drawn_ = terminal_;
    said_ = true;
    last_drawn_ = now;
}

void Progress::say(std::size_t index, const RunRecord& run, const std::string& which) {
    clear();
    training_.reset();
    run_began_ = Clock::now();
    const auto total = std::to_string(count_);
    std::string number = std::to_string(ended_);
    number.insert(0, total.size() - std::min(total.size(), number.size()), ' ');
    std::cerr << "[" << number << "/" << total << "] "
              << printable(point(runs_[index].config) + which + ": " + outcome(run)) << std::endl;
}

} // namespace sweetspot
