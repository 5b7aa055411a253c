#include "kernels/selftest/bench.h"
#include "kernels/core/float_types.h"
#include "kernels/ops/transfer.h"
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

/// Both sides of a comparison: tensors made alike for the CPU and the device, with guard words
/// around those of the device, and what is said when the device's numbers are others.
namespace sweetspot::selftest {

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t guard_bytes = 0; // the sanitizer's red zones shall touch the data
#else
constexpr std::size_t guard_bytes = 1024;
#endif
constexpr unsigned char poison = 0xff;

float rounded_to(DType dtype, double x) {
    switch (dtype) {
    case DType::bf16: return to_float(to_bfloat16(float(x)));
    case DType::f16: return float(_Float16(float(x)));
    default: return float(x);
    }
}

double read(const unsigned char* at, DType dtype) {
    const auto as = [&]<class T>(T x) {
        std::memcpy(static_cast<void*>(&x), at, sizeof x);
        return x;
    };
    switch (dtype) {
    case DType::f32: return double(as(float{}));
    case DType::bf16: return double(to_float(as(BFloat16{})));
    case DType::f16: return double(to_float(as(Float16{})));
    case DType::i32: return double(as(std::int32_t{}));
    case DType::u8: return double(as(std::uint8_t{}));
    }
    return 0;
}

void write(unsigned char* at, DType dtype, double x) {
    const auto put = [&](auto value) { std::memcpy(at, &value, sizeof value); };
    switch (dtype) {
    case DType::f32: return put(float(x));
    case DType::bf16: return put(to_bfloat16(float(x)));
    case DType::f16: return put(_Float16(float(x)));
    case DType::i32: return put(std::int32_t(x));
    case DType::u8: return put(std::uint8_t(x));
    }
}

/// Calls visit(index, byte offset) for each element of a tensor with strided rows.
template <class Visit>
void each_element(const Shape& shape, std::int64_t row_stride, std::size_t size, Visit&& visit) {
    const std::int64_t width = row_stride ? shape[1] : shape.count();
    for (std::int64_t i = 0; i < shape.count(); ++i)
        visit(std::size_t(i), std::size_t(i / width * row_stride + i % width) * size);
}

std::string number(double x) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, x, std::chars_format::general, 3).ptr};
}

} // namespace

double epsilon_of(DType dtype) {
    switch (dtype) {
    case DType::bf16: return 0x1p-8;
    case DType::f16: return 0x1p-11;
    default: return 0x1p-24;
    }
}

std::string name_of(DType dtype) {
    return std::string(names_of(dtype)[std::size_t(dtype)]);
}

std::vector<double> as_numbers(const std::vector<std::int32_t>& x) {
    return {x.begin(), x.end()};
}

Out flat(const Value& value, Side side, std::int64_t first, std::int64_t count) {
    Out view = columns(value.out(side), first, count);
    view.row_stride = 0;
    return view;
}

In Value::in(Side side) const {
    return out(side);
}

Out Value::out(Side side) const {
    if (side == Side::reference)
        return {host_->data(), shape_, dtype_ == DType::i32 ? DType::i32 : DType::f32, row_stride_};
    return {static_cast<unsigned char*>(device_.get()) + guard_bytes, shape_, dtype_, row_stride_};
}

Bench::Bench(Context& device, MemorySource& memory, unsigned seed)
    : device_(device), memory_(memory), random_(seed) {}

Value Bench::of(Shape shape, DType dtype, const std::vector<double>& given,
                std::int64_t row_stride) {
    Value y;
    y.shape_ = shape;
    y.dtype_ = dtype;
    y.row_stride_ = row_stride;
    y.given_ = given;
    const auto count = std::size_t(row_stride ? shape[0] * row_stride : shape.count());
    y.bytes_ = count * size_of(dtype);
    y.host_ = std::make_shared<std::vector<unsigned char>>(count * 4, poison);
    std::vector<unsigned char> bytes(y.bytes_ + 2 * guard_bytes, poison);
    if (!given.empty()) {
        for (double& x : y.given_)
            if (dtype != DType::i32) x = double(rounded_to(dtype, x));
        const DType host = dtype == DType::i32 ? DType::i32 : DType::f32;
        each_element(shape, row_stride, 1, [&](std::size_t i, std::size_t at) {
            write(y.host_->data() + at * 4, host, y.given_.at(i));
            write(bytes.data() + guard_bytes + at * size_of(dtype), dtype, y.given_.at(i));
        });
    }
    void* device = memory_.reserve(bytes.size());
    require(device, Failure::out_of_memory, "the device has memory for a case");
    MemorySource& memory = memory_;
    y.device_ = {device, [&memory, size = bytes.size()](void* p) { memory.release(p, size); }};
    const Shape all{std::int64_t(bytes.size())};
    sweetspot::run(Upload{.x = {bytes.data(), all, DType::u8}, .y = {device, all, DType::u8}},
                   device_);
    return y;
}

Value Bench::normal(Shape shape, DType dtype, double deviation, std::int64_t row_stride) {
    std::normal_distribution<double> normal(0, deviation);
    std::vector<double> values(std::size_t(shape.count()), 0.0);
    for (double& x : values) x = normal(random_);
    return of(shape, dtype, values, row_stride);
}

Value Bench::uniform(Shape shape, DType dtype, double low, double high) {
    std::uniform_real_distribution<double> uniform(low, high);
    std::vector<double> values(std::size_t(shape.count()), 0.0);
    for (double& x : values) x = uniform(random_);
    return of(shape, dtype, values);
}

Value Bench::integers(Shape shape, std::int32_t low, std::int32_t high) {
    std::uniform_int_distribution<std::int32_t> uniform(low, high - 1);
    std::vector<double> values(std::size_t(shape.count()), 0.0);
    for (double& x : values) x = uniform(random_);
    return of(shape, DType::i32, values);
}

Value Bench::output(Shape shape, DType dtype, std::int64_t row_stride) {
    return of(shape, dtype, {}, row_stride);
}

std::vector<unsigned char> Bench::device_bytes(const Value& value) {
    std::vector<unsigned char> bytes(value.bytes_ + 2 * guard_bytes);
    const Shape all{std::int64_t(bytes.size())};
    sweetspot::run(
        Download{.x = {value.device_.get(), all, DType::u8}, .y = {bytes.data(), all, DType::u8}},
        device_);
    device_.synchronize();
    return bytes;
}

bool Bench::guards_whole(const Value& value, const std::vector<unsigned char>& bytes) const {
    std::vector<unsigned char> copy = bytes;
    const std::size_t size = size_of(value.dtype_);
    each_element(value.shape_, value.row_stride_, size, [&](std::size_t, std::size_t at) {
        std::memset(copy.data() + guard_bytes + at, poison, size);
    });
    return std::all_of(copy.begin(), copy.end(), [](unsigned char x) { return x == poison; });
}

std::vector<double> Bench::on_device(const Value& value) {
    const auto bytes = device_bytes(value);
    std::vector<double> y(std::size_t(value.shape_.count()));
    each_element(value.shape_, value.row_stride_, size_of(value.dtype_),
                 [&](std::size_t i, std::size_t at) {
                     y[i] = read(bytes.data() + guard_bytes + at, value.dtype_);
                 });
    return y;
}

std::vector<double> Bench::reference(const Value& value) const {
    std::vector<double> y(std::size_t(value.shape_.count()));
    const DType dtype = value.dtype_ == DType::i32 ? DType::i32 : DType::f32;
    each_element(value.shape_, value.row_stride_, 4, [&](std::size_t i, std::size_t at) {
        y[i] = read(value.host_->data() + at, dtype);
    });
    return y;
}

void Bench::expect(bool holds, const std::string& what) {
    if (!holds) failures_.push_back(what);
}

void Bench::expect_close(const Value& value, double limit, const std::string& what) {
    expect(guards_whole(value, device_bytes(value)), what + ": written past the end");
    const auto actual = on_device(value), expected = reference(value);
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        if (std::isnan(expected[i]) && std::isnan(actual[i])) continue;
        difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
        size += expected[i] * expected[i];
    }
    const double error = std::sqrt(difference / std::max(size, 1e-300));
    expect(error <= limit, what + ": " + number(error) + " off, at most " + number(limit));
}

void Bench::expect_within(const Value& value, double limit, const std::string& what) {
    expect(guards_whole(value, device_bytes(value)), what + ": written past the end");
    const auto actual = on_device(value), expected = reference(value);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        if (std::abs(actual[i] - expected[i]) <= limit) continue;
        expect(false, what + "[" + std::to_string(i) + "]: " + number(actual[i]) + ", not " +
                          number(expected[i]));
        return;
    }
}

void Bench::expect_unchanged(const Value& value, const std::string& what) {
    expect(guards_whole(value, device_bytes(value)), what + ": written past the end");
    expect(on_device(value) == value.given_, what + ": changed");
}

std::vector<std::string> run_case(const Case& test, Context& device, MemorySource& memory,
                                  unsigned seed) {
    std::vector<std::string> failures;
    try {
        Bench bench(device, memory, seed);
        test.run(bench);
        failures = bench.failures();
    } catch (const std::exception& error) { // an Error, or what the emulation says of a kernel
        failures.push_back(error.what());
    }
    for (std::string& failure : failures) failure = test.name + ": " + failure;
    return failures;
}

} // namespace sweetspot::selftest
