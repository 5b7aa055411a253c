#pragma once
#include <array>
#include <span>
#include <string>

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
};

/// Texts are UTF-8, as many of one as of the other.
TextScores score_texts(std::span<const std::string> predictions,
                       std::span<const std::string> references);

} // namespace sweetspot
