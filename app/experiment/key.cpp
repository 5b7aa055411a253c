#include "app/experiment/key.h"
#include "engine/config/sha256.h"

namespace sweetspot {

std::string point_text(const RunConfig& config, const Contents& contents) {
    static const RunConfig usual;
    const RunConfig c = canonical(config);
    std::map<std::string_view, std::string> named;
    each_run_field([&](const Field& field, auto member) {
        const auto content = contents.find(field.name);
        if (content != contents.end() && field.scope.applies(config))
            named[field.name] = content->second;
        else if (c.*member != usual.*member)
            named[field.name] = to_text(c.*member);
    });
    std::string text; // lengths keep apart what values might imitate
    for (const auto& [name, value] : named) {
        text.append(name).append(1, '=').append(to_text(value.size()));
        text.append(1, ':').append(value).append(1, '\n');
    }
    return text;
}

std::string hash_of(const RunConfig& config, const Contents& contents) {
    return hash_of_text(point_text(config, contents));
}

std::string hash_of_text(std::string_view text) {
    return sha256_of_text(text).substr(0, 16);
}

} // namespace sweetspot
