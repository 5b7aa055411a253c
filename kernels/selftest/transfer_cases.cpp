#include "kernels/core/float_types.h"
#include "kernels/ops/transfer.h"
#include "kernels/selftest/bench.h"
#include "kernels/selftest/file_tensor.h"
#include <algorithm>

namespace sweetspot::selftest {

namespace {

void check_upload(Bench& t, DType from, DType to, std::int64_t count) {
    const Value x = t.normal({count}, from), y = t.output({count}, to);
    const FileTensor file(x.in(Side::reference).as<float>(), {count}, from);
    const Value expected = t.of({count}, to, t.reference(x));
    t.run([&](Side side) { return Upload{.x = file.in(), .y = y.out(side)}; },
          [&](Context&) {
              std::copy_n(expected.in(Side::reference).as<float>(), count,
                          y.out(Side::reference).as<float>());
          });
    t.expect_within(y, 0, "y");
}

template <class T>
void check_download(Bench& t, DType type, std::int64_t count) {
    const Value x = t.normal({count}, type);
    std::vector<T> host(std::size_t(count) + 1, T{});
    sweetspot::run(Download{.x = x.in(Side::device), .y = {host.data(), {count}, type}},
                   t.device());
    t.device().synchronize();
    std::vector<double> numbers(host.size());
    std::transform(host.begin(), host.end(), numbers.begin(),
                   [](T number) { return double(to_float(number)); });
    std::vector<double> expected = t.reference(x);
    expected.push_back(0); // behind the end
    t.expect(numbers == expected, "what arrives is what was there, and nothing behind it");
}

} // namespace

std::vector<Case> transfer_cases() {
    std::vector<Case> cases;
    for (const DType from : {DType::f32, DType::bf16, DType::f16})
        for (const DType to : {DType::f32, DType::bf16, DType::f16})
            for (const std::int64_t count : {1, 1023})
                cases.push_back({"upload, " + std::to_string(count) + ", " + name_of(from) +
                                     " to " + name_of(to),
                                 [=](Bench& t) { check_upload(t, from, to, count); }});
    for (const std::int64_t count : {1, 1023}) {
        cases.push_back({"download, " + std::to_string(count) + ", f32",
                         [=](Bench& t) { check_download<float>(t, DType::f32, count); }});
        cases.push_back({"download, " + std::to_string(count) + ", bf16",
                         [=](Bench& t) { check_download<BFloat16>(t, DType::bf16, count); }});
    }
    return cases;
}

} // namespace sweetspot::selftest
