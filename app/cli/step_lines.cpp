#include "app/cli/step_lines.h"
#include "app/analysis/format.h"

namespace sweetspot {

std::optional<std::string> StepLines::add(const Measured& sample) {
    std::optional<std::string> line;
    if (sample.index != step_) line = take();
    step_ = sample.index;
    samples_[sample.metric] = sample.value;
    return line;
}

std::optional<std::string> StepLines::take() {
    if (!samples_.contains("train_loss")) { // of no step
        samples_.clear();
        return {};
    }
    std::string line = "step " + std::to_string(step_ + 1) + "/" + std::to_string(scale_.steps);
    const auto value = [&](std::string_view metric) {
        const auto found = samples_.find(metric);
        return found == samples_.end() ? 0 : found->second;
    };
    const auto add = [&](const std::string& text) { line += " · " + text; };
    add("loss " + format_number(value("train_loss"), 5));
    if (samples_.contains("validation_loss"))
        add("validation " + format_number(value("validation_loss"), 5));
    if (samples_.contains("gradient_norm"))
        add("gradient norm " + format_number(value("gradient_norm")));
    else
        add("skipped: gradients overflowed");
    if (samples_.contains("loss_scale")) add("loss scale " + format_number(value("loss_scale")));
    add("lr " + format_number(value("learning_rate")));
    const double seconds = value("step_seconds"), tokens = value("step_tokens");
    add(format_value(seconds, "s"));
    if (seconds > 0) {
        if (scale_.ceiling > 0 && scale_.flops_a_token > 0)
            add("MFU " +
                format_value(scale_.flops_a_token * tokens / seconds / scale_.ceiling, "share"));
        add(format_value(tokens / seconds, "tokens/s"));
    }
    samples_.clear();
    return line;
}

} // namespace sweetspot
