#pragma once
#include "engine/data/settings.h"
#include <memory>

namespace sweetspot {

/// A part of a tokenizer.json: of_type(type, settings), or a `Sequence` of parts, which the file
/// lists under `list`; one without parts for null. Throws Error(file) for a setting nobody asked
/// for, as of_type() does for a type it does not know.
template <class Part, class Sequence, class OfType>
std::unique_ptr<Part> make_part(const Json& json, const std::string& where, const std::string& list,
                                OfType&& of_type) {
    auto sequence = std::make_unique<Sequence>();
    if (json.is_null()) return sequence;
    Settings settings(json, where);
    const std::string type = settings.text("type");
    std::unique_ptr<Part> made;
    if (type == "Sequence") {
        for (const auto& part : settings.list(list))
            sequence->parts.push_back(make_part<Part, Sequence>(part, where, list, of_type));
        made = std::move(sequence);
    } else {
        made = of_type(type, settings);
    }
    settings.finish();
    return made;
}

} // namespace sweetspot
