#pragma once
#include "engine/config/json.h"
#include <string_view>

namespace sweetspot {

/// How a checkpoint has its linears' weights as whole numbers of few bits in words of 32, as GPTQ's
/// and AWQ's tools write them: qweight, qzeros, scales, perhaps g_idx in place of weight. A number
/// is scale · (code - zero).
struct PackedWeights {
    enum class Kind {
        gptq,      ///< codes of one output lie along the inputs, zeros along the outputs
        awq_pairs, ///< both along the outputs, eight at a time in the order 0 2 4 6 1 3 5 7 (gemm)
        awq_plain, ///< both along the inputs, in order (gemv)
    } kind = Kind::gptq;
    int bits = 4;
    int group = 128;           ///< inputs with one scale and zero; -1: all
    bool zeros_less_1 = false; ///< zeros are stored less 1: GPTQ's first format
};

/// From "quantization_config" of a config.json, or a whole quantize_config.json. Throws
/// Error(unsupported), by name, for another method and for what might say something else.
/// `method` is what it is of, if it does not say.
PackedWeights packed_weights(const Json&, std::string_view method = "gptq");

} // namespace sweetspot
