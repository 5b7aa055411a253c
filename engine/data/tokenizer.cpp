#include "engine/data/tokenizer.h"
#include "engine/config/nearest.h"
#include "engine/data/gguf_tokenizer.h"
#include "engine/data/tokenizers.h"
#include "kernels/core/error.h"
#include <array>
#include <filesystem>

namespace sweetspot {

Tokens Tokenizer::encode(std::string_view text, Specials specials, std::string_view what) const {
    const auto [bos, eos, pad, unk, mask] = ids();
    if ((specials.begin && bos < 0) || (specials.end && eos < 0))
        throw Error(Failure::bad_input, "the tokenizer " + name() + " has no id for the " +
                                            (bos < 0 ? "beginning" : "end") + " of a sequence");
    Tokens tokens = encode_plain(text, what);
    if (specials.begin) tokens.insert(tokens.begin(), bos);
    if (specials.end) tokens.push_back(eos);
    return tokens;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids) const {
    std::string text;
    for (const auto id : ids) text += piece(id);
    return text;
}

void Tokenizer::check(std::int32_t id) const {
    if (id < 0 || id >= vocabulary())
        throw Error(Failure::bad_input, "token id " + std::to_string(id) + " is outside the " +
                                            std::to_string(vocabulary()) +
                                            " ids of the tokenizer " + name());
}

namespace {
namespace fs = std::filesystem;

std::unique_ptr<Tokenizer> load_folder(const fs::path& folder) {
    const auto model = folder / "tokenizer.model", vocab = folder / "vocab.json",
               json = folder / "tokenizer.json";
    if (fs::exists(json)) return load_tokenizer_json(json.string());
    if (fs::exists(model)) return load_sentencepiece(model.string());
    if (fs::exists(vocab))
        return load_gpt2_tokenizer(vocab.string(), (folder / "merges.txt").string());
    throw Error(Failure::bad_input,
                folder.string() + ": the folder holds none of tokenizer.json, tokenizer.model and "
                                  "vocab.json");
}
} // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const std::string& name_or_path, UnknownLetters unknown) {
    if (name_or_path == "esm") return make_esm_tokenizer(unknown);
    if (name_or_path == "bytes") return make_byte_tokenizer(false);
    if (name_or_path == "bytes+bos") return make_byte_tokenizer(true);
    const fs::path path = name_or_path;
    std::error_code ignored;
    if (!fs::exists(path, ignored))
        throw Error(Failure::bad_input,
                    "\"" + name_or_path + "\" is neither a file or folder nor a tokenizer's name" +
                        did_you_mean(name_or_path, std::array{"esm", "bytes", "bytes+bos"}));
    if (fs::is_directory(path, ignored)) return load_folder(path);
    const auto file = path.filename().string();
    if (file.ends_with(".model")) return load_sentencepiece(name_or_path);
    if (file.ends_with(".gguf")) return load_gguf_tokenizer(name_or_path);
    if (file.ends_with(".bin")) return load_llama2c_tokenizer(name_or_path);
    if (file.ends_with("vocab.json") || file.ends_with("merges.txt")) {
        const bool is_vocab = file.ends_with("vocab.json");
        const auto start = file.substr(0, file.size() - 10); // both endings have ten letters
        const auto beside = path.parent_path() / (start + (is_vocab ? "merges.txt" : "vocab.json"));
        return is_vocab ? load_gpt2_tokenizer(name_or_path, beside.string())
                        : load_gpt2_tokenizer(beside.string(), name_or_path);
    }
    if (file.ends_with(".json")) return load_tokenizer_json(name_or_path);
    throw Error(Failure::bad_input,
                name_or_path +
                    ": a tokenizer's file is a .model (SentencePiece), .gguf (llama.cpp), "
                    ".bin (llama2.c), vocab.json with merges.txt, or tokenizer.json");
}

} // namespace sweetspot
