#include "app/worker/model_keeper.h"
#include "app/experiment/file_stamp.h"
#include "app/experiment/identity.h"
#include "app/experiment/shared_model.h"
#include "app/worker/environment.h"
#include "engine/config/catalogue.h"

namespace sweetspot {

namespace {

/// With what changes when a file of the model does: between two runs it may have been trained on.
std::string key_of(const RunConfig& config) {
    const std::string key = model_key(config);
    if (key.empty()) return key;
    RunConfig files; // those that are loaded, and no data
    files.model = config.model, files.weights = config.weights;
    const auto stamp = [](const std::filesystem::path& file) { return stamp_of(file).text; };
    std::string stamps;
    for (const auto& [field, text] : contents_of(files, stamp))
        stamps.append(field).append(": ").append(text).append("\n");
    return key + stamps;
}

} // namespace

void ModelKeeper::close() {
    model_.reset();
    device_.reset();
    key_.clear();
    had_model_ = false;
}

void ModelKeeper::make_way_for(const RunConfig& config) {
    if (key_.empty() || key_ != key_of(config)) close();
}

DeviceContext& ModelKeeper::open(const RunConfig& config) {
    make_way_for(config);
    had_model_ = model_.has_value();
    if (had_model_) {
        device_->restart(loaded_);
    } else {
        device_ = std::make_unique<DeviceContext>(config);
        key_ = key_of(config);
    }
    return *device_;
}

std::unique_ptr<Workload> ModelKeeper::load(const RunConfig& config, Witness* witness,
                                            const Progress& progress) {
    Context& context = device_->context();
    if (key_.empty()) return make_workload(config, context, witness, nullptr, progress);
    if (!model_) {
        HostClock clock;
        const auto start = clock.mark();
        model_ = load_model(config, load_model_config(config.model), context);
        load_seconds_ = clock.seconds(start, clock.mark());
        load_rss_ = peak_rss_bytes();
        loaded_ = context.allocator.use();
    }
    return make_workload(config, context, witness, &*model_);
}

} // namespace sweetspot
