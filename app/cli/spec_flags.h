#pragma once
#include "app/experiment/plan.h"
#include <CLI/CLI.hpp>
#include <map>
#include <memory>

namespace sweetspot {

/// The flags that say what to run, made from the field list: a spec file, a flag for each field
/// with lists and ranges of values, generic axes and the short spellings people know from
/// llama-bench and nvbench.
class SpecFlags {
public:
    /// Adds the flags to a command. This object must live until it is parsed.
    void add_to(CLI::App& command);

    /// The spec they ask for: several values of a field are an axis, in the fields' order; one
    /// value goes to the base; either replaces what a spec file says of that field. Throws
    /// Error(bad_input) with a sentence for each mistake, a missing file included.
    Spec spec() const { return spec_with(""); }

    /// Likewise with something more: "field=value,field=value", which outweighs the flags, or the
    /// spec file or experiment to take in place of SPEC.
    Spec spec_with(const std::string& more) const;

private:
    void collect(std::map<std::string, std::vector<std::string>>& values) const;

    std::string file_;
    std::map<std::string, std::vector<std::string>> by_field_; ///< as written
    std::vector<std::string> axes_;                            ///< FIELD=VALUES
    std::string exactly_, max_noise_percent_, name_;
    bool no_warmup_ = false, zip_ = false;
};

} // namespace sweetspot
