#include "engine/config/catalogue.h"
#include "engine/weights/stored_tensors.h"
#include <cmath>
#include <cstring>

namespace sweetspot {

namespace {

/// Hands out a file's f32 tensors one after the other.
class Cursor {
public:
    explicit Cursor(const MappedFile& file) : file_(file) {}

    StoredTensor take(const std::string& name, std::vector<std::int64_t> shape) {
        std::size_t bytes = sizeof(float);
        for (const auto size : shape) bytes *= std::size_t(size);
        const auto all = file_.bytes();
        if (bytes > all.size() - at_)
            throw Error(Failure::file, file_.path() + ": truncated: tensor \"" + name + "\" " +
                                           shape_text(shape) + " ends at byte " +
                                           std::to_string(at_ + bytes) + " of " +
                                           std::to_string(all.size()));
        const auto begin = at_;
        at_ += bytes;
        return {.type = "F32", .shape = shape, .bytes = all.subspan(begin, bytes), .file = &file_};
    }

    bool at_end() const { return at_ == file_.bytes().size(); }
    std::size_t left() const { return file_.bytes().size() - at_; }

private:
    const MappedFile& file_;
    std::size_t at_ = 7 * sizeof(std::int32_t);
};

/// The header has no rotary base, but the file has the tables that it gives: ours are computed, and
/// must be the same. Throws Error(unsupported).
void check_turns(const StoredTensor& cosines, const StoredTensor& sines, const ModelConfig& model) {
    const auto count = std::int64_t(cosines.shape[1]);
    const auto stored = [&](const StoredTensor& table, std::int64_t at) {
        float number;
        std::memcpy(&number, table.bytes.data() + at * std::int64_t(sizeof number), sizeof number);
        return double(number);
    };
    for (std::int64_t position = 0; position < model.positions; ++position)
        for (std::int64_t i = 0; i < count; ++i) {
            const double angle =
                double(position) * std::pow(model.rotary_base, -2.0 * double(i) / model.head_size);
            // The tables are made of angles that are rounded to float.
            const double allowed = 1e-5 + 1e-6 * angle;
            const auto at = position * count + i;
            if (!(std::abs(stored(cosines, at) - std::cos(angle)) <= allowed &&
                  std::abs(stored(sines, at) - std::sin(angle)) <= allowed))
                throw Error(
                    Failure::unsupported,
                    cosines.file->path() + ": its rotary tables are not those of the base " +
                        to_text(model.rotary_base) + ", which llama2.c's .bin stands for; " +
                        "take the model's config.json and safetensors");
        }
}

} // namespace

void StoredTensors::add_llama2c(const std::string& name) {
    const ModelConfig model = load_model_config(name);
    const auto& file = *files.emplace_back(std::make_unique<MappedFile>(name));
    Cursor cursor(file);
    interleaved_rotary = true;
    const std::int64_t width = model.width, queries = model.heads * model.head_size,
                       keys = model.kv_heads * model.head_size, mlp = model.mlp_width;
    const auto one = [&](const std::string& tensor, std::vector<std::int64_t> shape) {
        tensors[tensor] = cursor.take(tensor, std::move(shape));
    };
    const auto each_layer = [&](const std::string& tensor, std::vector<std::int64_t> shape) {
        for (int layer = 0; layer < model.layers; ++layer)
            one("model.layers." + std::to_string(layer) + "." + tensor + ".weight", shape);
    };
    one("model.embed_tokens.weight", {model.vocabulary, width});
    each_layer("input_layernorm", {width});
    each_layer("self_attn.q_proj", {queries, width});
    each_layer("self_attn.k_proj", {keys, width});
    each_layer("self_attn.v_proj", {keys, width});
    each_layer("self_attn.o_proj", {width, queries});
    each_layer("post_attention_layernorm", {width});
    each_layer("mlp.gate_proj", {mlp, width});
    each_layer("mlp.down_proj", {width, mlp});
    each_layer("mlp.up_proj", {mlp, width});
    one("model.norm.weight", {width});
    const std::vector<std::int64_t> turns{model.positions, model.head_size / 2};
    const auto cosines = cursor.take("rotary cosines", turns);
    check_turns(cosines, cursor.take("rotary sines", turns), model);
    if (!model.tied_head) one("lm_head.weight", {model.vocabulary, width});
    if (!cursor.at_end())
        throw Error(Failure::file, name + ": " + std::to_string(cursor.left()) +
                                       " bytes too long for the sizes in its header");
}

} // namespace sweetspot
