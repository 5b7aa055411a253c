#pragma once
#include "app/experiment/record.h"
#include <map>
#include <optional>

namespace sweetspot {

/// What the steps of a training are held against.
struct StepScale {
    int steps = 0;            ///< that there will be
    double flops_a_token = 0; ///< predicted; 0 = unknown
    double ceiling = 0;       ///< FLOP/s of matrix products, measured on this device; 0 = unknown
};

/// Makes a line of each step's samples: "step 12/200 · loss 3.41 · gradient norm 0.8 · …".
class StepLines {
public:
    explicit StepLines(StepScale scale) : scale_(scale) {}

    /// The line of the step before, if this sample begins another.
    std::optional<std::string> add(const Measured&);
    /// That of the last step, once.
    std::optional<std::string> take();

private:
    StepScale scale_;
    int step_ = -1;
    std::map<std::string, double, std::less<>> samples_{};
};

} // namespace sweetspot
