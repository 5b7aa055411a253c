#include "engine/train/trained_model.h"
#include "kernels/ops/transfer.h"
#include <algorithm>
#include <cmath>

// The part of a step that is of whole sequences, where a head on them is learned. Losses are few,
// and the host makes them of the answers.

namespace sweetspot {

void TrainedModel::stage_sequences(const Example& example, Staged& staged) {
    const InputRows& input = example.input;
    const SequenceTargets& said = *example.sequences;
    staged.said = said;
    Segments& segments = staged.segments;
    const std::int64_t rows = input.rows(), sequences = segments.count();
    const bool plans = context_.plans(), learned = config_.position == PositionStyle::learned;
    for (const std::int32_t one : said.classes)
        if (one < 0 || one >= head_->outputs)
            throw Error(Failure::bug, "a class is one of those that the head has");
    using List = HostValues<std::int32_t>;
    const auto list = [&](const std::vector<std::int32_t>& values, std::int64_t count) {
        return plans ? List::counted(count) : List(values);
    };
    const auto for_gpu = [&](List values) { return context_.on_gpu() ? values : List{}; };
    std::vector<std::int32_t> positions;
    std::vector<float> shares(plans ? 0 : std::size_t(rows * sequences));
    if (!plans) {
        if (learned) positions = positions_of(segments);
        for (int s = 0; s < segments.count(); ++s) {
            const auto at = std::size_t(s);
            const std::int64_t letters =
                std::max<std::int64_t>(1, segments.lengths[at] - said.marks);
            const std::int64_t first = std::min<std::int64_t>(segments.offsets[at] + said.before,
                                                              segments.offsets[at + 1] - letters);
            for (std::int64_t row = first; row < first + letters; ++row)
                shares[std::size_t(row * sequences) + at] = 1 / float(letters);
        }
    }
    if (config_.token_dropout)
        staged.scale = plans ? staged.scales.send(context_, HostValues<float>::counted(rows))
                             : staged.scales.send(context_, token_dropout_scale(input));
    const std::vector<std::int32_t> seeds = seeds_of(staged);
    const auto sent = staged.integers.send(
        context_, {list(input.ids, rows), list(positions, learned ? rows : 0),
                   list(said.classes, head_->numbers ? 0 : sequences), for_gpu(segments.offsets),
                   for_gpu(segments.lengths), seeds});
    staged.ids = sent[0], staged.positions = sent[1], staged.targets = sent[2];
    segments.device_offsets = sent[3], segments.device_lengths = sent[4], staged.seeds = sent[5];
    const auto floats = [&](Staging& room, const std::vector<float>& values, const Shape& shape) {
        const In all = room.send(context_, plans ? HostValues<float>::counted(shape.count())
                                                 : HostValues<float>(values));
        return In{all.data, shape, DType::f32};
    };
    staged.shares = floats(staged.all_shares, shares, {rows, sequences});
    if (head_->numbers) staged.numbers = floats(staged.all_numbers, said.numbers, {sequences, 1});
    staged.losses = staged.all_losses.room(context_, sequences, DType::f32);
    const Out answers = staged.all_answers.room(context_, sequences * head_->outputs, DType::f32);
    staged.answers = {answers.data, {sequences, head_->outputs}, DType::f32};
}

void TrainedModel::say_sequences(const Staged& staged, const SavedBlock& last, const Tensor& branch,
                                 float scale, Tensor* d_stream) {
    const Region region(context_, "head");
    const SequenceRows rows_of{.x = last.mlp_in.x,
                               .branch = branch,
                               .shares = staged.shares,
                               .classes = staged.targets,
                               .numbers = staged.numbers,
                               .losses = staged.losses,
                               .answers = staged.answers};
    if (!d_stream) return sequence_head_forward(*layer_, weights_, *head_, rows_of);
    *d_stream = sequence_head_backward(*layer_, weights_, *head_, rows_of, scale,
                                       step_numbers_.present() ? rows(step_numbers_, 0, 1) : In{},
                                       gradients_);
}

double TrainedModel::sum_of_answers(const Staged& staged) {
    if (context_.plans()) {
        run(Download{.x = staged.answers, .y = staged.answers}, context_);
        return 0;
    }
    answers_.resize(std::size_t(staged.answers.shape.count()));
    run(Download{.x = staged.answers, .y = {answers_.data(), staged.answers.shape, DType::f32}},
        context_);
    context_.synchronize();
    double sum = 0;
    for (std::size_t s = 0; s < std::size_t(staged.answers.shape[0]); ++s) {
        if (head_->numbers) {
            const double off = double(answers_[s]) - double(staged.said.numbers[s]);
            sum += 0.5 * off * off;
            continue;
        }
        const auto outputs = std::size_t(head_->outputs);
        const std::span<const float> logits(answers_.data() + s * outputs, outputs);
        const double largest = double(*std::ranges::max_element(logits));
        double all = 0;
        for (const float logit : logits) all += std::exp(double(logit) - largest);
        sum += std::log(all) + largest - double(logits[std::size_t(staged.said.classes[s])]);
    }
    return sum;
}

} // namespace sweetspot
