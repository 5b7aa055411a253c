#include "engine/tasks/tasks.h"

namespace sweetspot {

namespace {

/// One inference step: the logits of all tokens of all batches.
class Forward : public ModelWorkload {
public:
    Forward(const RunConfig& config, const ModelConfig& model, RunData data, Context& context,
            LoadedModel* lent)
        : ModelWorkload(config, model, data.longest(), context, lent), data_(std::move(data)) {
        for (const Batch& batch : data_.batches)
            inputs_.push_back(lay_out(batch, config.layout, data_.ids.mask));
    }

    const std::vector<std::string>& phases() const override { return phases_; }

    void run_phase(std::size_t) override {
        begin_step();
        for (const InputRows& input : inputs_) compute(input);
        if (data_.batches.empty())
            for (const BatchShape& shape : data_.shapes) compute(lay_out(shape, config_.layout));
        context_.synchronize();
    }

    std::optional<DataSource> data() const override { return data_.source; }
    Outcome outcome() const override {
        return completed({.tokens = count_tokens(data_.shapes, config_.layout),
                          .replaced_letters = data_.replaced_letters,
                          .data_note = data_.note});
    }

private:
    void compute(const InputRows& input) {
        model_->stage(input);
        context_.replay(model_->staged_key("forward"), [&] {
            Residual stream = model_->encode_staged();
            model_->each_logits(stream, [](std::int64_t, In) {});
        });
    }

    RunData data_;
    std::vector<InputRows> inputs_{}; ///< of the batches that have ids
    std::vector<std::string> phases_{"forward"};
};

} // namespace

std::unique_ptr<Workload> make_forward(const RunConfig& config, const ModelConfig& model,
                                       Context& context, LoadedModel* lent) {
    return std::make_unique<Forward>(config, model, forward_data(config, model), context, lent);
}

} // namespace sweetspot
