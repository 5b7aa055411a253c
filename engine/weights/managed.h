#pragma once
#include "engine/weights/residency.h"
#include <unordered_map>
#include <vector>

namespace sweetspot {

/// Which records are to be fetched when one is used: those up to `depth` ahead that were not
/// fetched yet. The records of a step are used in their order, some of them perhaps not at all;
/// then the next step begins with the first. One that is used again within a step was there.
class FetchOrder {
public:
    FetchOrder(int records, int depth);

    struct Step {
        bool repeated = false;    ///< the record was used before in this step
        std::vector<int> fetch{}; ///< records, in order
    };
    /// `more`: so many beyond depth.
    Step use(int record, int more = 0);

private:
    std::int64_t records_, depth_;
    std::int64_t used_ = -1,
                 fetched_ = 0; ///< counted on from step to step: newest, one past newest
};

/// Weights in managed memory, prefetched record by record: the token table, the positions, of each
/// block attention norm, q·k·v, output projection, MLP norm, MLP, then the final norm and the head.
/// A head that is tied to the tokens is their record; its product begins the next step early.
///
/// on_use is the published study of unified memory: right before a record is used it is prefetched
/// on stream (its number mod streams), and the MLP together with its norm. No event orders this
/// with computing, so a kernel may come first and fault, and the host may run far ahead and thrash.
///
/// lookahead prefetches up to `depth` records ahead, the first of the next step after the last. A
/// prefetch waits until computing has come to within depth of its record, and computing waits for
/// the prefetch, so that the driver neither moves more than depth records too early nor faults.
class ManagedWeights : public WeightAccess {
public:
    /// Gives the driver the advice, once. `depth` is for lookahead.
    ManagedWeights(const Weights&, Prefetch, int depth, Advice, Context&);

    const BlockWeights& block(int layer) override { return weights_.blocks.at(std::size_t(layer)); }
    void done(int) override {}
    void use(const Tensor&) override;
    int staying_blocks() const override { return 0; }
    std::size_t moved_bytes() const override { return moved_bytes_; }

private:
    struct Record {
        std::vector<In> tensors{};
        bool with_next = false; ///< the study prefetched the next one at the same call
        std::unique_ptr<Event> arrived{};
    };
    void add_records();
    void fetch(int record);

    const Weights& weights_;
    Context& context_;
    Prefetch prefetch_;
    std::vector<Record> records_{};
    std::unordered_map<const void*, int> record_of_{}; ///< by a tensor's data
    FetchOrder order_{1, 0};
    std::unique_ptr<Event> reached_{}; ///< computing has come to the newest record used
    std::size_t moved_bytes_ = 0;
};

} // namespace sweetspot
