// Weights as GPTQ's and AWQ's tools pack them. What is done here is what their own readers do: a
// code and a zero from words of 32 bits, a scale in f16, one product; and what these read in
// different ways, or not at all, is refused.
#include "engine/weights/packed_tensors.h"
#include "kernels/core/error.h"
#include <array>
#include <cstring>

namespace sweetspot {

namespace {

/// Where AWQ's gemm packing puts each of eight neighbours.
constexpr std::array<int, 8> place_in_pairs{0, 4, 1, 5, 2, 6, 3, 7};

std::int64_t divided_up(std::int64_t x, std::int64_t by) {
    return (x + by - 1) / by;
}

/// Words in a row of zeros where they lie along the inputs: rounded up so that kernels can read
/// whole ones.
std::int64_t plain_zeros(std::int64_t groups, std::int64_t group) {
    const std::int64_t step = group >= 128 ? 1 : group >= 64 ? 2 : 4;
    return divided_up(divided_up(groups, 8), step) * step;
}

} // namespace

bool PackedTensors::there(const StoredTensors& stored, const std::string& name) {
    return stored.packed && stored.tensors.contains(name + ".qweight");
}

PackedTensors::PackedTensors(const StoredTensors& stored, const std::string& name,
                             std::int64_t rows, std::int64_t columns)
    : stored_(stored), packed_(*stored.packed), name_(name), rows_(rows), columns_(columns),
      group_(packed_.group > 0 ? packed_.group : columns), groups_(divided_up(columns, group_)),
      in_word_(32 / packed_.bits) {
    using enum PackedWeights::Kind;
    const auto words = [&](std::int64_t count) { return divided_up(count, in_word_); };
    if (packed_.kind == awq_plain) {
        const std::int64_t width = plain_zeros(groups_, group_);
        codes_ = find(".qweight", {rows, words(columns)}, "I32");
        zeros_ = find(".qzeros", {rows, width}, "I32");
        scales_ = find(".scales", {rows, width * in_word_}, "F16");
    } else {
        codes_ = packed_.kind == gptq ? find(".qweight", {words(columns), rows}, "I32")
                                      : find(".qweight", {columns, words(rows)}, "I32");
        zeros_ = find(".qzeros", {groups_, words(rows)}, "I32");
        scales_ = find(".scales", {groups_, rows}, "F16");
    }
    const bool whole = (packed_.kind == awq_pairs ? rows : columns) % in_word_ == 0;
    if (!whole || (packed_.kind != gptq && columns % group_))
        fail(codes_, "its " + std::to_string(columns) + " inputs are no whole groups or words");
    if (stored.tensors.contains(name + ".g_idx")) order_ = find(".g_idx", {columns}, "I32");
    if (order_.tensor && packed_.kind != gptq) fail(order_, "only gptq has an order of groups");
}

PackedTensors::Words PackedTensors::find(const char* ending, std::vector<std::int64_t> shape,
                                         const char* type) const {
    Words y{.name = name_ + ending, .width = shape.back()};
    const auto found = stored_.tensors.find(y.name);
    if (found == stored_.tensors.end())
        throw Error(Failure::file, stored_.path + ": tensor \"" + y.name + "\" is missing");
    y.tensor = &found->second;
    if (y.tensor->type != type || y.tensor->shape != shape)
        fail(y, "is " + y.tensor->type + " " + shape_text(y.tensor->shape) + ", not " + type + " " +
                    shape_text(shape));
    return y;
}

void PackedTensors::fail(const Words& words, const std::string& why) const {
    throw Error(Failure::file,
                words.tensor->file->path() + ": tensor \"" + words.name + "\": " + why);
}

void PackedTensors::add_names(std::set<std::string>& used) const {
    for (const Words* words : {&codes_, &zeros_, &scales_, &order_})
        if (words->tensor) used.insert(words->name);
}

void PackedTensors::check() const {
    for (std::int64_t i = 0; order_.tensor && i < columns_; ++i)
        if (group_of(i) < 0 || group_of(i) >= groups_)
            fail(order_, "group " + std::to_string(group_of(i)) + " of input " + std::to_string(i) +
                             " is none of " + std::to_string(groups_));
    if (!packed_.zeros_less_1) return;
    for (std::int64_t row = 0; row < rows_; ++row)
        for (std::int64_t group = 0; group < groups_; ++group)
            if (zero(row, group) == 1 << packed_.bits)
                fail(zeros_, "a zero of 0, stored less 1, which readers take for 0 or for " +
                                 std::to_string(1 << packed_.bits));
}

void PackedTensors::read_row(std::int64_t row, std::span<float> y) const {
    for (std::int64_t i = 0; i < columns_; ++i) {
        const std::int64_t group = group_of(i);
        y[std::size_t(i)] = to_float(scale(row, group)) * float(code(row, i) - zero(row, group));
    }
}

bool PackedTensors::are_blocks(WeightFormat format) const {
    const std::int64_t numbers = block_format(format).numbers;
    if (format != WeightFormat::int4 || packed_.bits > 4 || group_ % numbers || columns_ % numbers)
        return false;
    for (std::int64_t i = 0; order_.tensor && i < columns_; ++i)
        if (group_of(i) != i / group_) return false;
    return true;
}

void PackedTensors::read_blocks(std::int64_t row, std::uint8_t* to) const {
    constexpr BlockFormat facts = block_format(WeightFormat::int4);
    constexpr std::int64_t half = facts.numbers / 2;
    for (std::int64_t first = 0; first < columns_; first += facts.numbers, to += facts.bytes) {
        const std::int64_t group = group_of(first);
        const Float16 d = scale(row, group);
        const auto zero_code = _Float16(zero(row, group));
        std::memcpy(to, &d, sizeof d);
        std::memcpy(to + 2, &zero_code, sizeof zero_code);
        for (std::int64_t i = 0; i < half; ++i)
            to[4 + i] = std::uint8_t(code(row, first + i) | code(row, first + half + i) << 4);
    }
}

std::uint32_t PackedTensors::Words::at(std::int64_t row, std::int64_t i) const {
    std::uint32_t word;
    std::memcpy(&word, tensor->bytes.data() + std::size_t(row * width + i) * sizeof word,
                sizeof word);
    return word;
}

std::int64_t PackedTensors::group_of(std::int64_t column) const {
    return order_.tensor ? std::int32_t(order_.at(0, column)) : column / group_;
}

int PackedTensors::code(std::int64_t row, std::int64_t column) const {
    using enum PackedWeights::Kind;
    const int mask = (1 << packed_.bits) - 1;
    const auto bits = [&](std::uint32_t word, std::int64_t place) {
        return int(word >> place * packed_.bits) & mask;
    };
    switch (packed_.kind) {
    case gptq: return bits(codes_.at(column / in_word_, row), column % in_word_);
    case awq_pairs:
        return bits(codes_.at(column, row / in_word_), place_in_pairs[std::size_t(row % in_word_)]);
    case awq_plain: return bits(codes_.at(row, column / in_word_), column % in_word_);
    }
    return 0;
}

int PackedTensors::zero(std::int64_t row, std::int64_t group) const {
    using enum PackedWeights::Kind;
    const int mask = (1 << packed_.bits) - 1;
    const bool plain = packed_.kind == awq_plain;
    const std::int64_t along = plain ? group : row;
    const std::uint32_t word =
        plain ? zeros_.at(row, along / in_word_) : zeros_.at(group, along / in_word_);
    const std::int64_t place = packed_.kind == awq_pairs
                                   ? place_in_pairs[std::size_t(along % in_word_)]
                                   : along % in_word_;
    return (int(word >> place * packed_.bits) & mask) + (packed_.zeros_less_1 ? 1 : 0);
}

Float16 PackedTensors::scale(std::int64_t row, std::int64_t group) const {
    const bool plain = packed_.kind == PackedWeights::Kind::awq_plain;
    const std::int64_t at = plain ? row * scales_.width + group : group * scales_.width + row;
    Float16 x;
    std::memcpy(static_cast<void*>(&x), scales_.tensor->bytes.data() + std::size_t(at) * sizeof x,
                sizeof x);
    return x;
}

} // namespace sweetspot
