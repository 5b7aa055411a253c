#include "app/analysis/compare.h"
#include "app/store/store.h"
#include <cstdio>
#include <iostream>
#include <map>

// How often `compare` tells apart what is the same: aa_pairs STORE takes the finished runs of the
// sweeps that aa.py made there, all of one configuration, and prints a line of JSON for each way to
// pair them, with the number of pairs by verdict for each metric that was timed. Its exit code is 3
// if a pair of disjoint ones is called better or worse.

using namespace sweetspot;

namespace {

class Tally {
public:
    explicit Tally(std::string name) : name_(std::move(name)) {}

    void add(const RunRecord& a, const RunRecord& b) {
        ++pairs_;
        for (const auto& m : compare(a, b).metrics) {
            if (judgement_of(a, m.metric) != Judgement::timed) continue;
            ++verdicts_[m.metric][to_text(m.verdict)];
            if (m.verdict != Verdict::better && m.verdict != Verdict::worse) continue;
            ++told_;
            std::fprintf(stderr, "%s: %s of run %d is %g (%g to %g) times that of run %d\n",
                         name_.c_str(), m.metric.c_str(), int(b.id), m.ratio, m.ratio_low,
                         m.ratio_high, int(a.id));
        }
    }

    void print() const {
        std::cout << "{\"pairs\": \"" << name_ << "\", \"count\": " << pairs_;
        for (const auto& [metric, verdicts] : verdicts_) {
            std::cout << ", \"" << metric << "\": {";
            const char* comma = "";
            for (const auto& [verdict, count] : verdicts) {
                std::cout << comma << '"' << verdict << "\": " << count;
                comma = ", ";
            }
            std::cout << '}';
        }
        std::cout << "}" << std::endl;
    }

    int told() const { return told_; }

private:
    std::string name_;
    std::map<std::string, std::map<std::string, int>> verdicts_; ///< by metric
    int pairs_ = 0, told_ = 0;
};

std::vector<RunRecord> runs_named(const Store& store, const std::string& start) {
    std::vector<RunRecord> runs;
    auto sweeps = store.sweeps();
    std::reverse(sweeps.begin(), sweeps.end()); // oldest first
    for (const auto& sweep : sweeps) {
        if (!sweep.name.starts_with(start)) continue;
        RunQuery query;
        query.sweep_id = sweep.id;
        for (auto& run : store.runs(query))
            if (run.status == RunStatus::done) runs.push_back(std::move(run));
    }
    return runs;
}

} // namespace

int main(int count, char** words) {
    if (count != 2) {
        std::cerr << "aa_pairs STORE\n";
        return 2;
    }
    try {
        const Store store(words[1], Store::Mode::read);
        const auto apart = runs_named(store, "aa-apart"), turns = runs_named(store, "aa-turns");
        Tally neighbours("disjoint neighbours"), far("disjoint, half of all apart"),
            all("all pairs"), turn_about("disjoint, turn about");
        for (std::size_t i = 0; i + 1 < apart.size(); i += 2)
            neighbours.add(apart[i], apart[i + 1]);
        for (std::size_t i = 0, half = apart.size() / 2; i < half; ++i)
            far.add(apart[i], apart[i + half]);
        for (std::size_t i = 0; i < apart.size(); ++i)
            for (std::size_t j = 0; j < i; ++j) all.add(apart[j], apart[i]);
        for (std::size_t i = 0; i + 1 < turns.size(); i += 2)
            turn_about.add(turns[i], turns[i + 1]);
        for (const auto* tally : {&neighbours, &far, &turn_about, &all}) tally->print();
        return neighbours.told() + far.told() + turn_about.told() ? 3 : 0;
    } catch (const Error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
