// Losses of training steps, a line each, for training_losses.py to hold against PyTorch's.
// Arguments are the fields of a run's configuration; data is a file whose bytes are the tokens.
// Row r of the batch of step s holds `sequence` of them from (s · batch + r) · sequence on.
#include "engine/config/catalogue.h"
#include "engine/device/device.h"
#include "engine/train/schedule.h"
#include "engine/train/trained_model.h"
#include "tests/bench/rounds.h"
#include <fstream>
#include <iostream>
#include <iterator>

namespace sweetspot::bench {
namespace {

Example example_of(const std::string& bytes, int step, const RunConfig& run) {
    Batch batch;
    for (int row = 0; row < run.batch; ++row) {
        const auto first = std::size_t(step * run.batch + row) * std::size_t(run.sequence);
        Tokens tokens;
        for (int i = 0; i < run.sequence; ++i)
            tokens.push_back(
                std::int32_t(static_cast<unsigned char>(bytes.at(first + std::size_t(i)))));
        batch.rows.push_back(std::move(tokens));
    }
    Example y{.input = lay_out(batch, run.layout, 32)};
    for (int row = 0; row < run.batch; ++row)
        for (int i = 0; i + 1 < run.sequence; ++i) {
            y.scored.push_back(std::int32_t(row * run.sequence + i));
            y.targets.push_back(batch.rows[std::size_t(row)][std::size_t(i) + 1]);
        }
    y.count = std::int64_t(y.scored.size());
    return y;
}

void train(int count, char** arguments) {
    RunConfig run;
    for (const auto& [name, value] : named_values(count, arguments))
        if (!set_field(run, name, value))
            throw Error(Failure::bad_input, "no field takes " + name + "=" + value);
    std::ifstream file(run.data, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    DeviceContext device(run);
    TrainedModel model(load_model_config(run.model), run, run.sequence, device.context());
    for (int step = 0; step < run.steps; ++step) {
        const Example example = example_of(bytes, step, run);
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
