#include "engine/convert/convert.h"
#include "engine/config/catalogue.h"
#include "engine/config/gguf.h"
#include "engine/config/rotary.h"
#include "engine/convert/gguf_description.h"
#include "engine/convert/new_gguf.h"
#include "engine/convert/rounded_weights.h"
#include "engine/data/gguf_tokenizer.h"
#include "engine/tasks/run_data.h"
#include "engine/train/trained_files.h"
#include "engine/weights/open_model.h"
#include "kernels/core/block_grid.h"
#include "kernels/core/float_types.h"
#include "kernels/ops/weight_row.h"
#include <algorithm>
#include <filesystem>

// A model's parts go one after the other from their source, through rounding, into a file whose
// list of tensors is known from shapes. There are two kinds of files: GGUF has blocks as they are,
// with rows of q and k interleaved where its architecture wants it; safetensors what they stand
// for.

namespace sweetspot {

namespace fs = std::filesystem;

namespace {

/// A matrix, table or vector of a model, in the order in which a file has them.
struct Place {
    ModelPart part;
    bool bias = false;
    bool matrix() const { return !bias && part.weight.columns; }
};
std::vector<Place> places_of(const ModelConfig& model) {
    std::vector<Place> places;
    each_part(model, [&](const ModelPart& part) {
        if (part.held) places.push_back({part, false});
        if (part.bias) places.push_back({part, true});
    });
    return places;
}

/// Rows of numbers, or of blocks, to a file in GGUF's order.
class GgufConversion {
public:
    GgufConversion(const ModelConfig& model, const RunConfig& run)
        : model_(model), run_(run), interleaved_(gguf_architecture(model) == "llama"),
          table_(type_of(run.precision)) {
        for (const Place& place : places_of(model)) add(place);
        if (model.rotary_scaling == RotaryScaling::llama3) slower_ = rotary_slower(model);
        if (!slower_.empty())
            tensors_.push_back({"rope_freqs.weight",
                                {std::int64_t(slower_.size())},
                                *gguf_type("F32"),
                                slower_.size() * sizeof(float)});
    }

    std::uint64_t write(RoundedWeights& weights, const Conversion& conversion, std::string& note) {
        GgufEntries entries;
        describe_model(model_, run_.weight_format, table_, entries);
        if (conversion.tokenizer)
            note += describe_tokenizer(tokenizer_name(run_, model_), model_.vocabulary, entries);
        else
            entries.add("tokenizer.ggml.model", std::string_view("none")); // others look for it
        NewGguf file(conversion.to, entries, tensors_);
        for (const Place& place : places_of(model_)) put(place, weights, file);
        if (!slower_.empty()) file.add(slower_.data(), slower_.size() * sizeof(float));
        file.commit();
        return fs::file_size(conversion.to);
    }

private:
    static std::string type_of(Precision precision) {
        return precision == Precision::bf16 ? "BF16" : precision == Precision::f16 ? "F16" : "F32";
    }
    static std::string type_of(WeightFormat format) {
        std::string name = to_text(format);
        std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
        return name;
    }
    void add(const Place& place) {
        const Parameter& weight = place.part.weight;
        const WeightFormat format = place.matrix()
                                        ? format_of(run_.weight_format, model_, place.part)
                                        : WeightFormat::dense;
        const std::string type = format != WeightFormat::dense ? type_of(format)
                                 : place.matrix()              ? table_
                                                               : "F32";
        const auto number = gguf_type(type);
        if (!number)
            throw Error(Failure::unsupported,
                        "GGUF has no type for weight_format " + to_text(format) +
                            "; a folder gets safetensors of what its blocks stand for");
        const auto names =
            names_in_files(model_.family, place.bias ? weight.part : place.part.stored_as,
                           weight.layer, place.bias);
        for (std::size_t i = 0; i < names.size(); ++i) {
            const std::int64_t rows = names.size() == 1 ? weight.total_rows() : weight.rows[i];
            const std::int64_t count = rows * (place.matrix() ? weight.columns : 1);
            const auto size = type == "F32" ? 4 : 2;
            tensors_.push_back(
                {name_in_gguf(names[i] + (place.bias ? ".bias" : ".weight")),
                 place.matrix() ? std::vector{rows, weight.columns} : std::vector{rows}, *number,
                 format == WeightFormat::dense ? std::uint64_t(count * size)
                                               : block_bytes(format, count)});
        }
    }
    void put(const Place& place, RoundedWeights& weights, NewGguf& file) const {
        const auto numbers = weights.numbers_of(place.part, place.bias);
        const Parameter& weight = place.part.weight;
        const std::int64_t columns = place.matrix() ? weight.columns : 1;
        std::int64_t first = 0;
        for (std::size_t i = 0; i < weight.rows.size(); ++i) {
            const bool turns = interleaved_ && weight.part == Part::query_key_value && i < 2;
            for (std::int64_t row = 0; row < weight.rows[i]; ++row) {
                const std::int64_t from = first + (turns ? row_in_halves(row) : row);
                put_row(numbers, from, columns, place.matrix() ? table_ : "F32", file);
            }
            first += weight.rows[i];
        }
    }
    /// Which row of halves becomes this row of interleaved pairs: the inverse of interleaved_row().
    std::int64_t row_in_halves(std::int64_t row) const {
        const std::int64_t size = model_.head_size, in_head = row % size;
        return row - in_head + in_head / 2 + in_head % 2 * (size / 2);
    }
    static void put_row(const RoundedWeights::Numbers& numbers, std::int64_t row,
                        std::int64_t columns, std::string_view type, NewGguf& file) {
        if (!numbers.blocks.empty()) {
            const auto bytes = row_bytes(numbers.format, columns);
            return file.add(numbers.blocks.data() + row * bytes, std::size_t(bytes));
        }
        const float* values = numbers.values.data() + row * columns;
        if (type == "F32") return file.add(values, std::size_t(columns) * sizeof(float));
        std::vector<std::uint16_t> halves;
        for (std::int64_t i = 0; i < columns; ++i)
            halves.push_back(type == "BF16" ? to_bfloat16(values[i]).bits
                                            : std::bit_cast<std::uint16_t>(_Float16(values[i])));
        file.add(halves.data(), halves.size() * sizeof(std::uint16_t));
    }

    const ModelConfig& model_;
    const RunConfig& run_;
    bool interleaved_;
    std::string table_; ///< type of what is not in blocks
    std::vector<NewGguf::Tensor> tensors_{};
    std::vector<float> slower_{}; ///< llama3's scaling, which GGUF has as a tensor
};

std::vector<FileTensor> tensors_of(const Place& place, const ModelConfig& model,
                                   const float* numbers) {
    const Learned learned{.part = place.part.weight.part,
                          .layer = place.part.weight.layer,
                          .bias = place.bias,
                          .matrix = place.matrix()};
    return as_in_files(learned, model, numbers);
}

std::uint64_t write_safetensors(const ModelConfig& model, const RunConfig& run,
                                RoundedWeights& weights, const Conversion& conversion) {
    make_folder(conversion.to);
    std::vector<TensorShape> shapes;
    for (const Place& place : places_of(model)) {
        const Parameter& weight = place.part.weight;
        const std::vector<float> none(
            std::size_t(place.matrix() ? weight.count() : weight.total_rows()));
        for (FileTensor& tensor : tensors_of(place, model, none.data()))
            shapes.push_back({std::move(tensor.name), std::move(tensor.shape)});
    }
    const std::string path = (fs::path(conversion.to) / "model.safetensors").string();
    NewTensorFile file(path, shapes);
    for (const Place& place : places_of(model)) {
        const auto numbers = weights.numbers_of(place.part, place.bias);
        for (const FileTensor& tensor : tensors_of(place, model, numbers.values.data()))
            file.add(tensor.numbers);
    }
    file.commit();
    copy_config(conversion.to, run.model);
    if (conversion.tokenizer) copy_tokenizer(conversion.to, run.model);
    return fs::file_size(path);
}

void require_possible(const RunConfig& run, const Conversion& conversion) {
    const auto refuse = [](const std::string& why) { throw Error(Failure::bad_input, why); };
    if (stores_two_of_four(run.weight_format))
        refuse("weight_format " + to_text(run.weight_format) +
               " is of pruned weights, which no file has");
    if (!conversion.gptq) return;
    if (!has_grid(run.weight_format))
        refuse("GPTQ rounds to blocks with even steps; weight_format " +
               to_text(run.weight_format) + " has none");
    if (run.prune_data.empty()) refuse("GPTQ looks at a text: name a file");
}

} // namespace

Converted convert(const RunConfig& run, const Conversion& conversion, Context& context,
                  const std::function<void(const LinearError&)>& tell) {
    require_possible(run, conversion);
    const ModelConfig model = load_model_config(run.model);
    Converted y{.note = format_note(run.weight_format, model)};
    with_weight_source(run, model, context, [&](WeightSource& source) {
        std::optional<GgufConversion> gguf; // refuses before anything is computed
        if (conversion.to.ends_with(".gguf")) gguf.emplace(model, run);
        RoundedWeights weights(source, model, run, conversion.gptq, context, tell);
        y.bytes = gguf ? gguf->write(weights, conversion, y.note)
                       : write_safetensors(model, run, weights, conversion);
    });
    return y;
}

} // namespace sweetspot
