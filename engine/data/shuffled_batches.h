#pragma once
#include "engine/data/spilled_rows.h"

namespace sweetspot {

/// Rows as an endless stream of batches: in each epoch in an order of its own, which the seed and
/// the epoch decide; what is left over at its end and fills no batch is left out. Batches are of
/// `batch` rows, or of as many rows as `token_budget` holds; the layout bucketed sorts rows inside
/// windows of bucket_batches batches. Rows and their lengths alone are shuffled alike. It looks at
/// no ids: they may lie anywhere.
template <class Row>
class ShuffledBatches {
public:
    static constexpr std::size_t bucket_batches = 16;

    /// Throws Error(bad_input) if the rows do not fill one batch.
    ShuffledBatches(BatchOf<Row> rows, const RunConfig&);

    BatchOf<Row> next();
    /// What the rows of the last batch are among all.
    std::span<const std::size_t> records() const;
    int epoch() const { return epoch_; } ///< of the last batch, from 0
    /// The first place in the epoch's order that is not used yet.
    std::size_t position() const { return next_; }
    /// Goes on as after a batch with this epoch and position.
    void seek(int epoch, std::size_t position);

private:
    void begin_epoch();
    std::size_t end_of_batch() const; ///< of that which begins at next_; or next_: none is left

    BatchOf<Row> rows_;
    std::size_t batch_;
    std::int64_t token_budget_;
    std::uint64_t seed_;
    bool bucketed_;
    int epoch_ = -1;
    std::vector<std::size_t> order_{}; ///< of the epoch's rows
    std::size_t next_ = 0;
    std::size_t last_ = 0; ///< where the last batch began
};

/// Takes a share of the rows out, at least one and not all, chosen by the seed. Nothing for 0.
template <class Row>
BatchOf<Row> hold_out(BatchOf<Row>& rows, double share, std::int64_t seed);

} // namespace sweetspot
