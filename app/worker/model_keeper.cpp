#include "app/worker/model_keeper.h"
#include "app/experiment/shared_model.h"
#include "app/worker/environment.h"
#include "engine/config/catalogue.h"

namespace sweetspot {

void ModelKeeper::close() {
    model_.reset();
    device_.reset();
    key_.clear();
    had_model_ = false;
}

void ModelKeeper::make_way_for(const RunConfig& config) {
    if (key_.empty() || key_ != model_key(config)) close();
}

DeviceContext& ModelKeeper::open(const RunConfig& config) {
    make_way_for(config);
    had_model_ = model_.has_value();
    if (had_model_) {
        device_->restart(loaded_);
    } else {
        device_ = std::make_unique<DeviceContext>(config);
        key_ = model_key(config);
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
