#include "engine/convert/gptq.h"
#include "engine/prune/inverse_factor.h"
#include "kernels/core/block_grid.h"
#include "kernels/core/team.h"
#include <algorithm>
#include <vector>

namespace sweetspot {

namespace {

constexpr std::int64_t at_once = 128; ///< columns whose errors go to the rest together

/// One row, from left to right.
class Row {
public:
    Row(WeightFormat format, std::span<const float> weights, Square u, std::uint8_t* blocks)
        : format_(format), w_(weights.begin(), weights.end()), u_(u), blocks_(blocks) {}

    void round() {
        for (std::int64_t first = 0; first < u_.size; first += at_once) {
            const std::int64_t end = std::min(first + at_once, u_.size);
            double errors[at_once];
            for (std::int64_t i = first; i < end; ++i) {
                if (i % facts_.numbers == 0) begin_block(i);
                errors[i - first] = round_number(i);
                for (std::int64_t j = i + 1; j < end; ++j)
                    w_[std::size_t(j)] -= errors[i - first] * u_[i][j];
            }
            for (std::int64_t i = first; i < end; ++i)
                for (std::int64_t j = end; j < u_.size; ++j)
                    w_[std::size_t(j)] -= errors[i - first] * u_[i][j];
        }
    }

private:
    void begin_block(std::int64_t i) {
        std::vector<float> numbers(w_.begin() + i, w_.begin() + i + facts_.numbers);
        quantise(format_, numbers, block(i));
    }
    std::uint8_t* block(std::int64_t i) const {
        return blocks_ + i / facts_.numbers * facts_.bytes;
    }
    /// What the columns behind make up for.
    double round_number(std::int64_t i) {
        const Grid grid = grid_of(format_, block(i), i % facts_.numbers);
        const double x = w_[std::size_t(i)];
        const int code = grid.nearest(x);
        put_code(format_, block(i), i % facts_.numbers, code);
        return (x - grid.value(code)) / u_[i][i];
    }

    WeightFormat format_;
    BlockFormat facts_ = block_format(format_);
    std::vector<double> w_;
    Square u_;
    std::uint8_t* blocks_;
};

} // namespace

bool round_by_gptq(WeightFormat format, std::span<const float> weights, std::int64_t rows,
                   std::int64_t columns, std::span<double> gram, std::uint8_t* blocks,
                   int threads) {
    const Square h{gram.data(), columns};
    dampen(h);
    if (!inverse_factor(h, threads)) return false;
    const std::int64_t bytes = row_bytes(format, columns);
    for_pieces(rows, threads, [&](std::int64_t row, int) {
        Row(format, weights.subspan(std::size_t(row * columns), std::size_t(columns)), h,
            blocks + row * bytes)
            .round();
    });
    return true;
}

} // namespace sweetspot
