#pragma once
#include "app/experiment/spec.h"

namespace sweetspot {

/// What there is to say of a spec's fields before it runs, by field, in words without a full stop.
struct SpecNotes {
    /// What a field is for that no point uses: "task generate".
    std::map<std::string, std::string> unused{};
    /// Of what is asked for in vain, or has less effect than it seems: "temperature changes
    /// nothing: it is for task generate". What cannot be is not here: its points say why.
    std::map<std::string, std::string> sentences{};
};
SpecNotes notes_on(const Spec&);

} // namespace sweetspot
