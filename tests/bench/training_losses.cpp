// Losses of training steps, a line each, for training_losses.py to hold against PyTorch's.
// Arguments are the fields of a run's configuration; data is a file with a step's batch a line:
// {"mask": token, "rows": [[token, ...], ...], "targets": [[token or -1, ...], ...]}, targets as
// many as tokens, -1 where nothing is scored, mask -1 where the model knows none.
#include "engine/config/catalogue.h"
#include "engine/data/masking.h"
#include "engine/device/device.h"
#include "engine/train/schedule.h"
#include "engine/train/trained_model.h"
#include "tests/bench/rounds.h"
#include <fstream>
#include <iostream>

namespace sweetspot::bench {
namespace {

Example example_of(const nlohmann::json& step, const RunConfig& run) {
    Batch batch;
    for (const auto& row : step.at("rows")) batch.rows.push_back(row.get<Tokens>());
    Example y{.input = lay_out(batch, run.layout, step.at("mask"))};
    const auto targets =
        lay_out(step.at("targets").get<std::vector<Tokens>>(), y.input.segments, no_label);
    for (std::size_t row = 0; row < targets.size(); ++row) {
        if (targets[row] < 0) continue;
        y.scored.push_back(std::int32_t(row));
        y.targets.push_back(targets[row]);
    }
    y.count = std::int64_t(y.scored.size());
    return y;
}

void train(int count, char** arguments) {
    RunConfig run;
    for (const auto& [name, value] : named_values(count, arguments))
        if (!set_field(run, name, value))
            throw Error(Failure::bad_input, "no field takes " + name + "=" + value);
    DeviceContext device(run);
    TrainedModel model(load_model_config(run.model), run, run.sequence, device.context());
    std::ifstream file(run.data);
    std::string line;
    for (int step = 0; std::getline(file, line); ++step) {
        const Example example = example_of(nlohmann::json::parse(line), run);
        const StepResult found =
            model.take({&example, 1}, {.step = step,
                                       .updates = step,
                                       .scored = example.count,
                                       .learning_rate = learning_rate_of(run, step)});
        std::cout << to_text(found.loss) << std::endl;
    }
}

} // namespace
} // namespace sweetspot::bench

int main(int count, char** arguments) {
    try {
        sweetspot::bench::train(count, arguments);
    } catch (const std::exception& e) {
        std::cerr << e.what() << "\n";
        return 1;
    }
}
