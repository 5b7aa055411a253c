#include "engine/train/checkpoint.h"
#include "engine/weights/parameters.h"
#include "kernels/ops/transfer.h"
#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <utility>

namespace sweetspot {

namespace fs = std::filesystem;

namespace {

std::string shape_list(const std::vector<std::int64_t>& shape) {
    std::string text;
    for (const auto size : shape) text += (text.empty() ? "" : ",") + to_text(size);
    return "[" + text + "]";
}

/// A file that is there only when all of it is: commit() gives it its name.
class NewFile {
public:
    explicit NewFile(const std::string& path)
        : path_(path), partial_(path + ".partial"),
          file_(open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
        if (file_ < 0) fail();
    }
    ~NewFile() {
        if (file_ < 0) return;
        close(file_);
        unlink(partial_.c_str());
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    void write(const void* bytes, std::size_t count) {
        const char* at = static_cast<const char*>(bytes);
        while (count > 0) {
            const ssize_t done = ::write(file_, at, count);
            if (done < 0 && errno == EINTR) continue;
            if (done <= 0) fail();
            at += done;
            count -= std::size_t(done);
        }
    }
    void commit() {
        if (fsync(file_) != 0) fail();
        if (close(std::exchange(file_, -1)) != 0) fail();
        if (rename(partial_.c_str(), path_.c_str()) != 0) fail();
        const int folder = open(fs::path(path_).parent_path().c_str(), O_RDONLY | O_CLOEXEC);
        if (folder < 0) fail();
        const bool synced = fsync(folder) == 0;
        close(folder);
        if (!synced) fail();
    }

private:
    [[noreturn]] void fail() const {
        throw Error(Failure::file, path_ + " cannot be written: " + std::strerror(errno));
    }

    std::string path_, partial_;
    int file_;
};

std::vector<float> on_host(const Out& value, Context& context) {
    std::vector<float> numbers(std::size_t(value.shape.count()));
    run(Download{.x = value, .y = {numbers.data(), value.shape, DType::f32}}, context);
    context.synchronize();
    return numbers;
}

} // namespace

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
    std::error_code problem;
    fs::create_directories(folder, problem);
    if (problem) throw Error(Failure::file, folder + " cannot be made: " + problem.message());
    // Sizes first, then numbers: a model's tensors need not be held twice.
    std::string header = R"({"__metadata__":{"format":"pt"})";
    std::int64_t at = 0;
    for (const Learned& learned : trained.learned()) {
        const std::vector<float> none(std::size_t(learned.value().shape.count()));
        for (const FileTensor& tensor : as_in_files(learned, trained.config(), none.data())) {
            const auto end = at + std::int64_t(tensor.numbers.size() * sizeof(float));
            header += ",\"" + tensor.name + R"(":{"dtype":"F32","shape":)" +
                      shape_list(tensor.shape) + R"(,"data_offsets":[)" + to_text(at) + "," +
                      to_text(end) + "]}";
            at = end;
        }
    }
    header += "}";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    static_assert(std::endian::native == std::endian::little);
    const std::uint64_t size = header.size();
    NewFile file((fs::path(folder) / "model.safetensors").string());
    file.write(&size, sizeof size);
    file.write(header.data(), header.size());
    for (const Learned& learned : trained.learned()) {
        const auto numbers = on_host(learned.value(), context);
        for (const FileTensor& tensor : as_in_files(learned, trained.config(), numbers.data()))
            file.write(tensor.numbers.data(), tensor.numbers.size() * sizeof(float));
    }
    file.commit();
    const fs::path described = fs::path(model) / "config.json";
    if (fs::exists(described) && !fs::equivalent(model, folder, problem))
        fs::copy_file(described, fs::path(folder) / "config.json",
                      fs::copy_options::overwrite_existing, problem);
    if (problem) throw Error(Failure::file, folder + "/config.json: " + problem.message());
}

} // namespace sweetspot
