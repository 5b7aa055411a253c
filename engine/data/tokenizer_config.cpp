#include "engine/data/tokenizer_config.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <array>
#include <filesystem>

namespace sweetspot {

namespace {
namespace fs = std::filesystem;

/// Classes of transformers that build the template anew from add_bos_token and add_eos_token.
constexpr std::array<std::string_view, 8> makes_template{
    "LlamaTokenizer", "LlamaTokenizerFast", "CodeLlamaTokenizer", "CodeLlamaTokenizerFast",
    "GemmaTokenizer", "GemmaTokenizerFast", "CohereTokenizer",    "CohereTokenizerFast"};

Json read(const std::string& folder, std::string& path) {
    path = (fs::path(folder) / "tokenizer_config.json").string();
    std::error_code ignored;
    return fs::exists(path, ignored) ? read_json(path) : Json::object();
}

/// The text of a token, which may be an object with its content; "" if it is not named.
std::string token_text(Settings& config, const std::string& name) {
    const Json& value = config.any(name);
    return value.is_object() ? Settings(value, config.where() + ", " + name).text("content")
                             : config.optional_text(name);
}

std::int32_t id_of(const std::string& token, const TokenizerParts& parts) {
    for (const auto& added : parts.added.all())
        if (added.content == token) return added.id;
    return parts.model->vocabulary().find(token);
}

void name_token(Settings& config, const std::string& name, const TokenizerParts& parts,
                std::int32_t& id) {
    const std::string token = token_text(config, name);
    if (token.empty()) return;
    const auto found = id_of(token, parts);
    if (found < 0 && name != "pad_token" && name != "mask_token" && name != "unk_token")
        config.refuse("the " + name + " \"" + token + "\" is not in the vocabulary");
    id = found;
}

/// One end of a sequence: what the template of tokenizer.json does, and what the config says.
bool marked(Settings& config, const std::string& name, bool by_template, bool class_decides,
            bool class_default, std::int32_t id) {
    const bool said = !config.any(name).is_null();
    const bool wanted = config.flag(name, class_decides ? class_default : by_template);
    if (wanted && id < 0) config.refuse(name + " is asked for, but no such token is named");
    if (said && !wanted && by_template && !class_decides)
        config.refuse(name + " is false, but the post_processor of tokenizer.json adds it");
    return wanted;
}
} // namespace

void apply_tokenizer_config(const std::string& folder, TokenizerParts& parts) {
    std::string path;
    const Json json = read(folder, path);
    if (json.empty()) return;
    Settings config(json, path);
    const SpecialIds by_template = parts.ids;
    name_token(config, "bos_token", parts, parts.ids.bos);
    name_token(config, "eos_token", parts, parts.ids.eos);
    name_token(config, "pad_token", parts, parts.ids.pad);
    name_token(config, "unk_token", parts, parts.ids.unk);
    name_token(config, "mask_token", parts, parts.ids.mask);
    const std::string kind = config.optional_text("tokenizer_class");
    const bool decides =
        std::find(makes_template.begin(), makes_template.end(), kind) != makes_template.end();
    const auto [begin, end] = parts.specials;
    parts.specials = {.begin = marked(config, "add_bos_token", begin, decides, true, parts.ids.bos),
                      .end = marked(config, "add_eos_token", end, decides, false, parts.ids.eos)};
    // Where the template stays, so do its ids, e.g. BERT's [CLS], which is no bos_token.
    if (begin && !decides) parts.ids.bos = by_template.bos;
    if (end && !decides) parts.ids.eos = by_template.eos;
}

Specials specials_by_config(const std::string& model_path, Specials otherwise,
                            const SpecialIds& ids) {
    std::string path;
    const Json json = read(fs::path(model_path).parent_path().string(), path);
    Settings config(json, path);
    return {.begin =
                marked(config, "add_bos_token", otherwise.begin, true, otherwise.begin, ids.bos),
            .end = marked(config, "add_eos_token", otherwise.end, true, otherwise.end, ids.eos)};
}

bool gpt2_begins_with_blank(const std::string& folder) {
    std::string path;
    const Json json = read(folder, path);
    Settings config(json, path);
    constexpr std::array<std::string_view, 4> known{"", "GPT2Tokenizer", "GPT2TokenizerFast",
                                                    "PreTrainedTokenizerFast"};
    const std::string kind = config.optional_text("tokenizer_class");
    if (std::find(known.begin(), known.end(), kind) == known.end())
        config.refuse("vocab.json and merges.txt alone do not say how " + kind +
                      " splits words; its tokenizer.json does");
    const auto added = fs::path(folder) / "added_tokens.json";
    std::error_code ignored;
    if (fs::exists(added, ignored))
        throw Error(Failure::file, added.string() + ": added tokens are read from tokenizer.json "
                                                    "only, which the folder lacks");
    return config.flag("add_prefix_space", false);
}

} // namespace sweetspot
