// SARI as Hugging Face's evaluate has it: of the n-grams of a source, those that a text keeps,
// deletes and adds, beside those that the reference does. Nothing of nothing counts as all.
#include "app/experiment/simplified.h"
#include <algorithm>
#include <map>
#include <vector>

namespace sweetspot {

namespace {

using Text = icu::UnicodeString;
using Grams = std::map<std::vector<Text>, double>; ///< how often

bool is_digit(UChar32 c) {
    return c >= '0' && c <= '9';
}
bool is_point(UChar32 c) {
    return c == '.' || c == ',';
}
/// What stands by itself wherever it stands.
bool is_sign(UChar32 c) {
    return (c >= ' ' && c <= '~') && !is_point(c) && c != '-' && c != '\'' && !is_digit(c) &&
           !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z');
}

/// With spaces around or between two neighbours where they are such; what was taken is not looked
/// at again.
template <class First, class Second>
Text parted(const Text& text, First&& first, Second&& second, bool ahead, bool behind) {
    Text y;
    for (std::int32_t i = 0; i < text.length();) {
        const std::int32_t next = text.moveIndex32(i, 1);
        const UChar32 a = text.char32At(i), b = next < text.length() ? text.char32At(next) : -1;
        if (b < 0 || !first(a) || !second(b)) {
            y.append(a);
            i = next;
            continue;
        }
        if (ahead) y.append(UChar32(' '));
        y.append(a).append(UChar32(' ')).append(b);
        if (behind) y.append(UChar32(' '));
        i = text.moveIndex32(next, 1);
    }
    return y;
}

/// The tokens of mteval-v13a, as sacrebleu has them.
std::vector<Text> tokens_of(Text text) {
    text.findAndReplace(u"<skipped>", u"").findAndReplace(u"-\n", u"").findAndReplace(u"\n", u" ");
    for (const auto& [name, sign] : {std::pair(u"&quot;", u"\""), std::pair(u"&amp;", u"&"),
                                     std::pair(u"&lt;", u"<"), std::pair(u"&gt;", u">")})
        text.findAndReplace(name, sign);
    Text apart(u" ");
    each_letter(text, [&](UChar32 c) {
        if (is_sign(c)) apart.append(UChar32(' '));
        apart.append(c);
        if (is_sign(c)) apart.append(UChar32(' '));
    });
    apart.append(UChar32(' '));
    const auto no_digit = [](UChar32 c) { return !is_digit(c); };
    apart = parted(apart, no_digit, is_point, false, true);
    apart = parted(apart, is_point, no_digit, true, false);
    apart = parted(
        apart, is_digit, [](UChar32 c) { return c == '-'; }, false, true);
    std::vector<Text> tokens = words_of(apart, [](UChar32 c) { return !is_space(c); });
    if (tokens.empty()) tokens.emplace_back(); // an empty text has one
    return tokens;
}

Grams grams_of(const std::vector<Text>& tokens, std::size_t n) {
    Grams y;
    for (std::size_t i = 0; i + n <= tokens.size(); ++i)
        ++y[{tokens.begin() + std::ptrdiff_t(i), tokens.begin() + std::ptrdiff_t(i + n)}];
    return y;
}

double count(const Grams& grams, const Grams::key_type& gram) {
    const auto found = grams.find(gram);
    return found == grams.end() ? 0 : found->second;
}
/// As often as in both; as often as in the first beyond the second.
Grams both(const Grams& a, const Grams& b) {
    Grams y;
    for (const auto& [gram, often] : a)
        if (const double common = std::min(often, count(b, gram)); common > 0) y[gram] = common;
    return y;
}
Grams without(const Grams& a, const Grams& b) {
    Grams y;
    for (const auto& [gram, often] : a)
        if (const double rest = often - count(b, gram); rest > 0) y[gram] = rest;
    return y;
}

double f1(double precision, double recall) {
    return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
}
/// The mean over `all` of how much of each is `good`.
double share_of_each(const Grams& good, const Grams& all) {
    if (all.empty()) return 1;
    double sum = 0;
    for (const auto& [gram, often] : good) sum += often / count(all, gram);
    return sum / double(all.size());
}
double sum_of(const Grams& grams) {
    double sum = 0;
    for (const auto& [_, often] : grams) sum += often;
    return sum;
}

/// Of grams of one order: F1 of what is kept and of what is added, precision of what is deleted.
double sari_of(const Grams& source, const Grams& text, const Grams& reference) {
    const Grams kept = both(source, text), kept_well = both(kept, reference),
                worth_keeping = both(source, reference);
    const double recall = worth_keeping.empty() ? 1 : sum_of(kept_well) / sum_of(worth_keeping);
    const Grams deleted = without(source, text);
    std::size_t added = 0, added_well = 0, worth_adding = 0;
    for (const auto& [gram, _] : text) {
        if (source.contains(gram)) continue;
        ++added;
        added_well += reference.contains(gram);
    }
    for (const auto& [gram, _] : reference) worth_adding += !source.contains(gram);
    const auto share = [&](std::size_t all) { return all ? double(added_well) / double(all) : 1; };
    return (f1(share_of_each(kept_well, kept), recall) +
            share_of_each(without(deleted, reference), deleted) +
            f1(share(added), share(worth_adding))) /
           3;
}

} // namespace

double sari(const Text& source, const Text& text, const Text& reference) {
    constexpr std::size_t orders = 4;
    const auto a = tokens_of(lowered(source)), b = tokens_of(lowered(text)),
               c = tokens_of(lowered(reference));
    double sum = 0;
    for (std::size_t n = 1; n <= orders; ++n)
        sum += sari_of(grams_of(a, n), grams_of(b, n), grams_of(c, n));
    return sum / orders;
}

} // namespace sweetspot
