// Rounds of single ops and copies on a GPU, by the protocol of tests/bench. Each argument is a
// measure and its name in `go` lines; what it leaves out has the value shown here:
//   attention,kind=flash,dtype=bf16,heads=16,kv_heads=HEADS,head_size=128,batch=32,length=512,
//       causal=0,backward=0
//   matmul,dtype=bf16,rows=8192,outputs=8192,inputs=8192,bias=0,tuned=0
//       (tuned: by the fastest of the algorithms that cuBLASLt proposes, each tried)
//   sparse,way=searched|default|bare|transposed|padded,dtype=bf16,rows=8192,outputs=8192,inputs=8192
//       a weight in 2:4, by cuSPARSELt; each way does one thing more that costs time: the library's
//       first algorithm in place of the fastest; the bias as a pass of its own; x and y written
//       once more in the other order; x and y copied to and from whole tiles of rows
//   copy,way=device|to_device|to_host,bytes=1073741824       (host memory is pinned)
// An answer is about all launches of its round: seconds of the GPU's clock, flops of the op's own
// count, and of a copy the bytes that it read on the GPU and wrote there.
#include "kernels/cuda/cusparselt.h"
#include "kernels/cuda/product.h"
#include "kernels/cuda/transpose.h"
#include "kernels/ops/attention_backward.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/transfer.h"
#include "tests/bench/rounds.h"
#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <tuple>

namespace sweetspot::bench {
namespace {

constexpr double least_round_seconds = 0.02;
constexpr int warm_up_launches = 3, most_launches = 10'000;

/// "name,key=value,…".
class Settings {
public:
    explicit Settings(const std::string& text) {
        std::istringstream parts(text);
        std::getline(parts, name_, ',');
        for (std::string part; std::getline(parts, part, ',');) {
            const auto equals = part.find('=');
            require(equals != std::string::npos, Failure::bad_input,
                    "settings of a measure are key=value, with commas in between.");
            values_[part.substr(0, equals)] = part.substr(equals + 1);
        }
    }

    const std::string& name() const { return name_; }

    std::string word(const std::string& key, const std::string& otherwise) {
        const auto found = values_.extract(key);
        return found ? found.mapped() : otherwise;
    }
    std::int64_t number(const std::string& key, std::int64_t otherwise) {
        const std::string text = word(key, std::to_string(otherwise));
        std::size_t read = 0;
        const std::int64_t value = std::stoll(text, &read);
        require(read == text.size() && value >= 0, Failure::bad_input,
                ("no number: " + key + "=" + text + ".").c_str());
        return value;
    }
    template <class E>
    E one_of(const std::string& key, E otherwise) {
        const auto names = names_of(E{});
        const std::string text = word(key, std::string(names[std::size_t(otherwise)]));
        const auto found = std::find(names.begin(), names.end(), text);
        require(found != names.end(), Failure::bad_input,
                ("no such " + key + ": " + text + ".").c_str());
        return E(found - names.begin());
    }
    /// Once everything was asked for.
    void require_no_more() const {
        if (!values_.empty())
            throw Error(Failure::bad_input,
                        name_ + " has no setting " + values_.begin()->first + ".");
    }

private:
    std::string name_;
    std::map<std::string, std::string> values_{};
};

/// The GPU, and tensors of unit variance that all measures share: they run one at a time.
struct Gpu {
    CudaDevice device{};
    HostAllocator host{};
    PoolAllocator pool{device.memory(MemoryKind::device)},
        pinned{device.memory(MemoryKind::pinned)};
    Context context{device.stream(), pool, pool, host};
    std::unique_ptr<DeviceClock> clock = device.clock();
    std::map<std::tuple<std::string, DType, std::int64_t>, Tensor> tensors{};

    /// The same memory for the same name, type and number of elements.
    Out drawn(const std::string& name, Shape shape, DType dtype) {
        Tensor& tensor = tensors[{name, dtype, shape.count()}];
        if (!tensor.present()) {
            tensor = Tensor(pool, {shape.count()}, dtype);
            std::minstd_rand generator(unsigned(tensors.size()));
            std::vector<float> values(std::size_t(shape.count()));
            for (float& x : values) x = (float(generator()) * 0x1p-31f - 0.5f) * std::sqrt(12.0f);
            upload(values.data(), tensor, DType::f32);
        }
        return {tensor.as<void>(), shape, dtype};
    }
    Tensor integers(const std::vector<std::int32_t>& values) {
        Tensor tensor(pool, {std::int64_t(values.size())}, DType::i32);
        upload(values.data(), tensor, DType::i32);
        return tensor;
    }
    void upload(const void* values, const Tensor& to, DType type) {
        run(Upload{.x = {values, to.shape(), type}, .y = to}, context);
        context.synchronize();
    }
    std::map<std::string, std::string> facts() const {
        const auto all = device.facts();
        return {all.begin(), all.end()};
    }
};

/// What a measure repeats, and what once of it comes to.
struct Work {
    std::function<void()> launch;
    double flops = 0, bytes = 0;
};

/// Sequences of one length, back to back.
struct Sequences {
    Segments segments{};
    Tensor offsets{}, lengths{};

    Sequences(Gpu& gpu, std::int64_t batch, std::int64_t length) {
        for (std::int64_t s = 0; s <= batch; ++s)
            segments.offsets.push_back(std::int32_t(s * length));
        segments.lengths.assign(std::size_t(batch), std::int32_t(length));
        offsets = gpu.integers(segments.offsets);
        lengths = gpu.integers(segments.lengths);
        segments.device_offsets = offsets;
        segments.device_lengths = lengths;
    }
};

/// Runs `op` from now on; what it points to is kept with it.
template <class Op, class Kept>
Work repeated(Gpu& gpu, const Op& op, Kept kept) {
    run(op, gpu.context); // throws what is wrong with it
    return {.launch = [&gpu, op, kept] { run(op, gpu.context); }, .flops = op.cost().flops};
}

Work attention(Settings& s, Gpu& gpu) {
    const auto dtype = s.one_of("dtype", DType::bf16);
    const std::int64_t heads = s.number("heads", 16), kv_heads = s.number("kv_heads", heads),
                       size = s.number("head_size", 128), batch = s.number("batch", 32),
                       length = s.number("length", 512), rows = batch * length;
    const bool backward = s.number("backward", 0);
    const auto sequences = std::make_shared<Sequences>(gpu, batch, length);
    Attention forward{.q = gpu.drawn("q", {rows, heads * size}, dtype),
                      .k = gpu.drawn("k", {rows, kv_heads * size}, dtype),
                      .v = gpu.drawn("v", {rows, kv_heads * size}, dtype),
                      .y = gpu.drawn("y", {rows, heads * size}, dtype),
                      .segments = &sequences->segments,
                      .heads = int(heads),
                      .kv_heads = int(kv_heads),
                      .causal = s.number("causal", 0) != 0,
                      .scale = float(1 / std::sqrt(double(size))),
                      .kind = s.one_of("kind", AttentionKind::flash)};
    s.require_no_more();
    if (!backward) return repeated(gpu, forward, sequences);
    forward.log_sum_exp = gpu.drawn("log_sum_exp", {heads, rows}, DType::f32);
    run(forward, gpu.context);
    return repeated(gpu,
                    AttentionBackward{.q = forward.q,
                                      .k = forward.k,
                                      .v = forward.v,
                                      .y = forward.y,
                                      .log_sum_exp = forward.log_sum_exp,
                                      .dy = gpu.drawn("dy", {rows, heads * size}, dtype),
                                      .dq = gpu.drawn("dq", {rows, heads * size}, dtype),
                                      .dk = gpu.drawn("dk", {rows, kv_heads * size}, dtype),
                                      .dv = gpu.drawn("dv", {rows, kv_heads * size}, dtype),
                                      .segments = &sequences->segments,
                                      .heads = int(heads),
                                      .kv_heads = int(kv_heads),
                                      .causal = forward.causal,
                                      .scale = forward.scale},
                    sequences);
}

/// The stream, with scratch for a product of the vendor's and a bias in 16 bits behind it.
CudaStream& stream_of(Gpu& gpu, std::int64_t outputs) {
    auto& stream = std::get<CudaStream>(gpu.context.stream);
    stream.workspace =
        gpu.context.workspace(MatMul::library_workspace_bytes + 2 * std::size_t(outputs));
    return stream;
}

Work matmul(Settings& s, Gpu& gpu) {
    const auto dtype = s.one_of("dtype", DType::bf16);
    const std::int64_t m = s.number("rows", 8192), n = s.number("outputs", 8192),
                       k = s.number("inputs", 8192);
    const bool bias = s.number("bias", 0), tuned = s.number("tuned", 0);
    s.require_no_more();
    const MatMul op{
        .a = gpu.drawn("a", {m, k}, dtype),
        .weight = {.data = gpu.drawn("weight", packed_shape(n, k, dtype), dtype), .n = n, .k = k},
        .bias = bias ? In(gpu.drawn("bias", {n}, DType::f32)) : In{},
        .c = gpu.drawn("c", {m, n}, dtype)};
    if (!tuned) return repeated(gpu, op, nullptr);
    const Product product{.a = op.a,
                          .b = rows_of(op.weight),
                          .b_transposed = true,
                          .c = op.c,
                          .tuned = true,
                          .epilogue = {.bias = bias},
                          .bias = bias ? gpu.drawn("bias", {n}, dtype).data : nullptr};
    return {.launch = [&gpu, product, n] { launch_any(product, stream_of(gpu, n)); },
            .flops = op.cost().flops};
}

enum class SparseWay { searched, first, bare, transposed, padded };
constexpr std::array<std::string_view, 5> names_of(SparseWay) {
    return {"searched", "default", "bare", "transposed", "padded"};
}

std::vector<float> numbers_of(Gpu& gpu, const Out& x) {
    const Tensor wide(gpu.pool, x.shape, DType::f32);
    run(Convert{.x = x, .y = wide}, gpu.context);
    std::vector<float> y(std::size_t(x.shape.count()));
    run(Download{.x = wide, .y = {y.data(), x.shape, DType::f32}}, gpu.context);
    gpu.context.synchronize();
    return y;
}

/// Throws unless the first rows of y are x · weightᵀ + bias, up to their rounding.
void require_product(Gpu& gpu, const In& x, const std::vector<float>& weight, const In& bias,
                     const Out& y) {
    const std::int64_t m = std::min<std::int64_t>(x.shape[0], 64), n = y.shape[1], k = x.shape[1];
    const Tensor packed(gpu.pool, packed_shape(n, k, x.dtype), x.dtype),
        expected(gpu.pool, {m, n}, x.dtype);
    run(PackWeight{.sources = {{weight.data(), {n, k}, DType::f32}}, .packed = packed},
        gpu.context);
    run(MatMul{.a = rows(x, 0, m),
               .weight = {.data = packed, .n = n, .k = k},
               .bias = bias,
               .c = expected},
        gpu.context);
    const auto found = numbers_of(gpu, rows(y, 0, m)), right = numbers_of(gpu, expected.out());
    double off = 0, all = 0;
    for (std::size_t i = 0; i < right.size(); ++i) {
        off += std::pow(double(found[i]) - double(right[i]), 2);
        all += std::pow(double(right[i]), 2);
    }
    if (!(off <= 1e-4 * all))
        throw Error(Failure::device, "cuSPARSELt's product is not the dense one's: off by " +
                                         std::to_string(std::sqrt(off / all)) + ".");
}

Work sparse(Settings& s, Gpu& gpu) {
    const auto way = s.one_of("way", SparseWay::searched);
    const auto dtype = s.one_of("dtype", DType::bf16);
    const std::int64_t m = s.number("rows", 8192), n = s.number("outputs", 8192),
                       k = s.number("inputs", 8192);
    s.require_no_more();
    constexpr std::int64_t tile = 256;
    const std::int64_t padded = (m + tile - 1) / tile * tile;
    require(m % SparseProduct::row_step == 0, Failure::bad_input, "rows are a multiple of 8.");
    const auto format =
        dtype == DType::f16 ? WeightFormat::two_of_four_f16 : WeightFormat::two_of_four_bf16;
    const auto weight = std::make_shared<Tensor>(gpu.pool, packed_shape(format, n, k, dtype),
                                                 DType::u8, Purpose::weights);
    std::vector<float> numbers(std::size_t(n * k), 0.0f);
    std::minstd_rand generator(1);
    for (std::size_t i = 0; i < numbers.size(); ++i)
        if (i % 4 < 2) numbers[i] = (float(generator()) * 0x1p-31f - 0.5f) * std::sqrt(12.0f);
    run(PackWeight{.sources = {{numbers.data(), {n, k}, DType::f32}},
                   .packed = *weight,
                   .format = format},
        gpu.context);
    const Out x = gpu.drawn("a", {m, k}, dtype), y = gpu.drawn("c", {m, n}, dtype),
              wide_x = gpu.drawn("padded a", {padded, k}, dtype),
              wide_y = gpu.drawn("padded c", {padded, n}, dtype),
              turned_x = gpu.drawn("turned a", {k, m}, dtype),
              turned_y = gpu.drawn("turned c", {n, m}, dtype);
    const In bias = gpu.drawn("bias", {n}, DType::f32);
    const Out same_bias = gpu.drawn("bias", {n}, dtype);
    run(Convert{.x = bias, .y = same_bias}, gpu.context);
    const bool pads = way == SparseWay::padded, apart = way >= SparseWay::bare;
    const SparseProduct product{.x = pads ? wide_x : x,
                                .weight = weight->in().data,
                                .y = pads ? wide_y : y,
                                .bias = apart ? nullptr : same_bias.data,
                                .searches = way == SparseWay::searched};
    const std::shared_ptr<Transfers> transfers = gpu.device.transfers(0);
    const auto launch = [=, &gpu, kept = weight] {
        CudaStream& stream = stream_of(gpu, n);
        if (way >= SparseWay::transposed) launch_transpose(x, turned_x, stream);
        if (pads) transfers->copy(Transfers::compute, wide_x.data, x.data, x.bytes());
        if (!gpu.device.libraries().cusparselt().multiply(product, stream))
            throw Error(Failure::unsupported, "cuSPARSELt has no algorithm for this product.");
        if (pads) transfers->copy(Transfers::compute, y.data, wide_y.data, y.bytes());
        if (apart) run(AddBias{.x = y, .bias = bias}, gpu.context);
        if (way >= SparseWay::transposed) launch_transpose(y, turned_y, stream);
    };
    launch(); // throws what is wrong with it
    require_product(gpu, x, numbers, bias, y);
    return {.launch = launch, .flops = 2 * double(m) * double(n) * double(k)};
}

Work copy(Settings& s, Gpu& gpu) {
    const std::string way = s.word("way", "device");
    const auto bytes = std::size_t(s.number("bytes", 1 << 30));
    s.require_no_more();
    require(way == "device" || way == "to_device" || way == "to_host", Failure::bad_input,
            "a copy's way is device, to_device or to_host.");
    struct Blocks {
        Buffer from, to;
    };
    const auto blocks = std::make_shared<Blocks>();
    blocks->from = Buffer(way == "to_device" ? gpu.pinned : gpu.pool, bytes, Purpose::workspace);
    blocks->to = Buffer(way == "to_host" ? gpu.pinned : gpu.pool, bytes, Purpose::workspace);
    const std::shared_ptr<Transfers> transfers = gpu.device.transfers(0);
    return {.launch =
                [=] {
                    transfers->copy(Transfers::compute, blocks->to.data(), blocks->from.data(),
                                    bytes);
                },
            .bytes = double(bytes) * (way == "device" ? 2 : 1)};
}

Work prepared(const std::string& text, Gpu& gpu) {
    Settings settings(text);
    if (settings.name() == "attention") return attention(settings, gpu);
    if (settings.name() == "matmul") return matmul(settings, gpu);
    if (settings.name() == "sparse") return sparse(settings, gpu);
    if (settings.name() == "copy") return copy(settings, gpu);
    throw Error(Failure::bad_input, "there is no measure " + settings.name() + ".");
}

double clocked(const Work& work, int launches, Gpu& gpu) {
    return seconds_of(*gpu.clock, [&] {
        for (int i = 0; i < launches; ++i) work.launch();
    });
}

/// Made and warmed up at its first round, so that a process may be given many.
class Repeated {
public:
    Repeated(std::string text, Gpu& gpu) : text_(std::move(text)), gpu_(gpu) {}

    nlohmann::json round() {
        if (!work_.launch) start();
        const double seconds = clocked(work_, launches_, gpu_);
        return {{"seconds", seconds},
                {"launches", launches_},
                {"flops", work_.flops * launches_},
                {"bytes", work_.bytes * launches_},
                {"peak_device_bytes", gpu_.pool.pool().peak_reserved},
                {"facts", gpu_.facts()}};
    }

private:
    /// So many launches that they last a round.
    void start() {
        work_ = prepared(text_, gpu_);
        clocked(work_, warm_up_launches, gpu_);
        const double once = clocked(work_, warm_up_launches, gpu_) / warm_up_launches;
        launches_ =
            int(std::clamp(std::ceil(least_round_seconds / once), 1.0, double(most_launches)));
    }

    std::string text_;
    Gpu& gpu_;
    Work work_{};
    int launches_ = 0;
};

void serve_gpu(int count, char** arguments) {
    require(count > 1, Failure::bad_input, "give measures, e.g. matmul,rows=4096.");
    Gpu gpu;
    std::vector<std::pair<std::string, Measure>> measures;
    for (const std::string& text : std::vector<std::string>(arguments + 1, arguments + count)) {
        const auto repeated = std::make_shared<Repeated>(text, gpu);
        measures.emplace_back(text, [repeated] { return repeated->round(); });
    }
    serve({{"peer", "sweetspot"}, {"gpu", gpu.device.info().name}, {"facts", gpu.facts()}},
          measures);
}

} // namespace
} // namespace sweetspot::bench

int main(int count, char** arguments) try {
    sweetspot::bench::serve_gpu(count, arguments);
} catch (const std::exception& error) {
    std::cerr << "cuda_rounds: " << error.what() << '\n';
    return 2;
}
