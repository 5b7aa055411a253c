#include "engine/train/trained_files.h"
#include "engine/config/catalogue.h"
#include "engine/config/hugging_face.h"
#include "engine/config/model_files.h"
#include "engine/config/regular_file.h"
#include "engine/train/unpack.h"
#include "engine/weights/open_model.h"
#include "engine/weights/parameters.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/transfer.h"
#include <algorithm>
#include <cmath>
#include <filesystem>

namespace sweetspot {

namespace fs = std::filesystem;

std::vector<float> on_host(const Out& value, Context& context) {
    if (value.dtype != DType::f32) {
        const Tensor wide(context.allocator, value.shape, DType::f32, Purpose::workspace);
        run(Convert{.x = value, .y = wide}, context);
        return on_host(wide, context);
    }
    std::vector<float> numbers(std::size_t(value.shape.count()));
    run(Download{.x = value, .y = {numbers.data(), value.shape, DType::f32}}, context);
    context.synchronize();
    return numbers;
}

std::vector<float> on_host(const Learned& learned, Context& context) {
    if (!learned.packed) return on_host(learned.value(), context);
    const Shape shape = learned.shape();
    std::vector<float> numbers(std::size_t(shape.count()));
    const Out all{numbers.data(), shape, DType::f32};
    const std::int64_t count = shape[0] / learned.products;
    for (std::int64_t first = 0; first < shape[0]; first += count)
        run(UnpackWeight{.packed = learned.packed_rows(first, count),
                         .weight = rows(all, first, count)},
            context);
    return numbers;
}

void copy_beside(const std::string& folder, const std::string& model,
                 std::initializer_list<const char*> names) {
    constexpr std::size_t longest = 64 << 20;
    const fs::path place = model_place(model);
    std::error_code unknown;
    if (fs::equivalent(place, folder, unknown)) return;
    for (const char* name : names) {
        const fs::path from = place / name;
        if (!fs::exists(from)) continue;
        NewFile copy((fs::path(folder) / name).string());
        copy.write(read_regular_file(from.string(), longest));
        copy.commit();
    }
}

static Json without_packing(const Json& config) {
    Json y = Json::object();
    for (const auto& [name, value] : config.items())
        if (name != "quantization_config") y.add(name, value);
    return y;
}

static void write_config(const std::string& folder, const Json& config) {
    NewFile file((fs::path(folder) / "config.json").string());
    file.write(dump(config, 2) + "\n");
    file.commit();
}

void copy_config(const std::string& folder, const std::string& model) {
    const fs::path from = fs::path(model_place(model)) / "config.json";
    if (!fs::exists(from)) return;
    const Json config = read_json(from.string());
    if (config.contains("quantization_config"))
        write_config(folder, without_packing(config));
    else
        copy_beside(folder, model, {"config.json"});
}

void copy_tokenizer(const std::string& folder, const std::string& model) {
    copy_beside(folder, model,
                {"tokenizer.json", "tokenizer.model", "tokenizer_config.json",
                 "special_tokens_map.json", "vocab.json", "merges.txt", "vocab.txt"});
}

std::vector<FileTensor> as_in_files(const Learned& learned, const ModelConfig& model,
                                    const float* numbers) {
    if (!learned.stored_as.empty()) { // an adapter's matrix is stored as it is
        const Shape shape = learned.value().shape;
        return {{.name = learned.stored_as,
                 .shape = {shape.sizes.begin(), shape.sizes.begin() + shape.rank},
                 .numbers = {numbers, numbers + shape.count()}}};
    }
    const auto part = part_of(model, learned.part, learned.layer);
    const Part stored = learned.bias ? learned.part : part->stored_as; // a tied head: the table
    const auto names = names_in_files(model.family, stored, learned.layer, learned.bias);
    const std::int64_t columns = learned.matrix ? part->weight.columns : 1;
    std::vector<std::int64_t> rows = part->weight.rows;
    if (names.size() == 1) rows = {part->weight.total_rows()};
    const bool turned = learned.matrix && transposed_in_files(model.family, stored);
    std::vector<FileTensor> y;
    for (std::size_t i = 0; i < names.size(); ++i) {
        FileTensor one{.name = names[i] + (learned.bias ? ".bias" : ".weight"), .shape = {rows[i]}};
        if (learned.matrix) one.shape = {rows[i], columns};
        one.numbers.assign(numbers, numbers + rows[i] * columns);
        if (turned) {
            one.shape = {columns, rows[i]};
            for (std::int64_t n = 0; n < rows[i]; ++n)
                for (std::int64_t k = 0; k < columns; ++k)
                    one.numbers[std::size_t(k * rows[i] + n)] = numbers[n * columns + k];
        }
        numbers += rows[i] * columns;
        y.push_back(std::move(one));
    }
    return y;
}

namespace {

/// What a learned tensor of that shape is in files, without its numbers, is added.
void add_shapes(const Learned& learned, const Shape& shape, const ModelConfig& model,
                std::vector<TensorShape>& all) {
    const std::vector<float> none(std::size_t(shape.count()));
    for (FileTensor& tensor : as_in_files(learned, model, none.data()))
        all.push_back({std::move(tensor.name), std::move(tensor.shape)});
}

void describe(const std::string& folder, const std::string& model, const ModelConfig& left) {
    if (left == load_model_config(model)) return copy_config(folder, model);
    std::optional<Json> said;
    if (const auto whole = fs::path(model_place(model)) / "config.json"; fs::exists(whole))
        said = with_fewer(read_json(whole.string()), left);
    write_config(folder, said ? without_packing(*said) : fields_of(left));
}

/// weight += scale · b · a, in the rows of its module.
void add_change(const AdaptedModule& module, float scale, std::int64_t rank,
                const std::vector<float>& a, const std::vector<float>& b,
                std::vector<float>& weight) {
    std::vector<double> change(std::size_t(module.columns));
    for (std::int64_t n = 0; n < module.rows; ++n) {
        std::ranges::fill(change, 0);
        for (std::int64_t r = 0; r < rank; ++r)
            for (std::int64_t k = 0; k < module.columns; ++k)
                change[std::size_t(k)] += double(b[std::size_t(n * rank + r)]) *
                                          double(a[std::size_t(r * module.columns + k)]);
        float* row = weight.data() + (module.first + n) * module.columns;
        for (std::int64_t k = 0; k < module.columns; ++k)
            row[k] = float(double(row[k]) + double(scale) * change[std::size_t(k)]);
    }
}

/// The numbers of a matrix that computes in blocks.
std::vector<float> rounded_numbers(const ModelConfig& model, const ModelPart& part,
                                   WeightFormat format, WeightSource& source, Context& context) {
    const Parameter& weight = part.weight;
    const Tensor blocks(context.allocator,
                        packed_shape(format, weight.total_rows(), weight.columns, DType::f32),
                        DType::u8, Purpose::workspace);
    PackWeight pack = packing_of(model, part, source, format);
    pack.packed = blocks;
    run(pack, context);
    std::vector<float> y(std::size_t(weight.count()));
    dequantise(format, blocks.as<std::uint8_t>(), y);
    return y;
}

/// What rounding merged matrices to their blocks once more takes away of what was added to them.
class MergeError {
public:
    /// What a matrix became, and what it was.
    void add(WeightFormat format, const std::vector<float>& merged,
             const std::vector<float>& before) {
        std::vector<std::uint8_t> blocks(block_bytes(format, std::int64_t(merged.size())));
        quantise(format, merged, blocks.data());
        std::vector<float> again(merged.size());
        dequantise(format, blocks.data(), again);
        for (std::size_t i = 0; i < merged.size(); ++i) {
            lost_ += square(again[i], merged[i]);
            added_ += square(merged[i], before[i]);
        }
    }
    std::optional<double> share() const {
        return added_ > 0 ? std::optional(std::sqrt(lost_ / added_)) : std::nullopt;
    }

private:
    static double square(float a, float b) { return std::pow(double(a) - double(b), 2); }

    double lost_ = 0, added_ = 0;
};

/// The numbers that a place of the model has in a source, as it computes with them.
std::vector<float> numbers_of(const ModelConfig& model, const ModelPart& part, bool bias,
                              WeightFormat format, WeightSource& source, Context& context) {
    if (!bias && format != WeightFormat::dense)
        return rounded_numbers(model, part, format, source, context);
    return dense_numbers(model, part, bias, source, context);
}

} // namespace

/// What is learned of the head on sequences, or what is not of it with what was kept, as one file.
static void save_learned(const fs::path& path, bool of_head, const TrainedModel& trained,
                         Context& context) {
    const auto each = [&](auto&& visit) {
        for (const auto* all : {&trained.learned(), &trained.kept()})
            for (const Learned& learned : *all)
                if (learned.of_head == of_head) visit(learned);
    };
    // Shapes first, then numbers: a model's tensors need not be held twice.
    std::vector<TensorShape> shapes;
    each([&](const Learned& learned) {
        add_shapes(learned, learned.shape(), trained.config(), shapes);
    });
    if (shapes.empty()) return;
    NewTensorFile file(path.string(), shapes);
    each([&](const Learned& learned) {
        const auto numbers = on_host(learned, context);
        for (const FileTensor& tensor : as_in_files(learned, trained.config(), numbers.data()))
            file.add(tensor.numbers);
    });
    file.commit();
}

void save_trained(const std::string& folder, const RunConfig& run, const TrainedModel& trained,
                  Context& context) {
    make_folder(folder);
    const auto& adapters = trained.adapters();
    const fs::path path = folder;
    save_learned(path / (adapters ? "adapter_model.safetensors" : "model.safetensors"), false,
                 trained, context);
    save_learned(path / sequence_head_file, true, trained, context);
    if (!adapters) return describe(folder, run.model, trained.config());
    NewFile settings((fs::path(folder) / "adapter_config.json").string());
    settings.write(dump(settings_of(*adapters, run, trained.config()), 2) + "\n");
    settings.commit();
}

std::optional<double> save_merged(const std::string& folder, const RunConfig& run,
                                  const TrainedModel& trained, Context& context) {
    const ModelConfig& model = trained.config();
    const AdapterPlan& plan = *trained.adapters();
    std::map<std::string, std::vector<float>> matrices;
    for (const Learned& learned : trained.learned())
        matrices[learned.stored_as] = on_host(learned, context);
    std::vector<Learned> places;
    std::vector<TensorShape> shapes;
    std::vector<ModelPart> parts;
    const auto add = [&](const ModelPart& part, bool bias) {
        const Parameter& weight = part.weight;
        const bool matrix = !bias && weight.columns;
        places.push_back(
            {.part = weight.part, .layer = weight.layer, .bias = bias, .matrix = matrix});
        add_shapes(places.back(),
                   matrix ? Shape{weight.total_rows(), weight.columns} : Shape{weight.total_rows()},
                   model, shapes);
        parts.push_back(part);
    };
    each_part(model, [&](const ModelPart& part) {
        if (part.held) add(part, false);
        if (part.bias) add(part, true);
    });
    make_folder(folder);
    NewTensorFile file((fs::path(folder) / "model.safetensors").string(), shapes);
    MergeError error;
    with_weight_source(run, model, context, [&](WeightSource& source) {
        for (std::size_t i = 0; i < places.size(); ++i) {
            const Learned& place = places[i];
            const auto format =
                place.matrix ? format_of(run.weight_format, model, parts[i]) : WeightFormat::dense;
            auto numbers = numbers_of(model, parts[i], place.bias, format, source, context);
            const auto before = format == WeightFormat::dense ? std::vector<float>() : numbers;
            for (const AdaptedModule& module : plan.modules)
                if (place.matrix && module.part == place.part && module.layer == place.layer)
                    add_change(module, float(plan.scale()), plan.rank,
                               matrices.at(module.tensor('A')), matrices.at(module.tensor('B')),
                               numbers);
            if (format != WeightFormat::dense && numbers != before)
                error.add(format, numbers, before);
            for (const FileTensor& tensor : as_in_files(place, model, numbers.data()))
                file.add(tensor.numbers);
        }
    });
    file.commit();
    describe(folder, run.model, model);
    return error.share();
}

} // namespace sweetspot
