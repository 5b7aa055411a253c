// Searches with libFuzzer: SWEETSPOT_FUZZ names the target, because the flags are libFuzzer's.
#include "tests/fuzz/targets.h"
#include <cstdio>
#include <cstdlib>
#include <string_view>

static const sweetspot::fuzz::Target* chosen = nullptr;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    const char* name = std::getenv("SWEETSPOT_FUZZ");
    sweetspot::fuzz::each_target([&](const auto& target) {
        if (name && std::string_view(name) == target.name) chosen = &target;
    });
    if (chosen) return 0;
    std::fprintf(stderr, "SWEETSPOT_FUZZ names one of these targets:\n");
    sweetspot::fuzz::each_target([](const auto& target) { std::puts(target.name); });
    std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    chosen->read(data, size);
    return 0;
}
