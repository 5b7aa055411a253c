#include "engine/config/catalogue.h"
#include "engine/config/json.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

namespace sweetspot::fuzz {

namespace {

/// What is read is the same when it is written and read again.
void json(const std::uint8_t* data, std::size_t size) {
    refusable([&] {
        const Json read = parse_json(text_of(data, size), "the text");
        const std::string written = dump(read);
        expect(parse_json(written, "what was written") == read, written);
        expect(parse_json(dump(read, 2), "the same with indents") == read, written);
    });
}

/// A config.json of Hugging Face's, or a model in our own fields.
void model(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto path = folder.write("config.json", text_of(data, size));
    refusable([&] {
        const ModelConfig model = load_model_config(path);
        if (model.layers < 1000)
            expect(parameter_count(model) > 0, to_text(parameter_count(model)));
    });
}

constexpr Target targets[] = {{"json", json}, {"model", model}};

} // namespace

std::span<const Target> config_targets() {
    return targets;
}

} // namespace sweetspot::fuzz
