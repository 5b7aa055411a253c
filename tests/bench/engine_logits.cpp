// Logits of the engine for ids of its callers, who hold them against another engine's. Arguments
// are the fields of a run's configuration; stdin has the ids of one sequence, stdout gets the f32
// logits of all its tokens:
//   echo 1 17 43 | engine_logits model=FILE.gguf weight_format=q8_0 > logits
#include "engine/config/catalogue.h"
#include "engine/device/device.h"
#include "engine/models/model.h"
#include "engine/weights/open_model.h"
#include "tests/bench/rounds.h"
#include <cstdio>
#include <iostream>
#include <iterator>

namespace sweetspot::bench {
namespace {

void write_logits(const RunConfig& run, const Tokens& ids) {
    DeviceContext device(run);
    Context& context = device.context();
    const ModelConfig config = load_model_config(run.model);
    Model model(config, run, weights_for(run, config, context).weights, int(ids.size()), context);
    model.stage(lay_out(Batch{{ids}}, run.layout, -1));
    Residual stream = model.encode_staged();
    model.each_logits(stream, [](std::int64_t, In y) {
        std::fwrite(y.data, sizeof(float), std::size_t(y.shape.count()), stdout);
    });
}

int run(int count, char** arguments) {
    try {
        RunConfig config;
        for (const auto& [name, value] : named_values(count, arguments))
            if (!set_field(config, name, value))
                throw Error(Failure::bad_input, "no field takes " + name + "=" + value + ".");
        write_logits(config, {std::istream_iterator<std::int32_t>(std::cin), {}});
        return 0;
    } catch (const Error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}

} // namespace
} // namespace sweetspot::bench

int main(int count, char** arguments) {
    return sweetspot::bench::run(count, arguments);
}
