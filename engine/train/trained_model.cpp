#include "engine/train/trained_model.h"
#include "engine/config/pruned_model.h"
#include "engine/data/random.h"
#include "engine/train/pruned_learning.h"
#include "engine/train/trained_files.h"
#include "engine/train/unpack.h"
#include "engine/weights/open_model.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/embedding.h"
#include "kernels/ops/optimizer.h"
#include "kernels/ops/transfer.h"
#include <algorithm>
#include <cmath>
#include <utility>

// A step, from the top: the batch is staged, the blocks go forward and keep what block.h says, the
// scored rows go through the head in pieces, forward and backward, and the blocks go backward. Then
// each learned tensor takes its step, and what products read is made of it anew.

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

Tensor zeros(Context& context, const Shape& shape, Purpose purpose) {
    Tensor y(context.allocator, shape, DType::f32, purpose);
    run(Zero{.x = y}, context);
    return y;
}

} // namespace

std::string Learned::name() const {
    if (!stored_as.empty()) return stored_as;
    std::string text = of_block(part) ? "layer " + std::to_string(layer) + " " : "";
    text += names_of(Part{})[std::size_t(part)];
    return text + (bias ? " bias" : matrix ? " weight" : " gain");
}

TrainedModel::TrainedModel(const ModelConfig& config, const RunConfig& run_config, int longest,
                           Context& context, bool goes_on)
    : config_(pruned_model(config, run_config)), training_(run_config), pruned_by_(run_config),
      holds_zeros_(scope::is_pruned(run_config) && !scope::is_adapted(run_config) &&
                   !is_structured(run_config.prune_pattern)),
      context_(context), seed_(std::uint64_t(run_config.seed)) {
    Masters masters;
    const DType dtype = dtype_of(run_config.precision);
    const bool adapted = scope::is_adapted(run_config);
    // Weights that go on are pruned already; adapters that do lie beside those of the beginning.
    const bool pruned = goes_on && !adapted;
    RunConfig loading = run_config; // of which as much goes as goes at once
    if (pruned || run_config.prune_steps > 0) loading.prune = PruneBy::none;
    const ModelConfig& stored = pruned ? config_ : config;
    auto loaded = weights_for(run_config, stored, context, [&](WeightSource& source) {
        return load(source, stored, loading, masters);
    });
    weights_ = std::move(loaded.weights);
    provenance_ = std::move(loaded.provenance);
    gradients_.blocks.resize(std::size_t(config_.layers));
    adapters_.blocks.resize(std::size_t(config_.layers));
    if (adapted)
        add_adapters(adapter_plan(run_config, config_), dtype);
    else
        each_part(config_, [&](const ModelPart& part) {
            if (part.held || part.bias)
                enroll(part, std::move(masters[{part.weight.part, part.weight.layer}]));
        });
    squares_ =
        Tensor(context.allocator, {std::int64_t(learned_.size())}, DType::f32, Purpose::optimizer);
    norm_ = Tensor(context.allocator, {1}, DType::f32, Purpose::optimizer);
    scale_ = Tensor(context.allocator, {1}, DType::f32, Purpose::optimizer);
    access_ = weight_access(run_config, weights_, context);
    layer_.emplace(LayerContext{.model = config_,
                                .context = context,
                                .access = *access_,
                                .fusion = run_config.fusion,
                                .dtype = dtype,
                                .tf32 = run_config.precision == Precision::tf32,
                                .dropout = {float(run_config.dropout), seed_},
                                .adapter_dropout = float(run_config.lora_dropout)});
    if (config_.window && longest > config_.window)
        throw Error(Failure::unsupported,
                    "training does not look through a window: that of " + config_.name + " has " +
                        std::to_string(config_.window) + " tokens, sequences up to " +
                        std::to_string(longest));
    rotary_ = rotary_tables(config_, weights_, longest, context);
    layer_->cosine = rotary_.cosine;
    layer_->sine = rotary_.sine;
}

/// Of every matrix, which products read in an order of their own, and of tables that are not f32;
/// without master weights these are stepped as they are.
TrainedModel::Masters TrainedModel::load_masters(WeightSource& source, DType type) {
    Masters masters;
    each_part(config_, [&](const ModelPart& part) {
        const Parameter& weight = part.weight;
        const bool table = weight.part == Part::tokens || weight.part == Part::positions;
        const bool rounds = type != DType::f32 && !training_.master_weights;
        if (!part.held || !weight.columns || (table && (type == DType::f32 || rounds))) return;
        const Shape shape{weight.total_rows(), weight.columns};
        Tensor master(context_.allocator, shape, DType::f32, Purpose::optimizer);
        unpack(packing_of(config_, part, source), master, context_);
        if (rounds) {
            Tensor rounded(context_.allocator, shape, type, Purpose::optimizer);
            run(Convert{.x = master, .y = rounded}, context_);
            master = std::move(rounded);
        }
        masters[{weight.part, weight.layer}] = std::move(master);
    });
    return masters;
}

/// What is learned at a part: its weight, with its master if it has one, and its bias.
void TrainedModel::enroll(const ModelPart& part, Tensor master) {
    const auto [at, layer] = std::pair(part.weight.part, part.weight.layer);
    visit_part(gradients_, at, layer, [&](auto& gradient) {
        using Member = std::remove_reference_t<decltype(gradient)>;
        visit_part(weights_, at, layer, [&](auto& weight) {
            Learned learned{.part = at,
                            .layer = layer,
                            .matrix = part.weight.columns > 0,
                            .products = part.products()};
            learned.master = std::move(master);
            if constexpr (!std::is_same_v<std::remove_reference_t<decltype(weight)>, Member>) {
                throw Error(Failure::bug, "weights and gradients have the same members");
            } else if constexpr (std::is_same_v<Member, Tensor>) {
                learned.weight = &weight, learned.gradient = &gradient;
                enroll(std::move(learned));
            } else {
                Tensor *main = nullptr, *its_gradient = nullptr;
                if constexpr (std::is_same_v<Member, NormWeights>)
                    main = &weight.gain, its_gradient = &gradient.gain;
                else
                    main = &weight.weight, its_gradient = &gradient.weight, gradient.n = weight.n,
                    gradient.k = weight.k, gradient.products = weight.products;
                learned.weight = main, learned.gradient = its_gradient;
                enroll(std::move(learned));
                if (part.bias)
                    enroll({.part = at,
                            .layer = layer,
                            .bias = true,
                            .weight = &weight.bias,
                            .gradient = &gradient.bias});
            }
        });
    });
}

/// All of them first: what is learned points to them.
void TrainedModel::add_adapters(AdapterPlan plan, DType dtype) {
    const auto packed = [&](std::int64_t n, std::int64_t k) {
        LinearWeights y{.n = n, .k = k};
        y.weight = Tensor(context_.allocator, packed_shape(n, k, dtype), dtype, Purpose::weights);
        return y;
    };
    int number = 2 * config_.layers; // behind the branches
    for (const AdaptedModule& module : plan.modules)
        adapters_.at(module.part, module.layer)
            .push_back({.a = packed(plan.rank, module.columns),
                        .b = packed(module.rows, plan.rank),
                        .first = module.first,
                        .scale = float(plan.scale()),
                        .number = number++});
    std::map<std::pair<Part, int>, std::size_t> next;
    for (const AdaptedModule& module : plan.modules) {
        const std::pair at(module.part, module.layer);
        Adapter& adapter = adapters_.at(module.part, module.layer)[next[at]++];
        for (const char which : {'A', 'B'}) {
            LinearWeights& linear = which == 'A' ? adapter.a : adapter.b;
            Learned learned{.part = module.part,
                            .layer = module.layer,
                            .matrix = true,
                            .stored_as = module.tensor(which),
                            .weight = &linear.weight,
                            .gradient = which == 'A' ? &adapter.a_gradient : &adapter.b_gradient};
            learned.master =
                Tensor(context_.allocator, {linear.n, linear.k}, DType::f32, Purpose::optimizer);
            begin_adapter(learned.master, plan.numbers[learned.stored_as],
                          which == 'A' ? 1 / std::sqrt(double(linear.k)) : 0, adapter.number);
            run(RepackWeight{.weight = learned.master, .packed = linear.weight}, context_);
            enroll(std::move(learned));
        }
    }
    plan.numbers.clear();
    plan_ = std::move(plan);
}

/// With these numbers; if there are none, with some from [-bound, bound).
void TrainedModel::begin_adapter(const Tensor& master, const std::vector<float>& numbers,
                                 double bound, int number) {
    std::vector<float> drawn;
    if (numbers.empty() && !context_.plans()) {
        Random random(seed_ ^ Random(std::uint64_t(number)).next());
        drawn.resize(std::size_t(master.shape().count()));
        for (float& x : drawn) x = float(bound * (2 * random.uniform() - 1));
    }
    const void* from = numbers.empty() ? drawn.data() : numbers.data();
    // A plan reads nothing: the numbers that it lacks may be anywhere.
    run(Upload{.x = {context_.plans() ? master.in().data : from, master.shape(), DType::f32},
               .y = master},
        context_);
}

void TrainedModel::enroll(Learned learned) {
    const Shape shape = learned.value().shape;
    *learned.gradient = Tensor(context_.allocator, shape, DType::f32, Purpose::gradients);
    const bool adamw = training_.optimizer == OptimizerKind::adamw;
    if (adamw || training_.momentum > 0) learned.mean = zeros(context_, shape, Purpose::optimizer);
    if (adamw) learned.square = zeros(context_, shape, Purpose::optimizer);
    learned_.push_back(std::move(learned));
}

void TrainedModel::stage(const Example& example) {
    const InputRows& input = example.input;
    require_in_vocabulary(input.ids, "a token", config_);
    require_in_vocabulary(example.targets, "a label", config_);
    staged_ = {.segments = input.segments};
    const std::int64_t rows = input.rows();
    const bool learned = config_.position == PositionStyle::learned;
    using List = HostValues<std::int32_t>;
    const auto list = [&](const std::vector<std::int32_t>& values, std::int64_t count) {
        return context_.plans() ? List::counted(count) : List(values);
    };
    const auto for_gpu = [&](List values) { return context_.on_gpu() ? values : List{}; };
    std::vector<std::int32_t> positions;
    if (learned && !context_.plans()) positions = positions_of(input.segments);
    if (config_.token_dropout)
        staged_.scale = context_.plans() ? scales_.send(context_, HostValues<float>::counted(rows))
                                         : scales_.send(context_, token_dropout_scale(input));
    Segments& segments = staged_.segments;
    const auto sent = integers_.send(
        context_, {list(input.ids, rows), list(positions, learned ? rows : 0),
                   list(example.scored, example.count), list(example.targets, example.count),
                   for_gpu(segments.offsets), for_gpu(segments.lengths)});
    staged_.ids = sent[0], staged_.positions = sent[1], staged_.scored = sent[2],
    staged_.targets = sent[3];
    segments.device_offsets = sent[4], segments.device_lengths = sent[5];
}

Tensor TrainedModel::encode(std::vector<SavedBlock>& saved, Recompute recompute) {
    Tensor x = layer_->activations(staged_.segments.rows(), config_.width, DType::f32);
    run(Embedding{.ids = staged_.ids,
                  .table = weights_.tokens,
                  .weight = tied() ? weights_.head.packed() : Weight{},
                  .scale = staged_.scale,
                  .positions = staged_.positions,
                  .position_table = weights_.positions,
                  .y = x},
        context_);
    Tensor branch;
    saved.resize(std::size_t(config_.layers));
    for (std::size_t i = 0; i < saved.size(); ++i) {
        const Region region(context_, "layer " + std::to_string(i));
        const BlockWeights& weights = weights_.blocks[i];
        saved[i].attention_in = norm_forward(*layer_, weights.attention_norm,
                                             i == 0 ? x.in() : saved[i - 1].mlp_in.x.in(), branch);
        if (i == 0)
            saved[i].attention_in.x = std::move(x);
        else
            forget(saved[i - 1], recompute);
        branch = {};
        branch = block_forward(*layer_, weights, adapters_.blocks[i], staged_.segments, saved[i],
                               int(i));
    }
    return branch;
}

double TrainedModel::sum_of(const Tensor& losses) {
    if (context_.plans()) {
        run(Download{.x = losses, .y = losses}, context_);
        return 0;
    }
    std::vector<float> found(std::size_t(losses.shape()[0]));
    run(Download{.x = losses, .y = {found.data(), losses.shape(), DType::f32}}, context_);
    context_.synchronize();
    double sum = 0;
    for (const float loss : found) sum += double(loss);
    return sum;
}

double TrainedModel::score_rows(const SavedBlock& last, const Tensor& branch, float scale,
                                Tensor* d_stream) {
    const Region region(context_, "head");
    const std::int64_t count = staged_.scored.shape[0], width = config_.width;
    const Tensor x = layer_->activations(count, width, DType::f32),
                 delta = layer_->activations(count, width, layer_->dtype),
                 losses(context_.allocator, {count}, DType::f32);
    run(GatherRows{.x = last.mlp_in.x, .indices = staged_.scored, .y = x}, context_);
    run(GatherRows{.x = branch, .indices = staged_.scored, .y = delta}, context_);
    Tensor dx;
    if (d_stream) dx = layer_->activations(count, width, DType::f32);
    in_pieces(count, head_rows_at_once(*layer_), [&](auto first, auto some) {
        const HeadRows piece{.x = rows(x.in(), first, some),
                             .branch = rows(delta.in(), first, some),
                             .targets = rows(staged_.targets, first, some),
                             .losses = rows(losses.out(), first, some),
                             .dx = d_stream ? rows(dx.out(), first, some) : Out{}};
        if (d_stream)
            head_forward_backward(*layer_, weights_, adapters_, piece, scale, gradients_);
        else
            head_forward(*layer_, weights_, adapters_, piece);
    });
    if (d_stream) {
        *d_stream = layer_->activations(staged_.segments.rows(), width, DType::f32);
        run(ScatterRows{.x = dx, .indices = staged_.scored, .y = *d_stream}, context_);
    }
    return sum_of(losses);
}

void TrainedModel::backward(std::vector<SavedBlock>& saved, Out d_stream) {
    for (std::size_t i = saved.size(); i-- > 0;) {
        const Region region(context_, "layer " + std::to_string(i) + " backward");
        block_backward(*layer_, weights_.blocks[i], adapters_.blocks[i], staged_.segments, saved[i],
                       int(i), d_stream, gradients_.blocks[i]);
    }
    const Tensor& table = tied() ? gradients_.head.weight : gradients_.tokens;
    if (!table.present()) return; // it is not learned
    run(EmbeddingBackward{.ids = staged_.ids,
                          .scale = staged_.scale,
                          .positions = staged_.positions,
                          .dy = d_stream,
                          .dtable = table,
                          .dposition_table = gradients_.positions},
        context_);
}

std::int64_t TrainedModel::trainable_parameters() const {
    std::int64_t count = 0;
    for (const Learned& learned : learned_) count += learned.value().shape.count();
    return count;
}

void TrainedModel::begin_step(int step) {
    step_ = step;
    layer_->dropout.seed = seed_ + std::uint64_t(step) * 0xd1342543de82ef95; // far from each other
    for (Learned& learned : learned_) run(Zero{.x = *learned.gradient}, context_);
}

double TrainedModel::add(const Example& example, float scale) {
    if (example.count == 0) return 0;
    stage(example);
    std::vector<SavedBlock> saved;
    Tensor branch = encode(saved, training_.recompute);
    Tensor d_stream;
    const double loss = score_rows(saved.back(), branch, scale, &d_stream);
    branch = {};
    forget(saved.back(), training_.recompute);
    backward(saved, d_stream);
    ++layer_->dropout.seed;
    return loss;
}

double TrainedModel::score(const Example& example) {
    if (example.count == 0) return 0;
    stage(example);
    const Dropout dropout = std::exchange(layer_->dropout, {});
    const float of_adapters = std::exchange(layer_->adapter_dropout, 0.0f);
    std::vector<SavedBlock> saved;
    const Tensor branch = encode(saved, Recompute::full);
    const double loss = score_rows(saved.back(), branch, 1, nullptr);
    layer_->dropout = dropout;
    layer_->adapter_dropout = of_adapters;
    return loss;
}

double TrainedModel::update(double learning_rate) {
    const Region region(context_, "optimizer");
    for (const Learned& learned : learned_)
        if (holds_zeros_ && is_prunable(learned))
            run(HoldZeros{.x = learned.value(), .y = *learned.gradient}, context_);
    for (std::size_t i = 0; i < learned_.size(); ++i)
        run(SquareSum{.x = *learned_[i].gradient, .sum = rows(squares_.out(), std::int64_t(i), 1)},
            context_);
    run(
        ClipScale{
            .squares = squares_, .norm = norm_, .scale = scale_, .limit = float(training_.clip)},
        context_);
    const double norm = require_finite();
    for (Learned& learned : learned_) {
        if (learned.value().dtype == DType::f32)
            step_of_optimizer(learned, learned.value(), learning_rate);
        else
            step_at_random(learned, learning_rate);
        if (learned.master.present()) spread(learned);
    }
    return norm;
}

void TrainedModel::step_of_optimizer(const Learned& learned, const Out& value,
                                     double learning_rate) {
    const bool decays = learned.matrix || training_.decay == Decay::all;
    const double decay = decays ? training_.weight_decay : 0;
    if (training_.optimizer == OptimizerKind::adamw)
        run(AdamW{.weight = value,
                  .gradient = *learned.gradient,
                  .mean = learned.mean,
                  .square = learned.square,
                  .scale = scale_,
                  .step = step_ + 1,
                  .learning_rate = learning_rate,
                  .beta1 = training_.beta1,
                  .beta2 = training_.beta2,
                  .epsilon = training_.epsilon,
                  .decay = decay},
            context_);
    else
        run(Sgd{.weight = value,
                .gradient = *learned.gradient,
                .velocity = learned.mean,
                .scale = scale_,
                .learning_rate = learning_rate,
                .momentum = training_.momentum,
                .decay = decay},
            context_);
}

/// Of what is kept in 16 bits: widened for the step, and rounded again with draws of its own.
void TrainedModel::step_at_random(const Learned& learned, double learning_rate) {
    const Out value = learned.value();
    const Tensor wide(context_.allocator, value.shape, DType::f32, Purpose::workspace);
    run(Convert{.x = value, .y = wide}, context_);
    step_of_optimizer(learned, wide, learning_rate);
    const auto number = std::uint64_t(&learned - learned_.data());
    const std::uint64_t seed =
        Random(seed_ ^ Random(std::uint64_t(step_) << 32 | number).next()).next();
    run(StochasticRound{.x = wide, .y = value, .seed = seed}, context_);
}

/// Makes what products and lookups read of a master that has changed.
void TrainedModel::spread(Learned& learned) {
    if (learned.part == Part::tokens || learned.part == Part::positions) {
        run(Convert{.x = learned.master, .y = *learned.weight}, context_);
        return;
    }
    const auto part_of = [&](const Out& all, int product) {
        const std::int64_t count = all.shape[0] / learned.products;
        return rows(all, product * count, count);
    };
    for (int i = 0; i < learned.products; ++i)
        run(RepackWeight{.weight = part_of(learned.master.out(), i),
                         .packed = part_of(learned.weight->out(), i)},
            context_);
}

/// The norm of all gradients, if it is a number.
double TrainedModel::require_finite() {
    if (context_.plans()) {
        run(Download{.x = squares_, .y = squares_}, context_);
        return 0;
    }
    std::vector<float> squares(learned_.size());
    run(Download{.x = squares_, .y = {squares.data(), squares_.shape(), DType::f32}}, context_);
    context_.synchronize();
    double sum = 0;
    for (const float square : squares) sum += double(square);
    if (!std::isfinite(sum)) blame(squares);
    return std::sqrt(sum);
}

/// Names the first tensor that is not finite: a weight before all gradients, which follow from it.
void TrainedModel::blame(const std::vector<float>& squares) {
    const auto finite = [&](const Out& x) {
        const auto numbers = on_host(x, context_);
        return std::ranges::all_of(numbers, [](float v) { return std::isfinite(v); });
    };
    const auto astray = [&](const std::string& what) {
        return Error(Failure::bad_input, "training went astray: in step " +
                                             std::to_string(step_ + 1) + " " + what +
                                             "; a smaller learning_rate or clip may help");
    };
    for (const Learned& learned : learned_)
        if (!finite(learned.value()))
            throw astray("the weight " + learned.name() + " is not finite any more");
    for (const Learned& learned : learned_)
        if (!finite(*learned.gradient))
            throw astray("the gradient by " + learned.name() + " is not finite");
    for (std::size_t i = 0; i < squares.size(); ++i)
        if (!std::isfinite(squares[i]))
            throw astray("the gradient by " + learned_[i].name() +
                         " is so large that its norm is not finite");
    throw astray("the norm of all gradients is not finite");
}

} // namespace sweetspot
