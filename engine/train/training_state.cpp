#include "engine/train/training_state.h"
#include "engine/config/regular_file.h"
#include "engine/config/sha256.h"
#include "kernels/core/error.h"
#include <filesystem>
#include <set>

// What a checkpoint says of its training, and whether its files are what was written.

namespace sweetspot {

namespace {

Json optional(const std::optional<double>& value) {
    return value ? Json(*value) : Json();
}

template <class T>
void read(const Json& object, std::string_view name, T& value) {
    value = member_of(object, name).get<T>();
}
void read(const Json& object, std::string_view name, std::optional<double>& value) {
    if (const Json& found = member_of(object, name); !found.is_null()) value = found.get<double>();
}

} // namespace

const Json& member_of(const Json& object, std::string_view name) {
    if (const Json* found = object.find(name)) return *found;
    throw Error(Failure::file, "\"" + std::string(name) + "\" is missing");
}

void LossScale::follow(bool learned, int patience) {
    if (!learned) {
        scale /= 2, good = 0, ++skipped;
    } else if (++good == patience) {
        scale *= 2, good = 0;
    }
}

Json json_of(const TrainingState& s) {
    return {{"step", s.step},
            {"epoch", s.epoch},
            {"next", s.next},
            {"tokens", s.tokens},
            {"seconds", s.seconds},
            {"validation_loss", optional(s.validation_loss)},
            {"best_loss", optional(s.best_loss)},
            {"best_step", s.best_step},
            {"worse", s.worse},
            {"loss_scale", Json{{"scale", s.loss_scale.scale},
                                {"good", s.loss_scale.good},
                                {"skipped", s.loss_scale.skipped}}},
            {"weights", Json{{"loaded", s.provenance.loaded},
                             {"path", s.provenance.path},
                             {"sha256", s.provenance.sha256},
                             {"seed", s.provenance.seed}}},
            {"data_sha256", s.data_sha256}};
}

TrainingState state_of(const Json& json) {
    TrainingState s;
    read(json, "step", s.step);
    read(json, "epoch", s.epoch);
    read(json, "next", s.next);
    read(json, "tokens", s.tokens);
    read(json, "seconds", s.seconds);
    read(json, "validation_loss", s.validation_loss);
    read(json, "best_loss", s.best_loss);
    read(json, "best_step", s.best_step);
    read(json, "worse", s.worse);
    if (const Json* scale = json.find("loss_scale")) { // of earlier versions there is none
        read(*scale, "scale", s.loss_scale.scale);
        read(*scale, "good", s.loss_scale.good);
        read(*scale, "skipped", s.loss_scale.skipped);
    }
    const Json& weights = member_of(json, "weights");
    read(weights, "loaded", s.provenance.loaded);
    read(weights, "path", s.provenance.path);
    read(weights, "sha256", s.provenance.sha256);
    read(weights, "seed", s.provenance.seed);
    read(json, "data_sha256", s.data_sha256);
    const bool possible =
        s.step >= 0 && s.epoch >= 0 && s.next >= 0 && s.tokens >= 0 && s.seconds >= 0 &&
        s.worse >= 0 && s.best_step >= 0 && s.best_step <= s.step && s.loss_scale.scale >= 1 &&
        s.loss_scale.good >= 0 && s.loss_scale.skipped >= 0 && s.loss_scale.skipped <= s.step;
    if (!possible) throw Error(Failure::file, "no training was ever there: a count is impossible");
    return s;
}

std::string damage_of_checkpoint(const std::string& path) {
    constexpr std::size_t longest_text = 64 << 20;
    const std::filesystem::path folder = path;
    try {
        const std::string list =
            read_regular_file((folder / checkpoint_sums).string(), longest_text);
        std::set<std::string> named;
        std::size_t at = 0;
        while (at < list.size()) {
            const std::size_t end = std::min(list.find('\n', at), list.size());
            const std::string line = list.substr(at, end - at);
            constexpr std::size_t hash = 64, blanks = 2;
            if (line.size() <= hash + blanks) return std::string(checkpoint_sums) + " is not whole";
            const std::string file = line.substr(hash + blanks);
            if (sha256_of_file((folder / file).string()) != line.substr(0, hash))
                return file + " is not what was written";
            named.insert(file);
            at = end + 1;
        }
        if (!named.contains(checkpoint_state))
            return std::string(checkpoint_sums) + " is not whole";
        return {};
    } catch (const Error& error) {
        return error.what();
    }
}

} // namespace sweetspot
