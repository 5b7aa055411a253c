#include "engine/train/schedule.h"
#include <algorithm>
#include <cmath>
#include <numbers>

namespace sweetspot {

double learning_rate_of(const Training& run, int step) {
    if (step < run.warmup_steps)
        return run.learning_rate * double(step + 1) / double(run.warmup_steps);
    if (run.schedule == Schedule::constant) return run.learning_rate;
    const int falling = run.steps - 1 - run.warmup_steps;
    const double done =
        falling > 0 ? std::min(1.0, double(step - run.warmup_steps) / double(falling)) : 1;
    const double left =
        run.schedule == Schedule::linear ? 1 - done : 0.5 * (1 + std::cos(std::numbers::pi * done));
    return run.learning_rate * (run.final_rate + (1 - run.final_rate) * left);
}

std::optional<double> sparsity_before(const Pruning& run, int step) {
    if (step < 1 || step > run.prune_steps) return {};
    if (step % run.prune_every && step != run.prune_steps) return {};
    const double left = 1 - double(step) / double(run.prune_steps);
    return run.sparsity * (1 - left * left * left);
}

} // namespace sweetspot
