#include "engine/config/sha256.h"
#include "engine/quality/reference.h"
#include "engine/train/adapter_plan.h"
#include "engine/train/training_state.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"

// What a training or a scored run goes on from: adapters of peft's, checkpoints, references.

namespace sweetspot::fuzz {

namespace {

/// peft's two files. What is read is the same when its settings are written and read again.
void adapter(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto [settings, tensors] = parts_of<2>(text_of(data, size));
    folder.write("adapter_config.json", settings);
    folder.write("adapter_model.safetensors", tensors);
    const ModelConfig model = tiny_llama();
    RunConfig run;
    run.adapter = folder.path("");
    refusable([&] {
        const AdapterPlan read = adapter_plan(run, model);
        expect(read.rank > 0 && !read.modules.empty(), "an adapter has a rank and modules");
        for (const AdaptedModule& module : read.modules) {
            expect(read.numbers.at(module.tensor('A')).size() ==
                       std::size_t(read.rank * module.columns),
                   "A of " + module.name);
            expect(read.numbers.at(module.tensor('B')).size() ==
                       std::size_t(module.rows * read.rank),
                   "B of " + module.name);
        }
        folder.write("adapter_config.json", dump(settings_of(read, run, model)));
        const AdapterPlan same = adapter_plan(run, model);
        expect(same.rank == read.rank && same.alpha == read.alpha && same.rslora == read.rslora &&
                   same.modules.size() == read.modules.size(),
               dump(read.settings));
    });
}

/// A checkpoint's list of hashes and its state. What is damaged has a sentence; what is read is the
/// same when it is written and read again.
void training_state(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto [sums, text] = parts_of<2>(text_of(data, size));
    folder.write(checkpoint_sums, sums);
    folder.write(checkpoint_state, text);
    const std::string whole = sha256_of_text(text) + "  " + checkpoint_state;
    if (damage_of_checkpoint(folder.path("")).empty())
        expect(sums.find(whole) != sums.npos, "what is whole has the state's hash");
    folder.write(checkpoint_sums, whole + "\n");
    const std::string damage = damage_of_checkpoint(folder.path(""));
    const bool is_pointer = text.starts_with("version https://git-lfs.github.com/spec/");
    expect(damage.empty() || is_pointer, damage);
    refusable([&] {
        const TrainingState read = state_of(parse_json(text, "the state"));
        expect(read.step >= 0 && read.epoch >= 0 && read.next >= 0, "counts are from 0");
        const Json written = json_of(read);
        expect(json_of(state_of(written)) == written, dump(written));
    });
}

/// A reference: what follows its hash, or, after a byte that is odd, the whole file.
void reference(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return;
    static const Folder folder;
    const std::string rest(text_of(data + 1, size - 1));
    const bool whole = data[0] % 2 == 1;
    const auto path =
        folder.write("run.reference",
                     whole ? rest : "SWEETSPOT REFERENCE 1 " + sha256_of_text(rest) + "\n" + rest);
    refusable([&] {
        const Reference read = read_reference(path);
        expect(read.logits.size() == std::size_t(read.head.tokens * read.head.vocabulary),
               "as many logits as the head says");
        write_reference(read, path);
        const Reference same = read_reference(path);
        write_reference(same, path);
        expect(read_reference(path).sha256 == same.sha256, "the same when written again");
    });
}

constexpr Target targets[] = {
    {"adapter", adapter}, {"training_state", training_state}, {"reference", reference}};

} // namespace

std::span<const Target> training_targets() {
    return targets;
}

} // namespace sweetspot::fuzz
