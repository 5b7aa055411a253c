#include "engine/config/json.h"
#include "engine/data/files.h"
#include "engine/data/pair_merger.h"
#include "engine/data/tokenizers.h"
#include "engine/data/word_splitter.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <array>

namespace sweetspot {

namespace {
[[noreturn]] void refuse(const std::string& where, const std::string& why) {
    throw Error(Failure::file, where + ": " + why);
}

std::string utf8(int code) { // below U+0800
    if (code < 0x80) return std::string(1, char(code));
    return {char(0xc0 | code >> 6), char(0x80 | (code & 0x3f))};
}

/// How the files write each byte: printable ones of Latin-1 as themselves, the others in order as
/// U+0100 and on.
std::array<std::string, 256> written_bytes() {
    std::array<std::string, 256> written;
    int next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
        const bool printable = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
        written[std::size_t(byte)] = utf8(printable ? byte : next++);
    }
    return written;
}

/// GPT-2's byte-level byte-pair encoding: words, then bytes, then merges in the order of a list.
class Gpt2Tokenizer : public Tokenizer {
public:
    /// `source` names the vocabulary in errors.
    Gpt2Tokenizer(const Json& vocabulary, std::string source) : source_(std::move(source)) {
        if (!vocabulary.is_object() || vocabulary.empty())
            refuse(source_, "the vocabulary must be an object of pieces and ids");
        for (const auto& [written, id] : vocabulary.items()) add_piece(written, id);
        const auto all = written_bytes();
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const auto found = id_of_written_.find(all[byte]);
            id_of_byte_[byte] = found == id_of_written_.end() ? -1 : found->second;
            byte_of_written_[all[byte]] = char(byte);
        }
        find_special_ids();
        for (auto& [written, id] : id_of_written_) pieces_[std::size_t(id)] = unwritten(written);
    }

    /// A token that stands for itself and is never made of text.
    void add_special(const std::string& text, const Json& id) {
        const auto place = add_piece(text, id);
        find_special_ids();
        pieces_[place] = text;
        special_[place] = true;
    }

    /// The pieces of merge number `rank`; `where` names its place in errors.
    void add_merge(const std::string& left, const std::string& right, std::size_t rank,
                   const std::string& where) {
        const auto id = [&](const std::string& written) {
            const auto found = id_of_written_.find(written);
            if (found == id_of_written_.end())
                refuse(where, "\"" + written + "\" of the merge \"" + left + " " + right +
                                  "\" is not in the vocabulary of " + source_);
            return found->second;
        };
        const auto left_id = id(left), right_id = id(right);
        merger_.add(left_id, right_id, id(left + right), float(rank));
    }

    void begin_with_blank() { begins_with_blank_ = true; }

    std::string piece(std::int32_t id) const override {
        check(id);
        return special_[std::size_t(id)] ? "" : pieces_[std::size_t(id)];
    }
    int vocabulary() const override { return int(pieces_.size()); }
    SpecialIds ids() const override { return ids_; }
    std::string name() const override { return "gpt2"; }

    LetterCounts unknown_letters(std::string_view text) const override {
        LetterCounts counts;
        for (const char byte : text)
            if (id_of_byte_[std::uint8_t(byte)] < 0) ++counts[std::string(1, byte)];
        return counts;
    }

protected:
    Tokens encode_plain(std::string_view text, std::string_view what) const override {
        std::string spaced;
        if (begins_with_blank_ && !text.empty() && text.front() != ' ')
            text = spaced = " " + std::string(text);
        Tokens tokens;
        for (const auto word : splitter_.split(text)) {
            Tokens letters;
            for (const char byte : word) {
                const auto id = id_of_byte_[std::uint8_t(byte)];
                if (id < 0 && ids_.unk < 0)
                    throw Error(Failure::bad_input, std::string(what) + ": byte " +
                                                        std::to_string(std::uint8_t(byte)) +
                                                        " is not in the vocabulary of " + source_);
                letters.push_back(id < 0 ? ids_.unk : id);
            }
            const auto merged = merger_.merge(letters);
            tokens.insert(tokens.end(), merged.begin(), merged.end());
        }
        return tokens;
    }

private:
    /// The id.
    std::size_t add_piece(const std::string& written, const Json& json) {
        constexpr std::int64_t most = 1 << 24; // more than any vocabulary, less than would hurt
        const auto id = json.is_number_integer() ? json.get<std::int64_t>() : -1;
        if (id < 0 || id >= most)
            refuse(source_,
                   "the piece \"" + written + "\" has no id from 0 to " + std::to_string(most - 1));
        id_of_written_[written] = std::int32_t(id);
        if (std::size_t(id) >= pieces_.size()) {
            pieces_.resize(std::size_t(id) + 1);
            special_.resize(std::size_t(id) + 1);
        }
        return std::size_t(id);
    }

    void find_special_ids() {
        const auto first_of = [&](std::initializer_list<const char*> names) {
            for (const auto* name : names)
                if (const auto found = id_of_written_.find(name); found != id_of_written_.end()) {
                    special_[std::size_t(found->second)] = true;
                    return found->second;
                }
            return -1;
        };
        ids_ = {.bos = first_of({"<s>", "<|begin_of_text|>", "<|endoftext|>"}),
                .eos = first_of({"</s>", "<|end_of_text|>", "<|endoftext|>"}),
                .pad = first_of({"<pad>", "<|pad|>"}),
                .unk = first_of({"<unk>"}),
                .mask = first_of({"<mask>"})};
    }

    std::string unwritten(std::string_view written) const {
        std::string bytes;
        for (std::size_t at = 0; at < written.size();) {
            const std::string letter(written.substr(at, std::uint8_t(written[at]) < 0x80 ? 1 : 2));
            const auto found = byte_of_written_.find(letter);
            if (found == byte_of_written_.end())
                refuse(source_, "the piece \"" + std::string(written) +
                                    "\" is not byte-level, as GPT-2 writes its pieces");
            bytes += found->second;
            at += letter.size();
        }
        return bytes;
    }

    std::string source_;
    WordSplitter splitter_;
    PairMerger merger_;
    std::unordered_map<std::string, std::int32_t> id_of_written_;
    std::unordered_map<std::string, char> byte_of_written_;
    std::array<std::int32_t, 256> id_of_byte_;
    std::vector<std::string> pieces_;
    std::vector<bool> special_;
    SpecialIds ids_;
    bool begins_with_blank_ = false;
};

/// A member of a JSON object; null if there is none.
const Json& member(const Json& object, const char* name) {
    static const Json null;
    const Json* found = object.find(name);
    return found ? *found : null;
}

void add_written_merge(Gpt2Tokenizer& tokenizer, const std::string& line, std::size_t rank,
                       const std::string& where) {
    const auto blank = line.find(' ');
    if (blank == 0 || blank == line.npos || blank + 1 == line.size())
        refuse(where, "a merge is two pieces with a blank between, not \"" + line + "\"");
    tokenizer.add_merge(line.substr(0, blank), line.substr(blank + 1), rank, where);
}

void add_json_merges(Gpt2Tokenizer& tokenizer, const Json& merges, const std::string& path) {
    if (!merges.is_array()) refuse(path, "model.merges must be a list");
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
        const auto& merge = merges[rank];
        const auto where = path + ", merge " + std::to_string(rank);
        if (merge.is_string())
            add_written_merge(tokenizer, merge.get<std::string>(), rank, where);
        else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
                 merge[1].is_string())
            tokenizer.add_merge(merge[0].get<std::string>(), merge[1].get<std::string>(), rank,
                                where);
        else
            refuse(where, "a merge is two pieces");
    }
}
} // namespace

std::unique_ptr<Tokenizer> load_gpt2_tokenizer(const std::string& vocab_path,
                                               const std::string& merges_path) {
    const std::string merges = read_file(merges_path);
    auto tokenizer = std::make_unique<Gpt2Tokenizer>(read_json(vocab_path), vocab_path);
    std::size_t rank = 0, number = 1;
    for (std::size_t begin = 0; begin < merges.size(); ++number) {
        const auto end = std::min(merges.find('\n', begin), merges.size());
        std::string line = merges.substr(begin, end - begin);
        begin = end + 1;
        if (line.ends_with('\r')) line.pop_back();
        if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
        add_written_merge(*tokenizer, line, rank++,
                          merges_path + ", line " + std::to_string(number));
    }
    return tokenizer;
}

std::unique_ptr<Tokenizer> load_tokenizer_json(const std::string& path) {
    const Json json = read_json(path);
    const Json &model = member(json, "model"), &words = member(json, "pre_tokenizer");
    if (member(model, "type") != "BPE" && !member(model, "merges").is_array())
        refuse(path, "holds no byte-pair encoding; that is the one kind read from JSON");
    if (member(words, "type") != "ByteLevel" || member(words, "use_regex") == false ||
        !member(json, "normalizer").is_null())
        refuse(path, "does not split words as GPT-2 does (pre_tokenizer ByteLevel, no "
                     "normalizer); LLaMA's vocabulary is read from its tokenizer.model");
    auto tokenizer = std::make_unique<Gpt2Tokenizer>(member(model, "vocab"), path);
    for (const auto& added : member(json, "added_tokens")) {
        if (!member(added, "content").is_string()) refuse(path, "an added token has no content");
        tokenizer->add_special(member(added, "content").get<std::string>(), member(added, "id"));
    }
    if (member(words, "add_prefix_space") == true) tokenizer->begin_with_blank();
    add_json_merges(*tokenizer, member(model, "merges"), path);
    return tokenizer;
}

} // namespace sweetspot
