#include "engine/tasks/published_memory.h"
#include "engine/config/catalogue.h"
#include "engine/config/parameters.h"
#include "engine/config/resources.h"
#include "engine/data/csv.h"
#include "engine/tasks/run_data.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cmath>

namespace sweetspot {

PublishedMemory published_memory(const RunConfig& run, const ModelConfig& model,
                                 std::span<const BatchShape> batches) {
    const bool naive = run.attention == AttentionVariant::naive;
    const double weight_bytes = 4 + 2, score_bytes = 2 + 4 + 2; // f16 in, softmax in f32, f16 out
    const double channel_bytes = naive ? 24 : 4 + 4 + 4 + 32; // 32: four temporaries of 4 E in f16
    double most = 0;
    for (const BatchShape& batch : batches) {
        const auto rows = double(batch.rows.size()), longest = double(batch.longest());
        const double scores = naive ? score_bytes * model.heads * rows * longest * longest : 0;
        most = std::max(most, channel_bytes * model.width * rows * longest + scores);
    }
    PublishedMemory y{.caveat = "memory_model as_published is the study's program, not this one"};
    y.use.add(Purpose::weights, std::size_t(weight_bytes * double(parameter_count(model))));
    y.use.add(Purpose::activations, std::size_t(most));
    return y;
}

PublishedMemory plotted_memory(const RunConfig& run) {
    const CsvTable table = read_csv(resource_path("data/hpml-memory.csv"));
    const std::string_view fields[] = {"model", "token_budget", "sequence", "attention"};
    for (const auto& row : table.rows) {
        if (!std::ranges::all_of(fields, [&](std::string_view field) {
                return row[table.column(std::string(field))] == get_field(run, field);
            }))
            continue;
        const std::string& text = row[table.column("gigabytes")];
        double gigabytes = 0;
        if (!from_text(text, gigabytes))
            throw Error(Failure::file, table.path + ": \"" + text + "\" is no number");
        PublishedMemory y{.caveat = "memory_model plotted is " + text +
                                    " GB (10^9 bytes) read off figure " +
                                    row[table.column("figure")] +
                                    " of the study, within 0.05 GB: nothing is computed"};
        y.use.peak_total = std::size_t(std::llround(gigabytes * 1e9));
        return y;
    }
    throw Error(Failure::bad_input,
                "memory_model plotted: the study's figures have no point for " + run.model +
                    " with token_budget " + to_text(run.token_budget) + ", sequence " +
                    to_text(run.sequence) + " and attention " + to_text(run.attention));
}

PublishedMemory memory_by_study(const RunConfig& run) {
    if (run.memory_model == MemoryModel::plotted) return plotted_memory(run);
    const ModelConfig model = load_model_config(run.model);
    return published_memory(run, model, forward_data(run, model).shapes);
}

} // namespace sweetspot
