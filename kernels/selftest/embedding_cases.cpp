#include "kernels/ops/embedding.h"
#include "kernels/selftest/bench.h"

/// Looking up: every way to read a table, by itself, scaled, with positions, out of a weight.
namespace sweetspot::selftest {

namespace {

struct Settings {
    std::int64_t width;
    DType type, position_type;
    bool scale, positions;
    bool packed = false; ///< the table is a weight's rows
};

void check(Bench& t, const Settings& s) {
    const std::int64_t rows = 9, vocabulary = 7, places = 11;
    const Value ids = t.integers({rows}, 0, vocabulary), positions = t.integers({rows}, 0, places);
    const Value table = t.normal({vocabulary, s.width}, s.type);
    const Value position_table = t.normal({places, s.width}, s.position_type);
    const Shape shape = packed_shape(vocabulary, s.width, s.type);
    const Value packed = t.output(shape, s.type);
    if (s.packed)
        run(RepackWeight{.weight = table.in(Side::device), .packed = packed.out(Side::device)},
            t.device());
    const Weight weight{.data = packed.in(Side::device), .n = vocabulary, .k = s.width};
    const Value scale = t.uniform({rows}, DType::f32, 0, 2),
                y = t.output({rows, s.width}, DType::f32);
    t.run([&](Side side) {
        return Embedding{.ids = ids.in(side),
                         .table = s.packed && side == Side::device ? In{} : table.in(side),
                         .weight = s.packed && side == Side::device ? weight : Weight{},
                         .scale = s.scale ? scale.in(side) : In{},
                         .positions = s.positions ? positions.in(side) : In{},
                         .position_table = s.positions ? position_table.in(side) : In{},
                         .y = y.out(side)};
    });
    if (s.scale && s.positions)
        t.expect_close(y, 2e-7, "y"); // a product and a sum may be rounded once
    else
        t.expect_within(y, 0, "y");
    for (const Value& in : {ids, positions, table, position_table, scale})
        t.expect_unchanged(in, "an input");
}

void check_backward(Bench& t, std::int64_t rows, std::int64_t width, bool scaled, bool placed) {
    const std::int64_t vocabulary = 70, places = 11;
    const Value ids = t.integers({rows}, 0, vocabulary), positions = t.integers({rows}, 0, places);
    const Value scale = t.uniform({rows}, DType::f32, 0, 2),
                dy = t.normal({rows, width}, DType::f32);
    const Value dtable = t.normal({vocabulary, width}, DType::f32),
                dplaces = t.normal({places, width}, DType::f32);
    t.run([&](Side side) {
        return EmbeddingBackward{.ids = ids.in(side),
                                 .scale = scaled ? scale.in(side) : In{},
                                 .positions = placed ? positions.in(side) : In{},
                                 .dy = dy.in(side),
                                 .dtable = dtable.out(side),
                                 .dposition_table = placed ? dplaces.out(side) : Out{}};
    });
    t.expect_close(dtable, 1e-6, "dtable");
    t.expect_close(dplaces, 1e-6, "dposition_table");
    for (const Value& in : {ids, positions, scale, dy}) t.expect_unchanged(in, "an input");
}

void check_positions(Bench& t, const std::vector<double>& offsets) {
    const Value given = t.of({std::int64_t(offsets.size())}, DType::i32, offsets);
    const Value positions = t.output({std::int64_t(offsets.back())}, DType::i32);
    t.run([&](Side side) {
        return RaggedPositions{.offsets = given.in(side), .positions = positions.out(side)};
    });
    t.expect_within(positions, 0, "positions");
    t.expect_unchanged(given, "offsets");
}

} // namespace

std::vector<Case> embedding_cases() {
    std::vector<Case> cases;
    const DType types[] = {DType::f32, DType::bf16, DType::f16};
    for (const DType type : types)
        for (const std::int64_t width : {1, 3, 33, 64, 65, 320})
            for (const int with : {0, 1, 2, 3}) {
                const DType other = types[(int(type) + with) % 3]; // they need not be alike
                for (const bool packed : {false, true})
                    cases.push_back(
                        {"embedding, width " + std::to_string(width) + ", " + name_of(type) +
                             (with & 1 ? ", scale" : "") + (with & 2 ? ", positions" : "") +
                             (packed ? ", packed" : ""),
                         [=](Bench& t) {
                             check(t, {width, type, other, bool(with & 1), bool(with & 2), packed});
                         }});
            }
    for (const std::int64_t width : {1, 65, 320})
        for (const int with : {0, 1, 2, 3})
            cases.push_back({"embedding backward, width " + std::to_string(width) +
                                 (with & 1 ? ", scale" : "") + (with & 2 ? ", positions" : ""),
                             [=](Bench& t) { check_backward(t, 100, width, with & 1, with & 2); }});
    cases.push_back({"ragged_positions, one sequence", [](Bench& t) {
                         check_positions(t, {0, 5});
                     }});
    cases.push_back({"ragged_positions, some empty", [](Bench& t) {
                         check_positions(t, {0, 0, 3, 3, 4, 40, 40, 41, 300, 300});
                     }});
    return cases;
}

} // namespace sweetspot::selftest
