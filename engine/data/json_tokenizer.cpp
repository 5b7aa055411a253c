#include "engine/data/json_tokenizer.h"
#include "engine/data/byte_letters.h"
#include "engine/data/tokenizer_config.h"
#include "engine/data/tokenizers.h"
#include "engine/data/unicode.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <filesystem>

// What a tokenizer.json says, part by part. Each part refuses by name what it does not know; the
// order of the parts is the reference's.

namespace sweetspot {

namespace {
std::string written(const std::string& piece, const Decoding& decoding) {
    switch (decoding.kind) {
    case Decoding::Kind::bytes: return bytes_of_letters(piece).value_or(piece);
    case Decoding::Kind::blanks: {
        if (const int byte = byte_of_piece(piece); byte >= 0) return std::string(1, char(byte));
        std::string text = piece;
        for (std::size_t at = 0; (at = text.find(decoding.mark, at)) != text.npos; ++at)
            text.replace(at, decoding.mark.size(), " ");
        return text;
    }
    case Decoding::Kind::word_pieces:
        return piece.starts_with(decoding.mark) ? piece.substr(decoding.mark.size()) : " " + piece;
    case Decoding::Kind::words: break;
    }
    const bool ends = !decoding.mark.empty() && piece.ends_with(decoding.mark);
    return decoding.mark.empty()
               ? " " + piece
               : piece.substr(0, piece.size() - (ends ? decoding.mark.size() : 0)) +
                     (ends ? " " : "");
}
} // namespace

JsonTokenizer::JsonTokenizer(TokenizerParts parts) : parts_(std::move(parts)) {
    parts_.added.prepare(*parts_.normalizer);
    const Vocabulary& vocabulary = parts_.model->vocabulary();
    written_.resize(std::size_t(std::max(vocabulary.ids(), parts_.added.ids())));
    for (const auto& [piece, id] : vocabulary.all())
        written_[std::size_t(id)] = written(piece, parts_.decoding);
    for (const auto& token : parts_.added.all())
        written_[std::size_t(token.id)] = token.special ? "" : token.content;
    const auto [bos, eos, pad, unk, mask] = parts_.ids;
    for (const auto id : {bos, eos, pad, mask})
        if (id >= 0) written_.at(std::size_t(id)).clear();
    cutting_ = cutting();
}

int JsonTokenizer::vocabulary() const {
    return int(written_.size());
}

std::string JsonTokenizer::piece(std::int32_t id) const {
    check(id);
    return written_[std::size_t(id)];
}

std::string JsonTokenizer::decode(std::span<const std::int32_t> ids) const {
    std::string text = Tokenizer::decode(ids);
    if (parts_.decoding.drops_first_blank && text.starts_with(' ')) text.erase(0, 1);
    return text;
}

Tokens JsonTokenizer::encode_plain(std::string_view text, std::string_view what) const {
    try {
        return encoded(text, nullptr);
    } catch (const Error& error) { // the parts do not know which text this is
        throw Error(error.kind, std::string(what) + ": " + error.what());
    }
}

LetterCounts JsonTokenizer::unknown_letters(std::string_view text) const {
    LetterCounts unknown;
    encoded(text, &unknown);
    return unknown;
}

/// Whether an added token may be found at a blank between two letters, or takes it along.
static bool takes_part_in_cuts(const AddedToken& token) {
    const std::string& text = token.content;
    if (text.empty() || text == " " || is_ascii_letter(text.front()) ||
        is_ascii_letter(text.back()))
        return true;
    for (auto at = text.find(' '); at != text.npos; at = text.find(' ', at + 1))
        if ((at > 0 && is_ascii_letter(text[at - 1])) ||
            (at + 1 < text.size() && is_ascii_letter(text[at + 1])))
            return true;
    return false;
}

/// How a text can be cut: whatever it is, if its parts are local, so that one text tells of all,
/// and no added token reaches across.
Cutting JsonTokenizer::cutting() const {
    if (!parts_.normalizer->is_local() || !parts_.words->is_local()) return Cutting::nowhere;
    if (std::ranges::any_of(parts_.added.all(), takes_part_in_cuts)) return Cutting::nowhere;
    if (are_parts("x", " y")) return Cutting::before_blanks;
    return are_parts("x", "y") ? Cutting::at_blanks : Cutting::nowhere;
}

std::vector<std::string> JsonTokenizer::words_of(const std::string& text) const {
    std::vector<Piece> pieces{{parts_.normalizer->apply(text), true}};
    parts_.words->split(pieces);
    std::vector<std::string> words;
    for (Piece& piece : pieces) words.push_back(std::move(piece.text));
    return words;
}

/// Whether "x y" is the words of these two: a word ends between them, or one goes on that the model
/// cuts there, too.
bool JsonTokenizer::are_parts(const std::string& first, const std::string& second) const {
    const auto whole = words_of("x y");
    auto words = words_of(first);
    const auto others = words_of(second);
    if (words.empty() || others.empty() || others.front().empty()) return false;
    const std::size_t joint = words.size();
    words.insert(words.end(), others.begin(), others.end());
    if (words == whole) return true;
    words[joint - 1] += words[joint];
    words.erase(words.begin() + std::ptrdiff_t(joint));
    const std::string blank(letter_at(others.front(), 0).bytes);
    const auto spans = [&](const AddedToken& token) {
        return has_behind_letter(token.content, blank);
    };
    return words == whole && parts_.model->parts_before(blank) &&
           std::ranges::none_of(parts_.added.all(), spans);
}

/// Bytes that are no UTF-8 are by themselves, as files may have them and the reference never does.
Tokens JsonTokenizer::encoded(std::string_view text, LetterCounts* unknown) const {
    Tokens ids;
    while (!text.empty()) {
        const auto valid = valid_utf8_prefix(text);
        encode_valid(text.substr(0, valid), ids, unknown);
        text.remove_prefix(valid);
        if (text.empty()) break;
        encode_byte(text.front(), ids, unknown);
        text.remove_prefix(1);
    }
    return ids;
}

void JsonTokenizer::encode_valid(std::string_view text, Tokens& ids, LetterCounts* unknown) const {
    for (auto& found : parts_.added.split(text, *parts_.normalizer)) {
        if (found.id >= 0) {
            ids.push_back(found.id);
            continue;
        }
        std::vector<Piece> words{std::move(found.piece)};
        parts_.words->split(words);
        for (const auto& word : words) parts_.model->encode(word.text, ids, unknown);
    }
}

void JsonTokenizer::encode_byte(char byte, Tokens& ids, LetterCounts* unknown) const {
    if (const auto id = parts_.model->id_of_byte(byte); id >= 0) return ids.push_back(id);
    if (parts_.words->writes_bytes())
        return parts_.model->encode(byte_letters()[std::uint8_t(byte)], ids, unknown);
    throw Error(Failure::bad_input, named_letter(byte) +
                                        " is no UTF-8, which is all that the "
                                        "tokenizer " +
                                        name() + " can read");
}

namespace {
/// The one id that a template puts at an end, -1 for none.
std::int32_t template_id(Settings& settings, const Json& item, const Json& special_tokens) {
    Settings part(item, settings.where());
    Settings token = part.object("SpecialToken");
    const std::string name = token.text("id");
    token.ignore({"type_id"});
    Settings names(special_tokens, settings.where() + ", special_tokens");
    Settings known = names.object(name);
    known.ignore({"id", "tokens"});
    const auto& ids = known.list("ids");
    const auto id = ids.size() == 1 ? Settings::whole_number(ids[0]) : -1;
    if (id < 0) settings.refuse("a special token of several ids is not supported");
    return std::int32_t(id);
}

/// Ids around a sequence.
struct Frame {
    std::int32_t begin = -1, end = -1;
};

Frame read_template(Settings& settings) {
    settings.ignore({"pair"}); // two sequences are never asked for
    const auto& items = settings.list("single");
    const auto& special_tokens = settings.any("special_tokens");
    Frame frame;
    bool behind = false;
    for (const auto& item : items) {
        if (item.is_object() && item.contains("Sequence")) {
            if (std::exchange(behind, true)) settings.refuse("the sequence stands there twice");
            continue;
        }
        auto& id = behind ? frame.end : frame.begin;
        if (id >= 0) settings.refuse("several special tokens at one end are not supported");
        id = template_id(settings, item, special_tokens);
    }
    if (!behind) settings.refuse("the template has no sequence");
    return frame;
}

std::int32_t pair_id(Settings& settings, const std::string& name) {
    const auto& pair = settings.list(name);
    const auto id = pair.size() == 2 ? Settings::whole_number(pair[1]) : -1;
    if (id < 0) settings.refuse(name + " must be a text and an id");
    return std::int32_t(id);
}

Frame read_post_processor(const Json& json, const std::string& where) {
    Frame frame;
    if (json.is_null()) return frame;
    Settings settings(json, where);
    const std::string type = settings.text("type");
    if (type == "TemplateProcessing") {
        frame = read_template(settings);
    } else if (type == "BertProcessing" || type == "RobertaProcessing") {
        frame = {pair_id(settings, "cls"), pair_id(settings, "sep")};
        settings.ignore({"trim_offsets", "add_prefix_space"}); // no ids depend on them
    } else if (type == "ByteLevel") {
        settings.ignore({"trim_offsets", "add_prefix_space", "use_regex"}); // likewise
    } else if (type == "Sequence") {
        for (const auto& part : settings.list("processors")) {
            const auto [begin, end] = read_post_processor(part, where);
            if ((begin >= 0 && frame.begin >= 0) || (end >= 0 && frame.end >= 0))
                settings.refuse("several special tokens at one end are not supported");
            frame = {std::max(frame.begin, begin), std::max(frame.end, end)};
        }
    } else {
        settings.refuse("the type " + type + " is not supported");
    }
    settings.finish();
    return frame;
}

/// Only texts that are made, not ids, depend on the decoder: what it does not know is left out.
Decoding read_decoder(const Json& json, const std::string& where) {
    Decoding decoding;
    if (json.is_null()) return decoding;
    Settings settings(json, where);
    const std::string type = settings.text("type");
    if (type == "ByteLevel") decoding.kind = Decoding::Kind::bytes;
    if (type == "WordPiece")
        decoding = {Decoding::Kind::word_pieces, settings.text("prefix"), true};
    if (type == "BPEDecoder") decoding.mark = settings.text("suffix");
    if (type == "Metaspace")
        decoding = {Decoding::Kind::blanks, settings.text("replacement"),
                    settings.optional_text("prepend_scheme") != "never"};
    if (type != "Sequence") return decoding;
    for (const auto& part : settings.list("decoders")) {
        Settings each(part, where);
        const std::string kind = each.text("type");
        if (kind == "Replace") {
            decoding.kind = Decoding::Kind::blanks;
            decoding.mark = each.object("pattern").optional_text("String");
        } else if (kind == "Strip") {
            decoding.drops_first_blank = each.integer("start", 0) > 0;
        } else if (kind != "Fuse" && kind != "ByteFallback") {
            return read_decoder(part, where);
        }
    }
    return decoding;
}

/// The ids of those names that most vocabularies give to what is special.
SpecialIds usual_ids(const TokenizerParts& parts) {
    const auto first_of = [&](std::initializer_list<const char*> names) {
        for (const auto* name : names) {
            if (const auto id = parts.model->vocabulary().find(name); id >= 0) return id;
            for (const auto& token : parts.added.all())
                if (token.content == name) return token.id;
        }
        return -1;
    };
    return {.bos =
                first_of({"<s>", "<|begin_of_text|>", "<bos>", "[CLS]", "<cls>", "<|endoftext|>"}),
            .eos = first_of({"</s>", "<|end_of_text|>", "<eos>", "[SEP]", "<|endoftext|>"}),
            .pad = first_of({"<pad>", "<|pad|>", "[PAD]"}),
            .unk = first_of({"<unk>", "[UNK]"}),
            .mask = first_of({"<mask>", "[MASK]"})};
}

void frame_by(const Frame& frame, TokenizerParts& parts) {
    const auto most = std::max(parts.model->vocabulary().ids(), parts.added.ids());
    if (frame.begin >= most || frame.end >= most)
        throw Error(Failure::file, parts.name + ": the post_processor puts an id that the "
                                                "vocabulary lacks");
    if (frame.begin >= 0) parts.ids.bos = frame.begin;
    if (frame.end >= 0) parts.ids.eos = frame.end;
    parts.specials = {.begin = frame.begin >= 0, .end = frame.end >= 0};
}
} // namespace

TokenizerParts read_tokenizer_parts(const Json& json, const std::string& path) {
    Settings settings(json, path);
    // The version says nothing; a sequence's length is the run's to decide.
    settings.ignore({"version", "truncation", "padding"});
    TokenizerParts parts{.name = std::filesystem::path(path).filename().string()};
    parts.model = make_token_model(settings.any("model"), path);
    parts.added = AddedTokens::read(settings.any("added_tokens"), path, parts.model->vocabulary());
    parts.normalizer = make_normalizer(settings.any("normalizer"), path + ", normalizer");
    parts.words = make_pre_tokenizer(settings.any("pre_tokenizer"), path + ", pre_tokenizer");
    const Frame frame =
        read_post_processor(settings.any("post_processor"), path + ", post_processor");
    parts.decoding = read_decoder(settings.any("decoder"), path + ", decoder");
    settings.finish();
    parts.ids = usual_ids(parts);
    frame_by(frame, parts);
    return parts;
}

std::unique_ptr<Tokenizer> load_tokenizer_json(const std::string& path) {
    TokenizerParts parts = read_tokenizer_parts(read_json(path), path);
    apply_tokenizer_config(std::filesystem::path(path).parent_path().string(), parts);
    return std::make_unique<JsonTokenizer>(std::move(parts));
}

std::unique_ptr<Tokenizer> load_gpt2_tokenizer(const std::string& vocab_path,
                                               const std::string& merges_path) {
    TokenizerParts parts{.name = "gpt2"};
    parts.model = make_gpt2_model(vocab_path, merges_path);
    const std::string folder = std::filesystem::path(vocab_path).parent_path().string();
    const Json words{{"type", "ByteLevel"}, {"add_prefix_space", gpt2_begins_with_blank(folder)}};
    parts.normalizer = make_normalizer({}, vocab_path);
    parts.words = make_pre_tokenizer(words, vocab_path);
    parts.decoding.kind = Decoding::Kind::bytes;
    for (const auto& [piece, id] : parts.model->vocabulary().all())
        if (!bytes_of_letters(piece))
            throw Error(Failure::file, vocab_path + ": the piece \"" + piece +
                                           "\" is not byte-level, as GPT-2 writes its pieces");
    parts.ids = usual_ids(parts);
    apply_tokenizer_config(folder, parts);
    return std::make_unique<JsonTokenizer>(std::move(parts));
}

} // namespace sweetspot
