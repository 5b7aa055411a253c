#include "engine/train/trained_model.h"
#include "engine/weights/streamed.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/embedding.h"
#include "kernels/ops/transfer.h"
#include <bit>
#include <cstring>
#include <tuple>
#include <utility>

// A step, from the top: its batches are staged; of each the blocks go forward and keep what block.h
// says, the scored rows go through the head in pieces, forward and backward, and the blocks go
// backward. Then the optimizer takes its step (update.cpp).

namespace sweetspot {

namespace {

/// Throws Error(bad_input) for what is no place in the vocabulary: an op would read beside it.
void require_in_vocabulary(const std::vector<std::int32_t>& ids, const char* what,
                           const ModelConfig& model) {
    for (const std::int32_t id : ids)
        if (id < 0 || id >= model.vocabulary)
            throw Error(Failure::bad_input, std::string(what) + " is " + to_text(id) + ", but " +
                                                model.name + " has a vocabulary of " +
                                                to_text(model.vocabulary));
}

float share_of(const StepSettings& step) {
    return step.scored ? float(1 / double(step.scored)) : 0;
}

/// Rows that are scored, in order, and with them as many others as make `count`, whose targets are
/// negative.
std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>> padded(const Example& example,
                                                                       std::int64_t count) {
    std::vector<std::int32_t> rows, targets;
    std::int64_t others = count - example.count;
    std::size_t next = 0;
    for (std::int32_t row = 0; std::int64_t(rows.size()) < count; ++row)
        if (next < example.scored.size() && example.scored[next] == row) {
            rows.push_back(row), targets.push_back(example.targets[next++]);
        } else if (others > 0) {
            rows.push_back(row), targets.push_back(-1);
            --others;
        }
    return {rows, targets};
}

} // namespace

/// How many rows go through the head. Where each token is masked by itself their number differs
/// from batch to batch: for a graph to serve more than one, up to a quarter more go.
std::int64_t TrainedModel::rows_scored(const Example& example) const {
    if (run_.launch != LaunchMode::graph || config_.causal || run_.masking != Masking::bernoulli)
        return example.count;
    const auto step = std::int64_t(std::bit_floor(std::uint64_t(example.count))) / 4;
    if (step < 2) return example.count;
    return std::min((example.count + step - 1) / step * step, example.input.rows());
}

std::vector<std::int32_t> TrainedModel::seeds_of(const Staged& staged) const {
    if (!context_.on_gpu() || (run_.dropout == 0 && layer_->adapter_dropout == 0)) return {};
    LayerContext layer = *layer_;
    layer.dropout.seed = staged.dropout;
    const int adapters = plan_ ? int(plan_->modules.size()) : 0;
    std::vector<std::int32_t> words;
    for (int number = 0; number < 2 * config_.layers + adapters; ++number) {
        std::int32_t halves[2];
        const std::uint64_t seed = dropout_of(layer, number).seed;
        std::memcpy(halves, &seed, sizeof seed);
        words.insert(words.end(), halves, halves + 2);
    }
    return words;
}

void TrainedModel::stage(std::span<const Example> examples, const StepSettings& step) {
    constexpr std::uint64_t apart = 0xd1342543de82ef95; // far from each other
    examples_ = 0;
    for (const Example& example : examples) {
        if (example.count == 0) continue;
        if (examples_ == staged_.size()) staged_.emplace_back();
        Staged& staged = staged_[examples_];
        staged.dropout = seed_ + std::uint64_t(step.step) * apart + examples_++;
        stage(example, staged);
    }
    if (context_.on_gpu()) stage_numbers(step);
}

void TrainedModel::stage(const Example& example, Staged& staged) {
    const InputRows& input = example.input;
    require_in_vocabulary(input.ids, "a token", config_);
    require_in_vocabulary(example.targets, "a label", config_);
    staged.segments = input.segments;
    if (example.sequences) return stage_sequences(example, staged);
    const std::int64_t rows = input.rows(), scored = rows_scored(example);
    const bool learned = config_.position == PositionStyle::learned;
    using List = HostValues<std::int32_t>;
    const auto list = [&](const std::vector<std::int32_t>& values, std::int64_t count) {
        return context_.plans() ? List::counted(count) : List(values);
    };
    const auto for_gpu = [&](List values) { return context_.on_gpu() ? values : List{}; };
    std::vector<std::int32_t> positions, scored_rows = example.scored, targets = example.targets;
    if (learned && !context_.plans()) positions = positions_of(input.segments);
    if (scored > example.count && !context_.plans())
        std::tie(scored_rows, targets) = padded(example, scored);
    if (config_.token_dropout)
        staged.scale = context_.plans()
                           ? staged.scales.send(context_, HostValues<float>::counted(rows))
                           : staged.scales.send(context_, token_dropout_scale(input));
    Segments& segments = staged.segments;
    const std::vector<std::int32_t> seeds = seeds_of(staged);
    const auto sent = staged.integers.send(
        context_,
        {list(input.ids, rows), list(positions, learned ? rows : 0), list(scored_rows, scored),
         list(targets, scored), for_gpu(segments.offsets), for_gpu(segments.lengths), seeds});
    staged.ids = sent[0], staged.positions = sent[1], staged.scored = sent[2],
    staged.targets = sent[3];
    segments.device_offsets = sent[4], segments.device_lengths = sent[5];
    staged.seeds = sent[6];
    staged.losses = staged.all_losses.room(context_, scored, DType::f32);
}

std::string TrainedModel::staged_key(const StepSettings& step) const {
    std::string key =
        "step of " + to_text(head_ ? step.scored : 0) + " at " + to_text(step.loss_scale);
    for (std::size_t i = 0; i < examples_; ++i) {
        const auto& offsets = staged_[i].segments.offsets;
        key += "; " + to_text(staged_[i].losses.shape[0]) + " of ";
        key.append(reinterpret_cast<const char*>(offsets.data()),
                   offsets.size() * sizeof offsets[0]);
    }
    return key;
}

/// The blocks' weights as a pass finds them: where they are streamed, through room that lasts for
/// it, because the optimizer changes those that have stayed.
WeightAccess& TrainedModel::pass_blocks(bool there_and_back) {
    if (run_.weight_memory != WeightMemory::streamed) return *access_;
    std::vector<int> order = forward_order(config_.layers);
    if (there_and_back)
        for (int layer = config_.layers; layer-- > first_learned_;) order.push_back(layer);
    passing_.reset();
    passing_ = std::make_unique<StreamedWeights>(weights_, std::size_t(run_.weight_budget_bytes),
                                                 run_.prefetch_depth, context_, order);
    return *passing_;
}

/// What a block saved, when the next one has begun: as much as its backward pass needs.
void TrainedModel::leave_behind(SavedBlock& saved, int block, ActivationsAside& aside,
                                Recompute recompute) const {
    if (block < first_learned_) {
        saved = {};
        return;
    }
    forget(saved, recompute);
    aside.leave(saved, block);
}

Tensor TrainedModel::encode(const Staged& staged, WeightAccess& blocks, ActivationsAside& aside,
                            std::vector<SavedBlock>& saved, Recompute recompute) {
    Tensor x = layer_->activations(staged.segments.rows(), config_.width, DType::f32);
    run(Embedding{.ids = staged.ids,
                  .table = weights_.tokens,
                  .weight = tied() ? weights_.head.packed() : Weight{},
                  .scale = staged.scale,
                  .positions = staged.positions,
                  .position_table = weights_.positions,
                  .y = x},
        context_);
    Tensor branch;
    saved.resize(std::size_t(config_.layers));
    for (std::size_t i = 0; i < saved.size(); ++i) {
        const Region region(context_, "layer " + std::to_string(i));
        const BlockWeights& weights = blocks.block(int(i));
        saved[i].attention_in = norm_forward(*layer_, weights.attention_norm,
                                             i == 0 ? x.in() : saved[i - 1].mlp_in.x.in(), branch,
                                             i == 0 ? no_branch : 2 * int(i) - 1);
        if (i == 0) {
            saved[i].attention_in.x = std::move(x);
        } else {
            leave_behind(saved[i - 1], int(i) - 1, aside, recompute);
        }
        branch = {};
        branch =
            block_forward(*layer_, weights, adapters_.blocks[i], staged.segments, saved[i], int(i));
        blocks.done(int(i));
    }
    return branch;
}

void TrainedModel::score_rows(const Staged& staged, const SavedBlock& last, const Tensor& branch,
                              float scale, Tensor* d_stream) {
    const Region region(context_, "head");
    const std::int64_t count = staged.scored.shape[0], width = config_.width;
    const Tensor x = layer_->activations(count, width, DType::f32),
                 delta = layer_->activations(count, width, layer_->dtype);
    run(GatherRows{.x = last.mlp_in.x, .indices = staged.scored, .y = x}, context_);
    run(GatherRows{.x = branch, .indices = staged.scored, .y = delta}, context_);
    Tensor dx;
    if (d_stream) dx = layer_->activations(count, width, DType::f32);
    in_pieces(count, head_rows_at_once(*layer_), [&](auto first, auto some) {
        const HeadRows piece{.x = rows(x.in(), first, some),
                             .branch = rows(delta.in(), first, some),
                             .targets = rows(staged.targets, first, some),
                             .losses = rows(staged.losses, first, some),
                             .dx = d_stream ? rows(dx.out(), first, some) : Out{}};
        if (d_stream)
            head_forward_backward(*layer_, weights_, adapters_, piece, scale,
                                  step_numbers_.present() ? rows(step_numbers_, 0, 1) : In{},
                                  gradients_);
        else
            head_forward(*layer_, weights_, adapters_, piece);
    });
    if (!d_stream) return;
    *d_stream = layer_->activations(staged.segments.rows(), width, DType::f32);
    run(ScatterRows{.x = dx, .indices = staged.scored, .y = *d_stream}, context_);
}

void TrainedModel::backward(const Staged& staged, WeightAccess& blocks, ActivationsAside& aside,
                            const Place& place, std::vector<SavedBlock>& saved, Out d_stream) {
    const int last = config_.layers - 1;
    aside.settle();
    if (place.gradients) place.gradients->fetch(last, place.first);
    for (int i = last; i >= first_learned_; --i) {
        const Region region(context_, "layer " + std::to_string(i) + " backward");
        if (i > first_learned_) aside.fetch(i - 1);
        if (i < last) aside.join(i);
        if (place.gradients) {
            place.gradients->enter(i);
            place.gradients->fetch(i - 1, place.first);
        }
        const auto at = std::size_t(i);
        block_backward(*layer_, blocks.block(i), adapters_.blocks[at], staged.segments, saved[at],
                       i, d_stream, gradients_.blocks[at], i > first_learned_ || !plan_);
        blocks.done(i);
        if (!place.gradients) continue;
        if (place.last) measure_block(i);
        place.gradients->leave(i);
    }
    const Tensor& table = tied() ? gradients_.head.weight : gradients_.tokens;
    if (!table.present()) return; // it is not learned
    run(EmbeddingBackward{.ids = staged.ids,
                          .scale = staged.scale,
                          .positions = staged.positions,
                          .dy = d_stream,
                          .dtable = table,
                          .dposition_table = gradients_.positions},
        context_);
}

void TrainedModel::accumulate(const StepSettings& step) {
    for (Learned& learned : learned_)
        if (!is_aside(learned) || examples_ == 0) run(Zero{.x = *learned.gradient}, context_);
    WeightAccess& blocks = pass_blocks(true);
    std::optional<GradientsAside> gradients;
    if (run_.offload_gradients) gradients.emplace(context_, gradients_.blocks, moved_);
    for (std::size_t i = 0; i < examples_; ++i) {
        const Staged& staged = staged_[i];
        layer_->dropout.seed = staged.dropout;
        layer_->device_seeds = staged.seeds.as<std::uint64_t>();
        std::vector<SavedBlock> saved;
        ActivationsAside aside(context_, std::size_t(config_.layers), run_.offload_activations,
                               moved_);
        Tensor branch = encode(staged, blocks, aside, saved, run_.recompute);
        Tensor d_stream;
        const float scale = share_of(step) * float(step.loss_scale);
        if (head_)
            say_sequences(staged, saved.back(), branch, scale, &d_stream);
        else
            score_rows(staged, saved.back(), branch, scale, &d_stream);
        branch = {};
        forget(saved.back(), run_.recompute);
        backward(staged, blocks, aside,
                 {.gradients = gradients ? &*gradients : nullptr,
                  .first = i == 0,
                  .last = i + 1 == examples_},
                 saved, d_stream);
    }
    if (gradients) gradients->settle();
    if (passing_) moved_ += passing_->moved_bytes();
    passing_.reset();
}

double TrainedModel::sum_of_losses(const Staged& staged) {
    if (head_) return sum_of_answers(staged);
    const Out losses = staged.losses;
    if (context_.plans()) {
        run(Download{.x = losses, .y = losses}, context_);
        return 0;
    }
    std::vector<float> found(std::size_t(losses.shape[0]));
    run(Download{.x = losses, .y = {found.data(), losses.shape, DType::f32}}, context_);
    context_.synchronize();
    double sum = 0;
    for (const float loss : found) sum += double(loss);
    return sum;
}

double TrainedModel::staged_loss(const StepSettings& step) {
    double loss = 0;
    for (std::size_t i = 0; i < examples_; ++i)
        loss += sum_of_losses(staged_[i]) / double(step.scored);
    return loss;
}

double TrainedModel::gradients_of(std::span<const Example> examples, const StepSettings& step) {
    stage(examples, step);
    accumulate(step);
    return staged_loss(step);
}

StepResult TrainedModel::take(std::span<const Example> examples, const StepSettings& step) {
    if (!context_.on_gpu()) { // the host looks at the gradients before they are learned from
        const double loss = gradients_of(examples, step);
        return {loss, update(step)};
    }
    stage(examples, step);
    context_.replay(staged_key(step), [&] {
        accumulate(step);
        measure(step);
        apply(step);
    });
    const double loss = staged_loss(step);
    return {loss, finite_norm(step)};
}

double TrainedModel::score(const Example& example) {
    if (example.count == 0) return 0;
    if (staged_.empty()) staged_.emplace_back();
    Staged& staged = staged_.front();
    stage(example, staged);
    const Dropout dropout = std::exchange(layer_->dropout, {});
    const float of_adapters = std::exchange(layer_->adapter_dropout, 0.0f);
    std::vector<SavedBlock> saved;
    ActivationsAside none(context_, 0, false, moved_);
    const Tensor branch = encode(staged, pass_blocks(false), none, saved, Recompute::full);
    if (head_)
        say_sequences(staged, saved.back(), branch, 1, nullptr);
    else
        score_rows(staged, saved.back(), branch, 1, nullptr);
    layer_->dropout = dropout;
    layer_->adapter_dropout = of_adapters;
    passing_.reset();
    return sum_of_losses(staged);
}

} // namespace sweetspot
