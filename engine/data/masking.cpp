#include "engine/data/masking.h"
#include "engine/config/fields.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cmath>

namespace sweetspot {

namespace {
bool is_special(std::int32_t id, const SpecialIds& ids) {
    return id == ids.bos || id == ids.eos || id == ids.pad || id == ids.mask;
}

std::vector<std::size_t> letter_positions(const Tokens& row, const SpecialIds& ids) {
    std::vector<std::size_t> positions;
    for (std::size_t i = 0; i < row.size(); ++i)
        if (!is_special(row[i], ids)) positions.push_back(i);
    return positions;
}

/// A seed of the row's own: FNV-1a of its tokens, begun with the rule's seed.
std::uint64_t seed_of(const Tokens& row, std::int64_t seed) {
    std::uint64_t hash = 0xcbf29ce484222325 ^ std::uint64_t(seed);
    for (const auto id : row) hash = (hash ^ std::uint32_t(id)) * 0x100000001b3;
    return hash;
}
std::uint64_t seed_of(std::size_t record, std::int64_t seed) {
    return Random(std::uint64_t(seed) ^ Random(record).next()).next();
}

void require_mask(const SpecialIds& ids) {
    require(ids.mask >= 0, Failure::bad_input, "masked perplexity needs a vocabulary with <mask>");
}

std::int32_t random_letter(const MaskRule& rule, Random& random) {
    const auto letters = std::uint64_t(rule.last_letter - rule.first_letter) + 1;
    return rule.first_letter + std::int32_t(random.below(letters));
}

/// What letters are chosen is drawn before what becomes of them, so that a plan can count them.
std::vector<std::size_t> chosen_by_themselves(std::size_t letters, double fraction,
                                              Random& random) {
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < letters; ++i)
        if (random.uniform() < fraction) chosen.push_back(i);
    return chosen;
}

void mask_by_themselves(Tokens& row, Tokens& labels, const std::vector<std::size_t>& positions,
                        const SpecialIds& ids, const MaskRule& rule, Random& random) {
    for (const std::size_t i : chosen_by_themselves(positions.size(), rule.fraction, random)) {
        auto& token = row[positions[i]];
        labels[positions[i]] = token;
        const double share = random.uniform();
        if (share < 0.8)
            token = ids.mask;
        else if (share < 0.9)
            token = random_letter(rule, random);
    }
}

/// Masks one row in place; returns its labels.
Tokens mask_row(Tokens& row, const SpecialIds& ids, const MaskRule& rule, Random random) {
    Tokens labels(row.size(), no_label);
    auto positions = letter_positions(row, ids);
    if (positions.empty()) return labels;
    if (rule.style == MaskStyle::bernoulli) {
        mask_by_themselves(row, labels, positions, ids, rule, random);
        return labels;
    }
    const auto chosen = std::size_t(chosen_of(std::int64_t(positions.size()), rule.fraction));
    const auto masked =
        rule.style == MaskStyle::plain ? chosen : std::size_t(std::floor(0.8 * double(chosen)));
    const auto replaced = (chosen - masked) / 2;
    for (std::size_t i = 0; i < chosen; ++i) {
        std::swap(positions[i], positions[i + random.below(positions.size() - i)]);
        auto& token = row[positions[i]];
        labels[positions[i]] = token;
        if (i < masked)
            token = ids.mask;
        else if (i < masked + replaced)
            token = random_letter(rule, random);
    }
    return labels;
}
} // namespace

std::int64_t chosen_of(std::int64_t letters, double fraction) {
    const auto share = std::int64_t(std::floor(fraction * double(letters)));
    return std::min(letters, std::max<std::int64_t>(1, share));
}

std::int64_t chosen_of(std::int64_t letters, const MaskRule& rule, std::size_t row) {
    if (rule.style != MaskStyle::bernoulli) return chosen_of(letters, rule.fraction);
    Random random(seed_of(rule.records[row], rule.seed));
    return std::int64_t(chosen_by_themselves(std::size_t(letters), rule.fraction, random).size());
}

MaskedBatch mask(const Batch& batch, const SpecialIds& ids, const MaskRule& rule) {
    require_mask(ids);
    if (!(rule.fraction > 0 && rule.fraction <= 1))
        throw Error(Failure::bad_input, "mask_fraction = " + to_text(rule.fraction) +
                                            ", but must be above 0 and at most 1");
    require(rule.first_letter <= rule.last_letter, Failure::bad_input,
            "masking has letters to choose from");
    MaskedBatch masked{.batch = batch};
    require(rule.records.empty() || rule.records.size() == batch.rows.size(), Failure::bug,
            "each row is a record");
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
        Tokens& row = masked.batch.rows[i];
        const auto seed =
            rule.records.empty() ? seed_of(row, rule.seed) : seed_of(rule.records[i], rule.seed);
        masked.labels.push_back(mask_row(row, ids, rule, Random(seed)));
        for (const auto label : masked.labels.back()) masked.chosen += label != no_label;
    }
    return masked;
}

MaskedBatch mask_each_letter(const Tokens& row, int specials_per_row, const SpecialIds& ids) {
    require_mask(ids);
    MaskedBatch masked{.batch = {.specials_per_row = specials_per_row}};
    for (const auto position : letter_positions(row, ids)) {
        masked.batch.rows.push_back(row);
        masked.batch.rows.back()[position] = ids.mask;
        masked.labels.emplace_back(row.size(), no_label);
        masked.labels.back()[position] = row[position];
        ++masked.chosen;
    }
    return masked;
}

} // namespace sweetspot
