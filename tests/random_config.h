#pragma once
#include "engine/config/run_config.h"
#include <map>
#include <random>
#include <string>
#include <vector>

namespace sweetspot {

/// Draws configurations that are valid field by field, so that scopes are met in all combinations;
/// many of them are impossible as a whole.
class RandomConfigs {
public:
    explicit RandomConfigs(unsigned seed) : random_(seed) {}
    /// Values for a field instead of those that are drawn usually.
    std::map<std::string, std::vector<std::string>> own{};

    RunConfig next() {
        RunConfig config;
        each_field(config, [&](const Field& field, auto& value) {
            const auto texts = values(field, value);
            if (below(2) == 0) from_text(texts[below(texts.size())], value);
        });
        return config;
    }

    /// The config with another value of the field.
    RunConfig other(const RunConfig& config, std::string_view name) {
        RunConfig changed = config;
        each_field(changed, [&](const Field& field, auto& value) {
            if (field.name != name) return;
            for (const std::string& text : values(field, value))
                if (to_text(value) == get_field(config, name)) from_text(text, value);
        });
        return changed;
    }

private:
    std::size_t below(std::size_t count) { return random_() % count; }

    template <class T>
    std::vector<std::string> values(const Field& field, const T& any) const {
        if (const auto found = own.find(std::string(field.name)); found != own.end())
            return found->second;
        if (auto names = choices(any); !names.empty()) return names;
        if constexpr (std::is_same_v<T, std::string>) return {"random", "some", ""};
        if constexpr (std::is_integral_v<T>) return {"1", "2", "3"};
        return {"0", "0.25", "0.5"};
    }

    std::mt19937 random_;
};

} // namespace sweetspot
