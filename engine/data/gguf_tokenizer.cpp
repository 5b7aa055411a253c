// A GGUF file has a vocabulary as lists of pieces, scores, kinds and merges. Here they become what
// the libraries and readers of the tokenizers' own files take, so that there is one way to encode:
// SentencePiece's model for the kind "llama", the parts of a tokenizer.json for the kind "gpt2";
// and a tokenizer.json becomes such lists.
#include "engine/data/gguf_tokenizer.h"
#include "engine/config/gguf.h"
#include "engine/data/json_tokenizer.h"
#include "engine/data/tokenizers.h"
#include "kernels/core/error.h"
#include <cstring>
#include <filesystem>

namespace sweetspot {

namespace {

/// As llama.cpp and SentencePiece number them.
enum Kind { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

constexpr const char* begin_of_keys = "tokenizer.ggml.";

/// The lists, held against each other.
class GgufVocabulary {
public:
    explicit GgufVocabulary(const Gguf& file)
        : file_(file), pieces_(list<std::string_view>("tokens")),
          kinds_(optional_list<double>("token_type")) {
        if (!kinds_.empty() && kinds_.size() != pieces_.size())
            fail("token_type has not one kind for each of the tokens");
    }

    std::int32_t size() const { return std::int32_t(pieces_.size()); }
    std::string piece(std::int32_t id) const { return std::string(pieces_[std::size_t(id)]); }
    Kind kind(std::int32_t id) const {
        if (kinds_.empty()) return normal;
        const double kind = kinds_[std::size_t(id)];
        if (kind == 0) return normal; // undefined
        if (!(kind >= double(normal) && kind <= double(byte)))
            fail("a token of a kind that is not known");
        return Kind(int(kind));
    }
    /// A token that has a meaning; -1 if the file names none.
    std::int32_t special(const std::string& name, std::int32_t otherwise = -1) const {
        const auto* id = file_.find<std::int64_t>(begin_of_keys + name);
        if (id && (*id < 0 || *id >= size())) fail(name + " is outside of the vocabulary");
        const auto found = id ? std::int32_t(*id) : otherwise;
        return found < size() ? found : -1;
    }
    bool flag(const std::string& name, bool otherwise) const {
        const auto* value = file_.find<bool>(begin_of_keys + name);
        return value ? *value : otherwise;
    }
    template <class T>
    const std::vector<T>& list(const std::string& name) const {
        if (const auto* found = file_.find<std::vector<T>>(begin_of_keys + name)) return *found;
        fail(name + " is missing");
    }
    template <class T>
    std::vector<T> optional_list(const std::string& name) const {
        const auto* found = file_.find<std::vector<T>>(begin_of_keys + name);
        return found ? *found : std::vector<T>();
    }
    std::string text(const std::string& name) const {
        const auto* found = file_.find<std::string_view>(begin_of_keys + name);
        return found ? std::string(*found) : "";
    }
    [[noreturn]] void fail(const std::string& why, Failure kind = Failure::file) const {
        throw Error(kind, file_.path + ": " + begin_of_keys + why);
    }

private:
    const Gguf& file_;
    const std::vector<std::string_view>& pieces_;
    std::vector<double> kinds_;
};

/// A protocol buffer, as far as SentencePiece's model needs one.
class Message {
public:
    void add(int field, std::uint64_t number) {
        varint(std::uint64_t(field) << 3);
        varint(number);
    }
    void add(int field, float number) {
        varint(std::uint64_t(field) << 3 | 5);
        bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
    }
    void add(int field, std::string_view bytes) {
        varint(std::uint64_t(field) << 3 | 2);
        varint(bytes.size());
        bytes_ += bytes;
    }
    const std::string& bytes() const { return bytes_; }

private:
    void varint(std::uint64_t x) {
        for (; x >= 0x80; x >>= 7) bytes_ += char(x | 0x80);
        bytes_ += char(x);
    }
    std::string bytes_{};
};

/// The fields of sentencepiece_model.proto that are written here.
namespace proto {
constexpr int pieces = 1, trainer = 2, normalizer = 3;
constexpr int piece = 1, score = 2, kind = 3;
constexpr int model_type = 3, byte_fallback = 35, unk_id = 40, bos_id = 41, eos_id = 42,
              unk_piece = 45, bos_piece = 46, eos_piece = 47;
constexpr int name = 1, dummy_prefix = 3, remove_blanks = 4, escape_blanks = 5;
constexpr std::uint64_t byte_pairs = 2; // of model_type
} // namespace proto

std::unique_ptr<Tokenizer> sentencepiece(const GgufVocabulary& vocabulary,
                                         const std::string& path) {
    const auto& scores = vocabulary.list<double>("scores");
    if (std::int32_t(scores.size()) != vocabulary.size())
        vocabulary.fail("scores has not one for each of the tokens");
    Message model, trainer, normalizer;
    bool bytes = false;
    for (std::int32_t id = 0; id < vocabulary.size(); ++id) {
        Message piece;
        piece.add(proto::piece, vocabulary.piece(id));
        piece.add(proto::score, float(scores[std::size_t(id)]));
        piece.add(proto::kind, std::uint64_t(vocabulary.kind(id)));
        model.add(proto::pieces, piece.bytes());
        bytes |= vocabulary.kind(id) == byte;
    }
    const auto special = [&](const char* key, std::int32_t otherwise, int id_field,
                             int piece_field) {
        const auto id = vocabulary.special(key, otherwise);
        if (id < 0) return;
        trainer.add(id_field, std::uint64_t(id));
        trainer.add(piece_field, vocabulary.piece(id));
    };
    trainer.add(proto::model_type, proto::byte_pairs);
    trainer.add(proto::byte_fallback, std::uint64_t(bytes));
    special("unknown_token_id", 0, proto::unk_id, proto::unk_piece);
    special("bos_token_id", 1, proto::bos_id, proto::bos_piece);
    special("eos_token_id", 2, proto::eos_id, proto::eos_piece);
    normalizer.add(proto::name, std::string_view("identity"));
    normalizer.add(proto::dummy_prefix, std::uint64_t(vocabulary.flag("add_space_prefix", true)));
    normalizer.add(proto::remove_blanks,
                   std::uint64_t(vocabulary.flag("remove_extra_whitespaces", false)));
    normalizer.add(proto::escape_blanks, std::uint64_t(1));
    model.add(proto::trainer, trainer.bytes());
    model.add(proto::normalizer, normalizer.bytes());
    return make_sentencepiece(model.bytes(), path,
                              {.begin = vocabulary.flag("add_bos_token", true),
                               .end = vocabulary.flag("add_eos_token", false)});
}

/// How a text is divided into words before pairs are joined, by the name that the file gives it.
struct Division {
    std::string_view name;
    const char* regex; ///< null: GPT-2's
    bool whole_words;  ///< that are pieces are not put together again
    bool begin;        ///< a text begins with bos unless the file says otherwise
};
constexpr Division divisions[] = {
    {"gpt-2", nullptr, false, false},
    {"llama-bpe",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     true, true},
    {"qwen2",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     false, false},
};

const Division& division_of(const GgufVocabulary& vocabulary) {
    const std::string name = vocabulary.text("pre");
    std::string known;
    for (const Division& each : divisions) {
        if (each.name == name) return each;
        known += (known.empty() ? "" : ", ") + std::string(each.name);
    }
    vocabulary.fail("pre \"" + name + "\": how it divides texts is not known; " + known + " are",
                    Failure::unsupported);
}

Json list_of(Json only) {
    Json list = Json::array();
    list.push_back(std::move(only));
    return list;
}

Json words_of(const Division& division) {
    Json letters{{"type", "ByteLevel"}, {"add_prefix_space", false}};
    if (!division.regex) return letters;
    letters["use_regex"] = false;
    Json parts = list_of({{"type", "Split"},
                          {"pattern", {{"Regex", division.regex}}},
                          {"behavior", "Isolated"},
                          {"invert", false}});
    parts.push_back(std::move(letters));
    return {{"type", "Sequence"}, {"pretokenizers", std::move(parts)}};
}

std::unique_ptr<Tokenizer> byte_pairs(const GgufVocabulary& vocabulary, const std::string& path) {
    const Division& division = division_of(vocabulary);
    Json pieces = Json::object(), added = Json::array(), merges = Json::array();
    for (std::int32_t id = 0; id < vocabulary.size(); ++id) {
        const Kind kind = vocabulary.kind(id);
        pieces.add(vocabulary.piece(id), id);
        if (kind == control || kind == user_defined)
            added.push_back({{"id", id},
                             {"content", vocabulary.piece(id)},
                             {"normalized", false},
                             {"special", kind == control}});
    }
    for (const auto merge : vocabulary.list<std::string_view>("merges")) merges.push_back(merge);
    const Json tokenizer{{"added_tokens", std::move(added)},
                         {"normalizer", Json()},
                         {"pre_tokenizer", words_of(division)},
                         {"post_processor", Json()},
                         {"decoder", {{"type", "ByteLevel"}}},
                         {"model",
                          {{"type", "BPE"},
                           {"ignore_merges", division.whole_words},
                           {"vocab", std::move(pieces)},
                           {"merges", std::move(merges)}}}};
    TokenizerParts parts = read_tokenizer_parts(tokenizer, path);
    parts.ids = {.bos = vocabulary.special("bos_token_id"),
                 .eos = vocabulary.special("eos_token_id"),
                 .pad = vocabulary.special("padding_token_id"),
                 .unk = vocabulary.special("unknown_token_id")};
    parts.specials = {.begin = vocabulary.flag("add_bos_token", division.begin),
                      .end = vocabulary.flag("add_eos_token", false)};
    return std::make_unique<JsonTokenizer>(std::move(parts));
}

/// The same division into words, whoever wrote it: defaults stand, offsets count for nothing.
Json plain_words(const Json& words) {
    Json y = Json::object();
    const Json* type = words.find("type");
    const bool letters = type && *type == "ByteLevel";
    for (const char* key : {"type", "pattern", "behavior", "invert"})
        if (const Json* value = words.find(key)) y.add(key, *value);
    for (const char* key : {"add_prefix_space", "use_regex"}) {
        const Json* value = words.find(key);
        if (letters || value) y.add(key, value ? *value : Json(true));
    }
    if (const Json* parts = words.find("pretokenizers")) {
        Json plain = Json::array();
        for (const Json& part : *parts) plain.push_back(plain_words(part));
        y.add("pretokenizers", std::move(plain));
    }
    return y;
}

class JsonDescription {
public:
    explicit JsonDescription(const std::string& path) : path_(path), all_(read_json(path)) {}

    std::string write(int vocabulary, GgufEntries& entries) const {
        const Json& model = part(all_, "model");
        const Json* type = model.find("type");
        if (!type || *type != "BPE" || is_true(model, "byte_fallback"))
            refuse("its pieces are not byte pairs");
        const Division& division = division_of(model);
        entries.add("tokenizer.ggml.model", std::string_view("gpt2"));
        entries.add("tokenizer.ggml.pre", division.name);
        write_pieces(part(model, "vocab"), vocabulary, entries);
        std::vector<std::string> merges;
        for (const Json& merge : part(model, "merges"))
            merges.push_back(merge.is_array()
                                 ? merge[0].get<std::string>() + " " + merge[1].get<std::string>()
                                 : merge.get<std::string>());
        entries.add("tokenizer.ggml.merges", merges);
        const auto tokenizer = load_tokenizer_json(path_);
        const auto [bos, eos, pad, unk, mask] = tokenizer->ids();
        for (const auto& [key, id] :
             {std::pair("bos_token_id", bos), std::pair("eos_token_id", eos),
              std::pair("padding_token_id", pad), std::pair("unknown_token_id", unk)})
            if (id >= 0) entries.add(begin_of_keys + std::string(key), std::uint32_t(id));
        entries.add_flag("tokenizer.ggml.add_bos_token", tokenizer->usual_specials().begin);
        entries.add_flag("tokenizer.ggml.add_eos_token", tokenizer->usual_specials().end);
        return left_out();
    }

private:
    [[noreturn]] void refuse(const std::string& why) const {
        throw Error(Failure::unsupported, path_ + ": GGUF has no such tokenizer: " + why +
                                              "; --no-tokenizer leaves it out");
    }
    const Json& part(const Json& of, const char* name) const {
        const Json* found = of.find(name);
        if (!found) refuse("\"" + std::string(name) + "\" is missing");
        return *found;
    }
    static bool is_true(const Json& of, const char* name) {
        const Json* found = of.find(name);
        return found && *found == true;
    }
    const Division& division_of(const Json& model) const {
        const Json words = plain_words(part(all_, "pre_tokenizer"));
        for (const Division& one : divisions)
            if (words == plain_words(words_of(one)) &&
                is_true(model, "ignore_merges") == one.whole_words)
                return one;
        refuse("GGUF has no name for how it divides texts into words");
    }
    /// GGUF's readers normalise nothing.
    std::string left_out() const {
        const Json* normalizer = all_.find("normalizer");
        if (!normalizer || normalizer->is_null()) return {};
        const Json* type = normalizer->find("type");
        if (!type || *type != "NFC") refuse("it normalises texts");
        return "; the tokenizer's NFC is left out, as GGUF has no word for it";
    }
    void write_pieces(const Json& pieces, int vocabulary, GgufEntries& entries) const {
        const auto count = std::size_t(vocabulary);
        std::vector<std::string> texts(count);
        std::vector<std::int32_t> kinds(count, unused);
        const auto put = [&](const std::string& text, std::int64_t id, Kind kind) {
            if (id < 0 || id >= vocabulary) refuse("an id is outside of the model's vocabulary");
            texts[std::size_t(id)] = text;
            kinds[std::size_t(id)] = kind;
        };
        for (const auto& [piece, id] : pieces.items()) put(piece, id.get<std::int64_t>(), normal);
        if (const Json* added = all_.find("added_tokens"))
            for (const Json& token : *added)
                put(part(token, "content").get<std::string>(),
                    part(token, "id").get<std::int64_t>(),
                    is_true(token, "special") ? control : user_defined);
        for (std::size_t id = 0; id < texts.size(); ++id)
            if (kinds[id] == unused) texts[id] = "[PAD" + std::to_string(id) + "]";
        entries.add("tokenizer.ggml.tokens", texts);
        entries.add("tokenizer.ggml.token_type", kinds);
    }

    std::string path_;
    Json all_;
};

} // namespace

std::unique_ptr<Tokenizer> load_gguf_tokenizer(const std::string& path) {
    const MappedFile file(path);
    const Gguf all = read_gguf(file);
    const auto* kind = all.find<std::string_view>("tokenizer.ggml.model");
    if (!kind) throw Error(Failure::file, path + ": it has no tokenizer (tokenizer.ggml.model)");
    if (*kind != "llama" && *kind != "gpt2")
        throw Error(Failure::unsupported, path + ": its tokenizer is of the kind \"" +
                                              std::string(*kind) + "\"; llama and gpt2 are read");
    const GgufVocabulary vocabulary(all);
    return *kind == "llama" ? sentencepiece(vocabulary, path) : byte_pairs(vocabulary, path);
}

bool has_tokenizer(const std::string& gguf_path) {
    const MappedFile file(gguf_path);
    const Gguf all = read_gguf(file);
    const auto* kind = all.find<std::string_view>("tokenizer.ggml.model");
    return kind && *kind != "none" && *kind != "no_vocab";
}

std::string describe_tokenizer(const std::string& name, int vocabulary, GgufEntries& entries) {
    if (name.ends_with(".gguf")) {
        const MappedFile file(name);
        const Gguf all = read_gguf(file);
        for (const auto& [key, value] : all.as_is)
            if (key.starts_with("tokenizer.")) entries.add_as_is(key, value);
        return {};
    }
    std::error_code unknown;
    const bool folder = std::filesystem::is_directory(name, unknown);
    const std::filesystem::path named = name, path = folder ? named / "tokenizer.json" : named;
    if (path.extension() != ".json" || !std::filesystem::exists(path, unknown))
        throw Error(Failure::unsupported,
                    name +
                        ": of tokenizers those of a .gguf and a tokenizer.json of byte pairs are "
                        "written to GGUF; --no-tokenizer leaves it out");
    return JsonDescription(path.string()).write(vocabulary, entries);
}

} // namespace sweetspot
