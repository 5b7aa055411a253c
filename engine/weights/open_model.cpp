#include "engine/weights/open_model.h"
#include "engine/config/catalogue.h"
#include "engine/config/regular_file.h"
#include "engine/config/sha256.h"
#include <filesystem>
#include <future>

namespace sweetspot {

namespace fs = std::filesystem;

namespace {

/// Throws if a file that describes the weights says something else than the model that was chosen.
void check_description(const fs::path& weights, const ModelConfig& chosen) {
    const fs::path folder = is_folder(weights) ? weights : weights.parent_path();
    const fs::path description = describes_itself(weights) ? weights : folder / "config.json";
    if (!is_there(description)) return;
    const ModelConfig stored = load_model_config(description.string());
    const bool rotary = chosen.position == PositionStyle::rotary;
    ModelConfig copy = chosen;
    each_field(copy, [&](const Field& field, const auto& value) {
        const bool may_differ =
            field.name == "name" || field.name == "source" || field.name.starts_with("init") ||
            (field.name == "positions" && rotary) || (field.name == "rotary_base" && !rotary);
        if (!may_differ && get_field(stored, field.name) != to_text(value))
            throw Error(Failure::bad_input, description.string() + ": its " +
                                                std::string(field.name) + " is " +
                                                get_field(stored, field.name) + ", but that of " +
                                                chosen.name + " is " + to_text(value));
    });
}

/// As its weights are drawn: as it says, or as a study drew them.
ModelConfig as_drawn(const RunConfig& run, ModelConfig model) {
    if (run.as_published == AsPublished::llm_compression) model.init = InitStyle::kaiming_uniform;
    return model;
}

std::string hash_of(const StoredTensors& stored) {
    if (stored.files.size() == 1) return sha256_of_file(stored.files.front()->path());
    std::string hashes;
    for (const auto& file : stored.files) hashes += sha256_of_file(file->path());
    return sha256_of_text(hashes);
}

} // namespace

std::string sha256_of_weights(const std::string& path) {
    return hash_of(open_weights(path));
}

LoadedWeights weights_for(const RunConfig& run, const ModelConfig& model, Context& context,
                          const TakeWeights& take) {
    LoadedWeights y;
    const auto taken = [&](WeightSource& source) {
        return take ? take(source) : load_weights(model, run, source, context);
    };
    const std::string from = weights_of(run);
    // What a plan says does not hang on the numbers.
    const bool described_only =
        run.weights == "auto" && context.plans() && is_folder(from) && weights_in(from).empty();
    if (from == "random" || described_only) {
        const ModelConfig drawn = as_drawn(run, model);
        DrawnWeights source(drawn, run.seed, context);
        y.weights = taken(source);
        y.provenance.seed = run.seed;
        return y;
    }
    const StoredTensors stored = open_weights(from);
    check_description(from, model);
    std::future<std::string> hash;
    if (!context.plans()) hash = std::async(std::launch::async, hash_of, std::cref(stored));
    FileWeights source(model, stored, context);
    y.weights = taken(source);
    if (!context.plans()) source.check_copies();
    y.provenance = {.loaded = true, .path = from, .note = source.packing_note()};
    if (hash.valid()) y.provenance.sha256 = hash.get();
    return y;
}

void with_weight_source(const RunConfig& run, const ModelConfig& model, Context& context,
                        const std::function<void(WeightSource&)>& use) {
    const std::string from = weights_of(run);
    if (from == "random") {
        const ModelConfig drawn = as_drawn(run, model);
        DrawnWeights source(drawn, run.seed, context);
        return use(source);
    }
    const StoredTensors stored = open_weights(from);
    check_description(from, model);
    FileWeights source(model, stored, context);
    use(source);
}

} // namespace sweetspot
