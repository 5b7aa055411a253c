#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <thread>

#include "scheduler.h"
#include "watch.h"

// A launch on the CPU: what CUDA would refuse is refused, then its blocks run on threads of the
// host, and theirs in the order that a test asks for.

namespace emulation {
namespace {

std::size_t shared_limit = 163 * 1024; // that this one does: compute capability 8.0

constexpr std::size_t threads_worth_a_helper = 2048; // fewer are done before it has started

// For ThreadSanitizer the fibers of a block are threads: if the next block had the same ones, their
// races would not be seen.
#ifdef EMULATION_TSAN
constexpr std::size_t runners = 2;
#else
constexpr std::size_t runners = 1;
#endif

Order order_from_environment() {
    const char* value = std::getenv("EMULATION_ORDER");
    std::string name = value ? value : "forward";
    if (name == "forward") return {Order::forward, 0};
    if (name == "reverse") return {Order::reverse, 0};
    return {Order::random, std::strtoull(name.c_str(), nullptr, 10)};
}
Order chosen_order = order_from_environment();

/// Blocks are kept for later launches with as many threads, as their fibers' stacks are costly to
/// map: kernels of several sizes in turn mapped them anew each time, four fifths of a training.
class BlockPool {
public:
    std::unique_ptr<Block> take(std::size_t threads) {
        std::lock_guard lock(mutex_);
#ifdef EMULATION_TSAN // each fiber is a thread to it, and their number makes it slow
        std::erase_if(blocks_, [&](const auto& kept) { return kept.first != threads; });
#endif
        auto& kept = blocks_[threads];
        if (kept.empty()) return std::make_unique<Block>();
        auto block = std::move(kept.back());
        kept.pop_back();
        return block;
    }
    void give_back(std::unique_ptr<Block> block, std::size_t threads) {
        std::lock_guard lock(mutex_);
        blocks_[threads].push_back(std::move(block));
    }

private:
    std::mutex mutex_;
    std::map<std::size_t, std::vector<std::unique_ptr<Block>>> blocks_;
};
BlockPool pool;

unsigned worker_count() {
#ifdef EMULATION_TSAN // as above
    const unsigned usual = 1;
#else
    const unsigned usual = std::thread::hardware_concurrency();
#endif
    const char* value = std::getenv("EMULATION_THREADS");
    return std::max(1u, value ? unsigned(std::atoi(value)) : usual);
}

} // namespace

std::size_t most_shared_bytes() {
    return shared_limit;
}

void set_shared_limit(std::size_t bytes) {
    shared_limit = bytes;
}

void set_order(Order order) {
    chosen_order = order;
}

Order current_order() {
    return chosen_order;
}

void check_shape(const Launch& launch) {
    const dim3 grid = launch.grid, shape = launch.block;
    if (std::size_t(grid.x) * grid.y * grid.z == 0 || grid.y > 65535 || grid.z > 65535 ||
        grid.x > 0x7fffffff)
        throw Error(std::string(launch.kernel) + ": invalid grid");
    if (std::size_t(shape.x) * shape.y * shape.z - 1 >= 1024 || shape.z > 64)
        throw Error(std::string(launch.kernel) + ": invalid block");
    if (launch.shared_bytes > shared_limit)
        throw Error(std::string(launch.kernel) + ": " + std::to_string(launch.shared_bytes) +
                    " bytes of shared memory, and this GPU gives a block " +
                    std::to_string(shared_limit));
}

void run_grid(const Launch& launch) {
    note({.what = Done::kernel,
          .name = launch.kernel,
          .grid = launch.grid,
          .block = launch.block,
          .shared_bytes = launch.shared_bytes});
    const dim3 grid = launch.grid;
    const std::size_t blocks = std::size_t(grid.x) * grid.y * grid.z;
    const std::size_t block_threads = std::size_t(launch.block.x) * launch.block.y * launch.block.z;
    std::vector<std::uint32_t> sequence(blocks);
    std::iota(sequence.begin(), sequence.end(), 0u);
    const Order order = chosen_order;
    if (order.kind == Order::reverse) std::ranges::reverse(sequence);
    if (order.kind == Order::random)
        std::ranges::shuffle(sequence, std::minstd_rand(unsigned(order.seed)));

    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::exception_ptr error;
    auto work = [&] {
        std::array<std::unique_ptr<Block>, runners> blocks_in_turn;
        for (auto& runner : blocks_in_turn) runner = pool.take(block_threads);
        try {
            for (std::size_t i, turn = 0; (i = next++) < blocks; ++turn) {
                const unsigned b = sequence[i];
                blocks_in_turn[turn % runners]->run(
                    launch, {b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y}, order);
            }
        } catch (...) {
            next = blocks;
            std::lock_guard lock(mutex);
            if (!error) error = std::current_exception();
        }
        for (auto& runner : blocks_in_turn) {
            runner->observe_threads();
            pool.give_back(std::move(runner), block_threads);
        }
    };
    {
        std::vector<std::jthread> helpers;
        static const unsigned workers = worker_count();
        const std::size_t worth = blocks * block_threads / threads_worth_a_helper;
        for (std::size_t i = 1; i < std::min<std::size_t>({workers, blocks, worth + 1}); ++i)
            helpers.emplace_back(work);
        work();
    }
    if (error) std::rethrow_exception(error);
}

} // namespace emulation
