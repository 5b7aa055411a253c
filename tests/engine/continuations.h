#pragma once
#include "tests/engine/golden.h"
#include <algorithm>

namespace sweetspot::golden {

/// The likeliest tokens after prompts that go through the model together, one after the other.
inline std::vector<Tokens> continuations(const RunConfig& config, const Batch& prompts, int tokens,
                                         Context& context) {
    const ModelConfig model_config = load_model_config(config.model);
    auto loaded = weights_for(config, model_config, context);
    const int longest = int(prompts.longest()) + tokens;
    Model model(model_config, config, std::move(loaded.weights), longest, context);
    Caches caches = model.make_caches(int(prompts.rows.size()), longest);
    const InputRows input = lay_out(prompts, config.layout, -1);
    std::vector<Tokens> y(prompts.rows.size());
    Tokens newest(prompts.rows.size());
    for (int i = 0; i < tokens; ++i) {
        Residual last;
        if (i == 0)
            last = model.last_rows(model.encode(input, &caches));
        else
            last = model.encode_next(upload(context, newest), caches);
        model.each_logits(last, [&](std::int64_t, In logits) {
            for (std::size_t s = 0; s < y.size(); ++s) {
                const float* row = logits.as<float>() + s * std::size_t(logits.shape[1]);
                newest[s] = std::int32_t(std::max_element(row, row + logits.shape[1]) - row);
                y[s].push_back(newest[s]);
            }
        });
    }
    return y;
}

/// Runs prompt_0, … together, and says which continuation is not PyTorch's, or nothing. `file` of
/// the model's folder holds it, if it is not the folder itself.
inline std::string wrong_continuation(const std::string& model, Layout layout,
                                      const std::string& file = "") {
    const Outputs outputs(model);
    Batch prompts;
    for (int i = 0; i < 3; ++i) prompts.rows.push_back(outputs.ids("prompt_" + std::to_string(i)));
    HostAllocator allocator;
    Context context(CpuStream{.threads = 2}, allocator);
    const auto found = continuations(
        {{.model = folder(model) + file, .weights = folder(model) + file}, {}, {.layout = layout}},
        prompts, 12, context);
    for (int i = 0; i < 3; ++i)
        if (found[std::size_t(i)] != outputs.ids("continuation_" + std::to_string(i)))
            return "continuation_" + std::to_string(i);
    return {};
}

} // namespace sweetspot::golden
