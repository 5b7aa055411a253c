#include "app/analysis/explain.h"
#include "app/analysis/format.h"
#include "app/analysis/statistics.h"
#include "app/experiment/metrics.h"
#include <algorithm>
#include <cmath>

// What records say of the difference between two runs, as sentences.

namespace sweetspot {

namespace {

/// Both values where they are known and differ.
std::optional<std::pair<double, double>> differing(const RunRecord& a, const RunRecord& b,
                                                   std::string_view metric) {
    const auto in_a = value_of(a, metric), in_b = value_of(b, metric);
    if (!in_a || !in_b || !std::isfinite(*in_a) || !std::isfinite(*in_b) || *in_a == *in_b)
        return {};
    return std::pair(*in_a, *in_b);
}

void say_work(const RunRecord& a, const RunRecord& b, std::vector<std::string>& said) {
    struct Asked {
        const char *metric, *verb;
    };
    for (const auto& [metric, verb] :
         {Asked{"flops", "does"}, Asked{"bytes_moved", "reads and writes"},
          Asked{"moved_bytes", "moves weights of"}})
        if (const auto found = differing(a, b, metric)) {
            const auto unit = find_metric(metric)->unit;
            const auto [in_a, in_b] = *found;
            said.push_back(std::string("B ") + verb + ' ' + format_value(in_b, unit) +
                           " a step instead of " + format_value(in_a, unit) +
                           (in_a > 0 ? ", " + format_number(in_b / in_a) + " times." : "."));
        }
    if (value_of(a, "flops") && value_of(a, "flops") == value_of(b, "flops"))
        said.push_back("Both do the same work.");
}

void say_padding(const RunRecord& a, const RunRecord& b, std::vector<std::string>& said) {
    const auto rows = differing(a, b, "tokens_computed");
    const auto tokens_a = value_of(a, "tokens_nominal"), tokens_b = value_of(b, "tokens_nominal");
    if (!rows || !tokens_a || tokens_a != tokens_b) return;
    said.push_back("For the same " + format_value(*tokens_a, "tokens") + " A computes " +
                   format_value(rows->first, "tokens") + " and B " +
                   format_value(rows->second, "tokens") + ": the rest is padding.");
}

void say_machine(const RunRecord& a, const RunRecord& b, std::vector<std::string>& said) {
    for (const auto fact : {"cpu", "gpu", "isa", "threads", "governor", "commit"}) {
        const auto in_a = a.environment.find(fact), in_b = b.environment.find(fact);
        if (in_a == a.environment.end() || in_b == b.environment.end() ||
            in_a->second == in_b->second)
            continue;
        said.push_back(std::string(fact) + " is " + in_a->second + " for A and " + in_b->second +
                       " for B.");
    }
    const auto loud = differing(a, b, "disturbance");
    if (loud && std::abs(loud->first - loud->second) > 0.05)
        said.push_back("Other programs computed for " + format_value(loud->first, "share") +
                       " of A's time and " + format_value(loud->second, "share") + " of B's.");
}

/// The bar that changed most, if it is beyond the noise.
void say_largest(const Waterfall& fall, const char* what, std::vector<std::string>& said) {
    if (!fall.problem.empty() || fall.a == fall.b || fall.bars.empty()) return;
    const auto largest =
        std::max_element(fall.bars.begin(), fall.bars.end(), [](const Bar& x, const Bar& y) {
            return std::abs(x.change()) < std::abs(y.change());
        });
    if (largest->inside_noise() || largest->change() == 0) return;
    said.push_back("Of the change of " + change_text(fall, fall.b - fall.a) + " in " + what + ", " +
                   change_text(fall, largest->change()) + " is \"" + largest->name + "\"" +
                   (largest->in == Presence::only_a   ? ", which A alone has."
                    : largest->in == Presence::only_b ? ", which B alone has."
                                                      : "."));
}

} // namespace

std::vector<std::string> explain_difference(const RunRecord& a, const RunRecord& b) {
    std::vector<std::string> said;
    say_work(a, b, said);
    say_padding(a, b, said);
    say_largest(waterfall(a, b, Quantity::time, By::phase), "step time", said);
    say_largest(waterfall(a, b, Quantity::time, By::op), "step time, by op", said);
    say_largest(waterfall(a, b, Quantity::memory, By::phase), "peak memory", said);
    say_machine(a, b, said);
    return said;
}

std::string change_text(const Waterfall& fall, std::int64_t change) {
    const double amount = fall.quantity == Quantity::time ? 1e-9 * double(change) : double(change);
    const auto text = format_value(std::abs(amount), fall.unit);
    return change < 0 ? "\u2212" + text : change > 0 ? "+" + text : text;
}

std::string remark_on(const Bar& bar) {
    if (bar.in == Presence::only_a) return "in A only";
    if (bar.in == Presence::only_b) return "in B only";
    return bar.change() != 0 && bar.inside_noise() ? "inside the noise" : "";
}

} // namespace sweetspot
