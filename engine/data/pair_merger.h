#pragma once
#include "engine/data/tokenizer.h"
#include <unordered_map>

namespace sweetspot {

/// Byte-pair encoding (Sennrich et al., 2016): again and again the neighbouring pair of the
/// smallest cost becomes one id, the leftmost of equals first, until no pair is in the table.
class PairMerger {
public:
    /// Of equal pairs the last one counts, as where others read such tables into a dictionary.
    void add(std::int32_t left, std::int32_t right, std::int32_t merged, float cost);
    /// O(n log n) in the number of ids.
    Tokens merge(const Tokens& ids) const;

private:
    struct Merge {
        std::int32_t id;
        float cost; ///< GPT-2: the rank in its list. SentencePiece: the negative score.
    };
    const Merge* find(std::int32_t left, std::int32_t right) const;

    std::unordered_map<std::uint64_t, Merge> merges_;
};

} // namespace sweetspot
