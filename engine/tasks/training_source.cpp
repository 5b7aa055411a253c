#include "engine/tasks/training_source.h"
#include "engine/data/random.h"
#include <algorithm>
#include <cmath>
#include <numeric>

// Rows become examples: which rows of a batch are scored by which tokens, or what is said of each
// sequence. Plans know lengths alone, and go through the same code.

namespace sweetspot {

namespace {

/// Which rows are scored by which tokens.
Example example_of(InputRows input, const std::vector<Tokens>& labels) {
    Example y{.input = std::move(input)};
    const auto targets = lay_out(labels, y.input.segments, no_label);
    for (std::size_t row = 0; row < targets.size(); ++row) {
        if (targets[row] < 0) continue;
        y.scored.push_back(std::int32_t(row));
        y.targets.push_back(targets[row]);
    }
    y.count = std::int64_t(y.scored.size());
    return y;
}

} // namespace

Examples::Examples(const RunConfig& run, const ModelConfig& model, const RunData& data,
                   const Labels* labels)
    : run_(run), model_(model), ids_(data.ids),
      marked_(data.tokenizer && data.tokenizer->usual_specials().begin), labels_(labels) {
    if (!labels || labels->numbers.empty()) return;
    double sum = 0, squares = 0, count = 0;
    for (std::size_t row = 0; row < labels->numbers.size(); ++row)
        if (labels->splits[row] == Split::train) sum += labels->numbers[row], ++count;
    mean_ = sum / count;
    for (std::size_t row = 0; row < labels->numbers.size(); ++row)
        if (labels->splits[row] == Split::train)
            squares += (labels->numbers[row] - mean_) * (labels->numbers[row] - mean_);
    if (squares > 0) deviation_ = std::sqrt(squares / count);
}

SequenceTargets Examples::targets_of(const Drawn& drawn, int marks, bool known) const {
    SequenceTargets y{.before = run_.pooling == Pooling::mean && marked_, .marks = marks};
    if (!known) return y;
    for (const std::size_t record : drawn.records)
        if (labels_->numbers.empty())
            y.classes.push_back(labels_->classes[record]);
        else
            y.numbers.push_back(float(standardised(labels_->numbers[record])));
    return y;
}

Example Examples::of(const Batch& batch, const Drawn& drawn) const {
    if (labels_)
        return {.input = lay_out(batch, run_.layout, ids_.mask),
                .count = std::int64_t(batch.rows.size()),
                .sequences = targets_of(drawn, batch.specials_per_row, true)};
    if (says_what_it_sees()) return example_of_seen(batch);
    if (model_.causal) {
        std::vector<Tokens> next;
        for (const Tokens& row : batch.rows) next.emplace_back(row.begin() + 1, row.end());
        return example_of(lay_out(batch, run_.layout, ids_.mask), next);
    }
    const MaskedBatch masked = mask(batch, ids_, rule(drawn));
    return example_of(lay_out(masked.batch, run_.layout, ids_.mask), masked.labels);
}

Example Examples::of(const BatchShape& shape, const Drawn& drawn) const {
    if (labels_)
        return {.input = lay_out(shape, run_.layout),
                .count = std::int64_t(shape.rows.size()),
                .sequences = targets_of(drawn, shape.specials_per_row, false)};
    if (says_what_it_sees()) {
        BatchShape filled = shape;
        std::ranges::fill(filled.rows, std::int32_t(shape.longest()));
        return {.input = lay_out(filled, run_.layout), .count = count_tokens(shape).padded};
    }
    Example y{.input = lay_out(shape, run_.layout)};
    for (std::size_t i = 0; i < shape.rows.size(); ++i)
        y.count += model_.causal
                       ? shape.rows[i] - 1
                       : chosen_of(shape.rows[i] - shape.specials_per_row, rule(drawn), i);
    return y;
}

/// As a study had it: rows are filled up with the token that ends a text (or, where there is none,
/// begins one), and each token, those included, is to be said where it is read.
Example Examples::example_of_seen(const Batch& batch) const {
    const std::int32_t padding = ids_.eos < 0 ? ids_.bos : ids_.eos;
    Batch filled = batch;
    for (Tokens& row : filled.rows) {
        if (row.size() < batch.longest() && padding < 0)
            throw Error(Failure::bad_input,
                        "as_published llm_compression pads with a token that ends or begins a "
                        "text, and the tokenizer of these data has none");
        row.resize(batch.longest(), padding);
    }
    return example_of(lay_out(filled, run_.layout, ids_.mask), filled.rows);
}

MaskRule Examples::rule(const Drawn& drawn) const {
    const std::uint64_t seed =
        Random(std::uint64_t(run_.seed) ^ Random(std::uint64_t(drawn.epoch + 1)).next()).next();
    MaskRule y{.fraction = run_.mask_fraction,
               .style = MaskStyle::study,
               .seed = std::int64_t(seed),
               .records = drawn.records};
    if (run_.masking == Masking::exact) return y;
    y.style = MaskStyle::bernoulli;
    y.first_letter = 0, y.last_letter = model_.vocabulary - 1;
    return y;
}

template <class Row>
Source<Row>::Source(BatchOf<Row> rows, const RunConfig& run, const ModelConfig& model,
                    const RunData& data, const Labels* labels)
    : run_(run), examples_(run, model, data, labels) {
    if (!labels) {
        held_out_.rows = hold_out(rows, run.validation, run.seed);
        held_out_.records.resize(held_out_.rows.rows.size());
        std::iota(held_out_.records.begin(), held_out_.records.end(), std::size_t(0));
        batches_.emplace(std::move(rows), run);
        return;
    }
    for (Part* part : {&train_, &held_out_, &test_})
        part->rows.specials_per_row = rows.specials_per_row;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        const Split split = labels->splits[row];
        Part& part = split == Split::train        ? train_
                     : split == Split::validation ? held_out_
                                                  : test_;
        part.rows.rows.push_back(std::move(rows.rows[row]));
        part.records.push_back(row);
    }
    batches_.emplace(std::move(train_.rows), run);
}

template <class Row>
StepExamples Source<Row>::next() {
    StepExamples y;
    for (int i = 0; i < run_.accumulation; ++i) {
        const BatchOf<Row> batch = batches_->next();
        const auto drawn = batches_->records();
        std::vector<std::size_t> records(drawn.begin(), drawn.end());
        if (!train_.records.empty())
            for (std::size_t& record : records) record = train_.records[record];
        y.examples.push_back(example_of(batch, {batches_->epoch(), records}));
        y.scored += y.examples.back().count;
        const BatchTokens counts = sweetspot::count_tokens(batch);
        y.tokens.nominal += counts.real;
        y.tokens.padded += counts.padded;
        y.tokens.computed += counts.computed(run_.layout);
    }
    return y;
}

template <class Row>
void Source<Row>::each_of(const Part& part, const Visit& visit) const {
    constexpr int no_epoch = -1;
    const auto count = std::size_t(run_.batch);
    const std::span<const std::size_t> records = part.records;
    for (std::size_t first = 0; first < records.size(); first += count) {
        const std::size_t end = std::min(first + count, records.size());
        const BatchOf<Row> batch{{part.rows.rows.begin() + std::ptrdiff_t(first),
                                  part.rows.rows.begin() + std::ptrdiff_t(end)},
                                 part.rows.specials_per_row};
        visit(example_of(batch, {no_epoch, records.subspan(first, end - first)}));
    }
}

template <class Row>
Example Source<Row>::example_of(const BatchOf<Row>& batch, const Drawn& drawn) const {
    if constexpr (std::is_same_v<Row, TokenRow>)
        return examples_.of(copy_of(batch), drawn);
    else
        return examples_.of(batch, drawn);
}

template class Source<TokenRow>;
template class Source<std::int32_t>;

} // namespace sweetspot
