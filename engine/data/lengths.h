#pragma once
#include "engine/data/random.h"
#include <string>
#include <vector>

namespace sweetspot {

/// Endless lengths of sequences, in letters or tokens before special ones; the same for the same
/// seed on every machine. The rules, each cut at `longest`:
///   fixed                    always `longest`
///   uniform:LOW:HIGH         every length from LOW to HIGH alike
///   lognormal:MEDIAN:SIGMA   exp of a normal with mean ln(MEDIAN) and deviation SIGMA, at least 1
///   file:PATH                those of a file, in a random order, then in another; see read_lengths
class LengthSource {
public:
    /// Throws Error: bad_input for a rule that is none of these or has impossible numbers, file.
    LengthSource(const std::string& rule, int longest, std::uint64_t seed);

    int next();

private:
    enum class Kind { fixed, uniform, lognormal, file };
    void read_rule(const std::string& rule);
    int draw();

    Kind kind_ = Kind::fixed;
    double first_ = 0, second_ = 0; ///< LOW and HIGH, or MEDIAN and SIGMA
    std::vector<int> pool_;
    std::size_t used_ = 0; ///< of the pool, since it was last shuffled
    int longest_;
    Random random_;
};

/// The lengths in a file: an integer a line, with '#' before comments; or those of the sequences of
/// FASTA, CSV or text. Throws Error(file) that names file and line.
std::vector<int> read_lengths(const std::string& path);

} // namespace sweetspot
