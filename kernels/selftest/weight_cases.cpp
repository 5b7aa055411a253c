#include "kernels/ops/weight.h"
#include "kernels/selftest/bench.h"
#include "kernels/selftest/file_tensor.h"
#include <algorithm>

namespace sweetspot::selftest {

namespace {

struct Packing {
    std::string what;
    std::vector<std::int64_t> rows; ///< of each source
    std::int64_t k;
    bool transposed = false;
    std::vector<int> interleaved_head_sizes{};
};

/// Which row of a source becomes row i: pairs of rows of a head become its two halves.
std::int64_t source_row(std::int64_t i, int head_size) {
    if (!head_size) return i;
    const std::int64_t head = i / head_size, in_head = i % head_size, half = head_size / 2;
    return head * head_size + (in_head < half ? 2 * in_head : 2 * (in_head - half) + 1);
}

/// [n_padded, k_padded] row by row, by the words of PackWeight's contract.
std::vector<double> expected_weights(const Packing& s, const std::vector<Value>& sources,
                                     const Shape& shape) {
    std::vector<double> all(std::size_t(shape.count()), 0.0);
    std::int64_t row = 0;
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const auto* numbers = sources[i].in(Side::reference).as<float>();
        const int head_size = s.interleaved_head_sizes.empty() ? 0 : s.interleaved_head_sizes[i];
        for (std::int64_t n = 0; n < s.rows[i]; ++n, ++row)
            for (std::int64_t k = 0; k < s.k; ++k) {
                const std::int64_t from = source_row(n, head_size);
                all[std::size_t(row * shape[1] + k)] =
                    double(numbers[s.transposed ? k * s.rows[i] + from : from * s.k + k]);
            }
    }
    return all;
}

void check_packing(Bench& t, const Packing& s, DType from, DType to) {
    std::vector<Value> values;
    std::vector<FileTensor> files;
    std::vector<In> sources;
    std::int64_t n = 0;
    for (const std::int64_t rows : s.rows) {
        const Shape shape = s.transposed ? Shape{s.k, rows} : Shape{rows, s.k};
        values.push_back(t.normal(shape, from));
        files.emplace_back(values.back().in(Side::reference).as<float>(), shape, from);
        n += rows;
    }
    for (const FileTensor& file : files) sources.push_back(file.in());
    const Shape shape = packed_shape(n, s.k, to);
    const Value expected = t.of(shape, to, expected_weights(s, values, shape));
    const Value packed = t.output(shape, to);
    t.run(
        [&](Side side) {
            return PackWeight{.sources = sources,
                              .packed = packed.out(side),
                              .transposed = s.transposed,
                              .interleaved_head_sizes = s.interleaved_head_sizes};
        },
        [&](Context&) {
            std::copy_n(expected.in(Side::reference).as<float>(), shape.count(),
                        packed.out(Side::reference).as<float>());
        });
    t.expect_within(packed, 0, "packed");
}

/// Rows filled up with zeros, as PackWeight lays them out on a GPU.
void check_repacking(Bench& t, Shape weight, DType from, DType to) {
    const Value source = t.normal(weight, from);
    const Packing one{.what = "one source", .rows = {weight[0]}, .k = weight[1]};
    const Shape shape = packed_shape(weight[0], weight[1], to);
    const Value expected = t.of(shape, to, expected_weights(one, {source}, shape));
    const Value packed = t.output(shape, to);
    t.run(
        [&](Side side) {
            return RepackWeight{.weight = source.in(side), .packed = packed.out(side)};
        },
        [&](Context&) {
            std::copy_n(expected.in(Side::reference).as<float>(), shape.count(),
                        packed.out(Side::reference).as<float>());
        });
    t.expect_within(packed, 0, "packed");
    t.expect_unchanged(source, "weight");
}

void check_unpacking(Bench& t, Shape weight) {
    const Value source = t.normal(weight, DType::f32);
    const Shape shape = packed_shape(weight[0], weight[1], DType::f32);
    const Value packed = t.output(shape, DType::f32), back = t.output(weight, DType::f32);
    run(RepackWeight{.weight = source.in(Side::device), .packed = packed.out(Side::device)},
        t.device());
    t.run(
        [&](Side side) {
            return UnpackWeight{.packed = packed.in(side), .weight = back.out(side)};
        },
        [&](Context&) {
            std::copy_n(source.in(Side::reference).as<float>(), weight.count(),
                        back.out(Side::reference).as<float>());
        });
    t.expect_within(back, 0, "weight");
}

} // namespace

std::vector<Case> weight_cases() {
    std::vector<Case> cases;
    const std::vector<Packing> packings{
        {.what = "one source", .rows = {3}, .k = 5},
        {.what = "full blocks", .rows = {64}, .k = 64},
        {.what = "stacked", .rows = {33, 1, 70}, .k = 67},
        {.what = "transposed", .rows = {31}, .k = 66, .transposed = true},
        {.what = "stacked and transposed", .rows = {65, 2}, .k = 3, .transposed = true},
        {.what = "interleaved", .rows = {24, 12, 5}, .k = 33, .interleaved_head_sizes = {6, 12, 0}},
        {.what = "interleaved and transposed",
         .rows = {16, 4},
         .k = 9,
         .transposed = true,
         .interleaved_head_sizes = {8, 0}},
    };
    for (const Packing& s : packings)
        for (const DType from : {DType::f32, DType::bf16, DType::f16})
            for (const DType to : {DType::f32, DType::bf16, DType::f16})
                cases.push_back(
                    {"pack_weight, " + s.what + ", " + name_of(from) + " to " + name_of(to),
                     [=](Bench& t) { check_packing(t, s, from, to); }});
    for (const DType from : {DType::f32, DType::bf16})
        for (const DType to : {DType::f32, DType::bf16, DType::f16})
            for (const Shape& shape : {Shape{1, 1}, Shape{33, 67}, Shape{70, 300}})
                cases.push_back({"repack_weight, " + std::to_string(shape[0]) + " x " +
                                     std::to_string(shape[1]) + ", " + name_of(from) + " to " +
                                     name_of(to),
                                 [=](Bench& t) { check_repacking(t, shape, from, to); }});
    for (const Shape& shape : {Shape{1, 1}, Shape{33, 67}, Shape{70, 300}})
        cases.push_back(
            {"unpack_weight, " + std::to_string(shape[0]) + " x " + std::to_string(shape[1]),
             [=](Bench& t) { check_unpacking(t, shape); }});
    return cases;
}

} // namespace sweetspot::selftest
