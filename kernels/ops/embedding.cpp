#include "kernels/ops/embedding.h"

namespace sweetspot {

void Embedding::check() const {
    require(ids.shape.rank == 1 && ids.dtype == DType::i32, Failure::bad_shape,
            "ids is [rows], i32");
    require(table.present() != (weight.n > 0), Failure::bad_shape,
            "there is a table, or a weight whose rows it is");
    require(!table.present() ||
                (table.shape.rank == 2 && table.dense() && is_computed(table.dtype)),
            Failure::bad_shape, "table is [vocabulary, width], f32, bf16 or f16, dense");
    if (!table.present()) {
        weight.check();
        require(weight.dense(), Failure::bad_shape, "the weight is dense");
    }
    const std::int64_t width = table.present() ? table.shape[1] : weight.k;
    require(!scale.present() || (scale.shape == ids.shape && scale.dtype == DType::f32),
            Failure::bad_shape, "scale is [rows], f32");
    require(positions.present() == position_table.present(), Failure::bad_shape,
            "positions and position_table come together");
    require(!positions.present() || (positions.shape == ids.shape && positions.dtype == DType::i32),
            Failure::bad_shape, "positions is [rows], i32");
    require(!position_table.present() ||
                (position_table.shape.rank == 2 && position_table.shape[1] == width &&
                 position_table.dense() && is_computed(position_table.dtype)),
            Failure::bad_shape, "position_table is [positions, width], f32, bf16 or f16, dense");
    require(y.shape == Shape({ids.shape[0], width}) && y.dtype == DType::f32 && y.dense(),
            Failure::bad_shape, "y is [rows, width], f32, dense");
}

Cost Embedding::cost() const {
    const double elements = double(y.shape.count());
    const int tables = position_table.present() ? 2 : 1;
    return {.flops = elements * (tables - 1 + (scale.present() ? 1 : 0)),
            .bytes = elements * double(tables * size_of(table_type())) +
                     double(y.bytes() + ids.bytes())};
}

void EmbeddingBackward::check() const {
    require(ids.shape.rank == 1 && ids.dtype == DType::i32, Failure::bad_shape,
            "ids is [rows], i32");
    require(!scale.present() || (scale.shape == ids.shape && scale.dtype == DType::f32),
            Failure::bad_shape, "scale is [rows], f32");
    require(positions.present() == dposition_table.present(), Failure::bad_shape,
            "positions and dposition_table come together");
    require(!positions.present() || (positions.shape == ids.shape && positions.dtype == DType::i32),
            Failure::bad_shape, "positions is [rows], i32");
    require(dy.shape.rank == 2 && dy.shape[0] == ids.shape[0] && dy.dtype == DType::f32 &&
                dy.dense(),
            Failure::bad_shape, "dy is [rows, width], f32, dense");
    const auto is_table = [&](const Out& t) {
        return t.shape.rank == 2 && t.shape[1] == dy.shape[1] && t.dtype == DType::f32 && t.dense();
    };
    require(is_table(dtable), Failure::bad_shape, "dtable is [vocabulary, width], f32, dense");
    require(!dposition_table.present() || is_table(dposition_table), Failure::bad_shape,
            "dposition_table is [positions, width], f32, dense");
}

Cost EmbeddingBackward::cost() const {
    const double tables = dposition_table.present() ? 2 : 1;
    return {.flops = double(dy.shape.count()) * (tables + (scale.present() ? 1 : 0)),
            .bytes = double(dy.bytes()) * (1 + 2 * tables) + double(ids.bytes())};
}

void RaggedPositions::check() const {
    require(offsets.shape.rank == 1 && offsets.shape[0] >= 2 && offsets.dtype == DType::i32,
            Failure::bad_shape, "offsets is [sequences + 1], i32, of one sequence or more");
    require(positions.shape.rank == 1 && positions.dtype == DType::i32, Failure::bad_shape,
            "positions is [rows], i32");
}

Cost RaggedPositions::cost() const {
    return {.bytes = double(offsets.bytes() + positions.bytes())};
}

} // namespace sweetspot
