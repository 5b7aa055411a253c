#include "kernels/selftest/bench.h"

namespace sweetspot::selftest {

std::vector<Case> all_cases() {
    std::vector<Case> all;
    for (const auto family :
         {activation_cases, attention_backward_cases, attention_cache_cases, attention_cases,
          dropout_cases, elementwise_cases, embedding_cases, fused_cases, loss_cases, matmul_cases,
          norm_cases, rotary_cases, transfer_cases}) {
        auto cases = family();
        all.insert(all.end(), cases.begin(), cases.end());
    }
    return all;
}

} // namespace sweetspot::selftest
