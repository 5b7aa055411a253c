#include "engine/data/byte_letters.h"
#include "engine/data/cuts.h"
#include "engine/data/files.h"
#include "engine/data/pair_merger.h"
#include "engine/data/tokenizers.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace sweetspot {

namespace {
/// Bytes of the letter that begins with `first`, as UTF-8 has it; 1 for bytes that begin none.
std::size_t letter_bytes(std::uint8_t first) {
    return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
}

/// llama2.c's tokenizer file: the longest piece's bytes (int32), then for each id a score (float),
/// the piece's bytes (int32) and the piece. Ids 0, 1, 2 are unknown, begin and end. There is no
/// count: the file's end ends the list.
class Llama2cTokenizer : public Tokenizer {
public:
    explicit Llama2cTokenizer(const std::string& path) : path_(path), data_(read_file(path)) {
        id_of_byte_.fill(0);
        read_pieces();
        data_ = {};
        for (std::int32_t id = first_piece; id < vocabulary(); ++id) add_merges(id);
        const auto reaches_across = [](const std::string& piece) {
            return has_behind_letter(piece, " ");
        };
        if (std::ranges::none_of(pieces_, reaches_across)) cutting_ = Cutting::at_blanks;
    }
    TextCut cut(std::string_view text) const override { return last_cut(text, cutting_); }

    std::string decode(std::span<const std::int32_t> ids) const override {
        std::string text = Tokenizer::decode(ids);
        if (text.starts_with(' ')) text.erase(0, 1); // the blank that encoding puts in front
        return text;
    }

    std::string piece(std::int32_t id) const override {
        check(id);
        if (id < first_piece) return "";
        const auto& piece = pieces_[std::size_t(id)];
        const int byte = byte_of_piece(piece);
        return byte < 0 ? piece : std::string(1, char(byte));
    }

    int vocabulary() const override { return int(pieces_.size()); }
    SpecialIds ids() const override { return {.bos = 1, .eos = 2, .unk = 0}; }
    Specials usual_specials() const override { return {.begin = true}; }
    std::string name() const override { return "llama2.c"; }

    LetterCounts unknown_letters(std::string_view text) const override {
        LetterCounts counts;
        for (std::size_t at = 0; at < text.size();) {
            const std::string letter(text.substr(at, letter_bytes(std::uint8_t(text[at]))));
            at += letter.size();
            if (id_of_piece_.contains(letter)) continue;
            for (const char byte : letter)
                if (id_of_byte_[std::uint8_t(byte)] == 0) ++counts[std::string(1, byte)];
        }
        return counts;
    }

protected:
    Tokens encode_plain(std::string_view text, std::string_view) const override {
        if (text.empty()) return {};
        const std::string spaced = " " + std::string(text);
        Tokens letters;
        for (std::size_t at = 0; at < spaced.size();) {
            const auto letter = spaced.substr(at, letter_bytes(std::uint8_t(spaced[at])));
            at += letter.size();
            const auto found = id_of_piece_.find(letter);
            if (found != id_of_piece_.end())
                letters.push_back(found->second);
            else
                for (const char byte : letter) letters.push_back(id_of_byte_[std::uint8_t(byte)]);
        }
        return merger_.merge(letters);
    }

private:
    [[noreturn]] void refuse(std::size_t at, const std::string& why) const {
        throw Error(Failure::file, path_ + ", byte " + std::to_string(at) + ": " + why);
    }

    template <class T>
    T take(std::size_t& at) const {
        if (data_.size() - at < sizeof(T))
            refuse(at, "the file ends within token " + std::to_string(pieces_.size()));
        T value;
        std::memcpy(&value, data_.data() + at, sizeof value);
        at += sizeof value;
        return value;
    }

    void read_pieces() {
        std::size_t at = 0;
        const auto longest = take<std::int32_t>(at);
        if (longest < 1 || longest > 4096)
            refuse(0, "is no tokenizer of llama2.c: its longest piece would have " +
                          std::to_string(longest) + " bytes");
        while (at < data_.size()) {
            const auto score = take<float>(at);
            const auto bytes = take<std::int32_t>(at);
            const auto token = "token " + std::to_string(pieces_.size());
            if (bytes < 0 || bytes > longest)
                refuse(at - 4, token + " would have " + std::to_string(bytes) +
                                   " bytes, the longest has " + std::to_string(longest));
            if (!std::isfinite(score)) refuse(at - 8, token + " has no finite score");
            if (data_.size() - at < std::size_t(bytes)) refuse(at, "the file ends within " + token);
            add_piece(data_.substr(at, std::size_t(bytes)), score);
            at += std::size_t(bytes);
        }
        if (vocabulary() < first_piece)
            refuse(at, "the file ends before the ids of unknown, begin and end");
    }

    void add_piece(std::string piece, float score) {
        const auto id = vocabulary();
        if (id >= first_piece) {
            if (const int byte = byte_of_piece(piece); byte >= 0)
                id_of_byte_[std::size_t(byte)] = id;
            else
                id_of_piece_.try_emplace(piece, id);
        }
        pieces_.push_back(std::move(piece));
        scores_.push_back(score);
    }

    /// Every way to make a piece of two others.
    void add_merges(std::int32_t id) {
        const auto& piece = pieces_[std::size_t(id)];
        const auto own = id_of_piece_.find(piece);
        if (own == id_of_piece_.end() || own->second != id) return;
        for (std::size_t cut = 1; cut < piece.size(); ++cut) {
            const auto left = id_of_piece_.find(piece.substr(0, cut));
            const auto right = id_of_piece_.find(piece.substr(cut));
            if (left != id_of_piece_.end() && right != id_of_piece_.end())
                merger_.add(left->second, right->second, id, -scores_[std::size_t(id)]);
        }
    }

    static constexpr std::int32_t first_piece = 3;
    std::string path_, data_;
    std::vector<std::string> pieces_;
    std::vector<float> scores_;
    std::unordered_map<std::string, std::int32_t> id_of_piece_;
    std::array<std::int32_t, 256> id_of_byte_;
    PairMerger merger_;
    Cutting cutting_ = Cutting::nowhere;
};
} // namespace

std::unique_ptr<Tokenizer> load_llama2c_tokenizer(const std::string& path) {
    return std::make_unique<Llama2cTokenizer>(path);
}

} // namespace sweetspot
