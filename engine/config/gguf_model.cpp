// Which model a GGUF file holds. What is named here is all that is known of the architectures'
// keys: any other might change what is computed, and is refused.
#include "engine/config/gguf_model.h"
#include "engine/config/families.h"
#include "engine/config/model_files.h"
#include "engine/config/rotary.h"
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

namespace sweetspot {

namespace {

[[noreturn]] void fail(const Gguf& file, const std::string& what, Failure kind) {
    throw Error(kind, file.path + ": " + what);
}

std::string architecture_of(const Gguf& file) {
    const auto* found = file.find<std::string_view>("general.architecture");
    if (!found) fail(file, "there is no general.architecture", Failure::file);
    return std::string(*found);
}

/// Each with llama's names of tensors and keys.
void require_known(const Gguf& file, const std::string& architecture) {
    std::string read;
    for (const KnownFamily& family : known_families()) {
        if (family.architecture.empty() || read.ends_with(family.architecture)) continue;
        if (family.architecture == architecture) return;
        read += (read.empty() ? "" : ", ") + std::string(family.architecture);
    }
    const auto lacks = architecture == "gpt2" ? "GPT-2's names of tensors; its safetensors are read"
                                              : what_is_missing(architecture);
    fail(file,
         "the architecture " + architecture +
             (lacks.empty() ? " is not known" : " is not read, which has " + std::string(lacks)) +
             "; " + read + " are read",
         Failure::unsupported);
}

/// The values of one architecture, by what follows its name. Each that is there must be asked for.
class Values {
public:
    Values(const Gguf& file, std::string architecture)
        : file_(file), begin_(std::move(architecture) + ".") {}

    /// Whole numbers that fit a size of ours; check_model() says which make sense.
    int size(const std::string& name) {
        const auto found = optional_size(name);
        if (!found) fail(file_, "\"" + begin_ + name + "\" is missing", Failure::file);
        return *found;
    }
    std::optional<int> optional_size(const std::string& name) {
        known_.push_back(begin_ + name);
        const auto* all_layers =
            file_.metadata.contains(known_.back())
                ? std::get_if<std::vector<double>>(&file_.metadata.find(known_.back())->second)
                : nullptr;
        if (all_layers)
            fail(file_,
                 "\"" + known_.back() + "\" differs from layer to layer, which is not computed",
                 Failure::unsupported);
        const auto* found = file_.find<std::int64_t>(known_.back());
        if (!found) return {};
        if (*found < 0 || *found > 1 << 30)
            fail(file_, "\"" + known_.back() + "\" cannot be " + std::to_string(*found),
                 Failure::file);
        return int(*found);
    }
    double number(const std::string& name, std::optional<double> otherwise = {}) {
        known_.push_back(begin_ + name);
        if (const auto* found = file_.find<double>(known_.back())) return *found;
        if (!otherwise) fail(file_, "\"" + known_.back() + "\" is missing", Failure::file);
        return *otherwise;
    }
    const std::string_view* text(const std::string& name) {
        known_.push_back(begin_ + name);
        return file_.find<std::string_view>(known_.back());
    }
    /// Nothing that is computed depends on them.
    void ignore(std::initializer_list<const char*> names) {
        for (const char* name : names) known_.push_back(begin_ + name);
    }
    /// Is refused unless it is absent or equal to that.
    void only(const std::string& name, const GgufValue& value) {
        known_.push_back(begin_ + name);
        const auto found = file_.metadata.find(known_.back());
        if (found != file_.metadata.end() && found->second != value)
            fail(file_, "what \"" + known_.back() + "\" asks for is not computed",
                 Failure::unsupported);
    }
    void finish() const {
        for (const auto& [key, value] : file_.metadata)
            if (key.starts_with(begin_) && std::ranges::find(known_, key) == known_.end())
                fail(file_, "\"" + key + "\" is not known, and might change what is computed",
                     Failure::unsupported);
    }

private:
    const Gguf& file_;
    std::string begin_;
    std::vector<std::string> known_{};
};

/// The number that people write for what the file has as a float: 1e-5, not 9.99999974737875e-06.
double written(double x) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, float(x)).ptr;
    std::from_chars(text, end, x);
    return x;
}

const GgufTensor* tensor(const Gguf& file, std::string_view name) {
    const auto found = std::ranges::find(file.tensors, name, &GgufTensor::name);
    return found == file.tensors.end() ? nullptr : &*found;
}

/// Converters write the head that is tied as no tensor, and scaled rotary frequencies as one.
void take_tensors(const Gguf& file, ModelConfig& c) {
    const auto* table = tensor(file, "token_embd.weight");
    if (!table || table->shape.size() != 2)
        fail(file, "there is no table of tokens, token_embd.weight [vocabulary, width]",
             Failure::file);
    if (table->shape[0] > 1 << 30) fail(file, "its vocabulary is too large", Failure::file);
    c.vocabulary = int(table->shape[0]);
    c.tied_head = !tensor(file, "output.weight");
    if (tensor(file, "rope_freqs.weight")) c.rotary_scaling = RotaryScaling::in_file;
}

/// Linear scaling and YaRN; Llama 3.1's comes as a tensor.
void take_scaling(const Gguf& file, Values& values, ModelConfig& c) {
    values.only("rope.scale_linear", 1.0);
    const auto* type = values.text("rope.scaling.type");
    const double factor = written(values.number("rope.scaling.factor", 1.0));
    const int original =
        values.optional_size("rope.scaling.original_context_length").value_or(c.positions);
    if (!type || *type == "none") {
        if (factor != 1)
            fail(file, "rope.scaling.factor is " + to_text(factor) + ", but no type is",
                 Failure::unsupported);
        return;
    }
    if ((*type != "linear" && *type != "yarn") || c.rotary_scaling != RotaryScaling::none)
        fail(file, "rotary positions scaled by \"" + std::string(*type) + "\" are not computed",
             Failure::unsupported);
    c.rotary_factor = factor;
    c.rotary_scaling = *type == "yarn" ? RotaryScaling::yarn : RotaryScaling::linear;
    if (*type == "linear") return;
    c.rotary_positions = original;
    c.rotary_low = 1;
    c.rotary_high = 32;
    c.rotary_magnitude = yarn_magnitude(factor);
}

} // namespace

ModelConfig model_from_gguf(const Gguf& file) {
    const std::string architecture = architecture_of(file);
    require_known(file, architecture);
    Values values(file, architecture);
    ModelConfig c;
    c.name = std::filesystem::path(file.path).stem().string();
    c.source = file.path;
    c.family = Family::llama;
    c.layers = values.size("block_count");
    c.width = values.size("embedding_length");
    c.heads = values.size("attention.head_count");
    c.kv_heads = values.optional_size("attention.head_count_kv").value_or(c.heads);
    c.mlp_width = values.size("feed_forward_length");
    c.positions = values.size("context_length");
    c.head_size =
        values.optional_size("attention.key_length").value_or(c.heads ? c.width / c.heads : 0);
    c.norm = NormStyle::rms;
    c.norm_epsilon = written(values.number("attention.layer_norm_rms_epsilon"));
    c.rotary_base = written(values.number("rope.freq_base", 10000.0));
    c.mlp = MlpStyle::swiglu;
    c.causal = true;
    c.qkv_bias = architecture == "qwen2";
    c.qk_norm = architecture == "qwen3";
    take_tensors(file, c);
    values.only("attention.value_length", std::int64_t(c.head_size));
    values.only("rope.dimension_count", std::int64_t(c.head_size));
    values.only("vocab_size", std::int64_t(c.vocabulary));
    take_scaling(file, values, c);
    c.window = values.optional_size("attention.sliding_window").value_or(0);
    values.only("expert_count", std::int64_t(0));
    values.only("expert_used_count", std::int64_t(0));
    values.only("attention.causal", true);
    values.ignore({"rope.scaling.finetuned", "tensor_data_layout"});
    values.finish();
    check_model(c, file.path);
    return c;
}

ModelConfig model_from_gguf(const std::string& path) {
    const MappedFile file(path);
    return model_from_gguf(read_gguf(file));
}

} // namespace sweetspot
