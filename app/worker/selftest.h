#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace sweetspot {

struct SelftestOptions {
    int gpu = 0;
    unsigned seed = 1;  ///< of the inputs
    std::string only{}; ///< cases whose names contain this; empty = all
    bool models = true; ///< whole models too, not ops alone
};

/// Runs every op and whole models on the GPU and on the CPU, with random inputs and poisoned
/// outputs between guard words, and compares. Says a line for each family of cases and each
/// failure. Returns how many checks failed. Throws Error(device) if there is no such GPU.
int run_selftest(const SelftestOptions&, const std::function<void(const std::string&)>& say);

} // namespace sweetspot
