#include "engine/config/packed_weights.h"
#include <algorithm>
#include <array>
#include <cctype>
#include <string>

// What is known of the keys that say how weights were packed; any other might change what they
// stand for, and is refused.

namespace sweetspot {

namespace {

[[noreturn]] void refuse(const std::string& why) {
    throw Error(Failure::unsupported, why);
}

/// Say how codes were found, or what computes with them: nothing of what they stand for.
constexpr std::array ignored{"act_group_aware",
                             "backend",
                             "batch_size",
                             "block_name_to_quantize",
                             "cache_block_outputs",
                             "damp_auto_increment",
                             "damp_percent",
                             "dataset",
                             "desc_act",
                             "disable_exllama",
                             "do_fuse",
                             "exllama_config",
                             "fuse_max_seq_len",
                             "max_input_length",
                             "meta",
                             "model_file_base_name",
                             "model_name_or_path",
                             "model_seqlen",
                             "module_name_preceding_first_block",
                             "modules_in_block_to_quantize",
                             "modules_to_fuse",
                             "modules_to_not_convert",
                             "mse",
                             "pad_token_id",
                             "static_groups",
                             "sym",
                             "tokenizer",
                             "true_sequential",
                             "use_cuda_fp16",
                             "use_exllama"};

/// Keys with the one value that is read; absent or null is as good.
struct Only {
    const char* key;
    const char* value; ///< as JSON
};
constexpr Only only[] = {
    {"is_marlin_format", "false"}, {"lm_head", "false"}, {"pack_dtype", "\"int32\""},
    {"zero_point", "true"},        {"dynamic", "{}"},    {"format", "\"gptq\""}};

class Reader {
public:
    Reader(const Json& all, std::string_view method) : all_(all), method_(method) {}

    PackedWeights read() const {
        const std::string method = text("quant_method", method_);
        if (method != "gptq" && method != "awq")
            refuse("the weights are quantised by \"" + method + "\"; gptq and awq are read");
        PackedWeights y;
        y.bits = whole("bits", whole("w_bit", 4));
        y.group = whole("group_size", whole("q_group_size", 128));
        if (y.group != -1 && y.group < 1)
            refuse("\"group_size\" is " + std::to_string(y.group) + ", not -1 or at least 1");
        if (method == "awq")
            take_awq(y);
        else
            take_gptq(y);
        for (const Only& one : only) require_only(one);
        for (const auto& [key, value] : all_.items())
            if (!known(key))
                refuse("\"" + key + "\" is no setting that is known of " + method +
                       " and might change what its weights are");
        return y;
    }

private:
    void take_gptq(PackedWeights& y) const {
        if (y.bits != 2 && y.bits != 4 && y.bits != 8)
            refuse("gptq of " + std::to_string(y.bits) + " bits; 2, 4 and 8 are read");
        const std::string format = text("checkpoint_format", "gptq");
        if (format != "gptq" && format != "gptq_v2")
            refuse("\"checkpoint_format\" is \"" + format + "\"; gptq and gptq_v2 are read");
        y.zeros_less_1 = format == "gptq";
    }
    void take_awq(PackedWeights& y) const {
        if (y.bits != 4) refuse("awq of " + std::to_string(y.bits) + " bits; 4 are read");
        std::string version = text("version", "gemm");
        std::ranges::transform(version, version.begin(),
                               [](unsigned char c) { return char(std::tolower(c)); });
        if (version != "gemm" && version != "gemv")
            refuse("\"version\" is \"" + version + "\"; gemm and gemv are read");
        y.kind =
            version == "gemm" ? PackedWeights::Kind::awq_pairs : PackedWeights::Kind::awq_plain;
    }
    const Json* find(const char* key) const {
        const Json* found = all_.find(key);
        return found && !found->is_null() ? found : nullptr;
    }
    std::string text(const char* key, std::string_view otherwise) const {
        const Json* found = find(key);
        if (!found) return std::string(otherwise);
        return within("\"" + std::string(key) + "\"", [&] { return found->get<std::string>(); });
    }
    int whole(const char* key, int otherwise) const {
        const Json* found = find(key);
        if (!found) return otherwise;
        return within("\"" + std::string(key) + "\"", [&] { return found->get<int>(); });
    }
    void require_only(const Only& one) const {
        const Json* found = find(one.key);
        if (found && *found != parse_json(one.value, "a setting's value"))
            refuse("\"" + std::string(one.key) + "\" is " + described(*found) + "; only " +
                   one.value + " is read");
    }
    static bool known(std::string_view key) {
        constexpr std::array honoured{"quant_method",     "bits",         "w_bit",
                                      "group_size",       "q_group_size", "version",
                                      "checkpoint_format"};
        return std::ranges::find(honoured, key) != honoured.end() ||
               std::ranges::find(ignored, key) != ignored.end() ||
               std::ranges::any_of(only, [&](const Only& one) { return one.key == key; });
    }

    const Json& all_;
    std::string_view method_;
};

} // namespace

PackedWeights packed_weights(const Json& settings, std::string_view method) {
    if (!settings.is_object()) refuse(described(settings) + " is not an object");
    return Reader(settings, method).read();
}

} // namespace sweetspot
