#pragma once
#include "app/experiment/record.h"
#include <string>
#include <string_view>
#include <vector>

namespace sweetspot {

/// What a device gave at best when it was measured.
struct Ceiling {
    std::string name{}; ///< "copy", "read, 256 KiB", "matmul, bf16"
    std::string unit{}; ///< "B/s" or "FLOP/s"
    double value = 0;   ///< the best of its rounds
    double spread = 0;  ///< half the width between its quartiles, as a share of the median

    bool operator==(const Ceiling&) const = default;
};

/// All of one device, measured together.
struct Ceilings {
    std::string device{}; ///< the processor's or the GPU's name, as a run's environment has it
    int threads = 0;      ///< of the CPU; 0 for a GPU
    double unix_seconds = 0;
    double disturbance = 0; ///< share of the processors that others took meanwhile
    std::vector<Ceiling> all{};

    /// Bytes a second of main memory, the greater of read and copy; 0 if it was not measured.
    double bandwidth() const;
    /// FLOP/s of matrix products whose inputs are of this type; likewise.
    double compute(DType) const;

    bool operator==(const Ceilings&) const = default;
};

/// What a run's share of these ceilings is of, as metrics of the run: ceiling_flops_per_second of
/// products in that precision, ceiling_bytes_per_second; each only where it was measured.
std::vector<Metric> metrics_of(const Ceilings&, Precision);

/// One JSON object on one line, without the break.
std::string to_json_line(const Ceilings&);
/// Throws Error(bad_input), a sentence.
Ceilings ceilings_from_json_line(std::string_view line);

} // namespace sweetspot
