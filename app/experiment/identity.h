#pragma once
#include "app/experiment/key.h"
#include "app/experiment/record.h"
#include <filesystem>
#include <functional>

/// What a run is told apart by: what was computed, not how it was spelled.
///
/// The *point* is the configuration with hashes of the contents of the files that it reads in place
/// of their paths: hash_of(config, contents). History and comparison go by it. A number that was
/// measured stands for a new measurement only at the same *place*, too: on the same machine, with
/// the same instruction set and threads, by the same build.
namespace sweetspot {

/// Both are hashes, "" where the facts do not tell.
struct Place {
    std::string machine{}; ///< of host, processor, cores, instruction set, threads, GPU and driver
    std::string build{};   ///< of the worker's program and the libraries it brings along
    bool is_known() const { return !machine.empty() && !build.empty(); }
    bool operator==(const Place&) const = default;
};
Place place_of(const Environment&);

/// Gives what stands for a file's content, e.g. its SHA-256. Throws Error(file).
using HashOfFile = std::function<std::string(const std::filesystem::path&)>;

/// The contents of the files that a configuration names in model, weights, adapter, tokenizer,
/// data, lengths, quality_data and reference. Of a folder those count that a model or tokenizer may
/// consist of; of the tokenizer `auto`, those beside the weights and the model. Throws what `hash`
/// does.
Contents contents_of(const RunConfig&, const HashOfFile& hash);

/// Whether a run is for what it writes, too, e.g. trained weights: an earlier one stands in for no
/// such run.
bool leaves_files(const RunConfig&);

} // namespace sweetspot
