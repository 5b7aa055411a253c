#include "engine/config/catalogue.h"
#include "engine/weights/source.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

namespace sweetspot::fuzz {

namespace {

/// Takes all that a model needs, and looks at each byte of it.
void take(const ModelConfig& model, const StoredTensors& stored) {
    std::uint8_t sum = 0;
    for (const auto& [name, tensor] : stored.tensors) {
        const auto all = tensor.file->bytes();
        expect(tensor.bytes.empty() ||
                   (tensor.bytes.data() >= all.data() &&
                    tensor.bytes.data() + tensor.bytes.size() <= all.data() + all.size()),
               name + " lies in its file");
        for (const auto byte : tensor.bytes) sum ^= std::uint8_t(byte);
    }
    HostAllocator memory;
    Context context(CpuStream{.threads = 1}, memory);
    FileWeights weights(model, stored, context);
    each_part(model, [&](const ModelPart& part) {
        if (!part.held) return;
        for (const In& found : weights.find(part.weight)) {
            const auto* bytes = static_cast<const std::uint8_t*>(found.data);
            for (std::size_t i = 0; i < found.bytes(); ++i) sum ^= bytes[i];
        }
    });
    weights.check_copies();
    weights.finish();
    [[maybe_unused]] static volatile std::uint8_t kept;
    kept = sum;
}

void safetensors(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto path = folder.write("model.safetensors", text_of(data, size));
    refusable([&] { take(tiny_llama(), open_weights(path)); });
}

/// An index and one of the files that it may name.
void weights_index(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto [index, shard] = parts_of<2>(text_of(data, size));
    folder.write("a.safetensors", shard);
    const auto path = folder.write("model.safetensors.index.json", index);
    refusable([&] { take(tiny_llama(), open_weights(path)); });
}

/// llama2.c's .bin: the model and its weights.
void llama2c(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto path = folder.write("model.bin", text_of(data, size));
    refusable([&] { take(load_model_config(path), open_weights(path)); });
}

/// llama.cpp's .gguf likewise.
void gguf(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto path = folder.write("model.gguf", text_of(data, size));
    refusable([&] { take(load_model_config(path), open_weights(path)); });
}

/// A checkpoint of words of few bits, and what says how they are packed.
void packed_weights(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto [config, weights] = parts_of<2>(text_of(data, size));
    folder.write("config.json", config);
    const auto path = folder.write("model.safetensors", weights);
    ModelConfig model = tiny_llama();
    model.width = model.head_size = model.mlp_width = 8; // codes of a word
    refusable([&] { take(model, open_weights(path)); });
}

constexpr Target targets[] = {{"safetensors", safetensors},
                              {"weights_index", weights_index},
                              {"llama2c", llama2c},
                              {"gguf", gguf},
                              {"packed_weights", packed_weights}};

} // namespace

std::span<const Target> weights_targets() {
    return targets;
}

} // namespace sweetspot::fuzz
