#pragma once
#include "engine/weights/residency.h"
#include <optional>
#include <vector>

namespace sweetspot {

/// Each block once, as the forward pass uses them.
std::vector<int> forward_order(int blocks);

/// Which blocks stay on the device, and which pass through the slots that are left.
///
/// A step uses the blocks in a given order, each at least once, and so does every other step: the
/// forward pass uses each once, and training then each again, from the last to the first.
///
/// `depth` copies are ahead of the block that is computed, so depth + 1 slots are a ring for the
/// blocks that pass; a slot gets the next one as soon as its block was used, which is then the
/// block whose next use is farthest. All other slots hold blocks that stay. Those that pass are
/// spread evenly over the model, so that each copy has the same work to hide behind. Always
/// evicting the farthest next use (Belady's rule) copies depth blocks less a step, but copies
/// neighbours in one burst, which has the work of few blocks to hide behind, and none in between.
class BlockRing {
public:
    struct Copy {
        int block = 0, slot = 0;
        bool operator==(const Copy&) const = default;
    };

    /// At least one slot. As many as blocks: all stay. One slot in the ring: nothing is ahead.
    BlockRing(const std::vector<int>& order, int slot_count, int depth);

    bool stays(int block) const;
    int staying() const { return staying_; }
    /// What fills the slots before the first block is used, in the order of use.
    const std::vector<Copy>& first() const { return first_; }
    /// Where the block lies, which is used next. Throws Error(bug) if another should come first.
    int slot(int block) const;
    /// The block was used: what its slot gets next; nothing if the block stays.
    std::optional<Copy> done(int block);

private:
    int staying_ = 0, ring_ = 0;
    std::vector<int> slots_{};   ///< of blocks that stay; -1 of others
    std::vector<int> passing_{}; ///< in the order of use, as often as they are used
    std::vector<Copy> first_{};
    std::size_t used_ = 0; ///< how often a block that passes was used
};

/// A block of the same shapes and types, of any contents.
BlockWeights like(const BlockWeights&, Allocator&, Purpose);

/// Blocks in pinned host memory that are copied to the device ahead of their use.
///
/// The budget covers what lies on the device, in the ledger's bytes: tables, head and the slots. It
/// must do for one block: then a copy waits for the block before it, and nothing overlaps. Copies
/// go round the streams beside the one that computes; without any, they go on that one.
class StreamedWeights : public WeightAccess {
public:
    /// Throws Error: bad_input if the budget is too small, bug if blocks differ in shape.
    /// `order`: of a step's uses; empty for the forward pass.
    StreamedWeights(const Weights&, std::size_t budget_bytes, int depth, Context&,
                    const std::vector<int>& order = {});
    /// Waits for the copies that are under way.
    ~StreamedWeights() override;

    const BlockWeights& block(int layer) override;
    void done(int layer) override;
    int staying_blocks() const override { return ring_.staying(); }
    std::size_t moved_bytes() const override { return moved_bytes_; }

private:
    struct Slot {
        BlockWeights weights{};
        std::unique_ptr<Event> arrived{}; ///< the copy into it is done
        std::unique_ptr<Event> freed{};   ///< what is computed from it is done
    };
    void start(BlockRing::Copy);

    const Weights& weights_;
    Context& context_;
    BlockRing ring_;
    std::vector<Slot> slots_{};
    int copies_ = 0;
    std::size_t block_bytes_ = 0, moved_bytes_ = 0;
};

} // namespace sweetspot
