#include "kernels/ops/dropout.h"
#include "kernels/selftest/bench.h"

namespace sweetspot::selftest {

std::vector<Case> dropout_cases() {
    std::vector<Case> cases;
    for (const DType type : {DType::f32, DType::bf16, DType::f16})
        for (const std::int64_t width : {1, 3, 33, 1400})
            for (const std::int64_t first : {0, 1})
                cases.push_back({"dropout, " + std::to_string(width) + " from " +
                                     std::to_string(first) + ", " + name_of(type),
                                 [=](Bench& t) {
                                     const Value x = t.normal({1, first + 3 * width}, type);
                                     t.run([&](Side side) {
                                         Out some = columns(x.out(side), first, 3 * width);
                                         some.shape = {3, width};
                                         some.row_stride = 0;
                                         return Drop{.x = some,
                                                     .dropout = {.probability = 0.3f, .seed = 7}};
                                     });
                                     t.expect_close(x, 2 * epsilon_of(type), "x");
                                 }});
    return cases;
}

} // namespace sweetspot::selftest
