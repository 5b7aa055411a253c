#pragma once
#include "engine/train/block.h"
#include <deque>

/// What a training keeps in pinned host memory, and copies to the device and back beside what is
/// computed. On a plan the same allocations are made and nothing is copied.
namespace sweetspot {

/// Copies on a stream of their own: ordered with what is computed, and with each other, by events.
class AsideCopy {
public:
    enum Way { in, out }; ///< streams

    AsideCopy(Context& context, Way way) : context_(&context), way_(way) {}

    /// What is copied from here to end() comes after all that was given to compute so far, and
    /// after `earlier`.
    void begin(const AsideCopy* earlier = nullptr);
    void copy(const Out& to, const In& from);
    void end();
    /// What is computed from now on comes after it.
    void join() const;
    std::size_t bytes() const { return bytes_; } ///< in all

private:
    int stream() const;

    Context* context_; // not owned
    Way way_;
    std::shared_ptr<Event> done_{};
    std::size_t bytes_ = 0;
};

/// What blocks saved of one example. A block's leaves while the next is computed, and comes back
/// while the one behind it goes backward.
class ActivationsAside {
public:
    /// `moved` is added to, in bytes. Nothing moves unless `active`.
    ActivationsAside(Context&, std::size_t blocks, bool active, std::size_t& moved);

    /// The block is done, and what it saved is read by nobody until the backward pass.
    void leave(SavedBlock&, int block);
    /// No block leaves any more.
    void settle();
    /// What the block saved begins to come back; then it is there.
    void fetch(int block);
    void join(int block);

private:
    struct Gone {
        explicit Gone(Context& context)
            : there(context, AsideCopy::out), back(context, AsideCopy::in) {}
        AsideCopy there, back;
        std::vector<std::pair<Tensor*, Tensor>> copies{}; ///< whose place, and what it holds
        std::vector<Tensor> leaving{};                    ///< on the device until they are copied
    };
    Context& context_;
    bool active_;
    std::size_t& moved_;
    std::deque<Gone> gone_{};
    int last_ = -1; ///< block that leaves
};

/// Gradients of blocks: two blocks' lie on the device, and go to the host when they are done.
class GradientsAside {
public:
    /// `all` are on the host, and must outlive it.
    GradientsAside(Context&, std::vector<BlockWeights>& all, std::size_t& moved);

    /// The block's gradients begin to come; of the first example of a step they are 0 instead.
    void fetch(int block, bool zero);
    /// They are in the place of the block's: to be added to. Then they leave.
    void enter(int block);
    void leave(int block);
    /// All are on the host, for what is computed from now on.
    void settle();

private:
    struct Slot {
        Slot(Context& context, BlockWeights room)
            : room(std::move(room)), there(context, AsideCopy::out), back(context, AsideCopy::in) {}
        BlockWeights room;
        AsideCopy there, back;
    };
    Slot& slot_of(int block) { return slots_[std::size_t(block) % slots_.size()]; }

    Context& context_;
    std::vector<BlockWeights>& all_;
    std::size_t& moved_;
    std::deque<Slot> slots_{};
};

} // namespace sweetspot
