#include "engine/data/shuffled_batches.h"
#include "engine/data/random.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cmath>
#include <numeric>

namespace sweetspot {

namespace {

std::int64_t tokens_of(const TokenRow& row) {
    return std::int64_t(row.size());
}
std::int64_t tokens_of(std::int32_t row) {
    return row;
}

/// 0 … count - 1 in an order drawn from a seed (Fisher and Yates).
std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed) {
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t(0));
    Random random(seed);
    for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    return order;
}

/// Far from the seeds of weights and masks, and of other epochs.
std::uint64_t seed_of(std::uint64_t seed, std::uint64_t epoch) {
    return Random(seed ^ Random(epoch + 1).next()).next();
}

} // namespace

template <class Row>
ShuffledBatches<Row>::ShuffledBatches(BatchOf<Row> rows, const RunConfig& run)
    : rows_(std::move(rows)), batch_(std::size_t(run.batch)), token_budget_(run.token_budget),
      seed_(std::uint64_t(run.seed)), bucketed_(run.layout == Layout::bucketed) {
    begin_epoch();
    if (end_of_batch() == next_)
        throw Error(Failure::bad_input, "the data have " + to_text(rows_.rows.size()) +
                                            " sequences to train on, which fill no batch of " +
                                            (token_budget_ ? to_text(token_budget_) + " tokens"
                                                           : to_text(run.batch) + " sequences"));
}

template <class Row>
void ShuffledBatches<Row>::begin_epoch() {
    ++epoch_;
    next_ = 0;
    order_ = shuffled(rows_.rows.size(), seed_of(seed_, std::uint64_t(epoch_)));
    if (!bucketed_) return;
    const std::size_t window = bucket_batches * batch_;
    for (std::size_t first = 0; first < order_.size(); first += window) {
        const auto begin = order_.begin() + std::ptrdiff_t(first);
        const auto end = order_.begin() + std::ptrdiff_t(std::min(first + window, order_.size()));
        std::stable_sort(begin, end, [&](std::size_t a, std::size_t b) {
            return tokens_of(rows_.rows[a]) > tokens_of(rows_.rows[b]);
        });
    }
}

template <class Row>
void ShuffledBatches<Row>::seek(int epoch, std::size_t position) {
    epoch_ = epoch - 1;
    begin_epoch();
    next_ = std::min(position, order_.size());
}

template <class Row>
std::size_t ShuffledBatches<Row>::end_of_batch() const {
    if (!token_budget_) return next_ + batch_ <= order_.size() ? next_ + batch_ : next_;
    std::int64_t left = token_budget_;
    for (std::size_t end = next_; end < order_.size(); ++end) {
        left -= tokens_of(rows_.rows[order_[end]]);
        if (left < 0) return std::max(end, next_ + 1); // a row longer than the budget is alone
    }
    return left == 0 ? order_.size() : next_;
}

template <class Row>
BatchOf<Row> ShuffledBatches<Row>::next() {
    if (end_of_batch() == next_) begin_epoch();
    BatchOf<Row> batch{.specials_per_row = rows_.specials_per_row};
    last_ = next_;
    for (const std::size_t end = end_of_batch(); next_ < end; ++next_)
        batch.rows.push_back(rows_.rows[order_[next_]]);
    return batch;
}

template <class Row>
std::span<const std::size_t> ShuffledBatches<Row>::records() const {
    return std::span(order_).subspan(last_, next_ - last_);
}

template <class Row>
BatchOf<Row> hold_out(BatchOf<Row>& rows, double share, std::int64_t seed) {
    BatchOf<Row> held{.specials_per_row = rows.specials_per_row};
    const std::size_t count = rows.rows.size();
    if (share <= 0 || count < 2) return held;
    const auto wanted = std::size_t(std::floor(share * double(count)));
    const std::size_t out = std::clamp<std::size_t>(wanted, 1, count - 1);
    constexpr std::uint64_t no_epoch = std::uint64_t(-2);
    auto order = shuffled(count, seed_of(std::uint64_t(seed), no_epoch));
    std::sort(order.begin(), order.begin() + std::ptrdiff_t(out)); // both keep the data's order
    std::sort(order.begin() + std::ptrdiff_t(out), order.end());
    BatchOf<Row> rest{.specials_per_row = rows.specials_per_row};
    for (std::size_t i = 0; i < count; ++i)
        (i < out ? held : rest).rows.push_back(std::move(rows.rows[order[i]]));
    rows = std::move(rest);
    return held;
}

template class ShuffledBatches<TokenRow>;
template class ShuffledBatches<std::int32_t>;
template BatchOf<TokenRow> hold_out(BatchOf<TokenRow>&, double, std::int64_t);
template BatchShape hold_out(BatchShape&, double, std::int64_t);

} // namespace sweetspot
