#include "app/experiment/identity.h"
#include "engine/config/catalogue.h"
#include "engine/config/possible.h"
#include "engine/config/regular_file.h"
#include "engine/config/resources.h"
#include "engine/config/sha256.h"
#include <set>
#include <span>

// What a configuration stands for beyond its spelling: the contents of the files that it names, and
// the place where it is measured. Between a plan and the store, which looks for a run that did the
// same.

namespace sweetspot {

namespace fs = std::filesystem;

namespace {

/// The facts with these names, as one hash; "" if one of the first `needed` is not there.
std::string hash_of_facts(const Environment& environment, std::span<const char* const> names,
                          std::size_t needed) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto fact = environment.facts.find(names[i]);
        if (fact == environment.facts.end() && i < needed) return {};
        if (fact != environment.facts.end())
            text.append(names[i]).append("=").append(fact->second).append("\n");
    }
    return hash_of_text(text);
}

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != text.npos;
}

/// tokenizer.json, tokenizer.model, tok512.bin, vocab.json, merges.txt, added_tokens.json, …
bool is_tokenizer_file(const fs::path& file) {
    const auto name = file.filename().string();
    return name.starts_with("tok") || name.ends_with(".model") || has(name, "vocab") ||
           has(name, "merges") || has(name, "tokens");
}

/// What weights, and the settings beside them, are kept in.
bool is_model_file(const fs::path& file) {
    const auto ending = file.extension();
    return ending == ".safetensors" || ending == ".bin" || ending == ".gguf" || ending == ".json" ||
           is_tokenizer_file(file);
}

/// The files of some folders that a rule picks, as one hash; "" if there are none.
std::string hash_of_folders(const std::set<fs::path>& folders, bool (*picks)(const fs::path&),
                            const HashOfFile& hash) {
    std::string text;
    for (const auto& folder : folders) {
        std::set<fs::path> files;
        std::error_code unreadable;
        for (fs::directory_iterator entry(folder, unreadable), end; !unreadable && entry != end;
             entry.increment(unreadable))
            if (std::error_code unknown; entry->is_regular_file(unknown) && picks(entry->path()))
                files.insert(entry->path());
        for (const auto& file : files) text += file.filename().string() + " " + hash(file) + "\n";
    }
    return text.empty() ? text : "files:" + sha256_of_text(text);
}

fs::path description_of(const std::string& model) {
    const fs::path place = model_place(model);
    return is_folder(place) ? place / "config.json" : place;
}

fs::path folder_of(const fs::path& path) {
    if (is_folder(path)) return path;
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// A folder, or an index, which names files beside it, stands for all of them.
std::string hash_of_weights(const std::string& path, const HashOfFile& hash) {
    if (is_folder(path) || path.ends_with(".json"))
        return hash_of_folders({folder_of(path)}, is_model_file, hash);
    return hash(path);
}

std::string hash_of_tokenizer(const RunConfig& run, const HashOfFile& hash) {
    std::set<fs::path> folders;
    std::string own;
    if (run.tokenizer == "auto") {
        for (const auto& path : {run.weights, model_place(run.model)})
            if (is_there(path)) folders.insert(folder_of(path));
    } else if (is_there(run.tokenizer)) {
        folders.insert(folder_of(run.tokenizer));
        if (!is_folder(run.tokenizer)) own = hash(run.tokenizer) + "+";
    }
    return own + hash_of_folders(folders, is_tokenizer_file, hash);
}

} // namespace

Place place_of(const Environment& environment) {
    constexpr const char* machine[] = {"host",    "cpu", "cores",          "isa",
                                       "threads", "gpu", "gpu capability", "cuda driver"};
    constexpr const char* build[] = {"build_id", "onednn", "cuda runtime"};
    return {hash_of_facts(environment, machine, 5), hash_of_facts(environment, build, 2)};
}

Contents contents_of(const RunConfig& run, const HashOfFile& hash) {
    Contents contents{{"model", hash(description_of(run.model))}};
    const auto add = [&](const char* field, const std::string& content) {
        if (!content.empty()) contents[field] = content;
    };
    const auto weights = weights_of(run); // `auto` and what it stands for are one
    add("weights", weights == "random" ? weights : hash_of_weights(weights, hash));
    if (!run.adapter.empty()) add("adapter", hash_of_weights(run.adapter, hash));
    add("tokenizer", hash_of_tokenizer(run, hash));
    if (run.data != "random") add("data", hash(located(run.data)));
    if (!run.quality_data.empty()) add("quality_data", hash(located(run.quality_data)));
    if (!run.prune_data.empty()) add("prune_data", hash(located(run.prune_data)));
    if (!run.reference.empty())
        add("reference", has_own_reference(run) ? run.reference : hash(run.reference));
    if (run.lengths.starts_with("file:")) add("lengths", hash(located(run.lengths.substr(5))));
    return contents;
}

bool leaves_files(const RunConfig& run) {
    return run.task == Task::train && !(run.save.empty() && run.checkpoint.empty());
}

} // namespace sweetspot
