#pragma once
#include "engine/config/json.h"
#include "engine/weights/provenance.h"
#include <optional>
#include <string>
#include <string_view>

namespace sweetspot {

/// Of a training in f16, whose gradients would vanish: losses are multiplied by it on their way
/// back (Micikevicius et al., 2018).
struct LossScale {
    double scale = 1;
    int good = 0;    ///< steps since it changed
    int skipped = 0; ///< steps in all that it took out of f16's range

    /// Halves it after a step that was skipped, and doubles it after `patience` that were not.
    void follow(bool learned, int patience);
};

/// What a training goes on from, beside what the model and its optimizer hold.
struct TrainingState {
    int step = 0;          ///< steps that were taken
    int epoch = 0;         ///< of the data, from 0
    std::int64_t next = 0; ///< the first row of the epoch's order that is not used yet
    std::int64_t tokens = 0;
    double seconds = 0;
    std::optional<double> validation_loss{}; ///< the last
    std::optional<double> best_loss{};       ///< the least validation loss
    int best_step = 0;                       ///< after which it was
    int worse = 0;                           ///< validations since
    LossScale loss_scale{};
    Provenance provenance{};   ///< of the weights that the first step began from
    std::string data_sha256{}; ///< "" for random tokens
};

/// The member of that name. Throws Error(file) if there is none.
const Json& member_of(const Json& object, std::string_view name);

/// The state as checkpoints have it, without the run's configuration.
Json json_of(const TrainingState&);
/// Reads it. Throws Error(file) for what is missing, of another type, or cannot be of any training.
TrainingState state_of(const Json&);

/// What a folder's files must be, as `sha256sum -c` reads it.
constexpr const char* checkpoint_sums = "SHA256SUMS";
constexpr const char* checkpoint_state = "state.json";
/// What is wrong with a checkpoint's files, a clause; "" if they are whole.
std::string damage_of_checkpoint(const std::string& folder);

} // namespace sweetspot
