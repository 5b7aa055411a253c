#include "engine/prune/pruned_weights.h"
#include "engine/config/pruned_model.h"
#include <algorithm>
#include <cmath>
#include <numeric>

// Which parameters are changed and how: whatever is asked of this source comes from the dense one,
// and goes through one of three ways. A matrix alone: by its sizes. A block: heads and channels go,
// by the sizes of all that belongs to them or by what they give to the stream on a text; or each of
// its linears is masked by what it saw of the text.

namespace sweetspot {

namespace {

std::size_t place_of(Part part) {
    return std::size_t(std::find(block_linears.begin(), block_linears.end(), part) -
                       block_linears.begin());
}
bool is_block_linear(Part part) {
    return place_of(part) < block_linears.size();
}

/// The `count` with the highest scores, in order; of equals the last.
std::vector<std::int64_t> best(const std::vector<double>& scores, std::int64_t count) {
    std::vector<Score> bits;
    for (const double score : scores) bits.push_back(score_of(score));
    auto sorted = bits;
    Cut cut = cut_of(sorted, std::int64_t(scores.size()) - count);
    std::vector<std::int64_t> kept;
    for (std::size_t i = 0; i < bits.size(); ++i)
        if (!cut.takes(bits[i])) kept.push_back(std::int64_t(i));
    return kept;
}

/// Of each column, the sum of its squares, times its weight if there are some.
std::vector<double> column_squares(const Matrix& matrix, std::span<const double> weights) {
    std::vector<double> sums(std::size_t(matrix.columns), 0.0);
    for (std::int64_t r = 0; r < matrix.total_rows(); ++r)
        for (std::size_t i = 0; i < sums.size(); ++i)
            sums[i] += double(matrix.row(r)[i]) * double(matrix.row(r)[i]);
    for (std::size_t i = 0; i < weights.size(); ++i) sums[i] *= weights[i];
    return sums;
}

/// scores[(row - first) / size] += the row's sum of squares, for `rows` rows.
void add_row_squares(const Matrix& matrix, std::int64_t first, std::int64_t rows, std::int64_t size,
                     std::vector<double>& scores) {
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t i = 0; i < matrix.columns; ++i) {
            const double x = matrix.row(first + r)[i];
            scores[std::size_t(r / size)] += x * x;
        }
}

/// 0, 1, … of each kept run of `size` numbers, from `first` on.
void append_runs(const std::vector<std::int64_t>& kept, std::int64_t first, std::int64_t size,
                 std::vector<std::int64_t>& to) {
    for (const std::int64_t run : kept)
        for (std::int64_t i = 0; i < size; ++i) to.push_back(first + run * size + i);
}

std::vector<std::int64_t> first_of(std::int64_t count) {
    std::vector<std::int64_t> all(std::size_t(count), 0);
    std::iota(all.begin(), all.end(), 0);
    return all;
}

std::string mebibytes(std::int64_t bytes) {
    return to_text(std::round(double(bytes) / (1 << 20) * 10) / 10) + " MiB";
}

std::string percent(std::int64_t part, std::int64_t all) {
    return to_text(std::round(1000.0 * double(part) / double(all)) / 10) + " %";
}

} // namespace

PrunedWeights::PrunedWeights(WeightSource& dense, const ModelConfig& model, const RunConfig& run,
                             Context& context)
    : dense_(dense), model_(model), run_(run), context_(context), left_(pruned_model(model, run)),
      study_(run.as_published == AsPublished::masked_pruning),
      removes_(is_structured(run.prune_pattern) && !study_), sparsity_{.share = run.sparsity,
                                                                       .neighbours = neighbours_of(
                                                                           run.prune_pattern)} {
    if (run.calibrated())
        calibration_.emplace(model, run, dense, run.prune == PruneBy::sparsegpt, context.plans());
    if (context.plans()) return;
    if (scope::is_pruned_by_size(run) && run.prune_scope == PruneScope::global) find_cut();
}

/// Whether a parameter is not what the model has.
bool PrunedWeights::is_changed(Part part, bool bias) const {
    if (is_block_linear(part))
        return !bias || (removes_ && (part == Part::query_key_value || part == Part::up));
    if (!study_ || bias) return false;
    if (run_.prune_pattern == PrunePattern::structured) return part == Part::head_dense;
    return run_.prune_pattern == PrunePattern::unstructured && part != Part::head;
}

bool PrunedWeights::transposed(Part part) const {
    return !is_changed(part, false) && dense_.transposed(part);
}

/// What the dense source calls it.
Parameter PrunedWeights::in_model(Parameter parameter) const {
    if (parameter.part == Part::head && !parameter.bias && model_.tied_head)
        parameter.part = Part::tokens; // a study's head keeps the table as it was
    if (!removes_ || !is_block_linear(parameter.part)) return parameter;
    const Parameter weight = part_of(model_, parameter.part, parameter.layer)->weight;
    parameter.rows = weight.rows;
    if (!parameter.bias) parameter.columns = weight.columns;
    return parameter;
}

std::vector<In> PrunedWeights::find_blocks(const Parameter& parameter, WeightFormat as_is) {
    const auto [part, layer, bias, rows, columns] = parameter;
    const bool by_blocks = is_block_linear(part) && (removes_ || run_.calibrated());
    if (by_blocks && layer != block_) prune_block(layer);
    if (by_blocks && !bias) return linears_[place_of(part)].views();
    if (!is_changed(part, bias)) return dense_.find_blocks(in_model(parameter), as_is);
    masked_ = {}; // before the next is made, so that both are never live
    masked_ = read_matrix(dense_, in_model(parameter), context_);
    if (bias)
        masked_.keep_rows(kept_rows(part), rows);
    else
        mask(masked_);
    return masked_.views();
}

/// Goes through what may go in the order in which it will be asked for.
void PrunedWeights::find_cut() {
    SizeCount sizes;
    const auto count = [&] {
        each_part(left_, [&](const ModelPart& part) {
            if (!part.held || !is_changed(part.weight.part, false)) return;
            const Matrix matrix = read_matrix(dense_, in_model(part.weight), context_);
            for (const float x : std::span(matrix.row(0), std::size_t(matrix.count())))
                sizes.add(x);
        });
    };
    count();
    sizes.narrow(run_.sparsity);
    count();
    global_ = sizes.cut();
}

void PrunedWeights::mask(Matrix& matrix) {
    if (context_.plans()) return;
    prunable_ += matrix.count();
    if (is_structured(run_.prune_pattern))
        pruned_ += mask_columns(matrix, run_.sparsity);
    else if (global_)
        pruned_ += mask_by(matrix, *global_);
    else if (sparsity_.neighbours || run_.prune_scope == PruneScope::row)
        pruned_ += mask_rows(matrix, sparsity_, {}, threads_of(context_));
    else
        pruned_ += mask_sources(matrix, run_.sparsity);
}

void PrunedWeights::prune_block(int layer) {
    for (std::size_t i = 0; i < linears_.size(); ++i) {
        linears_[i] = {};
        const Parameter weight = part_of(model_, block_linears[i], layer)->weight;
        linears_[i] = read_matrix(dense_, weight, context_);
    }
    std::optional<BlockInputs> seen;
    if (calibration_) seen = calibration_->observe(layer);
    if (removes_)
        remove(seen ? &*seen : nullptr);
    else if (seen)
        for (std::size_t i = 0; i < linears_.size(); ++i) prune_by_inputs(linears_[i], (*seen)[i]);
    block_ = layer;
    if (calibration_ && layer + 1 < model_.layers) calibration_->advance(layer, *this);
}

void PrunedWeights::prune_by_inputs(Matrix& matrix, LinearInputs& seen) {
    if (context_.plans()) return;
    const int threads = threads_of(context_);
    prunable_ += matrix.count();
    if (run_.prune == PruneBy::wanda) {
        pruned_ += mask_rows(matrix, sparsity_, seen.squares, threads);
        return;
    }
    std::int64_t first = 0;
    for (const std::int64_t rows : matrix.rows) {
        const std::span weights(matrix.row(first), std::size_t(rows * matrix.columns));
        auto gram = seen.gram; // it is used up
        if (!prune_by_sparsegpt(weights, rows, matrix.columns, gram, sparsity_, threads))
            throw Error(Failure::bad_input, "prune sparsegpt: on " + run_.prune_data +
                                                " the inputs of a layer are no numbers");
        pruned_ += std::count(weights.begin(), weights.end(), 0.0f);
        first += rows;
    }
}

/// Takes heads and channels out of the block that is held.
void PrunedWeights::remove(const BlockInputs* seen) {
    auto& [in, out, up, down] = linears_;
    const std::int64_t size = model_.head_size, groups = model_.kv_heads,
                       queries = size * model_.heads / groups, channels = model_.mlp_width;
    std::int64_t gone = 0;
    for (const Matrix& linear : linears_) gone += linear.count();
    prunable_ += gone;
    groups_ = first_of(removes_heads(run_.prune_pattern) ? left_.kv_heads : groups);
    channels_ = first_of(removes_channels(run_.prune_pattern) ? left_.mlp_width : channels);
    if (!context_.plans()) {
        const auto norms = [&](Part part) {
            return seen ? std::span<const double>((*seen)[place_of(part)].squares)
                        : std::span<const double>();
        };
        std::vector<double> of_groups(std::size_t(groups), 0.0),
            of_channels = column_squares(down, norms(Part::down));
        const auto of_columns = column_squares(out, norms(Part::attention_output));
        for (std::size_t i = 0; i < of_columns.size(); ++i)
            of_groups[i / std::size_t(queries)] += of_columns[i];
        if (!seen) {
            add_row_squares(in, 0, groups * queries, queries, of_groups);
            add_row_squares(in, groups * queries, groups * size, size, of_groups);
            add_row_squares(in, groups * (queries + size), groups * size, size, of_groups);
            for (std::size_t s = 0; s < up.rows.size(); ++s)
                add_row_squares(up, std::int64_t(s) * channels, channels, 1, of_channels);
        }
        groups_ = best(of_groups, std::int64_t(groups_.size()));
        channels_ = best(of_channels, std::int64_t(channels_.size()));
    }
    std::vector<std::int64_t> columns;
    append_runs(groups_, 0, queries, columns);
    const auto rows_left = [&](Part part) { return part_of(left_, part)->weight.rows; };
    in.keep_rows(kept_rows(Part::query_key_value), rows_left(Part::query_key_value));
    out.keep_columns(columns);
    up.keep_rows(kept_rows(Part::up), rows_left(Part::up));
    down.keep_columns(channels_);
    for (const Matrix& linear : linears_) gone -= linear.count();
    pruned_ += gone;
}

/// The rows that stay of the products into attention and into the MLP.
std::vector<std::int64_t> PrunedWeights::kept_rows(Part part) const {
    std::vector<std::int64_t> kept;
    if (part == Part::up) {
        const auto sources = part_of(model_, part)->weight.rows.size();
        for (std::size_t s = 0; s < sources; ++s)
            append_runs(channels_, std::int64_t(s) * model_.mlp_width, 1, kept);
        return kept;
    }
    const std::int64_t size = model_.head_size, groups = model_.kv_heads,
                       queries = size * model_.heads / groups;
    append_runs(groups_, 0, queries, kept);
    append_runs(groups_, groups * queries, size, kept);
    append_runs(groups_, groups * (queries + size), size, kept);
    return kept;
}

std::string PrunedWeights::what_it_gains() const {
    if (removes_) return "what is left is a smaller model, the same in every layer";
    if (stores_two_of_four(run_.weight_format) && context_.on_gpu())
        return "stored in 9/16 of the bytes that 16-bit numbers take where products are faster so, "
               "and dense elsewhere";
    if (stores_two_of_four(run_.weight_format))
        return "stored in 9/16 of the bytes that 16-bit numbers take, which saves memory and no "
               "time: products of several rows take longer than dense ones";
    const std::string mask = "zeros are stored and computed like other numbers: the mask saves no "
                             "memory and no time";
    if (run_.prune_pattern == PrunePattern::four_of_eight)
        return mask + ", and no kernel gains from 4:8";
    return mask;
}

PruneOutcome PrunedWeights::outcome() const {
    PruneOutcome y{.prunable = prunable_, .pruned = pruned_};
    if (calibration_) y.calibration_bytes = calibration_->peak_bytes();
    y.note = to_text(run_.prune) + ", " + to_text(run_.prune_pattern);
    if (scope::is_pruned_by_size(run_)) y.note += " by " + to_text(run_.prune_scope);
    if (calibration_)
        y.note += ", on " + to_text(calibration_->tokens()) + " tokens in " +
                  to_text(calibration_->sequences()) + " sequences of " + run_.prune_data +
                  ", which took " + mebibytes(y.calibration_bytes);
    if (removes_heads(run_.prune_pattern) && removes_)
        y.note += "; " + to_text(left_.heads) + " of " + to_text(model_.heads) + " heads stay";
    if (removes_channels(run_.prune_pattern) && removes_)
        y.note += "; " + to_text(left_.mlp_width) + " of " + to_text(model_.mlp_width) +
                  " MLP channels stay";
    if (prunable_)
        y.note += "; " + percent(pruned_, prunable_) + " of " + to_text(prunable_) +
                  (study_ ? " weights of these parts" : " weights of the blocks' linears") +
                  (removes_ ? " are gone" : " are 0");
    y.note += "; " + what_it_gains();
    return y;
}

Weights load_pruned(const ModelConfig& model, const RunConfig& run, WeightSource& dense,
                    Context& context, PruneOutcome& outcome) {
    if (!scope::is_pruned(run)) return load_weights(model, run, dense, context);
    PrunedWeights source(dense, model, run, context);
    Weights weights = load_weights(pruned_model(model, run), run, source, context);
    outcome = source.outcome();
    return weights;
}

} // namespace sweetspot
