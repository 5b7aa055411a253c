#include "engine/convert/rounded_weights.h"
#include "engine/convert/gptq.h"
#include "engine/train/unpack.h"
#include "engine/weights/weights.h"
#include "kernels/core/team.h"
#include "kernels/ops/weight_row.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

// Rounding goes matrix by matrix. With a text it goes block by block: the inputs of a block are
// seen while it is not rounded, its linears are rounded by them, and the text goes on through what
// they became, so that later blocks make up for what earlier ones lost.

namespace sweetspot {

namespace {

std::size_t place_of(Part part) {
    return std::size_t(std::ranges::find(block_linears, part) - block_linears.begin());
}

/// Sum over rows of d · gram · dᵀ, or of d · dᵀ without a gram.
double squares(std::span<const float> d, std::int64_t columns, std::span<const double> gram,
               int threads) {
    const std::int64_t rows = std::int64_t(d.size()) / columns;
    std::vector<double> sums(std::size_t(rows), 0.0);
    for_pieces(rows, threads, [&](std::int64_t row, int) {
        const float* x = d.data() + row * columns;
        double sum = 0;
        for (std::int64_t i = 0; i < columns; ++i) {
            double y = double(x[i]);
            if (!gram.empty()) {
                const double* g = gram.data() + i * columns;
                y = 0;
                for (std::int64_t j = 0; j < columns; ++j) y += g[j] * double(x[j]);
            }
            sum += y * double(x[i]);
        }
        sums[std::size_t(row)] = sum;
    });
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

} // namespace

RoundedWeights::RoundedWeights(WeightSource& dense, const ModelConfig& model, const RunConfig& run,
                               bool gptq, Context& context, Tell tell)
    : dense_(dense), model_(model), run_(run), context_(context), tell_(std::move(tell)) {
    if (gptq) calibration_.emplace(model, run, dense, true, false);
}

bool RoundedWeights::is_rounded(Part part) const {
    return place_of(part) < block_linears.size();
}

RoundedWeights::Numbers RoundedWeights::numbers_of(const ModelPart& part, bool bias) {
    const auto [place, layer, is_bias, rows, columns] = part.weight;
    if (bias || !columns) return {.values = dense_numbers(model_, part, bias, dense_, context_)};
    if (!calibration_ || !is_rounded(place)) return rounded(part, nullptr);
    if (block_ != layer) round_block(layer);
    return std::move(linears_[place_of(place)]);
}

void RoundedWeights::round_block(int layer) {
    BlockInputs seen = calibration_->observe(layer);
    for (std::size_t i = 0; i < block_linears.size(); ++i)
        linears_[i] = rounded(*part_of(model_, block_linears[i], layer), &seen[i]);
    block_ = layer;
    if (layer + 1 < model_.layers) calibration_->advance(layer, *this);
}

RoundedWeights::Numbers RoundedWeights::rounded(const ModelPart& part, LinearInputs* inputs) {
    const std::int64_t rows = part.weight.total_rows(), columns = part.weight.columns;
    const int threads = threads_of(context_);
    Numbers y{.format = format_of(run_.weight_format, model_, part)};
    const std::vector<float> numbers = dense_numbers(model_, part, false, dense_, context_);
    if (y.format == WeightFormat::dense) {
        y.values = numbers;
        return y;
    }
    y.blocks.resize(block_bytes(y.format, rows * columns));
    const std::vector<double> gram = inputs ? inputs->gram : std::vector<double>();
    if (inputs) {
        if (!round_by_gptq(y.format, numbers, rows, columns, inputs->gram, y.blocks.data(),
                           threads))
            throw Error(Failure::bad_input,
                        "the inputs of a layer are no numbers on " + run_.prune_data);
    } else {
        PackWeight pack = packing_of(model_, part, dense_, y.format);
        const Tensor packed(context_.allocator, packed_shape(y.format, rows, columns, DType::f32),
                            DType::u8, Purpose::workspace);
        pack.packed = packed;
        run(pack, context_);
        std::memcpy(y.blocks.data(), packed.as<std::uint8_t>(), y.blocks.size());
    }
    y.values.resize(numbers.size());
    dequantise(y.format, y.blocks.data(), y.values);
    std::vector<float> lost(numbers.size());
    std::ranges::transform(numbers, y.values, lost.begin(), std::minus());
    const auto share = [&](std::span<const double> by) {
        const double all = squares(numbers, columns, by, threads);
        return all > 0 ? std::sqrt(squares(lost, columns, by, threads) / all) : 0;
    };
    LinearError error{.part = part.weight.part,
                      .layer = part.weight.layer,
                      .format = y.format,
                      .weights = share({})};
    if (!gram.empty()) error.products = share(gram);
    tell_(error);
    return y;
}

std::vector<In> RoundedWeights::find(const Parameter& parameter) {
    if (parameter.bias || !is_rounded(parameter.part)) return dense_.find(parameter);
    const float* from = linears_[place_of(parameter.part)].values.data();
    std::vector<In> found;
    for (const std::int64_t rows : parameter.rows) {
        found.push_back({from, {rows, parameter.columns}, DType::f32});
        from += rows * parameter.columns;
    }
    return found;
}

} // namespace sweetspot
