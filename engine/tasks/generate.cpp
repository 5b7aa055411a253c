#include "engine/data/random.h"
#include "engine/tasks/tasks.h"
#include "kernels/ops/loss.h"
#include "kernels/ops/transfer.h"
#include <algorithm>

// Task generate: a prefill, then a decode step for each token, with keys and values kept.

namespace sweetspot {

namespace {

InputRows laid_out(const RunData& data, Layout layout) {
    return data.batches.empty() ? lay_out(data.shapes.front(), layout)
                                : lay_out(data.batches.front(), layout, data.ids.mask);
}

/// Goes on from prompts, a token a phase: the prefill gives the first new token, each decode the
/// next. A sequence that has ended goes on being computed, so that all steps do equal work; its
/// text ends where it ended.
class Generate : public ModelWorkload {
public:
    Generate(const RunConfig& config, const ModelConfig& model, RunData data, Context& context,
             LoadedModel* lent)
        : ModelWorkload(config, model, data.longest() + config.new_tokens, context, lent),
          data_(std::move(data)), input_(laid_out(data_, config.layout)),
          phases_(std::size_t(config.new_tokens), "decode") {
        phases_.front() = "prefill";
        caches_ = model_->make_caches(input_.segments.count(), data_.longest() + config.new_tokens);
        last_ids_ = Tensor(context.allocator, {input_.segments.count()}, DType::i32);
    }

    const std::vector<std::string>& phases() const override { return phases_; }

    void run_phase(std::size_t phase) override {
        const bool prefill = phase == 0;
        if (prefill) {
            begin_step();
            restart();
            model_->stage(input_, &caches_);
        } else {
            model_->stage_next(last_ids_, caches_);
        }
        const In uniforms = draws_.send(context_, draw());
        context_.replay(model_->staged_key(prefill ? "prefill" : "decode"), [&] {
            Residual last = model_->encode_staged();
            if (prefill) last = model_->last_rows(last);
            model_->each_logits(last, [&](std::int64_t first, In logits) {
                sample(logits, rows(uniforms, first, logits.shape[0]), first);
            });
        });
        keep_newest();
    }

    std::optional<DataSource> data() const override { return data_.source; }
    Outcome outcome() const override {
        const std::int64_t decoded =
            std::int64_t(input_.segments.count()) * (config_.new_tokens - 1);
        TokenCounts counts = count_tokens(data_.shapes, config_.layout);
        counts.nominal += decoded;
        counts.padded += decoded;
        counts.computed += decoded;
        const auto [continuations, expected] = continued();
        const auto [text, text_tokens] = written();
        return completed({.tokens = counts,
                          .text = text,
                          .text_tokens = text_tokens,
                          .continuations = continuations,
                          .expected = expected,
                          .replaced_letters = data_.replaced_letters,
                          .data_note = data_.note});
    }

private:
    void restart() {
        random_ = Random(std::uint64_t(config_.seed));
        if (!context_.plans()) generated_.assign(std::size_t(input_.segments.count()), {});
        std::fill(caches_.lengths.begin(), caches_.lengths.end(), 0);
    }

    std::vector<float> draw() {
        constexpr double below_one = 1 - 0x1p-24; // so that no draw rounds up to 1
        std::vector<float> draws(std::size_t(input_.segments.count()));
        for (float& draw : draws) draw = float(below_one * random_.uniform());
        return draws;
    }

    void sample(In logits, In uniforms, std::int64_t first) {
        run(Sample{.logits = logits,
                   .uniforms = uniforms,
                   .ids = rows(last_ids_.out(), first, logits.shape[0]),
                   .temperature = float(config_.temperature),
                   .top_p = float(config_.top_p)},
            context_);
    }

    void keep_newest() {
        if (context_.plans()) return run(Download{.x = last_ids_, .y = last_ids_}, context_);
        Tokens newest(generated_.size());
        run(Download{.x = last_ids_, .y = {newest.data(), last_ids_.shape(), DType::i32}},
            context_);
        context_.synchronize();
        for (std::size_t s = 0; s < newest.size(); ++s) generated_[s].push_back(newest[s]);
    }

    /// What was generated behind prompts that the data go on behind, and what they go on with.
    std::pair<std::vector<std::string>, std::vector<std::string>> continued() const {
        std::pair<std::vector<std::string>, std::vector<std::string>> texts;
        for (std::size_t s = 0; s < data_.continuations.size() && s < generated_.size(); ++s) {
            const Tokens& expected = data_.continuations[s];
            if (expected.empty()) continue;
            const std::size_t count = std::min(expected.size(), generated_[s].size());
            const auto written = [&](const Tokens& ids) {
                std::string text;
                for (std::size_t i = 0; i < count; ++i) text += data_.tokenizer->piece(ids[i]);
                return text;
            };
            texts.first.push_back(written(generated_[s]));
            texts.second.push_back(written(expected));
        }
        return texts;
    }

    /// What was generated, a line for each sequence; nothing without a tokenizer. A sequence ends
    /// at its end token, or where another begins: llama2.c's models never say that they end.
    /// And the tokens of each line.
    std::pair<std::string, std::string> written() const {
        std::string lines, tokens;
        if (!data_.tokenizer) return {};
        const SpecialIds specials = data_.tokenizer->ids();
        for (std::size_t s = 0; s < generated_.size(); ++s) {
            const Tokens& ids = generated_[s];
            const auto end = std::find_if(ids.begin(), ids.end(), [&](auto id) {
                return id == specials.eos || id == specials.bos;
            });
            for (auto id = ids.begin(); id != end; ++id) {
                const std::string piece = data_.tokenizer->piece(*id);
                lines += piece;
                tokens += (id == ids.begin() ? "" : " ") + to_text(*id) + ":" +
                          to_text(std::int64_t(piece.size()));
            }
            if (s + 1 < generated_.size()) lines += "\n", tokens += "\n";
        }
        return {lines, tokens};
    }

    RunData data_;
    InputRows input_;
    std::vector<std::string> phases_;
    Caches caches_{};
    Tensor last_ids_{}; ///< [sequences] i32: the newest token of each
    Staging draws_{};
    Random random_{0};
    std::vector<Tokens> generated_{};
};

} // namespace

std::unique_ptr<Workload> make_generate(const RunConfig& config, const ModelConfig& model,
                                        Context& context, LoadedModel* lent) {
    RunData data = prompt_data(config, model);
    const int longest = data.longest() + config.new_tokens;
    if (model.position == PositionStyle::learned && longest > model.positions)
        throw Error(Failure::bad_input, "generate: the prompt and new_tokens are " +
                                            std::to_string(longest) + " tokens, but " + model.name +
                                            " has " + std::to_string(model.positions) +
                                            " positions");
    return std::make_unique<Generate>(config, model, std::move(data), context, lent);
}

} // namespace sweetspot
