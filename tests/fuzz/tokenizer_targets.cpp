#include "engine/data/tokenizers.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

// Each input but the alphabet's begins with a text, which is encoded by what the rest describes.

namespace sweetspot::fuzz {

namespace {

/// Every id has its piece, and what is encoded is in the vocabulary.
void use(const Tokenizer& tokenizer, std::string_view text) {
    const int vocabulary = tokenizer.vocabulary();
    for (std::int32_t id = 0; id < std::min(vocabulary, 1000); ++id) tokenizer.piece(id);
    const Tokens tokens = tokenizer.encode(text, tokenizer.usual_specials());
    for (const auto id : tokens)
        expect(id >= 0 && id < vocabulary,
               "id " + std::to_string(id) + " of " + std::to_string(vocabulary) + " ids");
    tokenizer.decode(tokens);
    tokenizer.unknown_letters(text);
    expect(tokenizer.encode(text, tokenizer.usual_specials()) == tokens, "the same text again");
}

void tokenizer_json(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto [text, file] = parts_of<2>(text_of(data, size));
    const auto path = folder.write("tokenizer.json", file);
    refusable([&] { use(*load_tokenizer(path), text); });
}

/// What stands beside a tokenizer that is sound.
void tokenizer_config(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    folder.write("tokenizer.json", R"({"model": {"type": "WordLevel", "unk_token": "<unk>",
        "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "a": 3, "b": 4}},
        "pre_tokenizer": {"type": "Whitespace"},
        "added_tokens": [{"id": 1, "content": "<s>", "special": true},
                         {"id": 2, "content": "</s>", "special": true}]})");
    const auto [text, file] = parts_of<2>(text_of(data, size));
    folder.write("tokenizer_config.json", file);
    refusable([&] { use(*load_tokenizer(folder.path("")), text); });
}

void gguf_tokenizer(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto [text, file] = parts_of<2>(text_of(data, size));
    const auto path = folder.write("tokenizer.gguf", file);
    refusable([&] { use(*load_tokenizer(path), text); });
}

void sentencepiece(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto [text, file] = parts_of<2>(text_of(data, size));
    const auto path = folder.write("tokenizer.model", file);
    refusable([&] { use(*load_tokenizer(path), text); });
}

void gpt2_tokenizer(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto [text, merges, vocab] = parts_of<3>(text_of(data, size));
    folder.write("merges.txt", merges);
    const auto path = folder.write("vocab.json", vocab);
    refusable([&] { use(*load_tokenizer(path), text); });
}

void llama2c_tokenizer(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto [text, file] = parts_of<2>(text_of(data, size));
    const auto path = folder.write("tokenizer.bin", file);
    refusable([&] { use(*load_tokenizer(path), text); });
}

/// A vocab.txt.
void alphabet(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto path = folder.write("vocab.txt", text_of(data, size));
    refusable([&] { require_esm_vocabulary(path); });
}

constexpr Target targets[] = {{"tokenizer_json", tokenizer_json},
                              {"tokenizer_config", tokenizer_config},
                              {"gguf_tokenizer", gguf_tokenizer},
                              {"sentencepiece", sentencepiece},
                              {"gpt2_tokenizer", gpt2_tokenizer},
                              {"llama2c_tokenizer", llama2c_tokenizer},
                              {"alphabet", alphabet}};

} // namespace

std::span<const Target> tokenizer_targets() {
    return targets;
}

} // namespace sweetspot::fuzz
