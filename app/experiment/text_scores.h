#pragma once
#include "app/experiment/record.h"
#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sweetspot {

/// How near written texts come to what was expected, each the mean over all texts, from 0 to 1.
struct TextScores {
    std::size_t texts = 0;
    /// BLEU-1 to BLEU-4 of each text, without smoothing (NLTK's sentence_bleu); tokens are what
    /// white space and full stops separate.
    std::array<double, 4> bleu{};
    double rouge_l = 0;     ///< F1 of the longest common subsequence (Google's rouge_score)
    double token_f1 = 0;    ///< as SQuAD: without case, punctuation and articles
    double exact_match = 0; ///< likewise
    double fuzzy_ratio = 0; ///< of letters: twice the longest common subsequence over all of both
                            ///< (rapidfuzz's ratio, which thefuzz rounds)
    std::optional<double> sari{}; ///< with sources: how well these were simplified
};

/// Texts are UTF-8, as many of one as of the other, and as many sources or none.
TextScores score_texts(std::span<const std::string> predictions,
                       std::span<const std::string> references,
                       std::span<const std::string> sources = {});

/// Under their names in metrics.h.
std::vector<Metric> metrics_of(const TextScores&);

} // namespace sweetspot
