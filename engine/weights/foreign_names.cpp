#include "engine/weights/foreign_names.h"

namespace sweetspot {

namespace {

enum class Where { begin, middle, end };
struct Mark {
    Where where;
    std::string_view text, clause;
};
constexpr Mark marks[] = {
    {Where::begin, "module.",
     "its names begin with \"module.\", as a model wrapped for several GPUs saves them; save the "
     "model inside"},
    {Where::begin, "_orig_mod.",
     "its names begin with \"_orig_mod.\", as a compiled model saves them; save the model inside"},
    {Where::middle, ".lora_", "it is an adapter (LoRA), not a model; merge it into its model"},
    {Where::begin, "base_model.", "it is an adapter (PEFT), not a model; merge it into its model"},
    {Where::end, ".qweight",
     "its weights are quantised (GPTQ or AWQ), and no quantization_config beside them says how"},
    {Where::end, ".weight_packed",
     "its weights are quantised (compressed-tensors); F32, BF16 and F16 are read"},
    {Where::end, ".weight.absmax",
     "its weights are quantised (bitsandbytes, 4 bits); F32, BF16 and F16 are read"},
    {Where::end, ".SCB",
     "its weights are quantised (bitsandbytes, 8 bits); F32, BF16 and F16 are read"},
    {Where::end, ".weight_scale", "its weights are quantised (FP8); F32, BF16 and F16 are read"},
    {Where::end, ".weight_scale_inv",
     "its weights are quantised (FP8); F32, BF16 and F16 are read"}};

bool bears(const std::string& name, const Mark& mark) {
    switch (mark.where) {
    case Where::begin: return name.starts_with(mark.text);
    case Where::middle: return name.find(mark.text) != name.npos;
    case Where::end: return name.ends_with(mark.text);
    }
    return false;
}

} // namespace

void refuse_foreign_names(const StoredTensors& stored) {
    for (const auto& mark : marks)
        for (const auto& [name, tensor] : stored.tensors)
            if (bears(name, mark) && !(stored.packed && mark.text == ".qweight"))
                throw Error(Failure::unsupported, tensor.file->path() + ": tensor \"" + name +
                                                      "\": " + std::string(mark.clause));
}

} // namespace sweetspot
