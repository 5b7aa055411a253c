// Scores of texts, each by the definition of the Python package that people quote it from; the
// tests hold them against what these packages say. All work on code points, because case, white
// space and word boundaries are Unicode's there, too.
#include "app/experiment/text_scores.h"
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <map>
#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <vector>

namespace sweetspot {

namespace {

using Text = icu::UnicodeString;
using Words = std::vector<Text>;

/// What Python calls white space.
bool is_space(UChar32 c) {
    return u_isUWhiteSpace(c) || (c >= 0x1c && c <= 0x1f);
}
/// And what are letters and digits.
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

template <class Visit>
void each_letter(const Text& text, Visit&& visit) {
    for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) visit(text.char32At(i));
}

/// The runs of letters that belong to words.
template <class InWord>
Words words_of(const Text& text, InWord&& in_word) {
    Words words;
    bool inside = false;
    each_letter(text, [&](UChar32 c) {
        const bool belongs = in_word(c);
        if (belongs && !inside) words.emplace_back();
        if (belongs) words.back().append(c);
        inside = belongs;
    });
    return words;
}

Text lowered(Text text) {
    return text.toLower(icu::Locale::getRoot());
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
    for (const Text& word : a) {
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

double rouge_l(const Text& prediction, const Text& reference) {
    const Words a = words_of(lowered(prediction), is_ascii_letter_or_digit),
                b = words_of(lowered(reference), is_ascii_letter_or_digit);
    if (a.empty() || b.empty()) return 0;
    const double common = double(longest_common_subsequence(a, b));
    return harmonic_mean(common / double(a.size()), common / double(b.size()));
}

// ---- SQuAD

/// Without case, punctuation and articles.
Words answer_of(const Text& text) {
    Text plain;
    each_letter(lowered(text), [&](UChar32 c) {
        if (!is_ascii_punctuation(c)) plain.append(c);
    });
    // An article is a word of letters and digits, though what is no space may stand beside it.
    Text rest, word;
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
    std::map<Text, int> left;
    for (const Text& word : reference) ++left[word];
    double common = 0;
    for (const Text& word : prediction)
        if (const auto found = left.find(word); found != left.end() && found->second > 0) {
            --found->second;
            ++common;
        }
    return harmonic_mean(common / double(prediction.size()), common / double(reference.size()));
}

} // namespace

TextScores score_texts(std::span<const std::string> predictions,
                       std::span<const std::string> references) {
    TextScores y{.texts = predictions.size()};
    const auto separated = [](UChar32 c) { return !is_space(c) && c != '.'; };
    for (std::size_t i = 0; i < predictions.size(); ++i) {
        const Text prediction = Text::fromUTF8(predictions[i]),
                   reference = Text::fromUTF8(references[i]);
        const auto of_orders =
            bleu(words_of(prediction, separated), words_of(reference, separated));
        for (std::size_t n = 0; n < of_orders.size(); ++n) y.bleu[n] += of_orders[n];
        y.rouge_l += rouge_l(prediction, reference);
        const Words given = answer_of(prediction), wanted = answer_of(reference);
        y.token_f1 += token_f1(given, wanted);
        y.exact_match += given == wanted;
    }
    const double count = std::max(1.0, double(y.texts));
    for (double& of_order : y.bleu) of_order /= count;
    y.rouge_l /= count;
    y.token_f1 /= count;
    y.exact_match /= count;
    return y;
}

} // namespace sweetspot
