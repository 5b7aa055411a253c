// Reads config.json as transformers writes it. The tables below are all that is known of its keys:
// each is honoured, allowed in some values only, or ignored for a reason; any other key is refused.
// Defaults are those of transformers' configuration classes.
#include "engine/config/hugging_face.h"
#include "engine/config/families.h"
#include "engine/config/model_files.h"
#include "engine/config/packed_weights.h"
#include "engine/config/rotary.h"
#include <algorithm>
#include <array>
#include <filesystem>
#include <span>

namespace sweetspot {

namespace {

using Set = void (*)(const Json&, ModelConfig&);

struct Setting {
    const char* key;
    const char* standard; ///< the format's default as JSON; null if there is none
    const char* meaning;
    Set set = nullptr;          ///< of what is honoured
    const char* only = nullptr; ///< a JSON list of the values that compute what we compute
};

template <auto member>
void set(const Json& v, ModelConfig& c) {
    c.*member = v.get<std::decay_t<decltype(c.*member)>>();
}
template <auto member>
void set_if_given(const Json& v, ModelConfig& c) {
    if (!v.is_null()) set<member>(v, c);
}

[[noreturn]] void unsupported(const std::string& why) {
    throw Error(Failure::unsupported, why);
}

/// A window in every layer, or in none.
void set_window(const Json& v, ModelConfig& c) {
    if (!v.is_null()) set<&ModelConfig::window>(v, c);
}
void require_full_attention(const Json& v, ModelConfig&) {
    if (v.is_null()) return;
    for (const Json& layer : v)
        if (layer != "full_attention")
            unsupported("layers of " + described(layer) + " are not supported");
}

void set_gpt2_activation(const Json& v, ModelConfig& c) {
    const auto name = v.get<std::string>();
    if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast")
        c.mlp = MlpStyle::gelu_tanh;
    else if (name == "gelu" || name == "gelu_python")
        c.mlp = MlpStyle::gelu;
    else
        unsupported(described(v) + " is not supported, only GELU, exact or by tanh");
}

/// The weights say what they are; here only that it is something that is read.
void check_packing(const Json& v, ModelConfig&) {
    if (!v.is_null()) packed_weights(v);
}

constexpr const char* in_training = "acts in training only";
constexpr const char* in_generation = "of generation; the fields of a run say it";
constexpr const char* other_head = "of heads for other tasks";
constexpr const char* of_tokenizer = "ids of special tokens are the tokenizer's";

constexpr Setting of_all[] = {
    {"model_type", nullptr, "chooses the family", [](const Json&, ModelConfig&) {}},
    {"vocab_size", nullptr, "rows of the embedding table", set<&ModelConfig::vocabulary>},
    {"initializer_range", "0.02", "spread of drawn weights", set<&ModelConfig::init_range>},
    {"quantization_config", "null", "how the weights were packed: gptq or awq", check_packing},
    {"auto_map", "null", "code that comes with the model", nullptr, "[null]"},
    {"pruned_heads", "{}", "heads that are left out", nullptr, "[{}, null]"},
    {"add_cross_attention", "false", "attention to an encoder", nullptr, "[false]"},
    {"cross_attention_hidden_size", "null", "of attention to an encoder", nullptr, "[null]"},
    {"is_encoder_decoder", "false", "two models in one", nullptr, "[false]"},
};

constexpr Setting of_esm[] = {
    {"hidden_size", "768", "channels", set<&ModelConfig::width>},
    {"num_hidden_layers", "12", "blocks", set<&ModelConfig::layers>},
    {"num_attention_heads", "12", "heads", set<&ModelConfig::heads>},
    {"intermediate_size", "3072", "channels inside the MLP", set<&ModelConfig::mlp_width>},
    {"max_position_embeddings", "1026", "longest sequence", set<&ModelConfig::positions>},
    {"layer_norm_eps", "1e-12", "added to the variance", set<&ModelConfig::norm_epsilon>},
    {"token_dropout", "false", "embeddings scaled by the share of <mask>",
     set<&ModelConfig::token_dropout>},
    {"tie_word_embeddings", "true", "the head uses the embedding table",
     set<&ModelConfig::tied_head>},
    {"position_embedding_type", "\"absolute\"", "how positions enter", nullptr, "[\"rotary\"]"},
    {"emb_layer_norm_before", "null", "a norm before the first block", nullptr, "[false, null]"},
    {"is_decoder", "false", "tokens see only those before them", nullptr, "[false]"},
    {"is_folding_model", "false", "ESMFold", nullptr, "[false]"},
    {"mask_token_id", "null", "ESM-2's <mask>; another means another alphabet", nullptr, "[32]"},
    {"pad_token_id", "null", "ESM-2's <pad>; another means another alphabet", nullptr, "[1, null]"},
    {"rope_theta", "10000.0", "transformers 4 always takes 10000", nullptr, "[10000.0]"},
    {"hidden_act", "\"gelu\"", "transformers always takes GELU", nullptr, "[\"gelu\"]"},
    {"esmfold_config", "null", "of folding models"},
    {"vocab_list", "null", "of folding models"},
};

/// The same for LLaMA and those that are made like it, whose own tables come first.
constexpr Setting of_llama_kind[] = {
    {"hidden_size", "4096", "channels", set<&ModelConfig::width>},
    {"num_hidden_layers", "32", "blocks", set<&ModelConfig::layers>},
    {"num_attention_heads", "32", "heads", set<&ModelConfig::heads>},
    {"rms_norm_eps", "1e-6", "added to the mean square", set<&ModelConfig::norm_epsilon>},
    {"tie_word_embeddings", "false", "the head uses the embedding table",
     set<&ModelConfig::tied_head>},
    {"rope_theta", "10000.0", "base of the rotary angles", set<&ModelConfig::rotary_base>},
    {"rope_scaling", "null", "scaled positions: linear, dynamic, yarn or llama3", set_rotary},
    {"rope_parameters", "null", "base and scaling of the rotary angles, likewise", set_rotary},
    {"partial_rotary_factor", "1.0", "share of the channels that turn", nullptr, "[1.0]"},
    {"rope_interleaved", "false", "which channels turn together", nullptr, "[false]"},
    {"hidden_act", "\"silu\"", "activation of the MLP", nullptr, "[\"silu\", \"swish\"]"},
    {"attention_bias", "false", "biases in attention, of its output, too", nullptr, "[false]"},
    {"mlp_bias", "false", "biases in the MLP", nullptr, "[false]"},
    {"pretraining_tp", "1", "cuts products for several machines; their sums are the same"},
    {"attention_dropout", "0.0", in_training},
    {"is_decoder", "false", "it is one in any case"},
    {"pad_token_id", "null", of_tokenizer},
    {"is_llama_config", "null", "a mark of the exporter's"},
    {"max_sequence_length", "null", "a limit of other tools"},
};

constexpr const char* of_key_heads = "key and value heads; as many as heads if null";
constexpr const char* of_head_size = "channels of a head; hidden_size / heads if null";

constexpr Setting of_llama[] = {
    {"num_key_value_heads", "null", of_key_heads, set_if_given<&ModelConfig::kv_heads>},
    {"head_dim", "null", of_head_size, set_if_given<&ModelConfig::head_size>},
    {"intermediate_size", "11008", "channels inside the MLP", set<&ModelConfig::mlp_width>},
    {"max_position_embeddings", "2048", "longest sequence", set<&ModelConfig::positions>},
    {"sliding_window", "null", "how far back a token sees", nullptr, "[null]"},
};

constexpr Setting of_mistral[] = {
    {"num_key_value_heads", "8", of_key_heads, set_if_given<&ModelConfig::kv_heads>},
    {"head_dim", "null", of_head_size, set_if_given<&ModelConfig::head_size>},
    {"intermediate_size", "14336", "channels inside the MLP", set<&ModelConfig::mlp_width>},
    {"max_position_embeddings", "131072", "longest sequence", set<&ModelConfig::positions>},
    {"sliding_window", "4096", "how far back a token sees; all if null", set_window},
    {"layer_types", "null", "which layers have the window", nullptr, "[null]"},
};

/// The same for Qwen2 and Qwen3, but for the size of a head.
constexpr Setting of_qwen[] = {
    {"num_key_value_heads", "32", of_key_heads, set_if_given<&ModelConfig::kv_heads>},
    {"intermediate_size", "22016", "channels inside the MLP", set<&ModelConfig::mlp_width>},
    {"max_position_embeddings", "32768", "longest sequence", set<&ModelConfig::positions>},
    {"use_sliding_window", "false", "windows of attention in some layers", nullptr, "[false]"},
    {"sliding_window", "4096", "of use_sliding_window"},
    {"max_window_layers", "28", "of use_sliding_window"},
    {"layer_types", "null", "which layers have a window: none", require_full_attention},
};
constexpr Setting of_qwen2[] = {
    {"head_dim", "null", of_head_size, set_if_given<&ModelConfig::head_size>},
};
constexpr Setting of_qwen3[] = {
    {"head_dim", "128", of_head_size, set_if_given<&ModelConfig::head_size>},
};

constexpr Setting of_gpt2[] = {
    {"n_embd", "768", "channels", set<&ModelConfig::width>},
    {"n_layer", "12", "blocks", set<&ModelConfig::layers>},
    {"n_head", "12", "heads", set<&ModelConfig::heads>},
    {"n_inner", "null", "channels inside the MLP; 4 n_embd if null",
     set_if_given<&ModelConfig::mlp_width>},
    {"n_positions", "1024", "longest sequence", set<&ModelConfig::positions>},
    {"layer_norm_epsilon", "1e-5", "added to the variance", set<&ModelConfig::norm_epsilon>},
    {"activation_function", "\"gelu_new\"", "activation of the MLP", set_gpt2_activation},
    {"tie_word_embeddings", "true", "the head uses the embedding table",
     set<&ModelConfig::tied_head>},
    {"scale_attn_weights", "true", "scores over the root of the head's size", nullptr, "[true]"},
    {"scale_attn_by_inverse_layer_idx", "false", "scores over the layer's number", nullptr,
     "[false]"},
    {"reorder_and_upcast_attn", "false", "the order of rounding, not what is computed"},
    {"n_ctx", "1024", "an older name of n_positions, which alone counts"},
    {"attn_pdrop", "0.1", in_training},
    {"embd_pdrop", "0.1", in_training},
    {"resid_pdrop", "0.1", in_training},
    {"is_decoder", "false", "GPT-2 is one in any case"},
    {"pad_token_id", "null", of_tokenizer},
    {"summary_type", "\"cls_index\"", other_head},
    {"summary_use_proj", "true", other_head},
    {"summary_activation", "null", other_head},
    {"summary_proj_to_labels", "true", other_head},
    {"summary_first_dropout", "0.1", other_head},
    {"n_special", "0", "of the tool that converted the published files"},
    {"predict_special_tokens", "true", "of the tool that converted the published files"},
};

/// Keys of any family on which nothing here depends.
constexpr Setting ignored_of_all[] = {
    {"architectures", "null", "which heads were saved; the weights are checked for those needed"},
    {"_name_or_path", "\"\"", "where it came from"},
    {"_commit_hash", "null", "where it came from"},
    {"transformers_version", "null", "who wrote it"},
    {"unsloth_version", "null", "who wrote it"},
    {"unsloth_fixed", "null", "who wrote it"},
    {"torch_dtype", "null", "the weights say their own type"},
    {"dtype", "null", "the weights say their own type"},
    {"use_bfloat16", "false", "the weights say their own type"},
    {"attn_implementation", "null", "the field `attention` chooses"},
    {"_attn_implementation", "null", "the field `attention` chooses"},
    {"_attn_implementation_autoset", "null", "the field `attention` chooses"},
    {"_flash_attn_2_enabled", "null", "the field `attention` chooses"},
    {"use_cache", "true", "generation always keeps keys and values"},
    {"chunk_size_feed_forward", "0", "cuts the MLP's rows; the result is the same"},
    {"hidden_dropout_prob", "0.1", in_training},
    {"attention_probs_dropout_prob", "0.1", in_training},
    {"classifier_dropout", "null", other_head},
    {"gradient_checkpointing", "false", in_training},
    {"tie_encoder_decoder", "false", "there is no encoder"},
    {"bos_token_id", "null", of_tokenizer},
    {"eos_token_id", "null", of_tokenizer},
    {"sep_token_id", "null", of_tokenizer},
    {"cls_token_id", "null", of_tokenizer},
    {"unk_token_id", "null", of_tokenizer},
    {"decoder_start_token_id", "null", of_tokenizer},
    {"tokenizer_class", "null", "the tokenizer's files say it"},
    {"prefix", "null", "the tokenizer's files say it"},
    {"return_dict", "true", "what Python is given"},
    {"output_hidden_states", "false", "what Python is given"},
    {"output_attentions", "false", "what Python is given"},
    {"output_past", "true", "what Python is given"},
    {"torchscript", "false", "what Python is given"},
    {"finetuning_task", "null", other_head},
    {"id2label", "null", other_head},
    {"label2id", "null", other_head},
    {"num_labels", "2", other_head},
    {"_num_labels", "2", other_head},
    {"problem_type", "null", other_head},
    {"task_specific_params", "null", "of pipelines; the fields of a run say it"},
    {"max_length", "20", in_generation},
    {"min_length", "0", in_generation},
    {"do_sample", "false", in_generation},
    {"early_stopping", "false", in_generation},
    {"num_beams", "1", in_generation},
    {"num_beam_groups", "1", in_generation},
    {"diversity_penalty", "0.0", in_generation},
    {"temperature", "1.0", in_generation},
    {"top_k", "50", in_generation},
    {"top_p", "1.0", in_generation},
    {"typical_p", "1.0", in_generation},
    {"repetition_penalty", "1.0", in_generation},
    {"length_penalty", "1.0", in_generation},
    {"no_repeat_ngram_size", "0", in_generation},
    {"encoder_no_repeat_ngram_size", "0", in_generation},
    {"bad_words_ids", "null", in_generation},
    {"num_return_sequences", "1", in_generation},
    {"output_scores", "false", in_generation},
    {"return_dict_in_generate", "false", in_generation},
    {"forced_bos_token_id", "null", in_generation},
    {"forced_eos_token_id", "null", in_generation},
    {"remove_invalid_values", "false", in_generation},
    {"exponential_decay_length_penalty", "null", in_generation},
    {"suppress_tokens", "null", in_generation},
    {"begin_suppress_tokens", "null", in_generation},
};

struct FamilySettings {
    const char* model_type;
    std::vector<std::span<const Setting>> settings; ///< its own, and what it shares with others
    ModelConfig base;                               ///< what is the same for all of the family
};

const std::array<FamilySettings, 6>& families() {
    const ModelConfig of_kind{
        .family = Family::llama, .norm = NormStyle::rms, .mlp = MlpStyle::swiglu, .causal = true};
    const auto with = [&](bool ModelConfig::*member) {
        ModelConfig c = of_kind;
        c.*member = true;
        return c;
    };
    static const std::array<FamilySettings, 6> all{
        {{"esm",
          {of_esm},
          {.family = Family::esm2, .head = HeadStyle::masked, .causal = false, .bias = true}},
         {"llama", {of_llama, of_llama_kind}, of_kind},
         {"mistral", {of_mistral, of_llama_kind}, of_kind},
         {"qwen2", {of_qwen2, of_qwen, of_llama_kind}, with(&ModelConfig::qkv_bias)},
         {"qwen3", {of_qwen3, of_qwen, of_llama_kind}, with(&ModelConfig::qk_norm)},
         {"gpt2",
          {of_gpt2},
          {.family = Family::gpt2,
           .position = PositionStyle::learned,
           .causal = true,
           .bias = true}}}};
    return all;
}

bool same(const Json& a, const Json& b) {
    return a.is_number() && b.is_number() ? a.get<double>() == b.get<double>() : a == b;
}

/// Honours one key, or refuses it.
void apply(const Setting& setting, const Json& values, const std::string& what, ModelConfig& c) {
    const Json* given = values.find(setting.key);
    const std::string place = what + ": \"" + setting.key + "\"";
    if (!given && !setting.standard) throw Error(Failure::bad_input, place + " is missing");
    const Json standard = setting.standard ? parse_json(setting.standard, "a default") : Json();
    const Json& value = given ? *given : standard;
    if (setting.set) within(place, [&] { setting.set(value, c); });
    if (!setting.only) return;
    const Json only = parse_json(setting.only, "a setting's values");
    std::string supported;
    for (const Json& one : only) {
        if (same(value, one)) return;
        supported += (supported.empty() ? "" : " or ") + dump(one);
    }
    const std::string is = given ? " is " : " is not given, and so ";
    unsupported(place + is + described(value) + "; only " + supported + " is supported (" +
                setting.meaning + ")");
}

/// The family that a config.json names, or null.
const FamilySettings* family_of(const Json& values) {
    const Json* kind = values.find("model_type");
    const auto found = std::ranges::find_if(
        families(), [&](const auto& one) { return kind && *kind == one.model_type; });
    return found == families().end() ? nullptr : &*found;
}

/// Gives a size of a model to the key that it is read from; whether there is one.
template <auto member>
bool put(const FamilySettings& family, const ModelConfig& model, Json& values) {
    for (const auto settings : family.settings)
        for (const Setting& setting : settings)
            if (setting.set == set<member> || setting.set == set_if_given<member>) {
                values[setting.key] = model.*member;
                return true;
            }
    return false;
}

bool knows(std::span<const Setting> settings, std::string_view key) {
    return std::any_of(settings.begin(), settings.end(),
                       [&](const auto& s) { return s.key == key; });
}

} // namespace

ModelConfig model_from_hugging_face(const Json& values, const std::string& what) {
    const FamilySettings* family = family_of(values);
    if (!family) {
        const Json* kind = values.find("model_type");
        std::string read;
        for (const auto& one : families())
            read += (read.empty() ? "" : ", ") + std::string(one.model_type);
        const auto lacks = kind && kind->is_string() ? what_is_missing(kind->get<std::string>())
                                                     : std::string_view();
        unsupported(what + ": \"model_type\" is " + (kind ? described(*kind) : "missing") +
                    (lacks.empty() ? "" : ", which has " + std::string(lacks)) + "; " + read +
                    " are supported");
    }
    ModelConfig c = family->base;
    for (const auto& setting : of_all) apply(setting, values, what, c);
    for (const auto settings : family->settings)
        for (const auto& setting : settings) apply(setting, values, what, c);
    for (const auto& [key, value] : values.items())
        if (!knows(of_all, key) && !knows(ignored_of_all, key) &&
            std::ranges::none_of(family->settings,
                                 [&](const auto& listed) { return knows(listed, key); }))
            unsupported(what + ": \"" + key + "\" is no setting that is known of " +
                        family->model_type +
                        " and might change what it computes (`sweetspot list settings`)");
    c.name = std::filesystem::path(what).parent_path().filename().string();
    c.source = what;
    if (!c.kv_heads) c.kv_heads = c.heads;
    if (!c.mlp_width) c.mlp_width = c.width <= most_channels ? 4 * c.width : c.width;
    if (!c.head_size && c.heads > 0) {
        if (c.width % c.heads)
            throw Error(Failure::bad_input, what + ": " + std::to_string(c.width) +
                                                " channels cannot be shared by " +
                                                std::to_string(c.heads) + " heads");
        c.head_size = c.width / c.heads;
    }
    check_model(c, what);
    return c;
}

std::optional<Json> with_fewer(Json values, const ModelConfig& left) {
    const FamilySettings* family = family_of(values);
    if (!family) return {};
    const bool says_size = put<&ModelConfig::head_size>(*family, left, values);
    if (!says_size && left.heads * left.head_size != left.width) return {};
    put<&ModelConfig::heads>(*family, left, values);
    put<&ModelConfig::kv_heads>(*family, left, values);
    put<&ModelConfig::mlp_width>(*family, left, values);
    return values;
}

std::string model_type_of(Family family) {
    for (const auto& one : families())
        if (one.base.family == family) return one.model_type;
    return to_text(family);
}

std::vector<ForeignSetting> foreign_settings() {
    std::vector<ForeignSetting> all;
    const auto add = [&](const char* model_type, std::span<const Setting> settings) {
        for (const auto& s : settings)
            all.push_back({.model_type = model_type,
                           .key = s.key,
                           .use = s.only  ? std::string("only ") + s.only
                                  : s.set ? "honoured"
                                          : "ignored",
                           .standard = s.standard ? s.standard : "",
                           .meaning = s.meaning});
    };
    for (const auto& family : families())
        for (const auto& settings : family.settings) add(family.model_type, settings);
    add("all", of_all);
    add("all", ignored_of_all);
    return all;
}

} // namespace sweetspot
