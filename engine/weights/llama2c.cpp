#include "engine/config/catalogue.h"
#include "engine/weights/stored_tensors.h"

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
    cursor.take("rotary cosines", {model.positions, model.head_size / 2}); // ours are computed
    cursor.take("rotary sines", {model.positions, model.head_size / 2});
    if (!model.tied_head) one("lm_head.weight", {model.vocabulary, width});
    if (!cursor.at_end())
        throw Error(Failure::file, name + ": " + std::to_string(cursor.left()) +
                                       " bytes too long for the sizes in its header");
}

} // namespace sweetspot
