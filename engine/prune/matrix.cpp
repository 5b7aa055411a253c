#include "engine/prune/matrix.h"
#include "kernels/core/team.h"
#include "kernels/ops/weight_row.h"
#include <algorithm>
#include <numeric>

namespace sweetspot {

std::int64_t Matrix::total_rows() const {
    return std::accumulate(rows.begin(), rows.end(), std::int64_t(0));
}

std::vector<In> Matrix::views() const {
    std::vector<In> views;
    std::int64_t first = 0;
    for (const std::int64_t count : rows) {
        const Shape shape = vector ? Shape{count} : Shape{count, columns};
        const float* from = held.as<float>();
        views.push_back({from ? from + first * columns : nullptr, shape, DType::f32});
        first += count;
    }
    return views;
}

void Matrix::keep_rows(const std::vector<std::int64_t>& kept,
                       std::vector<std::int64_t> of_sources) {
    rows = std::move(of_sources);
    if (!held.as<float>()) return;
    for (std::size_t i = 0; i < kept.size(); ++i) // never to behind where it comes from
        std::copy(row(kept[i]), row(kept[i]) + columns, row(std::int64_t(i)));
}

void Matrix::keep_columns(const std::vector<std::int64_t>& kept) {
    const std::int64_t before = columns, all = total_rows();
    columns = std::int64_t(kept.size());
    float* to = held.as<float>();
    if (!to) return;
    for (std::int64_t r = 0; r < all; ++r)
        for (const std::int64_t column : kept) *to++ = held.as<float>()[r * before + column];
}

Matrix read_matrix(WeightSource& source, const Parameter& parameter, Context& context) {
    Matrix y{.rows = parameter.rows,
             .columns = parameter.columns ? parameter.columns : 1,
             .vector = parameter.columns == 0};
    y.held =
        Tensor(context.host_allocator, {y.total_rows(), y.columns}, DType::f32, Purpose::workspace);
    PackWeight pack{.sources = source.find(parameter),
                    .packed = {},
                    .transposed = !y.vector && source.transposed(parameter.part)};
    if (context.plans()) return y;
    for (In& x : pack.sources)
        if (y.vector) x.shape = {x.shape[0], 1};
    for_pieces(y.total_rows(), threads_of(context), [&](std::int64_t row, int) {
        read_weight_row(find_weight_row(pack, row), {y.row(row), std::size_t(y.columns)});
    });
    return y;
}

} // namespace sweetspot
