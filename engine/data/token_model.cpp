#include "engine/data/token_model.h"
#include "engine/data/byte_letters.h"
#include "engine/data/cuts.h"
#include "engine/data/files.h"
#include "engine/data/pair_merger.h"
#include "engine/data/unicode.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <limits>
#include <utility>

namespace sweetspot {

void Vocabulary::add(const std::string& piece, const Json& id) {
    const auto place = Settings::whole_number(id);
    if (place < 0)
        throw Error(Failure::file, source_ + ": the piece \"" + piece + "\" has no id from 0 to " +
                                       std::to_string(Settings::most));
    ids_[piece] = std::int32_t(place);
    if (std::size_t(place) >= pieces_.size()) pieces_.resize(std::size_t(place) + 1);
    pieces_[std::size_t(place)] = piece;
}

std::int32_t Vocabulary::find(std::string_view piece) const {
    const auto found = ids_.find(piece);
    return found == ids_.end() ? -1 : found->second;
}

std::int32_t TokenModel::replace(std::string_view piece, LetterCounts* unknown) const {
    if (unknown) ++(*unknown)[std::string(piece)];
    if (unknown_ < 0)
        throw Error(Failure::bad_input, "\"" + std::string(piece) +
                                            "\" is not in the vocabulary of " +
                                            vocabulary_.source());
    return unknown_;
}

namespace {

Vocabulary read_vocabulary(const Json& json, const std::string& source) {
    if (!json.is_object() || json.empty())
        throw Error(Failure::file, source + ": the vocabulary must be an object of pieces and ids");
    Vocabulary vocabulary(source);
    for (const auto& [piece, id] : json.items()) vocabulary.add(piece, id);
    return vocabulary;
}

/// Byte-pair encoding (Sennrich et al., 2016) of letters.
class BytePairs : public TokenModel {
public:
    using TokenModel::TokenModel;
    bool ignore_merges = false;     ///< of a word that is a piece itself
    bool byte_fallback = false;     ///< spell in bytes what is unknown
    bool fuse_unknown = false;      ///< neighbours become one
    std::string prefix{}, suffix{}; ///< of all letters but the first; of the last

    void set_unknown(const std::string& piece) { unknown_ = vocabulary_.find(piece); }

    void add_merge(const std::string& left, const std::string& right, std::size_t rank,
                   const std::string& where) {
        const auto id = [&](const std::string& piece) {
            const auto found = vocabulary_.find(piece);
            if (found < 0)
                throw Error(Failure::file, where + ": \"" + piece + "\" of the merge \"" + left +
                                               " " + right + "\" is not in the vocabulary of " +
                                               vocabulary_.source());
            return found;
        };
        const bool cut = right.starts_with(prefix);
        const auto left_id = id(left), right_id = id(right);
        merger_.add(left_id, right_id, id(left + right.substr(cut ? prefix.size() : 0)),
                    float(rank));
    }

    void encode(std::string_view word, Tokens& ids, LetterCounts* unknown) const override {
        if (ignore_merges)
            if (const auto id = vocabulary_.find(word); id >= 0) return ids.push_back(id);
        const auto merged = merger_.merge(letters(word, unknown));
        ids.insert(ids.end(), merged.begin(), merged.end());
    }

    std::int32_t id_of_byte(char byte) const override {
        return byte_fallback ? vocabulary_.find(piece_of_byte(byte)) : -1;
    }

    /// No piece reaches across, and what is unknown before it is joined with nothing behind.
    bool parts_before(std::string_view letter) const override {
        if (ignore_merges || !prefix.empty() || !suffix.empty() || vocabulary_.find(letter) < 0)
            return false;
        return std::ranges::none_of(vocabulary_.all(), [&](const auto& piece) {
            return has_behind_letter(piece.first, letter);
        });
    }

private:
    Tokens letters(std::string_view word, LetterCounts* unknown) const {
        Tokens ids;
        std::int32_t waiting = -1; // an unknown one, which more may join
        std::string piece;
        for (std::size_t at = 0; at < word.size();) {
            const auto letter = letter_at(word, at).bytes;
            piece = at ? prefix : "";
            piece += letter;
            at += letter.size();
            if (at == word.size()) piece += suffix;
            if (const auto id = vocabulary_.find(piece); id >= 0) {
                if (waiting >= 0) ids.push_back(std::exchange(waiting, -1));
                ids.push_back(id);
            } else if (!spell(piece, ids)) {
                if (waiting >= 0 && !fuse_unknown) ids.push_back(waiting);
                waiting = replace(letter, unknown);
            }
        }
        if (waiting >= 0) ids.push_back(waiting);
        return ids;
    }

    /// Whether all bytes of a piece have ids, which are then added.
    bool spell(const std::string& piece, Tokens& ids) const {
        if (!byte_fallback) return false;
        Tokens spelt;
        for (const char byte : piece) {
            spelt.push_back(id_of_byte(byte));
            if (spelt.back() < 0) return false;
        }
        ids.insert(ids.end(), spelt.begin(), spelt.end());
        return true;
    }

    PairMerger merger_;
};

/// The longest piece that the word begins with, then the longest of the rest (Wu et al., 2016).
class WordPieces : public TokenModel {
public:
    WordPieces(Vocabulary vocabulary, Settings& settings)
        : TokenModel(std::move(vocabulary)),
          prefix_(settings.any("continuing_subword_prefix").is_null()
                      ? "##"
                      : settings.text("continuing_subword_prefix")),
          most_letters_(settings.integer("max_input_chars_per_word", 100)) {
        unknown_ = vocabulary_.find(settings.text("unk_token"));
    }

    void encode(std::string_view word, Tokens& ids, LetterCounts* unknown) const override {
        const auto letters =
            std::count_if(word.begin(), word.end(), [](char c) { return (c & 0xc0) != 0x80; });
        Tokens found;
        std::string piece;
        for (std::size_t at = 0; at < word.size() && letters <= most_letters_;) {
            std::size_t end = word.size();
            std::int32_t id = -1;
            for (; end > at; --end) {
                if (end < word.size() && (word[end] & 0xc0) == 0x80) continue; // within a letter
                piece = at ? prefix_ : "";
                piece += word.substr(at, end - at);
                if (id = vocabulary_.find(piece); id >= 0) break;
            }
            if (id < 0) break;
            found.push_back(id);
            at = end;
            if (at == word.size()) {
                ids.insert(ids.end(), found.begin(), found.end());
                return;
            }
        }
        ids.push_back(replace(word, unknown));
    }

private:
    std::string prefix_;
    std::int64_t most_letters_;
};

/// A word is a piece.
class Words : public TokenModel {
public:
    Words(Vocabulary vocabulary, Settings& settings) : TokenModel(std::move(vocabulary)) {
        unknown_ = vocabulary_.find(settings.text("unk_token"));
    }

    void encode(std::string_view word, Tokens& ids, LetterCounts* unknown) const override {
        const auto id = vocabulary_.find(word);
        ids.push_back(id >= 0 ? id : replace(word, unknown));
    }
};

/// The division of the word into pieces whose scores have the largest sum (Kudo, 2018).
class Unigram : public TokenModel {
public:
    Unigram(const Json& pieces, Settings& settings)
        : TokenModel(Vocabulary(settings.where())),
          byte_fallback_(settings.flag("byte_fallback", false)) {
        for (const auto& each : pieces) {
            if (!each.is_array() || each.size() != 2 || !each[0].is_string() ||
                !each[1].is_number())
                settings.refuse("a piece must be a text and a score");
            const auto piece = each[0].get<std::string>();
            longest_ = std::max(longest_, piece.size());
            vocabulary_.add(piece, Json(scores_.size()));
            scores_.push_back(each[1].get<double>());
            least_ = std::min(least_, scores_.back());
        }
        unknown_ = std::int32_t(settings.integer("unk_id", -1));
        if (unknown_ >= vocabulary_.ids()) settings.refuse("unk_id is outside the vocabulary");
    }

    void encode(std::string_view word, Tokens& ids, LetterCounts* unknown) const override {
        const auto steps = best_path(word);
        std::vector<std::string_view> parts;
        std::size_t fused_end = 0; // of neighbours that are unknown; 0 where there are none
        for (std::size_t end = word.size(); end > 0; end = steps[end].begin) {
            const auto begin = steps[end].begin;
            if (unknown_ >= 0 && steps[end].id == unknown_) {
                if (!fused_end) fused_end = end;
                if (begin && steps[begin].id == unknown_) continue;
                parts.push_back(word.substr(begin, fused_end - begin));
                fused_end = 0;
            } else {
                parts.push_back(word.substr(begin, end - begin));
            }
        }
        for (auto part = parts.rbegin(); part != parts.rend(); ++part) add(*part, ids, unknown);
    }

    std::int32_t id_of_byte(char byte) const override {
        return byte_fallback_ ? vocabulary_.find(piece_of_byte(byte)) : -1;
    }

private:
    /// The last piece of the best path to a place.
    struct Step {
        std::int32_t id = -1;
        std::size_t begin = 0;
        double score = 0;
        bool reached = false;
    };

    std::vector<Step> best_path(std::string_view word) const {
        constexpr double penalty = 10; // of an unknown letter, below the least score
        std::vector<Step> steps(word.size() + 1);
        const auto offer = [&](std::size_t begin, std::size_t end, std::int32_t id, double score) {
            Step& step = steps[end];
            score += steps[begin].score;
            if (!step.reached || score > step.score) step = {id, begin, score, true};
        };
        for (std::size_t at = 0; at < word.size();) {
            const auto letter = letter_at(word, at).bytes.size();
            bool single = false;
            const auto most = std::min(longest_, word.size() - at);
            for (std::size_t size = letter; size <= most; ++size) {
                const auto id = vocabulary_.find(word.substr(at, size));
                if (id < 0) continue;
                offer(at, at + size, id, scores_[std::size_t(id)]);
                single |= size == letter;
            }
            if (!single) offer(at, at + letter, unknown_, least_ - penalty);
            at += letter;
        }
        return steps;
    }

    void add(std::string_view part, Tokens& ids, LetterCounts* unknown) const {
        const auto id = vocabulary_.find(part);
        if (id >= 0) return ids.push_back(id);
        Tokens spelt;
        for (const char byte : part) spelt.push_back(id_of_byte(byte));
        if (std::find(spelt.begin(), spelt.end(), -1) == spelt.end())
            ids.insert(ids.end(), spelt.begin(), spelt.end());
        else
            ids.push_back(replace(part, unknown));
    }

    bool byte_fallback_;
    std::vector<double> scores_{};
    double least_ = std::numeric_limits<double>::max();
    std::size_t longest_ = 0;
};

void add_written_merge(BytePairs& model, const std::string& line, std::size_t rank,
                       const std::string& where) {
    const auto blank = line.find(' ');
    if (blank == 0 || blank == line.npos || blank + 1 == line.size())
        throw Error(Failure::file,
                    where + ": a merge is two pieces with a blank between, not \"" + line + "\"");
    model.add_merge(line.substr(0, blank), line.substr(blank + 1), rank, where);
}

void add_merges(BytePairs& model, const Json& merges, const std::string& path) {
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
        const auto& merge = merges[rank];
        const auto where = path + ", merge " + std::to_string(rank);
        if (merge.is_string())
            add_written_merge(model, merge.get<std::string>(), rank, where);
        else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
                 merge[1].is_string())
            model.add_merge(merge[0].get<std::string>(), merge[1].get<std::string>(), rank, where);
        else
            throw Error(Failure::file, where + ": a merge is two pieces");
    }
}

std::unique_ptr<TokenModel> make_byte_pairs(Settings& settings, const std::string& path) {
    auto model = std::make_unique<BytePairs>(read_vocabulary(settings.any("vocab"), path));
    if (const Json& dropout = settings.any("dropout");
        !dropout.is_null() && dropout != Json(0.0) && dropout != Json(0))
        settings.refuse("dropout draws other ids each time; it is not supported");
    model->ignore_merges = settings.flag("ignore_merges", false);
    model->byte_fallback = settings.flag("byte_fallback", false);
    model->fuse_unknown = settings.flag("fuse_unk", false);
    model->prefix = settings.optional_text("continuing_subword_prefix");
    model->suffix = settings.optional_text("end_of_word_suffix");
    if (const std::string unknown = settings.optional_text("unk_token"); !unknown.empty())
        model->set_unknown(unknown);
    add_merges(*model, settings.list("merges"), path);
    return model;
}

/// Files of before types were written tell by what they have.
std::string type_of(Settings& settings) {
    const std::string type = settings.optional_text("type");
    if (!type.empty()) return type;
    if (settings.any("merges").is_array()) return "BPE";
    settings.refuse("has no type");
}
} // namespace

std::unique_ptr<TokenModel> make_token_model(const Json& json, const std::string& path) {
    Settings settings(json, path + ", model");
    const std::string type = type_of(settings);
    std::unique_ptr<TokenModel> model;
    if (type == "BPE")
        model = make_byte_pairs(settings, path);
    else if (type == "WordPiece")
        model =
            std::make_unique<WordPieces>(read_vocabulary(settings.any("vocab"), path), settings);
    else if (type == "WordLevel")
        model = std::make_unique<Words>(read_vocabulary(settings.any("vocab"), path), settings);
    else if (type == "Unigram")
        model = std::make_unique<Unigram>(settings.list("vocab"), settings);
    else
        settings.refuse("the type " + type + " is not supported");
    settings.finish();
    return model;
}

std::unique_ptr<TokenModel> make_gpt2_model(const std::string& vocab_path,
                                            const std::string& merges_path) {
    const std::string merges = read_file(merges_path);
    auto model = std::make_unique<BytePairs>(read_vocabulary(read_json(vocab_path), vocab_path));
    model->set_unknown("<unk>");
    std::size_t rank = 0, number = 1;
    for (std::size_t begin = 0; begin < merges.size(); ++number) {
        const auto end = std::min(merges.find('\n', begin), merges.size());
        std::string line = merges.substr(begin, end - begin);
        begin = end + 1;
        if (line.ends_with('\r')) line.pop_back();
        if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
        add_written_merge(*model, line, rank++, merges_path + ", line " + std::to_string(number));
    }
    return model;
}

} // namespace sweetspot
