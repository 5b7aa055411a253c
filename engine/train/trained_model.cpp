#include "engine/train/trained_model.h"
#include "engine/config/possible.h"
#include "engine/config/pruned_model.h"
#include "engine/data/random.h"
#include "engine/train/pruned_learning.h"
#include "engine/train/trained_files.h"
#include "engine/train/unpack.h"
#include "engine/weights/open_model.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/optimizer.h"
#include "kernels/ops/transfer.h"
#include <algorithm>
#include <cmath>
#include <utility>

// What a model that learns is made of: weights, and for each that is learned a gradient, the
// optimizer's state and, where it computes in another type, a master. A step: step.cpp.

namespace sweetspot {

std::string Learned::name() const {
    if (!stored_as.empty()) return stored_as;
    std::string text = of_block(part) ? "layer " + std::to_string(layer) + " " : "";
    text += names_of(Part{})[std::size_t(part)];
    return text + (bias ? " bias" : matrix ? " weight" : " gain");
}

Out Learned::packed_rows(std::int64_t first, std::int64_t count) const {
    const Out all = weight->out();
    const std::int64_t of_product = shape()[0] / products, in_pack = all.shape[0] / products,
                       product = first / of_product, in_product = first % of_product;
    const bool ends = in_product + count == of_product;
    return rows(all, product * in_pack + in_product, ends ? in_pack - in_product : count);
}

TrainedModel::TrainedModel(const ModelConfig& config, const RunConfig& run_config, int longest,
                           Context& context, bool goes_on, Classes classes)
    : config_(pruned_model(config, run_config)), run_(run_config),
      holds_zeros_(scope::is_pruned(run_config) && !scope::is_adapted(run_config) &&
                   !is_structured(run_config.prune_pattern)),
      steps_packed_(run_config.precision == Precision::f32 && !context.on_gpu() &&
                    !scope::is_pruned(run_config)),
      context_(context), seed_(std::uint64_t(run_config.seed)) {
    Masters masters;
    const DType dtype = dtype_of(run_config.precision);
    const bool adapted = scope::is_adapted(run_config);
    if (classes) head_ = {.outputs = std::max(*classes, 1), .numbers = *classes == 0};
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
    if (head_) add_head();
    squares_ =
        Tensor(context.allocator, {std::int64_t(learned_.size())}, DType::f32, Purpose::optimizer);
    norm_ = Tensor(context.allocator, {1}, DType::f32, Purpose::optimizer);
    scale_ = Tensor(context.allocator, {1}, DType::f32, Purpose::optimizer);
    access_ = weight_access(Optimizations{}, weights_, context);
    layer_.emplace(LayerContext{.model = config_,
                                .context = context,
                                .access = *access_,
                                .attention = run_config.attention,
                                .fusion = run_config.fusion,
                                .dtype = dtype,
                                .tf32 = run_config.precision == Precision::tf32,
                                .dropout = {float(run_config.dropout), seed_},
                                .adapter_dropout = float(run_config.lora_dropout)});
    if (config_.window < longest) layer_->window = config_.window; // else nothing is out of sight
    if (layer_->window && context.on_gpu())
        throw Error(Failure::unsupported, *beyond_window(config_, longest));
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
        const bool rounds = type != DType::f32 && !run_.master_weights;
        if (!part.held || !weight.columns || (steps_packed_ && !table) ||
            (table && (type == DType::f32 || rounds)))
            return;
        const Shape shape{weight.total_rows(), weight.columns};
        Tensor master(context_.allocator, shape, DType::f32, Purpose::optimizer);
        unpack(packing_of(config_, part, source), master, context_);
        if (rounds) {
            Tensor rounded(context_.allocator, shape, type, Purpose::optimizer);
            run(Convert{.x = master, .y = rounded}, context_);
            master = std::move(rounded);
        }
        masters[{weight.part, weight.layer}] = at_home(std::move(master));
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
                if (steps_packed_ && learned.matrix && std::is_same_v<Member, LinearWeights>)
                    learned.packed = {part.weight.total_rows(), part.weight.columns};
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
            learned.master = at_home(std::move(learned.master));
            enroll(std::move(learned));
        }
    }
    first_learned_ = config_.layers;
    for (const AdaptedModule& module : plan.modules)
        if (of_block(module.part)) first_learned_ = std::min(first_learned_, module.layer);
    plan.numbers.clear();
    plan_ = std::move(plan);
}

/// Of the first numbers that follow those of all adapters.
void TrainedModel::add_head() {
    LinearWeights& linear = head_->linear;
    linear.n = head_->outputs, linear.k = config_.width;
    linear.weight = Tensor(context_.allocator, packed_shape(linear.n, linear.k, DType::f32),
                           DType::f32, Purpose::weights);
    linear.bias = Tensor(context_.allocator, {linear.n}, DType::f32, Purpose::weights);
    run(Zero{.x = linear.bias}, context_);
    Learned weight{.part = Part::head,
                   .matrix = true,
                   .stored_as = "score.weight",
                   .of_head = true,
                   .weight = &linear.weight,
                   .gradient = &head_->weight_gradient};
    weight.master =
        Tensor(context_.allocator, {linear.n, linear.k}, DType::f32, Purpose::optimizer);
    const int number = 2 * config_.layers + int(plan_ ? plan_->modules.size() : 0);
    begin_adapter(weight.master, {}, 1 / std::sqrt(double(linear.k)), number);
    run(RepackWeight{.weight = weight.master, .packed = linear.weight}, context_);
    weight.master = at_home(std::move(weight.master));
    enroll(std::move(weight));
    enroll({.part = Part::head,
            .bias = true,
            .stored_as = "score.bias",
            .of_head = true,
            .weight = &linear.bias,
            .gradient = &head_->bias_gradient});
}

/// Whether it is of the head that says tokens, where none are said: it stays as it was.
bool TrainedModel::is_idle(const Learned& learned) const {
    if (!head_ || learned.of_head || !learned.stored_as.empty()) return false;
    return learned.part == Part::head_dense || learned.part == Part::head_norm ||
           (learned.part == Part::head && (!tied() || learned.bias));
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

/// Where the optimizer's state lies.
Allocator& TrainedModel::state_memory() const {
    return run_.offload_optimizer ? context_.weight_allocator : context_.allocator;
}

Tensor TrainedModel::at_home(Tensor state) const {
    if (!run_.offload_optimizer) return state;
    Tensor home(state_memory(), state.shape(), state.dtype(), Purpose::optimizer);
    run(Download{.x = state, .y = home}, context_);
    return home;
}

bool TrainedModel::is_aside(const Learned& learned) const {
    return run_.offload_gradients && of_block(learned.part);
}

void TrainedModel::enroll(Learned learned) {
    if (is_idle(learned)) return kept_.push_back(std::move(learned));
    const auto zeros = [&](const Shape& shape) {
        Tensor y(state_memory(), shape, DType::f32, Purpose::optimizer);
        run(Zero{.x = y}, context_);
        return y;
    };
    const Shape shape = learned.shape();
    *learned.gradient = Tensor(is_aside(learned) ? context_.weight_allocator : context_.allocator,
                               shape, DType::f32, Purpose::gradients);
    const bool adamw = run_.optimizer == OptimizerKind::adamw;
    if (adamw || run_.momentum > 0) learned.mean = zeros(shape);
    if (adamw) learned.square = zeros(shape);
    learned_.push_back(std::move(learned));
}

std::int64_t TrainedModel::trainable_parameters() const {
    std::int64_t count = 0;
    for (const Learned& learned : learned_) count += learned.shape().count();
    return count;
}

} // namespace sweetspot
