#include "engine/probe/labels.h"
#include "engine/config/nearest.h"
#include "engine/data/random.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

// A table's columns as targets and splits, as FLIP writes them (set: train or test; validation:
// True or nothing), or with splits that are drawn.

namespace sweetspot {

namespace {

using Column = std::optional<std::size_t>;

std::string quoted(const std::string& text) {
    return '"' + text + '"';
}

Column find_column(const RunData& data, const std::string& name) {
    const auto found = std::find(data.columns.begin(), data.columns.end(), name);
    if (found == data.columns.end()) return {};
    return std::size_t(found - data.columns.begin());
}

std::size_t column(const RunData& data, const RunConfig& run, std::string_view field,
                   const std::string& name) {
    if (data.columns.empty())
        throw Error(Failure::bad_input, run.data + " is no table: task probe reads targets from a "
                                                   "column of a CSV or TSV file");
    if (const Column found = find_column(data, name)) return *found;
    throw Error(Failure::bad_input, run.data + " has no column " + quoted(name) + " (" +
                                        std::string(field) + ")" +
                                        did_you_mean(name, data.columns));
}

[[noreturn]] void refuse(const RunConfig& run, std::size_t row, const std::string& column,
                         const std::string& text, const std::string& what) {
    throw Error(Failure::bad_input, run.data + ", row " + std::to_string(row + 1) + ", column " +
                                        quoted(column) + ": " + quoted(text) + " is " + what);
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return char(std::tolower(c)); });
    return text;
}

bool is_number(const std::string& text, double& value) {
    return from_text(text, value) && std::isfinite(value);
}

void take_targets(const RunData& data, const RunConfig& run, Labels& labels) {
    const std::size_t at = column(data, run, "target", run.target);
    const auto text_of = [&](std::size_t row) -> const std::string& {
        return data.fields[row][at];
    };
    if (run.target_kind != TargetKind::classes) {
        for (std::size_t row = 0; row < data.fields.size(); ++row) {
            double value = 0;
            if (is_number(text_of(row), value)) {
                labels.numbers.push_back(value);
                continue;
            }
            if (run.target_kind == TargetKind::numbers)
                refuse(run, row, run.target, text_of(row), "no number");
            labels.numbers.clear();
            break;
        }
        if (!labels.numbers.empty()) return;
    }
    std::set<std::string> names;
    for (std::size_t row = 0; row < data.fields.size(); ++row) {
        if (text_of(row).empty()) refuse(run, row, run.target, "", "no class");
        names.insert(text_of(row));
    }
    labels.names.assign(names.begin(), names.end());
    if (names.size() < 2)
        throw Error(Failure::bad_input, run.data + ": all rows are of the class " +
                                            quoted(labels.names.front()) +
                                            ", so that there is nothing to predict");
    for (std::size_t row = 0; row < data.fields.size(); ++row)
        labels.classes.push_back(int(std::distance(names.begin(), names.find(text_of(row)))));
}

/// Of those rows, so many by the seed become another split.
void draw(std::vector<std::size_t> rows, std::size_t count, Split to, Random& random,
          std::vector<Split>& splits) {
    for (std::size_t i = 0; i < count; ++i) {
        std::swap(rows[i], rows[i + random.below(rows.size() - i)]);
        splits[rows[i]] = to;
    }
}

std::vector<std::size_t> rows_of(Split split, const std::vector<Split>& splits) {
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < splits.size(); ++row)
        if (splits[row] == split) rows.push_back(row);
    return rows;
}

std::size_t share_of(double share, std::size_t all) {
    return std::size_t(std::lround(share * double(all)));
}

Split split_named(const RunConfig& run, std::size_t row, const std::string& text) {
    const std::string name = lower(text);
    if (name == "train") return Split::train;
    if (name == "test") return Split::test;
    if (name == "validation" || name == "valid" || name == "val") return Split::validation;
    refuse(run, row, run.split_column, text, "none of train, validation and test");
}

bool is_true(const RunConfig& run, std::size_t row, const std::string& text) {
    const std::string word = lower(text);
    for (const char* yes : {"true", "1", "1.0", "yes"})
        if (word == yes) return true;
    for (const char* no : {"", "false", "0", "0.0", "no", "nan"})
        if (word == no) return false;
    refuse(run, row, run.validation_column, text, "neither true nor false");
}

void take_splits(const RunData& data, const RunConfig& run, Labels& labels) {
    constexpr double validation_share = 0.1; // of train, where the table says nothing
    auto& splits = labels.splits;
    splits.assign(data.fields.size(), Split::train);
    Random random(std::uint64_t(run.seed));
    std::string by;
    if (run.split_column.empty()) {
        draw(rows_of(Split::train, splits), share_of(run.test_share, splits.size()), Split::test,
             random, splits);
        by = "drawn by seed " + to_text(run.seed);
    } else {
        const std::size_t at = column(data, run, "split_column", run.split_column);
        for (std::size_t row = 0; row < splits.size(); ++row)
            splits[row] = split_named(run, row, data.fields[row][at]);
        by = "by column " + run.split_column;
    }
    if (const Column marked = find_column(data, run.validation_column);
        marked && !run.split_column.empty()) {
        for (std::size_t row = 0; row < splits.size(); ++row)
            if (is_true(run, row, data.fields[row][*marked]) && splits[row] == Split::train)
                splits[row] = Split::validation;
        by += " and " + run.validation_column;
    }
    const auto train = rows_of(Split::train, splits);
    if (rows_of(Split::validation, splits).empty() && !train.empty()) {
        draw(train, std::max<std::size_t>(1, share_of(validation_share, train.size())),
             Split::validation, random, splits);
        if (!run.split_column.empty()) by += ", validation drawn by seed " + to_text(run.seed);
    }
    labels.note = "rows";
    for (const auto& [split, name] : {std::pair{Split::train, "train"},
                                      {Split::validation, "validation"},
                                      {Split::test, "test"}}) {
        const std::size_t count = rows_of(split, splits).size();
        labels.note +=
            std::string(split == Split::train ? " " : ", ") + name + " " + std::to_string(count);
        if (count < (split == Split::train ? 2u : 1u))
            throw Error(Failure::bad_input, run.data + " leaves " + std::to_string(count) +
                                                " rows for " + name + ", " + by +
                                                ": a head needs two to learn from, and one each "
                                                "to choose by and to be tested on");
    }
    labels.note += "; " + by;
}

} // namespace

Labels labels_of(const RunData& data, const RunConfig& run) {
    Labels labels;
    take_targets(data, run, labels);
    take_splits(data, run, labels);
    return labels;
}

} // namespace sweetspot
