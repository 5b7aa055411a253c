#include "engine/train/trained_files.h"
#include "engine/config/regular_file.h"
#include "engine/weights/parameters.h"
#include "kernels/ops/transfer.h"
#include <filesystem>

namespace sweetspot {

namespace fs = std::filesystem;

std::vector<float> on_host(const Out& value, Context& context) {
    std::vector<float> numbers(std::size_t(value.shape.count()));
    run(Download{.x = value, .y = {numbers.data(), value.shape, DType::f32}}, context);
    context.synchronize();
    return numbers;
}

std::vector<FileTensor> as_in_files(const Learned& learned, const ModelConfig& model,
                                    const float* numbers) {
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

void save_weights(const std::string& folder, const std::string& model, const TrainedModel& trained,
                  Context& context) {
    make_folder(folder);
    // Shapes first, then numbers: a model's tensors need not be held twice.
    std::vector<TensorShape> shapes;
    for (const Learned& learned : trained.learned()) {
        const std::vector<float> none(std::size_t(learned.value().shape.count()));
        for (FileTensor& tensor : as_in_files(learned, trained.config(), none.data()))
            shapes.push_back({std::move(tensor.name), std::move(tensor.shape)});
    }
    NewTensorFile file((fs::path(folder) / "model.safetensors").string(), shapes);
    for (const Learned& learned : trained.learned()) {
        const auto numbers = on_host(learned.value(), context);
        for (const FileTensor& tensor : as_in_files(learned, trained.config(), numbers.data()))
            file.add(tensor.numbers);
    }
    file.commit();
    const fs::path described = fs::path(model) / "config.json";
    std::error_code unknown;
    if (!fs::exists(described) || fs::equivalent(model, folder, unknown)) return;
    constexpr std::size_t longest = 16 << 20;
    NewFile copy((fs::path(folder) / "config.json").string());
    copy.write(read_regular_file(described.string(), longest));
    copy.commit();
}

} // namespace sweetspot
