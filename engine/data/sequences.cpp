#include "engine/data/sequences.h"
#include "engine/data/records.h"
#include "engine/data/sniff.h"
#include "kernels/core/error.h"
#include <algorithm>

namespace sweetspot {

SequenceReader::SequenceReader(const std::string& path, const ReadOptions& options)
    : path_(path), letters_(options.kind, options.stops, options.enough) {
    auto text = std::make_unique<TextReader>(path);
    text_ = text.get();
    auto format = options.format;
    if (format == SequenceFormat::automatic)
        format = format_of(*text, options, letters_.residues());
    const bool biological = format == SequenceFormat::fasta || format == SequenceFormat::fastq;
    if (options.kind == LetterKind::automatic && biological)
        letters_ = Letters(LetterKind::residues, options.stops, options.enough);
    records_ = open_records(std::move(text), format, options, letters_);
}

SequenceReader::~SequenceReader() = default;

bool SequenceReader::next(Sequence& sequence) {
    while (records_->next(sequence)) {
        letters_.end(sequence.letters);
        counts_.lower_case = letters_.lower_case();
        counts_.stops = letters_.stops();
        // Numbers are never the same, and names take more memory than many a sequence.
        if (!records_->numbers() && !names_.insert(sequence.name).second) ++counts_.duplicates;
        if (!sequence.goes_on) ++(sequence.letters.empty() ? counts_.empty : counts_.sequences);
        if (!sequence.letters.empty()) return true;
    }
    if (!counts_.sequences)
        throw Error(Failure::file,
                    path_ + (counts_.empty ? ": has only empty sequences" : ": is empty"));
    return false;
}

double SequenceReader::share() const {
    return text_->share();
}

const std::vector<std::string>& SequenceReader::columns() const {
    static const std::vector<std::string> none;
    const auto* columns = records_->columns();
    return columns ? *columns : none;
}

double SequenceSet::mean_length() const {
    double letters = 0;
    for (const auto& item : items) letters += double(item.letters.size());
    return items.empty() ? 0 : letters / double(items.size());
}

std::size_t SequenceSet::longest() const {
    std::size_t longest = 0;
    for (const auto& item : items) longest = std::max(longest, item.letters.size());
    return longest;
}

SequenceSet read_sequences(const std::string& path, const ReadOptions& options) {
    SequenceReader reader(path, options);
    SequenceSet set;
    for (Sequence sequence; reader.next(sequence);) set.items.push_back(std::move(sequence));
    set.counts = reader.counts();
    return set;
}

} // namespace sweetspot
