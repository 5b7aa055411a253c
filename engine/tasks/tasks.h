#pragma once
#include "engine/models/model.h"
#include "engine/tasks/run_data.h"
#include "engine/weights/open_model.h"

namespace sweetspot {

/// What the workloads of all tasks share: a model with its weights, and where they came from.
class ModelWorkload : public Workload {
public:
    /// `longest` is the most tokens a sequence will have.
    ModelWorkload(const RunConfig&, const ModelConfig&, int longest, Context&);

    const Provenance& provenance() const override { return provenance_; }
    std::int64_t parameters() const override { return parameters_; }

protected:
    RunConfig config_;
    Context& context_;
    Provenance provenance_{};
    std::int64_t parameters_ = 0;
    std::optional<Model> model_{};
};

std::unique_ptr<Workload> make_forward(const RunConfig&, const ModelConfig&, Context&);
std::unique_ptr<Workload> make_perplexity(const RunConfig&, const ModelConfig&, Context&);
std::unique_ptr<Workload> make_generate(const RunConfig&, const ModelConfig&, Context&);

} // namespace sweetspot
