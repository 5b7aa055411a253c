#pragma once
#include "engine/config/json.h"
#include "engine/config/model_config.h"
#include <optional>
#include <string>
#include <vector>

namespace sweetspot {

/// A model from Hugging Face's config.json of a family that known_families() has, with the defaults
/// of transformers' configuration classes. Throws Error that names the setting: bad_input for a
/// value of the wrong type, unsupported for what the engine cannot compute and for a key it does
/// not know, which might change what is computed.
ModelConfig model_from_hugging_face(const Json&, const std::string& what);

/// The same config.json for a model of which heads and MLP channels were taken out; nothing if
/// files of its family cannot say that heads are of another size than channels over heads.
std::optional<Json> with_fewer(Json values, const ModelConfig& left);

/// What becomes of one key of a config.json.
struct ForeignSetting {
    std::string model_type; ///< of known_families(), or "all"
    std::string key;
    std::string use;      ///< honoured; ignored; or the values that alone are supported, as JSON
    std::string standard; ///< what holds where the key is absent, as JSON; "" if it must be there
    std::string meaning;  ///< what it decides, or why nothing depends on it
};
/// What a config.json calls a family.
std::string model_type_of(Family);
/// All keys that are known.
std::vector<ForeignSetting> foreign_settings();

} // namespace sweetspot
