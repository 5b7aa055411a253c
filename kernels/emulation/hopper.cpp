#include "hopper.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <vector>

namespace emulation {
namespace {

constexpr unsigned warpgroup_size = 128;
constexpr unsigned chunk_bytes = 16; // what a swizzle moves

[[noreturn]] void fail_at(Place place, const std::string& what) {
    const std::string file = place.file_name();
    fail(file.substr(file.rfind('/') + 1) + ":" + std::to_string(place.line()) + ": " + what);
}

/// What an mbarrier object is here; on a GPU its bits are nobody's business.
struct Phase {
    std::int32_t missing_bytes;
    std::uint16_t missing_arrivals;
    std::uint16_t arrivals : 15, parity : 1;
};
static_assert(sizeof(Phase) == sizeof(std::uint64_t));

Phase& phase_of(std::uint64_t* barrier, Place place) {
    check_shared(barrier, sizeof *barrier, "mbarrier", place);
    return reinterpret_cast<Phase&>(*barrier);
}

void end_if_complete(Phase& phase) {
    if (phase.missing_arrivals == 0 && phase.missing_bytes == 0) {
        phase.missing_arrivals = phase.arrivals;
        phase.parity = !phase.parity;
    }
    look_again();
}

struct NamedBarrier {
    int arrived = 0, threads = 0;
    unsigned generation = 0;
};

/// The products that one thread has started.
struct Started {
    std::vector<std::vector<Wgmma>> groups; // committed, and not known to be done
    std::vector<Wgmma> open;
    std::map<float*, std::vector<float>> values; // of accumulators that are NaN meanwhile
    bool fenced = false;
};

struct Warpgroup {
    std::array<Started, warpgroup_size> threads;
    unsigned waiting = 0, generation = 0;
    int pending = 0;
};

struct Hopper {
    std::array<NamedBarrier, 16> barriers;
    std::map<unsigned, Warpgroup> warpgroups;
};

Hopper& hopper() {
    std::any& memory = block_memory();
    if (!memory.has_value()) memory.emplace<Hopper>();
    return *std::any_cast<Hopper>(&memory);
}

Warpgroup& own_warpgroup() {
    return hopper().warpgroups[threadIdx.x / warpgroup_size];
}
Started& own() {
    return own_warpgroup().threads[threadIdx.x % warpgroup_size];
}

/// "Swizzling Modes", 128 bytes: bits 4 to 6 of the address are changed by bits 7 to 9.
unsigned swizzled(unsigned address) {
    return address ^ (address >> 3 & 0x70);
}

float element(const Wgmma& op, std::uint16_t bits) {
    if (op.half) return float(std::bit_cast<_Float16>(bits));
    return std::bit_cast<float>(std::uint32_t(bits) << 16);
}

/// The fields of "Matrix Descriptor Format".
struct Descriptor {
    unsigned address, leading_bytes, stride_bytes;

    Descriptor(const Wgmma& op, std::uint64_t bits) {
        const auto field = [&](int bit) { return unsigned(bits >> bit & 0x3fff) << 4; };
        address = field(0), leading_bytes = field(16), stride_bytes = field(32);
        if (bits >> 62 != 1 || (bits >> 49 & 7) != 0)
            fail_at(op.place,
                    "only descriptors of the 128-byte swizzle at its beginning are known");
    }

    void read(const Wgmma& op, unsigned at, float (&x)[8]) const {
        std::uint16_t bits[8];
        std::memcpy(bits, shared_pointer(swizzled(at), chunk_bytes, "wgmma", op.place), 16);
        for (int i = 0; i < 8; ++i) x[i] = element(op, bits[i]);
    }
    /// Eight elements along k of one row of A or column of B, K-major.
    void read_k(const Wgmma& op, unsigned line, unsigned k, float (&x)[8]) const {
        read(op, address + line / 8 * stride_bytes + line % 8 * 128 + k * 2, x);
    }
    /// Eight columns of B at one k, MN-major.
    void read_n(const Wgmma& op, unsigned k, unsigned n, float (&x)[8]) const {
        read(op, address + n / 64 * leading_bytes + n % 64 * 2 + k / 8 * stride_bytes + k % 8 * 128,
             x);
    }
};

/// By the layouts of "Register Fragments": calls visit(thread, row, index of a register, column)
/// for the first of the two neighbouring columns that a register of A, or two floats of D, hold.
template <class Visit>
void each_pair(unsigned columns, Visit&& visit) {
    for (unsigned thread = 0; thread < warpgroup_size; ++thread)
        for (unsigned i = 0; i < columns / 4; ++i)
            visit(thread, thread / 32 * 16 + thread % 32 / 4 + i % 2 * 8, i,
                  i / 2 * 8 + thread % 4 * 2);
}

/// The product that all threads of a warpgroup started as their number `index` of a group.
void multiply(Warpgroup& warpgroup, std::size_t index) {
    const auto op_of = [&](unsigned thread) -> const Wgmma& {
        return warpgroup.threads[thread].groups.front().at(index);
    };
    const Wgmma& op = op_of(0);
    for (unsigned thread = 0; thread < warpgroup_size; ++thread) {
        const Wgmma& other = op_of(thread);
        if (other.count != op.count || other.b_descriptor != op.b_descriptor ||
            other.a_descriptor != op.a_descriptor || other.add != op.add)
            fail_at(other.place, "the threads of a warpgroup start different products");
    }
    const unsigned columns = unsigned(op.count) * 2;
    static thread_local float a[64][16], b[16][256];
    static thread_local double d[64][256];
    float x[8];
    if (op.a)
        each_pair(16, [&](unsigned thread, unsigned row, unsigned i, unsigned column) {
            const std::uint32_t pair = op_of(thread).a[i];
            a[row][column] = element(op, std::uint16_t(pair));
            a[row][column + 1] = element(op, std::uint16_t(pair >> 16));
        });
    else
        for (unsigned row = 0; row < 64; ++row)
            for (unsigned k = 0; k < 16; k += 8) {
                Descriptor(op, op.a_descriptor).read_k(op, row, k, x);
                std::copy_n(x, 8, &a[row][k]);
            }
    const Descriptor descriptor(op, op.b_descriptor);
    if (op.b_mn_major)
        for (unsigned k = 0; k < 16; ++k)
            for (unsigned n = 0; n < columns; n += 8) {
                descriptor.read_n(op, k, n, x);
                std::copy_n(x, 8, &b[k][n]);
            }
    else
        for (unsigned n = 0; n < columns; ++n)
            for (unsigned k = 0; k < 16; k += 8) {
                descriptor.read_k(op, n, k, x);
                for (unsigned i = 0; i < 8; ++i) b[k + i][n] = x[i];
            }
    const auto value = [&](unsigned thread, unsigned i) {
        return warpgroup.threads[thread].values.at(op_of(thread).d).data() + 2 * i;
    };
    each_pair(columns, [&](unsigned thread, unsigned row, unsigned i, unsigned column) {
        for (unsigned j = 0; j < 2; ++j) d[row][column + j] = op.add ? value(thread, i)[j] : 0;
    });
    for (unsigned row = 0; row < 64; ++row)
        for (unsigned k = 0; k < 16; ++k)
            for (unsigned n = 0; n < columns; ++n) d[row][n] += double(a[row][k] * b[k][n]);
    each_pair(columns, [&](unsigned thread, unsigned row, unsigned i, unsigned column) {
        for (unsigned j = 0; j < 2; ++j) value(thread, i)[j] = float(d[row][column + j]);
    });
}

/// Accumulators that nothing is adding to any more get their values.
void deliver(Started& started) {
    const auto uses = [](const std::vector<Wgmma>& group, const float* d) {
        return std::ranges::any_of(group, [&](const Wgmma& op) { return op.d == d; });
    };
    std::erase_if(started.values, [&](const auto& entry) {
        if (uses(started.open, entry.first) ||
            std::ranges::any_of(started.groups,
                                [&](const auto& group) { return uses(group, entry.first); }))
            return false;
        std::ranges::copy(entry.second, entry.first);
        return true;
    });
}

} // namespace

void mbarrier_init(std::uint64_t* barrier, unsigned arrivals, Place place) {
    phase_of(barrier, place) = {0, std::uint16_t(arrivals), std::uint16_t(arrivals), 0};
}

void mbarrier_arrive(std::uint64_t* barrier, unsigned expected_bytes, Place place) {
    Phase& phase = phase_of(barrier, place);
    if (phase.arrivals == 0x7fff) fail_at(place, "an mbarrier that was not initialised");
    if (phase.missing_arrivals == 0) fail_at(place, "more arrivals than the mbarrier expects");
    phase.missing_bytes += std::int32_t(expected_bytes);
    --phase.missing_arrivals;
    end_if_complete(phase);
}

void mbarrier_wait(std::uint64_t* barrier, unsigned parity, Place place) {
    const Phase& phase = phase_of(barrier, place);
    wait_until([&phase, parity] { return phase.parity != parity; }, "mbarrier_wait", place);
}

void tma_load(void* tile, const CUtensorMap& map, std::array<int, 3> corner, std::uint64_t* barrier,
              Place place) {
    Phase& phase = phase_of(barrier, place);
    const unsigned start = shared_address(tile);
    const unsigned line_bytes = map.box[0] * 2, lines = map.box[1] * map.box[2];
    if (map.rank != 3 || start % 128 != 0 || line_bytes != 128)
        fail_at(place, "only aligned boxes of three dimensions and 128-byte lines are known");
    std::memset(shared_pointer(start, lines * line_bytes, "TMA", place), 0xff, lines * line_bytes);
    do_beside([=, &phase] {
        for (unsigned line = 0; line < lines; ++line) {
            const std::int64_t y = corner[1] + std::int64_t(line % map.box[1]);
            const std::int64_t z = corner[2] + std::int64_t(line / map.box[1]);
            const auto within = [&](std::int64_t at, int dimension) {
                return at >= 0 && std::uint64_t(at) < map.sizes[dimension];
            };
            for (unsigned i = 0; i < map.box[0]; ++i) {
                const std::int64_t x = corner[0] + std::int64_t(i);
                std::uint16_t bits = 0;
                if (within(x, 0) && within(y, 1) && within(z, 2))
                    std::memcpy(&bits,
                                map.data + 2 * x + y * std::int64_t(map.strides[0]) +
                                    z * std::int64_t(map.strides[1]),
                                2);
                const unsigned at = swizzled(start + line * line_bytes + 2 * i);
                std::memcpy(shared_pointer(at, 2, "TMA", place), &bits, 2);
            }
        }
        phase.missing_bytes -= std::int32_t(lines * line_bytes);
        end_if_complete(phase);
    });
}

void named_barrier(int number, int threads, bool waits, Place place) {
    if (number < 1 || number > 15 || threads % 32 != 0) fail_at(place, "no such named barrier");
    NamedBarrier& barrier = hopper().barriers[std::size_t(number)];
    if (barrier.arrived > 0 && barrier.threads != threads)
        fail_at(place, "the threads expect different numbers at a named barrier");
    barrier.threads = threads;
    const unsigned generation = barrier.generation;
    if (++barrier.arrived == threads) {
        barrier.arrived = 0;
        ++barrier.generation;
    }
    look_again();
    if (waits)
        wait_until([&barrier, generation] { return barrier.generation != generation; },
                   "named_barrier_sync", place);
}

void wgmma(const Wgmma& op) {
    Started& started = own();
    if (!started.fenced) fail_at(op.place, "wgmma without a fence after its registers were in use");
    if (!started.values.contains(op.d)) {
        started.values[op.d].assign(op.d, op.d + op.count);
        std::fill_n(op.d, op.count, std::numeric_limits<float>::quiet_NaN());
    }
    started.open.push_back(op);
}

void wgmma_fence() {
    own().fenced = true;
}

void wgmma_commit() {
    Started& started = own();
    started.groups.push_back(std::move(started.open));
    started.open.clear();
}

void wgmma_wait(int pending, Place place) {
    Warpgroup& warpgroup = own_warpgroup();
    if (warpgroup.waiting > 0 && warpgroup.pending != pending)
        fail_at(place, "the threads of a warpgroup wait for different products");
    warpgroup.pending = pending;
    const unsigned generation = warpgroup.generation;
    if (++warpgroup.waiting == warpgroup_size) {
        while (warpgroup.threads[0].groups.size() > std::size_t(pending)) {
            for (const Started& started : warpgroup.threads)
                if (started.groups.size() != warpgroup.threads[0].groups.size() ||
                    started.groups[0].size() != warpgroup.threads[0].groups[0].size())
                    fail_at(place, "the threads of a warpgroup started different products");
            for (std::size_t i = 0; i < warpgroup.threads[0].groups[0].size(); ++i)
                multiply(warpgroup, i);
            for (Started& started : warpgroup.threads) started.groups.erase(started.groups.begin());
        }
        for (Started& started : warpgroup.threads) {
            deliver(started);
            started.fenced = false;
        }
        warpgroup.waiting = 0;
        ++warpgroup.generation;
        look_again();
    }
    wait_until([&warpgroup, generation] { return warpgroup.generation != generation; },
               "wgmma_wait", place);
}

} // namespace emulation

CUresult cuTensorMapEncodeTiled(CUtensorMap* map, CUtensorMapDataType, std::uint32_t rank,
                                void* data, const std::uint64_t* sizes,
                                const std::uint64_t* strides, const std::uint32_t* box,
                                const std::uint32_t* steps, CUtensorMapInterleave,
                                CUtensorMapSwizzle, CUtensorMapL2promotion,
                                CUtensorMapFloatOOBfill) {
    if (rank < 1 || rank > 5 || reinterpret_cast<std::uintptr_t>(data) % 16 != 0)
        return CUDA_ERROR_INVALID_VALUE;
    *map = {static_cast<const std::byte*>(data), rank, {}, {}, {}};
    for (std::uint32_t i = 0; i < rank; ++i) {
        map->sizes[i] = sizes[i], map->box[i] = box[i];
        if (sizes[i] == 0 || sizes[i] > 1ull << 32 || box[i] == 0 || box[i] > 256 || steps[i] != 1)
            return CUDA_ERROR_INVALID_VALUE;
        if (i + 1 == rank) break;
        map->strides[i] = strides[i];
        if (strides[i] % 16 != 0 || strides[i] >= 1ull << 40) return CUDA_ERROR_INVALID_VALUE;
    }
    const std::uint32_t line_bytes = box[0] * 2;
    return line_bytes % 16 == 0 && line_bytes <= 128 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

cudaError_t cudaGetDriverEntryPointByVersion(const char* name, void** function, unsigned,
                                             unsigned long long,
                                             cudaDriverEntryPointQueryResult* result) {
    if (std::strcmp(name, "cuTensorMapEncodeTiled") != 0) return cudaErrorInvalidValue;
    *function = reinterpret_cast<void*>(&cuTensorMapEncodeTiled);
    *result = cudaDriverEntryPointSuccess;
    return cudaSuccess;
}
