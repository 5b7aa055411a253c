#pragma once
#include "kernels/core/context.h"
#include "kernels/core/pool.h"
#include <functional>
#include <random>
#include <string>
#include <vector>

/// Ops on a device against the same ops on the CPU: run where there is a GPU by `sweetspot-worker
/// selftest`, and in tests on the CPU under the emulation.
namespace sweetspot::selftest {

/// Which of its two copies a tensor gives an op: `reference` is f32 on the CPU, `device` has the
/// type under test, on the device.
enum class Side { reference, device };

/// A tensor of a case. On the device it lies between guard words, and so do the gaps of strided
/// rows; all bytes that were not set are 0xff: NaN, or -1. Both sides hold the same numbers, those
/// that the tested type can hold.
class Value {
public:
    In in(Side) const;
    Out out(Side) const;
    const Shape& shape() const { return shape_; }

private:
    friend class Bench;
    Shape shape_{};
    DType dtype_ = DType::f32;
    std::int64_t row_stride_ = 0;
    std::vector<double> given_{};                        ///< empty for an output
    std::shared_ptr<std::vector<unsigned char>> host_{}; ///< the reference's copy
    std::shared_ptr<void> device_{};                     ///< guards, data, guards
    std::size_t bytes_ = 0;                              ///< of the data, gaps included
};

/// Makes tensors, runs ops on both sides, and compares. One per case.
class Bench {
public:
    /// Nothing is owned.
    Bench(Context& device, MemorySource& memory, unsigned seed);

    Value of(Shape, DType, const std::vector<double>&, std::int64_t row_stride = 0);
    Value normal(Shape, DType, double deviation = 1, std::int64_t row_stride = 0);
    Value uniform(Shape, DType, double low, double high);
    Value integers(Shape, std::int32_t low, std::int32_t high); ///< in [low, high), i32
    Value output(Shape, DType, std::int64_t row_stride = 0);    ///< poisoned

    /// Runs make(Side::reference) on the CPU and make(Side::device) on the device.
    template <class Make>
    void run(Make&& make) {
        sweetspot::run(make(Side::reference), cpu_);
        sweetspot::run(make(Side::device), device_);
    }
    /// The same with another op as the reference, or several: fused kernels.
    template <class Make, class Reference>
    void run(Make&& make, Reference&& reference) {
        reference(cpu_);
        sweetspot::run(make(Side::device), device_);
    }

    /// The device's numbers are the reference's: root mean square of the differences over that of
    /// the reference at most `limit`, no NaN that the reference has not, guard words whole.
    void expect_close(const Value&, double limit, const std::string& what = "");
    /// Every number, by at most `limit`, e.g. 0 for what is only moved.
    void expect_within(const Value&, double limit, const std::string& what = "");
    /// What went in is as it was, guard words too.
    void expect_unchanged(const Value&, const std::string& what = "");
    void expect(bool, const std::string& what);

    std::vector<double> on_device(const Value&); ///< what the device has
    std::vector<double> reference(const Value&) const;
    const std::vector<std::string>& failures() const { return failures_; }
    Context& device() { return device_; }
    Context& cpu() { return cpu_; }
    std::mt19937& random() { return random_; }

private:
    std::vector<unsigned char> device_bytes(const Value&);
    bool guards_whole(const Value&, const std::vector<unsigned char>& bytes) const;

    Context& device_;
    MemorySource& memory_;
    HostAllocator host_{};
    Context cpu_{CpuStream{.threads = 1}, host_};
    std::mt19937 random_;
    std::vector<std::string> failures_{};
};

/// A rounding's share of a number of this type: what limits are multiples of.
double epsilon_of(DType);
std::string name_of(DType); ///< "bf16"
std::vector<double> as_numbers(const std::vector<std::int32_t>&);
/// Elements [first, first + count) of a value of one row, as one row.
Out flat(const Value&, Side, std::int64_t first, std::int64_t count);

struct Case {
    std::string name; ///< op and what is special, e.g. "norm, rms, width 65, bf16"
    std::function<void(Bench&)> run;
};

/// Those of all families of ops (kernels/ops/list.h), each by a function of its own:
/// `std::vector<Case> norm_cases()`.
std::vector<Case> all_cases();

/// What went wrong, a sentence each, e.g. "norm, rms, width 65, bf16: y: 0.3 off, at most 0.004".
/// An exception that a case throws is one of them.
std::vector<std::string> run_case(const Case&, Context& device, MemorySource&, unsigned seed);

} // namespace sweetspot::selftest
