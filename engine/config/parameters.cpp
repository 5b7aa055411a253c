#include "engine/config/parameters.h"
#include <numeric>

namespace sweetspot {

std::int64_t Parameter::total_rows() const {
    return std::accumulate(rows.begin(), rows.end(), std::int64_t(0));
}

std::int64_t Parameter::count() const {
    return total_rows() * (columns ? columns : 1);
}

std::int64_t ModelPart::count() const {
    return (held ? weight.count() : 0) + (bias ? weight.total_rows() : 0);
}

std::optional<ModelPart> part_of(const ModelConfig& c, Part part, int layer) {
    const std::int64_t width = c.width, queries = std::int64_t(c.heads) * c.head_size,
                       keys = std::int64_t(c.kv_heads) * c.head_size, mlp = c.mlp_width;
    using Rows = std::vector<std::int64_t>;
    const auto table = [&](std::int64_t rows) {
        return ModelPart{{part, layer, false, {rows}, width}};
    };
    const auto vector = [&](std::int64_t numbers, bool bias) {
        return ModelPart{{part, layer, false, {numbers}}, bias};
    };
    const auto norm = [&] { return vector(width, c.norm == NormStyle::layer); };
    const auto linear = [&](const Rows& rows, std::int64_t columns, bool bias) {
        return ModelPart{{part, layer, false, rows, columns}, bias};
    };
    const auto where = [](bool there, ModelPart found) {
        return there ? std::optional(std::move(found)) : std::nullopt;
    };
    const bool masked = c.head == HeadStyle::masked;
    switch (part) {
    case Part::tokens: {
        ModelPart tokens = table(c.vocabulary);
        tokens.held = !c.tied_head;
        return tokens;
    }
    case Part::positions: return where(c.position == PositionStyle::learned, table(c.positions));
    case Part::rotary:
        return where(c.rotary_scaling == RotaryScaling::in_file, vector(c.head_size / 2, false));
    case Part::query_norm:
    case Part::key_norm: return where(c.qk_norm, vector(c.head_size, false));
    case Part::attention_norm:
    case Part::mlp_norm:
    case Part::final_norm: return norm();
    case Part::query_key_value: return linear({queries, keys, keys}, width, c.bias || c.qkv_bias);
    case Part::head_mlp: {
        const int heads = c.head_mlp == HeadMlp::per_head ? c.heads : 1;
        return where(
            c.head_mlp != HeadMlp::none,
            linear(Rows(std::size_t(heads * c.head_mlp_depth), c.head_size), c.head_size, true));
    }
    case Part::attention_output: return linear({width}, queries, c.bias);
    case Part::up:
        return linear(c.mlp == MlpStyle::swiglu ? Rows{mlp, mlp} : Rows{mlp}, width, c.bias);
    case Part::down: return linear({width}, mlp, c.bias);
    case Part::head_dense: return where(masked, linear({width}, width, true));
    case Part::head_norm: return where(masked, norm());
    case Part::head: {
        ModelPart head = linear({c.vocabulary}, width, masked);
        if (c.tied_head) head.stored_as = Part::tokens;
        return head;
    }
    }
    return {};
}

std::int64_t parameter_count(const ModelConfig& model) {
    std::int64_t count = 0;
    each_part(model, [&](const ModelPart& part) { count += part.count(); });
    return count;
}

} // namespace sweetspot
