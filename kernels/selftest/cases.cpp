#include "kernels/ops/list.h"
#include "kernels/selftest/bench.h"
#include <algorithm>

namespace sweetspot::selftest {

#define DECLARE(Op, family, compiled) std::vector<Case> family##_cases();
SWEETSPOT_OPS(DECLARE)
#undef DECLARE

std::vector<Case> all_cases() {
    std::vector<std::vector<Case> (*)()> families;
#define ADD(Op, family, compiled) families.push_back(family##_cases);
    SWEETSPOT_OPS(ADD)
#undef ADD
    families.erase(std::unique(families.begin(), families.end()), families.end());
    std::vector<Case> all;
    for (const auto family : families) {
        auto cases = family();
        all.insert(all.end(), cases.begin(), cases.end());
    }
    return all;
}

} // namespace sweetspot::selftest
