#include "engine/config/rotary.h"
#include "engine/weights/foreign_names.h"
#include "engine/weights/source.h"
#include "kernels/core/float_types.h"
#include "kernels/core/machine.h"
#include "kernels/core/team.h"
#include <cmath>
#include <cstring>

namespace sweetspot {

namespace {

DType dtype_of(const StoredTensor& tensor, const std::string& name) {
    if (tensor.type == "F32") return DType::f32;
    if (tensor.type == "BF16") return DType::bf16;
    if (tensor.type == "F16") return DType::f16;
    throw Error(Failure::file, tensor.file->path() + ": tensor \"" + name + "\" is of type " +
                                   tensor.type + "; F32, BF16 and F16 are read");
}

} // namespace

int threads_of(const Context& context) {
    return std::visit(
        [](const auto& stream) {
            if constexpr (requires { stream.threads; }) return stream.threads;
            return usable_threads();
        },
        context.stream);
}

FileWeights::FileWeights(const ModelConfig& model, const StoredTensors& stored, Context& context)
    : model_(model), stored_(stored), context_(context), prefix_(prefix_in_files(model.family)) {
    refuse_foreign_names(stored);
    for (const auto& [name, _] : stored.tensors)
        if (name.starts_with(prefix_)) {
            prefix_.clear();
            return;
        }
}

std::string FileWeights::in_this_file(std::string name) const {
    if (!prefix_.empty() && name.starts_with(prefix_)) name.erase(0, prefix_.size());
    return name;
}

const std::pair<const std::string, StoredTensor>* FileWeights::lookup(std::string name,
                                                                      bool bias) const {
    name = in_this_file(std::move(name));
    // Old checkpoints call the two vectors of a LayerNorm gamma and beta.
    for (const char* ending : {bias ? ".bias" : ".weight", bias ? ".beta" : ".gamma"})
        if (const auto found = stored_.tensors.find(name + ending); found != stored_.tensors.end())
            return &*found;
    return nullptr;
}

std::pair<std::string, const StoredTensor*> FileWeights::stored(const std::string& name,
                                                                bool bias) {
    if (const auto* found = lookup(name, bias)) {
        used_.insert(found->first);
        return {found->first, &found->second};
    }
    const bool without = !prefix_.empty() && name.starts_with(prefix_);
    throw Error(Failure::file,
                stored_.path + ": tensor \"" + name.substr(without ? prefix_.size() : 0) +
                    (bias ? ".bias" : ".weight") + "\" of " + model_.name + " is missing");
}

std::vector<In> FileWeights::find_blocks(const Parameter& parameter, WeightFormat as_is) {
    forget();
    const auto names =
        names_in_files(model_.family, parameter.part, parameter.layer, parameter.bias);
    std::vector<In> found;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::int64_t rows = names.size() == 1 ? parameter.total_rows() : parameter.rows[i];
        const bool turned = transposed(parameter.part);
        if (const auto linear = in_this_file(names[i]);
            parameter.columns && !turned && PackedTensors::there(stored_, linear)) {
            const PackedTensors packed(stored_, linear, rows, parameter.columns);
            packed.add_names(used_);
            const Shape shape{rows, parameter.columns};
            const bool blocks = packed.are_blocks(as_is);
            (blocks ? kept_ : unpacked_) = true;
            found.push_back(blocks ? as_blocks(packed, as_is, shape) : unpacked(packed, shape));
            continue;
        }
        const auto [name, tensor] = stored(names[i], parameter.bias);
        std::vector<std::int64_t> expected{rows};
        if (parameter.columns) expected.push_back(parameter.columns);
        if (parameter.columns && turned) std::swap(expected[0], expected[1]);
        if (tensor->shape != expected)
            throw Error(Failure::file, tensor->file->path() + ": tensor \"" + name + "\" is " +
                                           shape_text(tensor->shape) + ", but " + model_.name +
                                           " needs " + shape_text(expected));
        const Shape shape = parameter.columns ? Shape{expected[0], expected[1]} : Shape{rows};
        if (tensor->format != WeightFormat::dense && tensor->format == as_is) {
            const auto bytes = std::int64_t(block_bytes(as_is, shape[1]));
            found.push_back({tensor->bytes.data(), {shape[0], bytes}, DType::u8});
        } else if (tensor->format != WeightFormat::dense) {
            found.push_back(decoded(*tensor, shape));
        } else {
            const DType type = dtype_of(*tensor, name);
            found.push_back({aligned(tensor->bytes, size_of(type)), shape, type});
        }
        last_.push_back(tensor);
    }
    return found;
}

/// The format lets a tensor begin at any byte.
const std::byte* FileWeights::aligned(std::span<const std::byte> bytes, std::size_t element) {
    if (std::uintptr_t(bytes.data()) % element == 0) return bytes.data();
    return moved_.emplace_back(bytes.begin(), bytes.end()).data();
}

/// Rows of blocks as f32; a plan only counts them.
In FileWeights::decoded(const StoredTensor& tensor, const Shape& shape) {
    Tensor& y =
        decoded_.emplace_back(context_.host_allocator, shape, DType::f32, Purpose::workspace);
    if (context_.plans()) return y;
    const std::int64_t columns = tensor.shape.back();
    const std::size_t row_bytes = block_bytes(tensor.format, columns);
    const auto* from = reinterpret_cast<const std::uint8_t*>(tensor.bytes.data());
    for_pieces(shape.count() / columns, threads_of(context_), [&](std::int64_t row, int) {
        dequantise(tensor.format, from + std::size_t(row) * row_bytes,
                   {y.as<float>() + row * columns, std::size_t(columns)});
    });
    return y;
}

/// Likewise what GPTQ or AWQ packed.
In FileWeights::unpacked(const PackedTensors& packed, const Shape& shape) {
    Tensor& y =
        decoded_.emplace_back(context_.host_allocator, shape, DType::f32, Purpose::workspace);
    if (context_.plans()) return y;
    packed.check();
    for_pieces(shape[0], threads_of(context_), [&](std::int64_t row, int) {
        packed.read_row(row, {y.as<float>() + row * shape[1], std::size_t(shape[1])});
    });
    return y;
}

/// Or as blocks that stand for the same numbers.
In FileWeights::as_blocks(const PackedTensors& packed, WeightFormat format, const Shape& shape) {
    const std::int64_t bytes = row_bytes(format, shape[1]);
    Tensor& y = decoded_.emplace_back(context_.host_allocator, Shape{shape[0], bytes}, DType::u8,
                                      Purpose::workspace);
    if (context_.plans()) return y;
    packed.check();
    for_pieces(shape[0], threads_of(context_), [&](std::int64_t row, int) {
        packed.read_blocks(row, y.as<std::uint8_t>() + row * bytes);
    });
    return y;
}

std::string FileWeights::packing_note() const {
    if (!kept_ && !unpacked_) return {};
    const bool gptq = stored_.packed->kind == PackedWeights::Kind::gptq;
    return std::string(gptq ? "GPTQ" : "AWQ") + " of " + std::to_string(stored_.packed->bits) +
           " bits in the file, " +
           (!kept_       ? "read as plain numbers"
            : !unpacked_ ? "kept as int4 to the bit"
                         : "kept as int4 to the bit where its groups are, and read as plain "
                           "numbers elsewhere");
}

void FileWeights::forget() {
    moved_.clear();
    decoded_.clear();
    for (const auto* tensor : last_) tensor->file->forget(tensor->bytes);
    last_.clear();
}

void FileWeights::finish() {
    forget();
    std::vector<std::string> left;
    for (const auto& [name, _] : stored_.tensors)
        if (!used_.contains(name) && !copy_in_files(model_, name) &&
            !ignored_in_files(model_, name))
            left.push_back(name);
    if (!left.empty())
        throw Error(Failure::file, stored_.path + ": " + std::to_string(left.size()) +
                                       " of its tensors have no place in " + model_.name +
                                       ", the first is \"" + left.front() + "\"");
}

namespace {

bool equal(const StoredTensor& a, const StoredTensor& b) {
    return a.type == b.type && a.shape == b.shape && a.bytes.size() == b.bytes.size() &&
           std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

template <class T>
float number_as(const StoredTensor& tensor, std::size_t index) {
    T number;
    std::memcpy(&number, tensor.bytes.data() + index * sizeof number, sizeof number);
    return to_float(number);
}
float number_at(const StoredTensor& tensor, std::size_t index, DType type) {
    if (type == DType::bf16) return number_as<BFloat16>(tensor, index);
    if (type == DType::f16) return number_as<Float16>(tensor, index);
    return number_as<float>(tensor, index);
}

/// Whether frequencies are base^(-2 i / head_size), to what 8 bits of mantissa hold.
bool are_frequencies(const StoredTensor& tensor, const std::string& name,
                     const ModelConfig& model) {
    const auto type = dtype_of(tensor, name);
    const auto count = std::size_t(model.head_size / 2);
    const auto slower = rotary_slower(model);
    if (tensor.bytes.size() != count * size_of(type)) return false;
    for (std::size_t i = 0; i < count; ++i) {
        double ours = std::pow(model.rotary_base, -2.0 * double(i) / model.head_size);
        if (!slower.empty()) ours /= double(slower[i]);
        if (!(std::abs(number_at(tensor, i, type) - ours) <= 0.005 * ours + 1e-7)) return false;
    }
    return true;
}

} // namespace

void FileWeights::check_copies() const {
    for (const auto& [name, tensor] : stored_.tensors) {
        const auto copy = copy_in_files(model_, name);
        if (!copy || used_.contains(name)) continue;
        const auto refuse = [&](const std::string& why) {
            throw Error(Failure::file, tensor.file->path() + ": tensor \"" + name + "\" " + why);
        };
        if (*copy == Copy::rotary_frequencies) {
            if (model_.position == PositionStyle::rotary && !are_frequencies(tensor, name, model_))
                refuse("is not what the rotary base " + to_text(model_.rotary_base) + " of " +
                       model_.name + " gives");
            continue;
        }
        const bool bias = *copy == Copy::head_bias;
        const auto names = names_in_files(model_.family, bias ? Part::head : Part::tokens, 0, bias);
        const auto* first = lookup(names[0], bias);
        if (first && !equal(tensor, first->second))
            refuse("differs from \"" + first->first + "\", though " + model_.name +
                   " says that they are one (tie_word_embeddings)");
    }
}

} // namespace sweetspot
