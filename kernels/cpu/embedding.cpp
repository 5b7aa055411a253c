#include "kernels/ops/embedding.h"
#include "kernels/cpu/packing.h"
#include "kernels/cpu/parallel.h"
#include <algorithm>

namespace sweetspot::SWEETSPOT_TARGET {

namespace {

template <class T, class P>
void embed(const Embedding& op, CpuStream& stream) {
    const std::int64_t width = op.y.shape[1];
    for_rows(op.y.shape[0], 2 * op.y.bytes(), stream.threads, [&](std::int64_t row) {
        float* y = op.y.as<float>() + row * width;
        const std::int64_t id = op.ids.as<std::int32_t>()[row];
        const Vector scale = op.scale.present() ? op.scale.as<float>()[row] : 1.0f;
        if (op.table.present()) {
            const T* token = op.table.as<T>() + id * width;
            for_lanes(width, [&](auto at) { at.store(y, at.load(token) * scale); });
        } else {
            const std::int64_t block = id / block_columns * block_columns;
            read_row(op.weight.data.as<T>() + block * op.weight.data.shape[1], id - block, width,
                     y);
            if (op.scale.present())
                for_lanes(width, [&](auto at) { at.store(y, at.load(y) * scale); });
        }
        if (!op.positions.present()) return;
        const P* position =
            op.position_table.as<P>() + op.positions.as<std::int32_t>()[row] * width;
        for_lanes(width, [&](auto at) { at.store(y, at.load(y) + at.load(position)); });
    });
}

} // namespace

void launch(const Embedding& op, CpuStream& stream) {
    with_type(op.table_type(), [&]<class T>(T) {
        with_type(op.position_table.dtype, [&]<class P>(P) { embed<T, P>(op, stream); });
    });
}

void launch(const EmbeddingBackward& op, CpuStream& stream) {
    const std::int64_t rows = op.dy.shape[0], width = op.dy.shape[1];
    constexpr std::int64_t strip = 64; // columns, which a thread has to itself
    for_rows((width + strip - 1) / strip, 3 * op.dy.bytes(), stream.threads, [&](std::int64_t i) {
        const std::int64_t first = i * strip, count = std::min(strip, width - first);
        const auto add = [&](const Out& table, std::int64_t at_row, const float* dy, Vector scale) {
            float* to = table.as<float>() + at_row * width + first;
            for_lanes(count, [&](auto at) { at.store(to, fma(at.load(dy), scale, at.load(to))); });
        };
        for (std::int64_t row = 0; row < rows; ++row) {
            const float* dy = op.dy.as<float>() + row * width + first;
            add(op.dtable, op.ids.as<std::int32_t>()[row], dy,
                op.scale.present() ? op.scale.as<float>()[row] : 1.0f);
            if (op.positions.present())
                add(op.dposition_table, op.positions.as<std::int32_t>()[row], dy, 1.0f);
        }
    });
}

void launch(const RaggedPositions& op, CpuStream&) {
    const auto* offsets = op.offsets.as<std::int32_t>();
    for (std::int64_t row = 0, sequence = 0; row < op.positions.shape[0]; ++row) {
        while (sequence + 2 < op.offsets.shape[0] && offsets[sequence + 1] <= row) ++sequence;
        op.positions.as<std::int32_t>()[row] = std::int32_t(row) - offsets[sequence];
    }
}

} // namespace sweetspot::SWEETSPOT_TARGET
