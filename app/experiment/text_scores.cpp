// Scores of texts, each by the definition of the Python package that people quote it from; the
// tests hold them against what these packages say. All work on code points, because case, white
// space and word boundaries are Unicode's there, too.
#include "app/experiment/text_scores.h"
#include "app/experiment/simplified.h"
#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <map>

namespace sweetspot {

namespace {

using Unicode = icu::UnicodeString;
using Words = std::vector<Unicode>;

/// What Python calls letters and digits.
bool is_in_word(UChar32 c) {
    const int kind = u_charType(c);
    return u_isalpha(c) || kind == U_DECIMAL_DIGIT_NUMBER || kind == U_LETTER_NUMBER ||
           kind == U_OTHER_NUMBER;
}
bool is_ascii_letter_or_digit(UChar32 c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_ascii_punctuation(UChar32 c) {
    return c > ' ' && c < 0x7f && !is_ascii_letter_or_digit(c) && !(c >= 'A' && c <= 'Z');
}

// ---- BLEU

using Counts = std::map<Words, int>;

Counts counts_of(const Words& words, std::size_t n) {
    Counts counts;
    for (std::size_t i = 0; i + n <= words.size(); ++i)
        ++counts[Words(words.begin() + std::ptrdiff_t(i), words.begin() + std::ptrdiff_t(i + n))];
    return counts;
}

/// Of orders 1 to 4.
std::array<double, 4> bleu(const Words& prediction, const Words& reference) {
    std::array<double, 4> y{};
    const double length = double(prediction.size()), wanted = double(reference.size());
    if (prediction.empty()) return y;
    const double brevity = length > wanted ? 1 : std::exp(1 - wanted / length);
    double logarithms = 0;
    for (std::size_t n = 1; n <= y.size(); ++n) {
        const Counts found = counts_of(prediction, n), known = counts_of(reference, n);
        double all = 0, matched = 0;
        for (const auto& [words, count] : found) {
            const auto there = known.find(words);
            all += count;
            matched += there == known.end() ? 0 : std::min(count, there->second);
        }
        if (n == 1 && matched == 0) return y;
        // Nothing in common counts as the least positive number, which is all but 0.
        logarithms += std::log(matched > 0 ? matched / all : DBL_MIN);
        y[n - 1] = brevity * std::exp(logarithms / double(n));
    }
    return y;
}

// ---- ROUGE-L

std::size_t longest_common_subsequence(const Words& a, const Words& b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (const Unicode& word : a) {
        std::size_t diagonal = 0;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = word == b[j - 1] ? diagonal + 1 : std::max(above, row[j - 1]);
            diagonal = above;
        }
    }
    return row.back();
}

double harmonic_mean(double precision, double recall) {
    return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
}

double rouge_l(const Unicode& prediction, const Unicode& reference) {
    const Words a = words_of(lowered(prediction), is_ascii_letter_or_digit),
                b = words_of(lowered(reference), is_ascii_letter_or_digit);
    if (a.empty() || b.empty()) return 0;
    const double common = double(longest_common_subsequence(a, b));
    return harmonic_mean(common / double(a.size()), common / double(b.size()));
}

// ---- Fuzzy ratio

/// Of letters: 64 of a at a time (Hyyrö, 2004), whose bits are 0 where the subsequence grows.
std::size_t longest_common_subsequence(const Unicode& a, const Unicode& b) {
    const auto words = std::size_t(a.countChar32() + 63) / 64;
    std::map<UChar32, std::vector<std::uint64_t>> places;
    std::size_t at = 0;
    each_letter(a, [&](UChar32 c) {
        auto& bits = places.try_emplace(c, words).first->second;
        bits[at / 64] |= std::uint64_t(1) << at % 64;
        ++at;
    });
    std::vector<std::uint64_t> state(words, ~std::uint64_t(0));
    each_letter(b, [&](UChar32 c) {
        const auto found = places.find(c);
        if (found == places.end()) return;
        std::uint64_t carry = 0;
        for (std::size_t i = 0; i < words; ++i) {
            const std::uint64_t old = state[i], matched = old & found->second[i],
                                sum = old + matched, all = sum + carry;
            carry = sum < old || all < sum;
            state[i] = all | (old - matched);
        }
    });
    std::size_t common = 0;
    for (const std::uint64_t bits : state) common += std::size_t(std::popcount(~bits));
    return common;
}

double fuzzy_ratio(const Unicode& prediction, const Unicode& reference) {
    const double letters = double(prediction.countChar32()) + double(reference.countChar32());
    if (letters == 0) return 1;
    return 2 * double(longest_common_subsequence(prediction, reference)) / letters;
}

// ---- SQuAD

/// Without case, punctuation and articles.
Words answer_of(const Unicode& text) {
    Unicode plain;
    each_letter(lowered(text), [&](UChar32 c) {
        if (!is_ascii_punctuation(c)) plain.append(c);
    });
    // An article is a word of letters and digits, though what is no space may stand beside it.
    Unicode rest, word;
    const auto end_word = [&] {
        if (word == u"a" || word == u"an" || word == u"the") word = u" ";
        rest.append(word);
        word.remove();
    };
    each_letter(plain, [&](UChar32 c) {
        if (is_in_word(c)) {
            word.append(c);
            return;
        }
        end_word();
        rest.append(c);
    });
    end_word();
    return words_of(rest, [](UChar32 c) { return !is_space(c); });
}

double token_f1(const Words& prediction, const Words& reference) {
    if (prediction.empty() || reference.empty()) return prediction == reference;
    std::map<Unicode, int> left;
    for (const Unicode& word : reference) ++left[word];
    double common = 0;
    for (const Unicode& word : prediction)
        if (const auto found = left.find(word); found != left.end() && found->second > 0) {
            --found->second;
            ++common;
        }
    return harmonic_mean(common / double(prediction.size()), common / double(reference.size()));
}

} // namespace

TextScores score_texts(std::span<const std::string> predictions,
                       std::span<const std::string> references,
                       std::span<const std::string> sources) {
    TextScores y{.texts = predictions.size()};
    if (!sources.empty()) y.sari = 0;
    const auto separated = [](UChar32 c) { return !is_space(c) && c != '.'; };
    for (std::size_t i = 0; i < predictions.size(); ++i) {
        const Unicode prediction = Unicode::fromUTF8(predictions[i]),
                      reference = Unicode::fromUTF8(references[i]);
        const auto of_orders =
            bleu(words_of(prediction, separated), words_of(reference, separated));
        for (std::size_t n = 0; n < of_orders.size(); ++n) y.bleu[n] += of_orders[n];
        y.rouge_l += rouge_l(prediction, reference);
        y.fuzzy_ratio += fuzzy_ratio(prediction, reference);
        if (y.sari) *y.sari += sari(Unicode::fromUTF8(sources[i]), prediction, reference);
        const Words given = answer_of(prediction), wanted = answer_of(reference);
        y.token_f1 += token_f1(given, wanted);
        y.exact_match += given == wanted;
    }
    const double count = std::max(1.0, double(y.texts));
    for (double& of_order : y.bleu) of_order /= count;
    y.rouge_l /= count;
    y.fuzzy_ratio /= count;
    if (y.sari) *y.sari /= count;
    y.token_f1 /= count;
    y.exact_match /= count;
    return y;
}

std::vector<Metric> metrics_of(const TextScores& scores) {
    std::vector<Metric> y;
    for (std::size_t n = 0; n < scores.bleu.size(); ++n)
        y.push_back({"bleu_" + std::to_string(n + 1), scores.bleu[n]});
    y.push_back({"rouge_l", scores.rouge_l});
    y.push_back({"token_f1", scores.token_f1});
    y.push_back({"exact_match", scores.exact_match});
    y.push_back({"fuzzy_ratio", scores.fuzzy_ratio});
    if (scores.sari) y.push_back({"sari", *scores.sari});
    return y;
}

} // namespace sweetspot
