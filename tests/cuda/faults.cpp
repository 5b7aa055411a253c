// faults NAME: runs the kernel with the fault of that name in several orders of threads, and says
// what was noticed. faults sound: runs all of them without their faults. What a sanitizer finds it
// says itself.
#include "tests/cuda/faults.cuh"
#include <cstdio>
#include <functional>
#include <map>
#include <numeric>
#include <vector>

using namespace sweetspot;
using namespace sweetspot::faults;

namespace {

constexpr int count = 512;
#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t guards = 0; // its red zones shall touch the data
#else
constexpr std::size_t guards = 64;
#endif

/// Values on the device, with NaNs behind them.
template <class T>
class Values {
public:
    explicit Values(const std::vector<T>& from) : size_(from.size()) {
        check_cuda(cudaMalloc(&data_, (size_ + guards) * sizeof(T)), "cudaMalloc");
        check_cuda(cudaMemcpy(data_, from.data(), size_ * sizeof(T), cudaMemcpyDefault), "copy");
    }
    ~Values() { cudaFree(data_); }
    Values(const Values&) = delete;
    Values& operator=(const Values&) = delete;
    T* data() const { return data_; }
    std::vector<T> read() const {
        std::vector<T> all(size_ + guards);
        check_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
        check_cuda(cudaMemcpy(all.data(), data_, all.size() * sizeof(T), cudaMemcpyDefault),
                   "copy");
        for (std::size_t i = size_; i < all.size(); ++i)
            if (all[i] == all[i]) throw std::runtime_error("guard words are overwritten");
        all.resize(size_);
        return all;
    }

private:
    T* data_ = nullptr;
    std::size_t size_;
};

std::vector<float> numbers(int n) {
    std::vector<float> x(std::size_t(n), 0.0f);
    std::iota(x.begin(), x.end(), 0.0f);
    return x;
}

void expect(bool right) {
    if (!right) throw std::runtime_error("wrong result");
}

/// Value i of each block becomes the one at from(i).
void expect_moved(const std::vector<float>& values, int n, int (*from)(int)) {
    for (int i = 0; i < n; ++i)
        expect(values[std::size_t(i)] == float(i / block_size * block_size + from(i % block_size)));
}
int mirror(int i) {
    return block_size - 1 - i;
}

/// Calls a kernel on numbers(count), and returns what became of them.
template <auto kernel, class... Arguments>
std::vector<float> after(int blocks, Arguments... arguments) {
    const Values<float> values(numbers(count));
    launch_kernel<kernel>(nullptr, {unsigned(blocks), block_size}, values.data(), arguments...);
    return values.read();
}

template <bool faulty>
void sum_of_blocks() {
    const Values<float> values(std::vector<float>(16, 0));
    const Values<unsigned> arrived({0u});
    launch_kernel<no_fence<faulty>>(nullptr, {8, block_size}, values.data(), arrived.data());
    expect(values.read()[0] == 8);
}

template <bool faulty>
void sum_of_row() {
    const Values<float> values(numbers(count));
    launch_kernel<read_past_row<faulty>>(nullptr, {1, 32}, values.data(), count);
    expect(values.read()[0] == float(count * (count - 1) / 2));
}

template <bool faulty>
void copied_row() {
    const Values<float> from(numbers(4 * block_size)), to(numbers(block_size));
    launch_kernel<read_before_copy_arrived<faulty>>(nullptr, {1, block_size},
                                                    (const float*)from.data(), to.data());
    const auto values = to.read();
    for (int i = 0; i < block_size; ++i) expect(values[std::size_t(i)] == float(4 * i));
}

template <MatrixFault fault>
void product() {
    std::vector<__nv_bfloat16> a, b;
    for (int i = 0; i < 256; ++i) a.push_back(__float2bfloat16(float(i * 7 % 19 - 9)));
    for (int i = 0; i < 128; ++i) b.push_back(__float2bfloat16(float(i * 5 % 23 - 11)));
    float* device_a = nullptr;
    const Values<float> d(std::vector<float>(128, 0));
    check_cuda(cudaMalloc(&device_a, 768), "cudaMalloc");
    const auto* from_a = reinterpret_cast<__nv_bfloat16*>(device_a);
    cudaMemcpy(device_a, a.data(), 512, cudaMemcpyDefault);
    cudaMemcpy(device_a + 128, b.data(), 256, cudaMemcpyDefault);
    launch_kernel<multiply<fault>>(nullptr, {1, 32}, from_a, from_a + 256, d.data());
    const auto result = d.read();
    cudaFree(device_a);
    for (std::size_t i = 0; i < 128; ++i) {
        float sum = 0;
        for (std::size_t k = 0; k < 16; ++k)
            sum += to_float(a[i / 8 * 16 + k]) * to_float(b[k * 8 + i % 8]);
        expect(result[i] == sum);
    }
}

/// Weights are copied on a stream beside the one that computes, twice into the same buffer.
template <bool waits_for_copy, bool waits_for_use>
void copies_beside_computing() {
    cudaStream_t compute = nullptr, copies = nullptr;
    cudaStreamCreateWithFlags(&compute, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking);
    cudaEvent_t copied = nullptr, used = nullptr;
    cudaEventCreateWithFlags(&copied, cudaEventDisableTiming);
    cudaEventCreateWithFlags(&used, cudaEventDisableTiming);
    bool right = true;
    {
        const Values<float> buffer(numbers(block_size)), first(numbers(count));
        for (const int offset : {0, block_size}) {
            cudaMemcpyAsync(buffer.data(), first.data() + offset, block_size * 4, cudaMemcpyDefault,
                            copies);
            cudaEventRecord(copied, copies);
            if (waits_for_copy) cudaStreamWaitEvent(compute, copied);
            launch_kernel<no_barrier_before_read<false>>(compute, {1, block_size}, buffer.data());
            launch_kernel<copy_into_what_is_read<false>>(compute, {1, block_size}, buffer.data(),
                                                         block_size);
            cudaMemcpyAsync(first.data() + offset, buffer.data(), block_size * 4, cudaMemcpyDefault,
                            compute);
            cudaEventRecord(used, compute);
            if (waits_for_use) cudaStreamWaitEvent(copies, used);
        }
        cudaStreamSynchronize(compute);
        right = first.read() == numbers(count);
    }
    cudaEventDestroy(copied);
    cudaEventDestroy(used);
    cudaStreamDestroy(copies);
    cudaStreamDestroy(compute);
    expect(right);
}

template <bool faulty>
void host_reads() {
    const Values<float> values(numbers(count));
    expect(faulty ? values.data()[1] == 1 : values.read()[1] == 1);
}

using Run = std::function<void()>;

/// Of each fault by its name, or of its kernel without it.
template <bool f>
std::map<std::string, Run> runs() {
    using Matrix = MatrixFault;
    constexpr auto if_faulty = [](Matrix fault) { return f ? fault : Matrix::none; };
    const auto swap = [](int i) { return i ^ 1; };
    return {
        {"no_barrier_before_read",
         [] { expect_moved(after<no_barrier_before_read<f>>(1), block_size, mirror); }},
        {"no_barrier_before_overwrite",
         [] { expect_moved(after<no_barrier_before_overwrite<f>>(1, count), count, mirror); }},
        {"no_syncwarp", [=] { expect_moved(after<no_syncwarp<f>>(1), block_size, swap); }},
        {"race_of_blocks", [] { expect(after<race_of_blocks<f>>(4)[0] == 4); }},
        {"no_fence", sum_of_blocks<f>},
        {"write_past_row", [] { expect(after<write_past_row<f>>(1, count)[count - 1] == 1); }},
        {"read_past_row", sum_of_row<f>},
        {"write_past_shared",
         [] { expect_moved(after<write_past_shared<f>>(1), block_size, mirror); }},
        {"barrier_in_branch", [] { expect(after<barrier_in_branch<f>>(1)[0] == 496); }},
        {"two_barriers", [] { expect(after<two_barriers<f>>(1)[127] == 0); }},
        {"shuffle_from_exited", [] { expect(after<shuffle_from_exited<f>>(1)[1] == 18); }},
        {"read_before_copy_arrived", copied_row<f>},
        {"copy_into_what_is_read",
         [] { expect_moved(after<copy_into_what_is_read<f>>(1, count), count, mirror); }},
        {"swapped_fragment", product<if_faulty(Matrix::swapped_fragment)>},
        {"swapped_rows_of_b", product<if_faulty(Matrix::swapped_rows_of_b)>},
        {"not_transposed", product<if_faulty(Matrix::not_transposed)>},
        {"no_wait_for_copy", copies_beside_computing<!f, true>},
        {"no_wait_for_use", copies_beside_computing<true, !f>},
        {"host_reads_device_memory", host_reads<f>},
    };
}

/// In how many orders something was noticed; says what.
int noticed(const std::string& name, const Run& run) {
    using emulation::Order;
    int orders = 0;
    for (const Order& order : std::vector<Order>{
             {Order::forward}, {Order::reverse}, {Order::random, 1}, {Order::random, 2}}) {
        emulation::set_order(order);
        try {
            run();
        } catch (const std::exception& error) {
            ++orders;
            std::printf("%s: %s\n", name.c_str(), error.what());
        }
    }
    return orders;
}

} // namespace

int main(int argc, char** argv) {
    const std::string name = argc > 1 ? argv[1] : "sound";
    int failures = 0;
    if (name == "sound")
        for (const auto& [kernel, run] : runs<false>()) failures += noticed(kernel, run);
    else
        failures = noticed(name, runs<true>().at(name));
    std::printf("noticed in %d orders\n", failures);
    return failures ? 1 : 0;
}
