#include "engine/data/cuts.h"
#include "engine/data/files.h"
#include "engine/data/tokenizer_config.h"
#include "engine/data/tokenizers.h"
#include "kernels/core/error.h"
#include <sentencepiece_processor.h>

// SentencePiece's library does the work. A model's file is looked at here for what the library does
// not tell: whether it is whole, and by which rules a text may be cut.

namespace sweetspot {

namespace {
constexpr std::string_view blank = "\xe2\x96\x81"; // U+2581, how pieces write a space

/// Takes a protocol buffer's number of at most 64 bits; 0 at the end.
std::uint64_t take_varint(std::string_view& data) {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !data.empty(); shift += 7) {
        const auto byte = std::uint8_t(data.front());
        data.remove_prefix(1);
        value |= std::uint64_t(byte & 0x7f) << shift;
        if (byte < 0x80) break;
    }
    return value;
}

/// A field of a protocol buffer: a number, or bytes.
struct ProtoField {
    std::uint64_t number = 0, value = 0;
    std::string_view bytes{};
};

/// The fields of a message as far as it can be read.
std::vector<ProtoField> fields_of(std::string_view message) {
    enum { varint, eight_bytes, counted_bytes, four_bytes = 5 };
    std::vector<ProtoField> fields;
    while (!message.empty()) {
        const auto tag = take_varint(message);
        ProtoField field{.number = tag >> 3};
        const auto take = [&](std::uint64_t bytes) {
            field.bytes = message.substr(0, bytes);
            message.remove_prefix(field.bytes.size());
        };
        switch (tag & 7) {
        case varint: field.value = take_varint(message); break;
        case eight_bytes: take(8); break;
        case counted_bytes: take(take_varint(message)); break;
        case four_bytes: take(4); break;
        default: return fields;
        }
        fields.push_back(field);
    }
    return fields;
}

/// What decides whether a text may be cut, as sentencepiece_model.proto numbers it.
struct Rules {
    bool pairs = false; ///< byte-pair encoding; of the others all pieces count in one sum
    bool blanks_behind = false, normalizes = false;
    bool puts_blank = true, drops_blanks = true, shows_blanks = true;

    explicit Rules(std::string_view model) {
        constexpr std::uint64_t trainer = 2, normalizer = 3, byte_pairs = 2;
        for (const ProtoField& part : fields_of(model)) {
            if (part.number == trainer)
                for (const auto& [number, value, bytes] : fields_of(part.bytes)) {
                    if (number == 3) pairs = value == byte_pairs;
                    if (number == 24) blanks_behind = value != 0;
                }
            if (part.number == normalizer)
                for (const auto& [number, value, bytes] : fields_of(part.bytes)) {
                    if (number == 2) normalizes = !bytes.empty();
                    if (number == 3) puts_blank = value != 0;
                    if (number == 4) drops_blanks = value != 0;
                    if (number == 5) shows_blanks = value != 0;
                }
        }
    }
};

/// Whether the model goes on to the trainer's and the normalizer's settings, which follow the
/// pieces: the library also takes a file that is cut between two pieces.
bool is_whole(std::string_view model) {
    constexpr std::uint64_t trainer = 2, normalizer = 3, bytes = 2;
    bool has_trainer = false, has_normalizer = false;
    while (!model.empty()) {
        const auto tag = take_varint(model), size = take_varint(model);
        if ((tag & 7) != bytes || size > model.size()) return false;
        has_trainer |= tag >> 3 == trainer;
        has_normalizer |= tag >> 3 == normalizer;
        model.remove_prefix(size);
    }
    return has_trainer && has_normalizer;
}

class SentencePieceTokenizer : public Tokenizer {
public:
    SentencePieceTokenizer(const std::string& model, const std::string& path) {
        if (!is_whole(model) || !processor_.LoadFromSerializedProto(model).ok())
            throw Error(Failure::file,
                        path + ": is no SentencePiece model, or is damaged or cut short");
        specials_ = {.begin = processor_.bos_id() >= 0};
        cutting_ = cutting(Rules(model));
    }
    TextCut cut(std::string_view text) const override { return last_cut(text, cutting_); }
    void set_usual_specials(Specials specials) { specials_ = specials; }

    std::string decode(std::span<const std::int32_t> ids) const override {
        for (const auto id : ids) check(id);
        std::string text;
        throw_unless_ok(processor_.Decode(std::vector<int>(ids.begin(), ids.end()), &text));
        return text;
    }

    std::string piece(std::int32_t id) const override {
        check(id);
        if (processor_.IsControl(id) || processor_.IsUnused(id)) return "";
        if (processor_.IsUnknown(id)) return " \xe2\x81\x87 ";
        std::string piece = processor_.IdToPiece(id);
        if (processor_.IsByte(id)) // "<0x0A>"
            return std::string(1, char(std::stoi(piece.substr(3, 2), nullptr, 16)));
        for (std::size_t at = 0; (at = piece.find(blank, at)) != std::string::npos; ++at)
            piece.replace(at, blank.size(), " ");
        return piece;
    }

    int vocabulary() const override { return processor_.GetPieceSize(); }
    SpecialIds ids() const override {
        return {.bos = processor_.bos_id(),
                .eos = processor_.eos_id(),
                .pad = processor_.pad_id(),
                .unk = processor_.unk_id()};
    }
    Specials usual_specials() const override { return specials_; }
    std::string name() const override { return "sentencepiece"; }

    LetterCounts unknown_letters(std::string_view text) const override {
        LetterCounts counts;
        std::vector<std::string> pieces;
        throw_unless_ok(processor_.Encode({text.data(), text.size()}, &pieces));
        for (const auto& piece : pieces)
            if (processor_.IsUnknown(processor_.PieceToId(piece))) ++counts[piece];
        return counts;
    }

protected:
    Tokens encode_plain(std::string_view text, std::string_view) const override {
        std::vector<int> ids;
        throw_unless_ok(processor_.Encode({text.data(), text.size()}, &ids));
        return {ids.begin(), ids.end()};
    }

private:
    static void throw_unless_ok(const sentencepiece::util::Status& status) {
        if (!status.ok()) throw Error(Failure::bad_input, "SentencePiece: " + status.ToString());
    }

    /// Pairs are merged side by side, so that a text falls apart where no piece reaches across.
    Cutting cutting(const Rules& rules) const {
        const bool drops = rules.drops_blanks && !rules.puts_blank;
        if (!rules.pairs || rules.blanks_behind || rules.normalizes || !rules.shows_blanks ||
            drops || processor_.IsUnknown(processor_.PieceToId(blank)))
            return Cutting::nowhere;
        for (int id = 0; id < vocabulary(); ++id)
            if (const std::string& piece = processor_.IdToPiece(id);
                piece.find(' ') != piece.npos || has_behind_letter(piece, blank))
                return Cutting::nowhere;
        return rules.puts_blank ? Cutting::at_blanks : Cutting::before_blanks;
    }

    sentencepiece::SentencePieceProcessor processor_;
    Specials specials_{};
    Cutting cutting_ = Cutting::nowhere;
};
} // namespace

std::unique_ptr<Tokenizer> load_sentencepiece(const std::string& path) {
    auto tokenizer = std::make_unique<SentencePieceTokenizer>(read_file(path), path);
    tokenizer->set_usual_specials(
        specials_by_config(path, tokenizer->usual_specials(), tokenizer->ids()));
    return tokenizer;
}

std::unique_ptr<Tokenizer> make_sentencepiece(const std::string& model, const std::string& path,
                                              Specials specials) {
    auto tokenizer = std::make_unique<SentencePieceTokenizer>(model, path);
    const SpecialIds ids = tokenizer->ids();
    tokenizer->set_usual_specials(
        {.begin = specials.begin && ids.bos >= 0, .end = specials.end && ids.eos >= 0});
    return tokenizer;
}

} // namespace sweetspot
