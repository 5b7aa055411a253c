#include "engine/weights/weights.h"
#include "engine/config/as_published.h"
#include "engine/weights/residency.h"
#include "kernels/core/nested_scales.h"
#include "kernels/core/team.h"
#include "kernels/ops/transfer.h"
#include "kernels/ops/weight_row.h"
#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <numeric>

namespace sweetspot {

namespace {

/// Throws Error(bad_input) that names the weight if more than two of four neighbours are not 0: the
/// format would lose them.
void require_two_of_four(const PackWeight& pack, WeightFormat format, const Parameter& weight) {
    std::vector<float> numbers(std::size_t(pack.k()));
    for (std::int64_t n = 0; n < weight.total_rows(); ++n) {
        read_weight_row(find_weight_row(pack, n), numbers);
        for (std::size_t i = 0; i < numbers.size(); i += 4)
            if (std::count(&numbers[i], &numbers[i] + 4, 0.0f) < 2)
                throw Error(Failure::bad_input,
                            "weight_format " + to_text(format) +
                                " stores two of four neighbours; " + "row " + to_text(n) + " of " +
                                std::string(names_of(weight.part)[std::size_t(weight.part)]) +
                                " of layer " + to_text(weight.layer) +
                                " has more: prune_pattern 2:4 makes it two");
    }
}

/// The numbers of a row of blocks, of which nested ones have their scales behind all.
void decode_row(const LinearWeights& linear, const std::uint8_t* blocks, std::int64_t row,
                std::span<float> y) {
    const BlockFormat facts = block_format(linear.format);
    if (!facts.nested)
        return dequantise(linear.format, blocks + row * row_bytes(linear.format, linear.k), y);
    const std::int64_t in_row = linear.k / facts.numbers, count = linear.n * in_row;
    const NestedScales scales(blocks + count * facts.bytes, count);
    for (std::size_t i = 0; i < y.size(); ++i) {
        const std::int64_t block = row * in_row + std::int64_t(i) / facts.numbers;
        const std::uint8_t* p = blocks + block * facts.bytes;
        const std::uint8_t pair = p[1 + std::int64_t(i) % facts.numbers / 2];
        y[i] = scales.scale(block, p[0]) * nf4_values[i % 2 ? pair & 15 : pair >> 4];
    }
}

/// Sums what rounding took from a linear that was packed so; blocks that a file has lose nothing.
void sum_losses(const PackWeight& pack, LinearWeights& linear, Context& context) {
    const int threads = threads_of(context);
    std::vector<std::uint8_t> copy; // of what lies on a GPU
    const auto* blocks = linear.weight.as<std::uint8_t>();
    if (context.on_gpu()) {
        copy.resize(linear.weight.in().bytes());
        run(Download{.x = linear.weight, .y = {copy.data(), linear.weight.shape(), DType::u8}},
            context);
        context.synchronize();
        blocks = copy.data();
    }
    std::vector<double> lost(std::size_t(linear.n), 0.0), all = lost;
    for_pieces(linear.n, threads, [&](std::int64_t row, int) {
        std::vector<float> now(std::size_t(linear.k)), before;
        decode_row(linear, blocks, row, now);
        before = now;
        if (const WeightRow from = find_weight_row(pack, row); from.dtype != DType::u8)
            read_weight_row(from, before);
        for (std::size_t i = 0; i < now.size(); ++i) {
            const double was = double(before[i]), off = double(now[i]) - was;
            lost[std::size_t(row)] += off * off;
            all[std::size_t(row)] += was * was;
        }
    });
    linear.lost = std::accumulate(lost.begin(), lost.end(), 0.0);
    linear.squares = std::accumulate(all.begin(), all.end(), 0.0);
}

std::string three_digits(double x) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, x, std::chars_format::general, 3).ptr};
}

/// "8.59"
std::string percent(double lost, double all) {
    return three_digits(all > 0 ? 100 * std::sqrt(lost / all) : 0);
}

/// "up in 2:4 (41.2 us; dense 50.3 us)"
std::string described(std::string_view name, const LinearWeights& linear) {
    const ProductTimes& times = linear.times;
    const auto time = [](double seconds) {
        return seconds < 1e-3 ? three_digits(1e6 * seconds) + " us"
                              : three_digits(1e3 * seconds) + " ms";
    };
    std::string y(name);
    if (!times.two_of_four) return y + " dense (" + times.why + ")";
    if (times.gains())
        return y + " in 2:4 (" + time(times.two_of_four) + "; dense " + time(times.dense) + ")";
    return y + " dense (" + time(times.dense) + "; in 2:4 " + time(times.two_of_four) + ")";
}

/// Rows of products that a run repeats most: a token of each sequence while it generates.
std::int64_t rows_of(const RunConfig& run) {
    if (run.task == Task::generate) return run.batch;
    if (run.token_budget > 0) return std::int64_t(run.token_budget);
    return std::int64_t(run.batch) * run.sequence;
}

class Loader {
public:
    Loader(const ModelConfig& model, const RunConfig& run, WeightSource& source, Allocator& place,
           Context& context)
        : model_(model), dtype_(dtype_of(run.precision)), format_(run.weight_format),
          rows_(rows_of(run)), source_(source), context_(context), place_(place) {}

    void load(Tensor& table, const ModelPart& part) {
        table = Tensor(place_, {part.weight.total_rows(), part.weight.columns}, dtype_,
                       Purpose::weights);
        run(Upload{.x = source_.find(part.weight)[0], .y = table}, context_);
    }

    void load(NormWeights& norm, const ModelPart& part) {
        norm.gain = vector(part.weight);
        if (part.bias) norm.bias = bias_of(part);
    }

    void load(LinearWeights& linear, const ModelPart& part) {
        linear.n = part.weight.total_rows();
        linear.k = part.weight.columns;
        const WeightFormat wanted = format_of(format_, model_, part);
        linear.format = wanted;
        if (stores_two_of_four(wanted) && std::holds_alternative<CudaStream>(context_.stream))
            choose_way(linear, part);
        linear.products = part.products();
        if (linear.products > 1) return load_products(linear, part);
        linear.weight = Tensor(place_, packed_shape(linear.format, linear.n, linear.k, dtype_),
                               packed_type(linear.format, dtype_), Purpose::weights);
        PackWeight pack = packing_of(model_, part, source_, linear.format);
        pack.packed = linear.weight;
        if (stores_two_of_four(wanted) && !context_.plans())
            require_two_of_four(pack, wanted, part.weight);
        run(pack, context_);
        const bool rounded = linear.format != WeightFormat::dense;
        if (rounded && !stores_two_of_four(linear.format) && !context_.plans())
            sum_losses(pack, linear, context_);
        if (part.bias) linear.bias = bias_of(part);
    }

private:
    /// A GPU gets a linear in 2:4 where its product is faster so.
    void choose_way(LinearWeights& linear, const ModelPart& part) {
        linear.times = time_products({.m = rows_,
                                      .n = linear.n,
                                      .k = linear.k,
                                      .dtype = dtype_,
                                      .bias = part.bias,
                                      .activation = activation_of(part.weight.part)},
                                     context_);
        if (!linear.times.gains()) linear.format = WeightFormat::dense;
    }
    Activation activation_of(Part part) const {
        if (part != Part::up || model_.mlp == MlpStyle::swiglu) return Activation::none;
        return model_.mlp == MlpStyle::gelu ? Activation::gelu : Activation::gelu_tanh;
    }

    /// Files and draws have them as one matrix.
    void load_products(LinearWeights& linear, const ModelPart& part) {
        const std::int64_t n = linear.n / linear.products;
        Shape shape = packed_shape(n, linear.k, dtype_);
        shape.sizes[0] *= linear.products;
        linear.weight = Tensor(place_, shape, dtype_, Purpose::weights);
        const In all = source_.find(part.weight)[0];
        for (int i = 0; i < linear.products; ++i)
            run(PackWeight{.sources = {linear.part_of_products(all, i)},
                           .packed = linear.part_of_products(linear.weight.out(), i)},
                context_);
        linear.bias = bias_of(part);
    }

    Tensor bias_of(const ModelPart& part) {
        return vector({.part = part.weight.part,
                       .layer = part.weight.layer,
                       .bias = true,
                       .rows = part.weight.rows});
    }
    Tensor vector(const Parameter& parameter) {
        Tensor y(place_, {parameter.total_rows()}, DType::f32, Purpose::weights);
        std::int64_t at = 0;
        for (const In& x : source_.find(parameter)) {
            run(Upload{.x = x, .y = rows(y.out(), at, x.shape[0])}, context_);
            at += x.shape[0];
        }
        return y;
    }

    const ModelConfig& model_;
    DType dtype_;
    WeightFormat format_;
    std::int64_t rows_; ///< that products are chosen by
    WeightSource& source_;
    Context& context_;
    Allocator& place_;
};

/// What lies outside the blocks, largest first: what is held for a moment then adds to the least.
std::vector<ModelPart> parts_outside(const ModelConfig& model) {
    std::vector<ModelPart> parts;
    each_part(model, [&](const ModelPart& part) {
        if (!of_block(part.weight.part) && part.held) parts.push_back(part);
    });
    std::ranges::stable_sort(parts, std::greater(),
                             [](const ModelPart& part) { return part.weight.count(); });
    return parts;
}

} // namespace

WeightFormat format_of(WeightFormat wanted, const ModelConfig& model, const ModelPart& part) {
    const Part place = part.weight.part;
    if (place == Part::head_mlp) return WeightFormat::dense; // less than a hundredth of a block
    if (of_block(place)) return format_for(wanted, part.weight.columns);
    const bool rounds = wanted != WeightFormat::dense && wanted != WeightFormat::nf4_dq &&
                        !stores_two_of_four(wanted);
    if (place == Part::head && !model.tied_head && rounds)
        return format_for(WeightFormat::q8_0, part.weight.columns);
    return WeightFormat::dense;
}

std::string format_note(WeightFormat wanted, const ModelConfig& model) {
    if (wanted == WeightFormat::dense) return {};
    std::string note = to_text(wanted);
    each_part(model, [&](const ModelPart& part) {
        const auto [place, layer, bias, rows, columns] = part.weight;
        if (!columns || place == Part::tokens || place == Part::positions || layer > 0) return;
        const WeightFormat found = format_of(wanted, model, part);
        if (found == wanted) return;
        const bool dense = found == WeightFormat::dense;
        note += "; " + std::string(names_of(place)[std::size_t(place)]) + (dense ? " " : " in ") +
                to_text(found);
        if (of_block(place) && place != Part::head_mlp)
            note += ": its rows of " + std::to_string(columns) + " are no whole blocks";
    });
    return note;
}

std::string rounding_note(const Weights& weights) {
    double lost = 0, all = 0;
    std::string layers;
    for (const BlockWeights& block : weights.blocks) {
        double lost_here = 0, all_here = 0;
        for (const auto* linear :
             {&block.query_key_value, &block.attention_output, &block.up, &block.down}) {
            lost_here += linear->lost;
            all_here += linear->squares;
        }
        layers += (layers.empty() ? "" : ", ") + percent(lost_here, all_here);
        lost += lost_here;
        all += all_here;
    }
    if (all == 0) return {};
    return "; weights off by " + percent(lost, all) + " %, by layer " + layers + " %";
}

/// A plan has timed nothing: what it says of memory is the least.
static std::string least_note(const Weights& weights) {
    std::size_t more = 0;
    for (const BlockWeights& block : weights.blocks)
        for (const auto* linear :
             {&block.query_key_value, &block.attention_output, &block.up, &block.down})
            if (stores_two_of_four(linear->format))
                more += std::size_t(linear->n * linear->k) * size_of(DType::bf16) -
                        linear->weight.in().bytes();
    if (!more) return {};
    return "; all of these counted in 2:4: a GPU keeps dense what is faster so, up to " +
           three_digits(double(more) / (1 << 20)) + " MiB more";
}

std::string times_note(const Weights& weights, const Context& context) {
    std::string note;
    if (context.plans() && context.on_gpu()) return least_note(weights);
    if (weights.blocks.empty()) return note;
    each_place(1, [&](Part part, int) {
        if (!of_block(part)) return;
        visit_part_of_block(weights.blocks.front(), part, [&](const auto& member) {
            if constexpr (std::is_same_v<decltype(member), const LinearWeights&>) {
                if (!member.times.rows) return;
                note +=
                    note.empty() ? "; with " + std::to_string(member.times.rows) + " rows: " : ", ";
                note += described(names_of(part)[std::size_t(part)], member);
            }
        });
    });
    return note;
}

PackWeight packing_of(const ModelConfig& model, const ModelPart& part, WeightSource& source,
                      WeightFormat format) {
    Parameter stored = part.weight;
    stored.part = part.stored_as;
    PackWeight pack{.sources = source.find_blocks(stored, format),
                    .packed = {},
                    .format = format,
                    .transposed = source.transposed(stored.part)};
    if (stored.part == Part::query_key_value && source.interleaved_rotary())
        pack.interleaved_head_sizes = {model.head_size, model.head_size, 0};
    return pack;
}

Weights load_outside_blocks(const ModelConfig& model, const RunConfig& run, WeightSource& source,
                            Context& context) {
    Loader loader(model, run, source, weight_places(run, context).others, context);
    Weights y;
    for (const ModelPart& part : parts_outside(model))
        visit_part(y, part.weight.part, 0, [&](auto& member) { loader.load(member, part); });
    return y;
}

BlockWeights load_block(const ModelConfig& model, const RunConfig& run, int layer,
                        WeightSource& source, Context& context) {
    Loader loader(model, run, source, weight_places(run, context).blocks, context);
    const BlockShape shape = block_shape(run.as_published);
    BlockWeights y;
    each_place(1, [&](Part place, int) {
        const auto part = part_of(model, place, layer);
        if (part && of_block(place) && shape.uses(place))
            visit_part_of_block(y, place, [&](auto& member) { loader.load(member, *part); });
    });
    return y;
}

Weights load_weights(const ModelConfig& model, const RunConfig& run, WeightSource& source,
                     Context& context) {
    const Region region(context, "load weights");
    Weights y = load_outside_blocks(model, run, source, context);
    for (int layer = 0; layer < model.layers; ++layer)
        y.blocks.push_back(load_block(model, run, layer, source, context));
    source.finish();
    return y;
}

std::int64_t parameters_used(const ModelConfig& model, const RunConfig& run) {
    const BlockShape shape = block_shape(run.as_published);
    std::int64_t count = 0;
    each_part(model, [&](const ModelPart& part) {
        if (shape.uses(part.weight.part)) count += part.count();
    });
    return count;
}

} // namespace sweetspot
