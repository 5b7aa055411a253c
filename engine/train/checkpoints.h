#pragma once
#include "engine/train/trained_model.h"
#include "engine/train/training_state.h"

namespace sweetspot {

/// A checkpoint that is whole.
struct Checkpoint {
    std::string folder{};
    TrainingState state{};
    std::string note{}; ///< what is worth knowing of how it was chosen, a clause; "" if nothing
};

/// The checkpoints of one training, in one folder:
///
///     step-00000200/model.safetensors      the weights, under Hugging Face's names
///                  /optimizer.safetensors  the optimizer's moments, if it has any
///                  /state.json             TrainingState, and the configuration
///                  /SHA256SUMS             of all these, as sha256sum -c reads it
///     best                                 a link to the one of the least validation loss
///
/// Each is written under another name, synced and renamed: it is there as a whole or not at all.
class Checkpoints {
public:
    /// Of the run's folder. Leftovers of one that was killed while it wrote are removed.
    explicit Checkpoints(const RunConfig&);

    /// The newest that is whole: what fails its hash is passed over, and the note says so. Nothing
    /// if there is none at all. Throws Error: file if none is whole; bad_input that names what
    /// differs if they are another training's.
    std::optional<Checkpoint> newest(const std::string& data_sha256) const;
    /// Adds one and removes those that are not to be kept. Throws Error(file); those that were
    /// there still are, then.
    void write(const TrainedModel&, const TrainingState&, Context&) const;

private:
    void remove_old(const TrainingState&) const;

    RunConfig run_;
};

/// What the optimizer keeps of the trained model, and its head on sequences, as they were written.
/// Throws Error(file).
void restore_optimizer(const Checkpoint&, TrainedModel&, Context&);

} // namespace sweetspot
