// Ceilings are the best of some rounds of one thing, each long enough for the clock. A
// CPU's bandwidth is that of libc's fastest loops, each thread on memory of its own: memchr, which
// reads until it finds what is not there, and memcpy.
#include "app/worker/ceilings.h"
#include "app/experiment/statistics.h"
#include "app/experiment/unix_seconds.h"
#include "app/worker/disturbance.h"
#include "app/worker/environment.h"
#include "engine/device/device.h"
#include "kernels/cuda/device.h"
#include "kernels/ops/matmul.h"
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <thread>

namespace sweetspot {

namespace {

constexpr int rounds = 15;
constexpr double least_round_seconds = 0.02;
constexpr std::size_t kibibyte = 1024, mebibyte = 1024 * kibibyte;

/// `amount` is of one call of `once`; `seconds` says what so many calls take.
Ceiling measured(const std::string& name, const std::string& unit, double amount,
                 const std::function<double(int)>& seconds) {
    int calls = 1;
    double took = seconds(1);
    while (took < least_round_seconds && calls < (1 << 24)) {
        calls = int(std::ceil(calls * std::clamp(1.2 * least_round_seconds / took, 1.5, 10.0)));
        took = seconds(calls);
    }
    std::vector<double> rates;
    for (int i = 0; i < rounds; ++i) rates.push_back(amount * calls / seconds(calls));
    const Summary summary = summarize(rates);
    return {name, unit, summary.high, (summary.p75 - summary.p25) / 2 / summary.median};
}

/// Each thread on its own pages, which it touched first.
class MemoryLoops {
public:
    MemoryLoops(int threads, std::size_t bytes) : bytes_(bytes) {
        for (int i = 0; i < threads; ++i) {
            from_.emplace_back(bytes, '\0');
            to_.emplace_back(bytes, '\0');
        }
    }
    double read(int calls) {
        return run([&](std::size_t i) {
            for (int call = 0; call < calls; ++call)
                found_ += std::memchr(from_[i].data(), 1, bytes_) != nullptr;
        });
    }
    double copy(int calls) {
        return run([&](std::size_t i) {
            for (int call = 0; call < calls; ++call) {
                std::memcpy(to_[i].data(), from_[i].data(), bytes_);
                asm volatile("" : : "r"(to_[i].data()) : "memory"); // it is really done
            }
        });
    }

private:
    template <class Work>
    double run(Work&& work) {
        HostClock clock;
        return seconds_of(clock, [&] {
            std::vector<std::jthread> others;
            for (std::size_t i = 1; i < from_.size(); ++i) others.emplace_back(work, i);
            work(0);
        });
    }
    std::size_t bytes_;
    std::vector<std::string> from_{}, to_{};
    std::atomic<int> found_ = 0;
};

std::string size_name(std::size_t bytes) {
    return bytes < mebibyte ? std::to_string(bytes / kibibyte) + " KiB"
                            : std::to_string(bytes / mebibyte) + " MiB";
}

void add_memory_of_cpu(int threads, std::vector<Ceiling>& all) {
    // A thread's; the last is beyond every cache that two processors could share.
    for (const std::size_t bytes : {16 * kibibyte, 256 * kibibyte, 4 * mebibyte, 128 * mebibyte}) {
        MemoryLoops loops(threads, bytes);
        const std::string where = bytes == 128 * mebibyte ? "" : ", " + size_name(bytes);
        const double amount = double(bytes) * threads;
        all.push_back(
            measured("read" + where, "B/s", amount, [&](int n) { return loops.read(n); }));
        all.push_back(
            measured("copy" + where, "B/s", 2 * amount, [&](int n) { return loops.copy(n); }));
    }
}

void add_memory_of_gpu(CudaDevice& gpu, DeviceClock& clock, std::vector<Ceiling>& all) {
    constexpr std::size_t bytes = 1024 * mebibyte;
    PoolAllocator pool(gpu.memory(MemoryKind::device));
    const Buffer from(pool, bytes, Purpose::workspace), to(pool, bytes, Purpose::workspace);
    const auto transfers = gpu.transfers(0);
    all.push_back(measured("copy", "B/s", 2.0 * bytes, [&](int calls) {
        return seconds_of(clock, [&] {
            for (int i = 0; i < calls; ++i)
                transfers->copy(Transfers::compute, to.data(), from.data(), bytes);
        });
    }));
}

/// A square product with packed weights, as layers have them.
void add_products(DeviceContext& device, std::int64_t side, DType dtype,
                  std::vector<Ceiling>& all) {
    Context& context = device.context();
    const auto zeros = [&](Shape shape) {
        Tensor tensor(context.allocator, shape, dtype);
        if (!context.on_gpu()) std::memset(tensor.as<void>(), 0, shape.count() * size_of(dtype));
        return tensor;
    };
    const Tensor a = zeros({side, side}), weight = zeros(packed_shape(side, side, dtype)),
                 c = zeros({side, side});
    const MatMul product{.a = a, .weight = {.data = weight, .n = side, .k = side}, .c = c};
    try {
        run(product, context);
        context.synchronize();
    } catch (const Error& error) { // a type that this device does not have has no ceiling
        if (error.kind == Failure::unsupported) return;
        throw;
    }
    const std::string name = "matmul, " + std::string(names_of(dtype)[std::size_t(dtype)]);
    all.push_back(measured(name, "FLOP/s", product.cost().flops, [&](int calls) {
        return seconds_of(device.clock(), [&] {
            for (int i = 0; i < calls; ++i) run(product, context);
        });
    }));
}

} // namespace

Ceilings measure_ceilings(const RunConfig& config) {
    require(config.device != DeviceKind::plan, Failure::bad_input,
            "the device plan computes nothing: it has no ceilings; choose cpu or cuda");
    DeviceContext device(config);
    Ceilings y{.unix_seconds = unix_seconds()};
    const MachineUse before = machine_use();
    if (CudaDevice* gpu = device.gpu()) {
        y.device = gpu->info().name;
        add_memory_of_gpu(*gpu, device.clock(), y.all);
        for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
            add_products(device, 8192, dtype, y.all);
        return y;
    }
    y.threads = thread_count(config);
    y.device = environment(y.threads).facts.at("cpu");
    add_memory_of_cpu(y.threads, y.all);
    for (const DType dtype : {DType::f32, DType::bf16}) add_products(device, 2048, dtype, y.all);
    y.disturbance = disturbance(before, machine_use());
    return y;
}

} // namespace sweetspot
