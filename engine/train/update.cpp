#include "engine/data/random.h"
#include "engine/train/pruned_learning.h"
#include "engine/train/trained_files.h"
#include "engine/train/trained_model.h"
#include "engine/weights/weights.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/transfer.h"
#include <algorithm>
#include <cmath>
#include <cstring>

// What the optimizer makes of a step's gradients: their norm is measured and clipped, each learned
// tensor takes its step, and what products read is made of it anew. On a CPU the host looks at the
// norm first. On a GPU all of it is queued, each kernel leaves things as they are where the norm is
// no number, and the host looks when it is done.

namespace sweetspot {

namespace {

/// Where a GPU finds the numbers of a step: the share of a token in the loss, then what DeviceStep
/// says, for what decays and for what does not.
constexpr std::int64_t of_adamw = 4, of_sgd = 2;

/// Numbers of what is packed that are stepped at once: 4 MiB, beside as many of the moments.
constexpr std::int64_t most_unpacked = 1 << 20;
/// No piece is that large.
constexpr std::int64_t whole = std::int64_t(1) << 60;

/// AdamW's settings, without tensors.
AdamW adamw(const Training& run, const StepSettings& step, bool decays) {
    AdamW op;
    op.step = step.updates + 1, op.learning_rate = step.learning_rate;
    op.beta1 = run.beta1, op.beta2 = run.beta2, op.epsilon = run.epsilon;
    op.decay = decays ? run.weight_decay : 0;
    return op;
}

} // namespace

void TrainedModel::stage_numbers(const StepSettings& step) {
    const float share = step.scored ? float(1 / double(step.scored)) : 0,
                unscale = float(1 / step.loss_scale);
    std::vector<float> numbers{share * float(step.loss_scale)};
    for (const bool decays : {true, false}) {
        const AdamW op = adamw(run_, step, decays);
        if (run_.optimizer == OptimizerKind::adamw)
            numbers.insert(numbers.end(),
                           {op.step_size(), op.square_factor(), op.kept_weight(), unscale});
        else
            numbers.insert(numbers.end(), {float(step.learning_rate), unscale});
    }
    step_numbers_ = numbers_.send(context_, numbers);
    std::vector<std::int32_t> seeds;
    for (std::size_t i = 0; i < learned_.size(); ++i) {
        std::int32_t halves[2];
        const std::uint64_t seed = rounding_seed(step.step, i);
        std::memcpy(halves, &seed, sizeof seed);
        seeds.insert(seeds.end(), halves, halves + 2);
    }
    if (scope::is_rounded_training(run_) && !run_.master_weights)
        rounding_seeds_ = rounding_.send(context_, {seeds}).front();
}

DeviceStep TrainedModel::on_device(bool decays) const {
    if (!step_numbers_.present()) return {};
    const std::int64_t count = run_.optimizer == OptimizerKind::adamw ? of_adamw : of_sgd;
    return {.numbers = rows(step_numbers_, decays ? 1 : 1 + count, count), .norm = norm_};
}

void TrainedModel::measure(const StepSettings& step) {
    const Region region(context_, "optimizer");
    for (const Learned& learned : learned_)
        if (holds_zeros_ && is_prunable(learned))
            run(HoldZeros{.x = learned.value(), .y = *learned.gradient}, context_);
    for (std::size_t i = 0; i < learned_.size(); ++i)
        if (!is_aside(learned_[i]) || examples_ == 0) measure(i);
    run(ClipScale{.squares = squares_,
                  .norm = norm_,
                  .scale = scale_,
                  .limit = float(run_.clip * step.loss_scale)},
        context_);
}

void TrainedModel::measure(std::size_t number) {
    run(SquareSum{.x = *learned_[number].gradient,
                  .sum = rows(squares_.out(), std::int64_t(number), 1)},
        context_);
}

void TrainedModel::measure_block(int layer) {
    for (std::size_t i = 0; i < learned_.size(); ++i)
        if (of_block(learned_[i].part) && learned_[i].layer == layer) measure(i);
}

/// Rows that a product of its own has do not mix with others, and begin where a packed weight's
/// rows can be cut.
std::vector<TrainedModel::Piece> TrainedModel::pieces_of(const Learned& learned,
                                                         std::int64_t most) const {
    constexpr std::int64_t cut = 64; // packed_shape()'s
    const Shape shape = learned.shape();
    const std::int64_t all = shape[0], of_product = all / learned.products;
    const std::int64_t fit = most / (shape.count() / all) / cut * cut, at_once = std::max(cut, fit);
    std::vector<Piece> pieces;
    for (int product = 0; product < learned.products; ++product)
        for (std::int64_t done = 0; done < of_product; done += at_once) {
            const std::int64_t first = product * of_product + done,
                               count = std::min(at_once, of_product - done);
            const auto part = [&](const Tensor& tensor) {
                return tensor.present() ? rows(tensor.out(), first, count) : Out{};
            };
            pieces.push_back({.learned = &learned,
                              .first = first,
                              .count = count,
                              .value = learned.packed ? Out{} : rows(learned.value(), first, count),
                              .mean = part(learned.mean),
                              .square = part(learned.square),
                              .gradient = part(*learned.gradient)});
        }
    return pieces;
}

void TrainedModel::apply(const StepSettings& step) {
    const Region region(context_, "optimizer");
    if (run_.offload_optimizer || run_.offload_gradients) return apply_through_room(step);
    for (const Learned& learned : learned_)
        for (const Piece& piece : pieces_of(learned, learned.packed ? most_unpacked : whole))
            apply(piece, step);
}

void TrainedModel::refresh(const Learned& learned) {
    if (!learned.master.present()) return;
    for (const Piece& piece : pieces_of(learned, whole)) spread(piece);
}

void TrainedModel::apply(const Piece& piece, const StepSettings& step) {
    if (piece.learned->packed) return step_packed(piece, step);
    if (piece.value.dtype == DType::f32)
        step_of_optimizer(piece, piece.value, step);
    else
        step_at_random(piece, step);
    if (piece.learned->master.present()) spread(piece);
}

std::optional<double> TrainedModel::update(const StepSettings& step) {
    measure(step);
    const auto norm = finite_norm(step);
    if (norm) apply(step);
    return norm;
}

void TrainedModel::step_of_optimizer(const Piece& piece, const Out& value,
                                     const StepSettings& step) {
    const bool decays = piece.learned->matrix || run_.decay == Decay::all;
    if (run_.optimizer == OptimizerKind::adamw) {
        AdamW op = adamw(run_, step, decays);
        op.weight = value, op.gradient = piece.gradient, op.mean = piece.mean;
        op.square = piece.square, op.scale = scale_, op.on_device = on_device(decays);
        run(op, context_);
    } else {
        run(Sgd{.weight = value,
                .gradient = piece.gradient,
                .velocity = piece.mean,
                .scale = scale_,
                .learning_rate = step.learning_rate,
                .momentum = run_.momentum,
                .decay = decays ? run_.weight_decay : 0,
                .on_device = on_device(decays)},
            context_);
    }
}

void TrainedModel::step_packed(const Piece& piece, const StepSettings& step) {
    const Out packed = piece.learned->packed_rows(piece.first, piece.count);
    const Tensor room(context_.allocator, piece.gradient.shape, DType::f32, Purpose::workspace);
    run(UnpackWeight{.packed = packed, .weight = room}, context_);
    step_of_optimizer(piece, room, step);
    run(RepackWeight{.weight = room, .packed = packed}, context_);
}

std::uint64_t TrainedModel::rounding_seed(int step, std::size_t number) const {
    return Random(seed_ ^ Random(std::uint64_t(step) << 32 | number).next()).next();
}

/// Of what is kept in 16 bits: widened for the step, and rounded again with draws of its own.
void TrainedModel::step_at_random(const Piece& piece, const StepSettings& step) {
    const Tensor wide(context_.allocator, piece.value.shape, DType::f32, Purpose::workspace);
    run(Convert{.x = piece.value, .y = wide}, context_);
    step_of_optimizer(piece, wide, step);
    const auto number = std::size_t(piece.learned - learned_.data());
    const auto* seeds = rounding_seeds_.as<std::uint64_t>();
    const std::int64_t words = (piece.value.shape.count() / piece.count + 3) / 4 * 4; // of a row
    run(StochasticRound{.x = wide,
                        .y = piece.value,
                        .seed = rounding_seed(step.step, number),
                        .first = piece.first * words,
                        .device_seed = seeds ? seeds + number : nullptr},
        context_);
}

/// Makes what products and lookups read of rows of a master that have changed.
void TrainedModel::spread(const Piece& piece) {
    const Learned& learned = *piece.learned;
    if (learned.part == Part::tokens || learned.part == Part::positions) {
        run(Convert{.x = piece.value, .y = rows(learned.weight->out(), piece.first, piece.count)},
            context_);
        return;
    }
    run(RepackWeight{.weight = piece.value,
                     .packed = learned.packed_rows(piece.first, piece.count)},
        context_);
}

/// The norm of all gradients. If it is no number, that is the loss scale's fault for as long as
/// there is less of it to try.
std::optional<double> TrainedModel::finite_norm(const StepSettings& step) {
    if (context_.plans()) {
        run(Download{.x = squares_, .y = squares_}, context_);
        return 0;
    }
    std::vector<float> squares(learned_.size());
    run(Download{.x = squares_, .y = {squares.data(), squares_.shape(), DType::f32}}, context_);
    context_.synchronize();
    double sum = 0;
    for (const float square : squares) sum += double(square);
    if (std::isfinite(sum)) return std::sqrt(sum) / step.loss_scale;
    if (step.loss_scale > 1) return {};
    blame(squares, step.step);
}

/// Names the first tensor that is not finite: a weight before all gradients, which follow from it.
void TrainedModel::blame(const std::vector<float>& squares, int step) {
    const auto finite = [&](const Out& x) {
        const auto numbers = on_host(x, context_);
        return std::ranges::all_of(numbers, [](float v) { return std::isfinite(v); });
    };
    const auto astray = [&](const std::string& what) {
        return Error(Failure::bad_input, "training went astray: in step " +
                                             std::to_string(step + 1) + " " + what +
                                             "; a smaller learning_rate or clip may help");
    };
    for (const Learned& learned : learned_)
        if (!finite(learned.packed ? learned.weight->out() : learned.value()))
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
