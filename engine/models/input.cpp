#include "engine/models/input.h"
#include <algorithm>
#include <limits>
#include <string>

namespace sweetspot {

static constexpr double masked_in_training = 0.15 * 0.8;

InputRows lay_out(const BatchShape& batch, Layout layout) {
    require(!batch.rows.empty(), Failure::bad_input, "a batch has sequences");
    const BatchTokens counts = count_tokens(batch);
    if (counts.computed(layout) > std::numeric_limits<std::int32_t>::max())
        throw Error(Failure::bad_input,
                    "a batch of " + std::to_string(counts.computed(layout)) +
                        " tokens is more than the " +
                        std::to_string(std::numeric_limits<std::int32_t>::max()) +
                        " that can be computed at once");
    const auto longest = std::int32_t(batch.longest());
    InputRows input{.segments = {.offsets = {0}, .lengths = batch.rows}};
    input.segments.offsets.reserve(batch.rows.size() + 1);
    for (const auto length : batch.rows) {
        require(length > 0, Failure::bad_input, "a sequence has tokens");
        input.segments.offsets.push_back(input.segments.offsets.back() +
                                         (layout == Layout::ragged ? length : longest));
    }
    return input;
}

InputRows lay_out(const Batch& batch, Layout layout, std::int32_t mask) {
    InputRows input = lay_out(shape_of(batch), layout);
    input.ids = lay_out(batch.rows, input.segments, 0);
    input.mask = mask;
    return input;
}

std::vector<std::int32_t> lay_out(const std::vector<Tokens>& values, const Segments& segments,
                                  std::int32_t padding) {
    std::vector<std::int32_t> y(std::size_t(segments.rows()), padding);
    for (std::size_t s = 0; s < values.size(); ++s)
        std::copy(values[s].begin(), values[s].end(), y.begin() + segments.offsets[s]);
    return y;
}

std::vector<std::int32_t> positions_of(const Segments& segments) {
    std::vector<std::int32_t> positions;
    for (int s = 0; s < segments.count(); ++s)
        for (int i = 0; i < segments.rows_of(s); ++i) positions.push_back(i);
    return positions;
}

std::vector<float> token_dropout_scale(const InputRows& input) {
    std::vector<float> scale(input.ids.size(), 0.0f);
    for (int s = 0; s < input.segments.count(); ++s) {
        const auto first = input.segments.offsets[s];
        const auto length = input.segments.lengths[s];
        const auto begin = input.ids.begin() + first;
        const auto masked = std::count(begin, begin + length, input.mask);
        if (masked == length) continue;
        const double factor = (1 - masked_in_training) / (1 - double(masked) / length);
        for (int i = 0; i < length; ++i)
            if (begin[i] != input.mask) scale[std::size_t(first + i)] = float(factor);
    }
    return scale;
}

} // namespace sweetspot
