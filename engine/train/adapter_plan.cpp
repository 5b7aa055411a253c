#include "engine/train/adapter_plan.h"
#include "engine/config/catalogue.h"
#include "engine/config/sha256.h"
#include "engine/weights/parameters.h"
#include "engine/weights/stored_tensors.h"
#include "kernels/core/float_types.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>

// Which linears have adapters: chosen by their names, or found in a file of peft's. There, what a
// setting means is decided by one table: honoured, without effect on a step, or refused when set.

namespace sweetspot {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view outermost = "base_model.model.";

bool is_adaptable(Part part) {
    return part == Part::query_key_value || part == Part::attention_output || part == Part::up ||
           part == Part::down || part == Part::head_dense;
}

/// All linears that can have an adapter, in the order of use.
std::vector<AdaptedModule> modules_of(const ModelConfig& model) {
    std::vector<AdaptedModule> all;
    each_part(model, [&](const ModelPart& part) {
        const Parameter& weight = part.weight;
        if (!is_adaptable(weight.part)) return;
        const auto names = names_in_files(model.family, weight.part, weight.layer);
        std::int64_t first = 0;
        for (std::size_t i = 0; i < names.size(); ++i) {
            const auto rows = names.size() == 1 ? weight.total_rows() : weight.rows[i];
            all.push_back({.name = names[i],
                           .part = weight.part,
                           .layer = weight.layer,
                           .first = first,
                           .rows = rows,
                           .columns = weight.columns});
            first += rows;
        }
    });
    return all;
}

/// As peft has it: a target is a name or the end of one, at a dot.
bool matches(const std::string& name, const std::string& target) {
    return name == target || name.ends_with("." + target);
}

std::vector<std::string> parts_of(const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find('+', at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

/// What targets may be called: the modules' names without their layer.
std::string list_of(const std::vector<AdaptedModule>& modules) {
    std::string text;
    std::set<std::string> seen;
    for (const AdaptedModule& module : modules) {
        std::size_t end = module.name.size();
        const std::string number = "." + to_text(module.layer) + ".";
        const std::size_t layer = module.name.find(number);
        const std::string name =
            layer < end ? module.name.substr(layer + number.size()) : module.name;
        if (seen.insert(name).second) text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

std::vector<AdaptedModule> chosen(const std::string& targets, const ModelConfig& model) {
    const auto all = modules_of(model);
    if (targets == "all-linear") return all;
    std::vector<bool> takes(all.size(), false);
    for (const std::string& target : parts_of(targets)) {
        bool found = false;
        for (std::size_t i = 0; i < all.size(); ++i)
            if (matches(all[i].name, target)) takes[i] = found = true;
        if (!found)
            throw Error(Failure::bad_input, "lora_targets: \"" + target +
                                                "\" matches no linear of " + model.name +
                                                " that can have an adapter; there are " +
                                                list_of(all) + ", and all-linear");
    }
    std::vector<AdaptedModule> modules;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (takes[i]) modules.push_back(all[i]);
    return modules;
}

/// Set to something: what is absent, null, false, 0 or empty asks for nothing.
bool is_set(const Json& value) {
    if (value.is_null()) return false;
    if (value.is_boolean()) return value.get<bool>();
    if (value.is_number()) return value.get<double>() != 0;
    if (value.is_string()) return !value.get<std::string>().empty();
    return !value.empty();
}

/// Settings that are heeded, that say how an adapter was begun or stored, or that choose modules,
/// which its tensors show.
const std::set<std::string_view> known_settings{"peft_type",
                                                "r",
                                                "lora_alpha",
                                                "lora_dropout",
                                                "use_rslora",
                                                "target_modules",
                                                "bias",
                                                "auto_mapping",
                                                "base_model_name_or_path",
                                                "corda_config",
                                                "ensure_weight_tying",
                                                "eva_config",
                                                "exclude_modules",
                                                "fan_in_fan_out",
                                                "inference_mode",
                                                "init_lora_weights",
                                                "layers_pattern",
                                                "layers_to_transform",
                                                "loftq_config",
                                                "lora_ga_config",
                                                "megatron_core",
                                                "peft_version",
                                                "qalora_group_size",
                                                "revision",
                                                "runtime_config",
                                                "task_type"};

void check_settings(const Json& settings) {
    const auto refuse = [](const std::string& name, const Json& value) {
        throw Error(Failure::unsupported, "\"" + name + "\" is " + described(value) +
                                              ": an adapter that computes otherwise than LoRA "
                                              "does, or changes more than linears");
    };
    const Json* type = settings.find("peft_type");
    if (!type || *type != Json("LORA")) refuse("peft_type", type ? *type : Json());
    for (const auto& [name, value] : settings.items()) {
        if (name == "bias" && value != Json("none")) refuse(name, value);
        if (!known_settings.contains(name) && is_set(value)) refuse(name, value);
    }
}

float number_at(const StoredTensor& tensor, std::size_t i) {
    const auto read = [&]<class T>(T value) {
        std::memcpy(&value, tensor.bytes.data() + i * sizeof value, sizeof value);
        return to_float(value);
    };
    if (tensor.type == "BF16") return read(BFloat16{});
    return tensor.type == "F16" ? read(Float16{}) : read(0.0f);
}

/// The module that a tensor is of, and which of its matrices; null if the model has none such.
std::pair<const AdaptedModule*, char> place_of(const std::string& tensor, const ModelConfig& model,
                                               const std::vector<AdaptedModule>& all) {
    if (!tensor.starts_with(outermost)) return {};
    const std::string inner = tensor.substr(outermost.size());
    for (const AdaptedModule& module : all)
        for (const char which : {'A', 'B'}) {
            const std::string expected = module.tensor(which).substr(outermost.size());
            // Adapters of bare models leave the family's prefix out.
            if (inner == expected || prefix_in_files(model.family) + inner == expected)
                return {&module, which};
        }
    return {};
}

std::string tensors_in(const std::string& folder) {
    return (fs::path(folder) / "adapter_model.safetensors").string();
}

AdapterPlan read_plan(const std::string& folder, const ModelConfig& model, bool with_numbers) {
    const std::string path = (fs::path(folder) / "adapter_config.json").string();
    AdapterPlan plan{.settings = read_json(path)};
    within(path, [&] {
        check_settings(plan.settings);
        const auto number = [&](const char* name, double usual) {
            const Json* found = plan.settings.find(name);
            return found ? within(name, [&] { return found->get<double>(); }) : usual;
        };
        constexpr double usual_of_peft = 8;
        const double rank = number("r", usual_of_peft);
        plan.alpha = number("lora_alpha", usual_of_peft);
        if (!(rank >= 1 && rank <= 1e5 && rank == std::floor(rank)))
            throw Error(Failure::bad_input, "r is " + to_text(rank));
        plan.rank = int(rank);
        if (const Json* found = plan.settings.find("use_rslora"); found && found->is_boolean())
            plan.rslora = found->get<bool>();
    });
    const auto stored = open_weights(tensors_in(folder));
    const auto all = modules_of(model);
    std::map<const AdaptedModule*, int> matrices;
    std::vector<std::string> left;
    for (const auto& [name, tensor] : stored.tensors) {
        const auto [module, which] = place_of(name, model, all);
        if (!module) {
            left.push_back(name);
            continue;
        }
        const auto fail = [&, name = name](const std::string& what) {
            throw Error(Failure::file, stored.path + ": tensor \"" + name + "\" " + what);
        };
        const std::vector<std::int64_t> shape =
            which == 'A' ? std::vector<std::int64_t>{plan.rank, module->columns}
                         : std::vector<std::int64_t>{module->rows, plan.rank};
        if (tensor.shape != shape)
            fail("is " + shape_text(tensor.shape) + ", but " + model.name + " and r " +
                 to_text(plan.rank) + " need " + shape_text(shape));
        if (tensor.type != "F32" && tensor.type != "BF16" && tensor.type != "F16")
            fail("is of type " + tensor.type + "; F32, BF16 and F16 are read");
        ++matrices[module];
        if (!with_numbers) continue;
        auto& numbers = plan.numbers[module->tensor(which)];
        for (std::int64_t i = 0; i < shape[0] * shape[1]; ++i)
            numbers.push_back(number_at(tensor, std::size_t(i)));
    }
    if (!left.empty())
        throw Error(Failure::file, stored.path + ": " + to_text(left.size()) + " of its " +
                                       to_text(stored.tensors.size()) +
                                       " tensors have no place in " + model.name +
                                       ", the first is \"" + left.front() + "\"");
    for (const AdaptedModule& module : all) {
        const auto found = matrices.find(&module);
        if (found == matrices.end()) continue;
        if (found->second != 2)
            throw Error(Failure::file, stored.path + ": of the two matrices of \"" + module.name +
                                           "\" one is missing");
        plan.modules.push_back(module);
    }
    if (plan.modules.empty()) throw Error(Failure::file, stored.path + ": it has no adapter");
    return plan;
}

} // namespace

std::string AdaptedModule::tensor(char which) const {
    return std::string(outermost) + name + ".lora_" + which + ".weight";
}

double AdapterPlan::scale() const {
    return alpha / (rslora ? std::sqrt(double(rank)) : double(rank));
}

AdapterPlan adapter_plan(const RunConfig& run, const ModelConfig& model) {
    if (!run.adapter.empty()) return read_plan(run.adapter, model, run.device != DeviceKind::plan);
    return {.rank = run.lora_rank,
            .alpha = run.lora_alpha,
            .rslora = run.lora_rslora,
            .modules = chosen(run.lora_targets, model)};
}

std::string sha256_of_adapter(const std::string& folder) {
    return sha256_of_file(tensors_in(folder));
}

Json settings_of(const AdapterPlan& plan, const RunConfig& run, const ModelConfig& model) {
    Json settings = plan.settings;
    std::vector<std::string> targets;
    for (const AdaptedModule& module : plan.modules) targets.push_back(module.name);
    settings["peft_type"] = "LORA";
    settings["r"] = plan.rank;
    settings["lora_alpha"] = plan.alpha;
    settings["lora_dropout"] = run.lora_dropout;
    settings["use_rslora"] = plan.rslora;
    settings["target_modules"] = targets;
    settings["bias"] = "none";
    settings["fan_in_fan_out"] = model.family == Family::gpt2;
    settings["inference_mode"] = true;
    if (!settings.contains("task_type"))
        settings["task_type"] = model.causal ? Json("CAUSAL_LM") : Json();
    if (!settings.contains("base_model_name_or_path")) {
        const std::string base = weights_of(run);
        settings["base_model_name_or_path"] = base == "random" ? Json() : Json(base);
    }
    return settings;
}

} // namespace sweetspot
