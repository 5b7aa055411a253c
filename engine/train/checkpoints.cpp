#include "engine/train/checkpoints.h"
#include "engine/config/json.h"
#include "engine/config/regular_file.h"
#include "engine/config/sha256.h"
#include "engine/device/device.h"
#include "engine/train/trained_files.h"
#include "engine/weights/stored_tensors.h"
#include "kernels/cpu/isa.h"
#include "kernels/ops/transfer.h"
#include <algorithm>
#include <filesystem>
#include <set>

// Checkpoints are folders whose names hold their steps. A reader believes none whose files are not
// what SHA256SUMS says; a writer touches none that is there until the new one has its name.

namespace sweetspot {

namespace fs = std::filesystem;

namespace {

constexpr const char *moments = "optimizer.safetensors", *best_link = "best";
constexpr std::string_view prefix = "step-", partial = ".partial", removed = ".removed";
constexpr std::size_t digits = 8;

std::string name_of(int step) {
    std::string number = to_text(step);
    number.insert(0, digits - std::min(digits, number.size()), '0');
    return std::string(prefix) + number;
}

/// The steps of those in a folder, the newest first.
std::vector<int> steps_in(const std::string& folder) {
    std::vector<int> steps;
    std::error_code unreadable;
    for (const auto& entry : fs::directory_iterator(folder, unreadable)) {
        const std::string name = entry.path().filename().string();
        int step = 0;
        if (name.starts_with(prefix) && from_text(name.substr(prefix.size()), step) &&
            name == name_of(step))
            steps.push_back(step);
    }
    std::ranges::sort(steps, std::greater());
    return steps;
}

/// Fields that may differ between a training's beginning and the rest of it: when it ends, what is
/// kept of it, and how it is watched.
bool may_change(const Field& field, const RunConfig& run) {
    static const std::set<std::string_view> names{
        "train_seconds", "train_tokens",       "patience", "save",
        "save_merged",   "memory_limit_bytes", "data"};
    if (field.name == "steps") return run.schedule == Schedule::constant;
    return field.group == Checkpointing::group || field.group == Measurement::group ||
           names.contains(field.name) || field.name == "threads";
}

Json fields_of(const RunConfig& run) {
    Json fields = Json::object();
    const RunConfig asked = canonical(run);
    each_field(asked, [&](const Field& field, const auto& value) {
        fields.add(std::string(field.name), to_text(value));
    });
    return fields;
}

/// "learning_rate is 0.01, was 0.001"; "" if this run goes on with the one that was written.
std::string differences(const Json& written, const RunConfig& run) {
    static const RunConfig usual;
    std::string text;
    const RunConfig now = canonical(run);
    each_run_field([&](const Field& field, auto member) {
        if (may_change(field, run)) return;
        const Json* stored = written.find(field.name); // fields of later versions are missing
        const std::string was = stored ? stored->get<std::string>() : to_text(usual.*member),
                          is = to_text(now.*member);
        if (is == was) return;
        text += (text.empty() ? "" : "; ") + std::string(field.name) + " is " +
                (is.empty() ? "empty" : is) + ", was " + (was.empty() ? "empty" : was);
    });
    return text;
}

/// What decides the order in which a machine adds up.
Json machine_of(const RunConfig& run) {
    return {{"threads", thread_count(run)}, {"isa", to_text(isa())}};
}

Json json_of(const TrainingState& state, const RunConfig& run) {
    Json json = json_of(state);
    json.add("machine", machine_of(run));
    json.add("fields", fields_of(run));
    return json;
}

/// The optimizer's tensors by name.
template <class Visit>
void each_moment(const Learned& learned, Visit&& visit) {
    if (learned.mean.present()) visit("mean " + learned.name(), learned.mean);
    if (learned.square.present()) visit("square " + learned.name(), learned.square);
}

void write_moments(const std::string& path, const TrainedModel& trained, Context& context) {
    std::vector<TensorShape> shapes;
    for (const Learned& learned : trained.learned())
        each_moment(learned, [&](const std::string& name, const Tensor& tensor) {
            const Shape shape = tensor.shape();
            shapes.push_back({name, {shape.sizes.begin(), shape.sizes.begin() + shape.rank}});
        });
    if (shapes.empty()) return; // plain gradient steps keep nothing
    NewTensorFile file(path, shapes);
    for (const Learned& learned : trained.learned())
        each_moment(learned, [&](const std::string&, const Tensor& tensor) {
            file.add(on_host(tensor.out(), context));
        });
    file.commit();
}

void write_text(const fs::path& path, const std::string& text) {
    NewFile file(path.string());
    file.write(text);
    file.commit();
}

/// Of a folder that is not needed: what fails here fails nobody.
void remove_folder(const fs::path& folder) {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
}

} // namespace

Checkpoints::Checkpoints(const RunConfig& run) : run_(run) {
    make_folder(run_.checkpoint);
    std::vector<fs::path> leftovers;
    std::error_code unreadable;
    for (const auto& entry : fs::directory_iterator(run_.checkpoint, unreadable)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(prefix) && (name.ends_with(partial) || name.ends_with(removed)))
            leftovers.push_back(entry.path());
    }
    for (const auto& leftover : leftovers) remove_folder(leftover);
}

std::optional<Checkpoint> Checkpoints::newest(const std::string& data_sha256) const {
    std::string damaged;
    for (const int step : steps_in(run_.checkpoint)) {
        const fs::path folder = fs::path(run_.checkpoint) / name_of(step);
        if (const std::string what = damage_of_checkpoint(folder.string()); !what.empty()) {
            damaged += (damaged.empty() ? "" : "; ") + folder.string() + " is corrupt: " + what;
            continue;
        }
        const std::string path = (folder / checkpoint_state).string();
        return within(path, [&] {
            const Json json = read_json(path);
            Checkpoint y{.folder = folder.string(), .state = state_of(json), .note = damaged};
            std::string other = differences(member_of(json, "fields"), run_);
            if (y.state.data_sha256 != data_sha256)
                other += std::string(other.empty() ? "" : "; ") + "the data are others";
            if (!other.empty())
                throw Error(Failure::bad_input, "this checkpoint is another training's: " + other +
                                                    "; name another checkpoint folder, or go on "
                                                    "as it began");
            if (const Json& then = member_of(json, "machine"), now = machine_of(run_);
                !(then == now))
                y.note += std::string(y.note.empty() ? "" : "; ") + "it began with " + dump(then) +
                          " and goes on with " + dump(now) + ", which may round otherwise";
            return y;
        });
    }
    if (!damaged.empty())
        throw Error(Failure::file, "no checkpoint in " + run_.checkpoint +
                                       " is whole, and none was begun anew over them: " + damaged);
    return {};
}

void Checkpoints::write(const TrainedModel& trained, const TrainingState& state,
                        Context& context) const {
    const fs::path all = run_.checkpoint, place = all / name_of(state.step),
                   folder = place.string() + std::string(partial);
    try {
        remove_folder(folder);
        save_trained(folder.string(), run_, trained, context);
        write_moments((folder / moments).string(), trained, context);
        write_text(folder / checkpoint_state, dump(json_of(state, run_), 2) + "\n");
        std::set<std::string> files;
        for (const auto& entry : fs::directory_iterator(folder))
            files.insert(entry.path().filename().string());
        std::string list;
        for (const auto& file : files)
            list += sha256_of_file((folder / file).string()) + "  " + file + "\n";
        write_text(folder / checkpoint_sums, list);
        remove_folder(place); // a corrupt one of the same step that was passed over
        rename_for_good(folder.string(), place.string());
    } catch (const Error& error) {
        remove_folder(folder);
        throw Error(error.kind, "the checkpoint of step " + to_text(state.step) + ": " +
                                    error.what() + "; those before it are as they were");
    }
    remove_old(state);
}

void Checkpoints::remove_old(const TrainingState& state) const {
    const fs::path all = run_.checkpoint;
    const std::vector<int> steps = steps_in(all.string());
    const bool best_is_there = state.best_loss && std::ranges::count(steps, state.best_step);
    if (best_is_there) {
        const std::string link = (all / best_link).string(), fresh = link + std::string(partial);
        std::error_code ignored;
        fs::remove(fresh, ignored);
        fs::create_directory_symlink(name_of(state.best_step), fresh, ignored);
        if (!ignored) rename_for_good(fresh, link);
    }
    for (std::size_t i = std::size_t(run_.checkpoint_keep); i < steps.size(); ++i) {
        if (best_is_there && steps[i] == state.best_step) continue;
        const fs::path old = all / name_of(steps[i]), away = old.string() + std::string(removed);
        std::error_code problem;
        fs::rename(old, away, problem); // half a checkpoint is none
        if (!problem) remove_folder(away);
    }
}

/// The head on sequences, which is no part of a model's files.
static void restore_head(const Checkpoint& checkpoint, TrainedModel& trained, Context& context) {
    const std::string path = (fs::path(checkpoint.folder) / sequence_head_file).string();
    std::optional<StoredTensors> stored;
    for (const Learned& learned : trained.learned()) {
        if (!learned.of_head) continue;
        if (!stored) stored = open_weights(path);
        const Out value = learned.value();
        const auto found = stored->tensors.find(learned.name());
        if (found == stored->tensors.end() || found->second.type != "F32" ||
            found->second.bytes.size() != In(value).bytes())
            throw Error(Failure::file,
                        path + ": tensor \"" + learned.name() + "\" is missing or of another size");
        run(Upload{.x = {found->second.bytes.data(), value.shape, DType::f32}, .y = value},
            context);
        trained.refresh(learned);
    }
}

void restore_optimizer(const Checkpoint& checkpoint, TrainedModel& trained, Context& context) {
    restore_head(checkpoint, trained, context);
    const std::string path = (fs::path(checkpoint.folder) / moments).string();
    std::optional<StoredTensors> stored;
    for (const Learned& learned : trained.learned())
        each_moment(learned, [&](const std::string& name, const Tensor& tensor) {
            if (!stored) stored = open_weights(path);
            const auto found = stored->tensors.find(name);
            if (found == stored->tensors.end() || found->second.type != "F32" ||
                found->second.bytes.size() != tensor.in().bytes())
                throw Error(Failure::file, path + ": tensor \"" + name +
                                               "\" is missing or of "
                                               "another size");
            run(Upload{.x = {found->second.bytes.data(), tensor.shape(), DType::f32},
                       .y = tensor.out()},
                context);
        });
}

} // namespace sweetspot
