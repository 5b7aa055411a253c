// What the machine gives at best, for engine_rounds to be held against: linear products alone, and
// a plain read of memory. Arguments are name=value, `product` any number of times:
//   threads=2 precision=f32|bf16 product=ROWSxOUTPUTSxINPUTSxCOUNT read_bytes=475201536 reads=16
// A product stands for COUNT weights of that shape, each with memory of its own, as in a model. The
// round "read" reads one block `reads` times; each time stands for one decoded token.
#include "kernels/ops/matmul.h"
#include "tests/bench/products.h"
#include "tests/bench/rounds.h"
#include <algorithm>
#include <iostream>

namespace sweetspot::bench {
namespace {

constexpr int warm_up_rounds = 2;

struct Arguments {
    int threads = 2;
    DType dtype = DType::f32;
    std::size_t read_bytes = 0;
    int reads = 16;
    std::vector<Product> products;
};

Arguments parsed(int count, char** texts) {
    Arguments arguments;
    for (const auto& [name, value] : named_values(count, texts))
        if (name == "threads")
            arguments.threads = std::stoi(value);
        else if (name == "precision" && (value == "f32" || value == "bf16"))
            arguments.dtype = value == "f32" ? DType::f32 : DType::bf16;
        else if (name == "read_bytes")
            arguments.read_bytes = std::stoull(value);
        else if (name == "reads")
            arguments.reads = std::stoi(value);
        else if (name == "product")
            arguments.products.push_back(parsed_product(value));
        else
            throw Error(Failure::bad_input, "there is no argument " + name + "=" + value + ".");
    return arguments;
}

/// A list of linear products over weights of their own; activations share two buffers.
class Linears {
public:
    Linears(const Arguments& arguments, Context& context) : context_(context) {
        std::int64_t input = 1, output = 1;
        for (const auto& p : arguments.products) {
            input = std::max(input, p.rows * p.inputs);
            output = std::max(output, p.rows * p.outputs);
            flops_ += p.flops();
        }
        input_ = drawn(context, 1, input, arguments.dtype);
        output_ = Tensor(context.allocator, {1, output}, arguments.dtype);
        for (const auto& p : arguments.products)
            for (std::int64_t i = 0; i < p.count; ++i) add(p, arguments.dtype);
    }

    nlohmann::json round() {
        auto answer = timed([this] {
            for (const auto& product : products_) run(product, context_);
        });
        answer["flops"] = flops_;
        return answer;
    }

private:
    void add(const Product& p, DType dtype) {
        const Tensor weight = drawn(context_, p.outputs, p.inputs, DType::f32);
        weights_.emplace_back(context_.allocator, packed_shape(p.outputs, p.inputs, dtype), dtype,
                              Purpose::weights);
        run(PackWeight{.sources = {weight}, .packed = weights_.back()}, context_);
        products_.push_back({.a = {input_.as<void>(), {p.rows, p.inputs}, dtype},
                             .weight = {.data = weights_.back(), .n = p.outputs, .k = p.inputs},
                             .c = {output_.as<void>(), {p.rows, p.outputs}, dtype}});
    }

    Context& context_;
    double flops_ = 0;
    Tensor input_, output_;
    std::vector<Tensor> weights_;
    std::vector<MatMul> products_;
};

/// Reads a block some times, each thread its share, as fast as loads go.
class Read {
public:
    Read(const Arguments& arguments, Context& context)
        : threads_(arguments.threads), reads_(arguments.reads),
          words_(std::int64_t(arguments.read_bytes / 8)),
          block_(context.allocator, {words_ + 1, 2}, DType::f32) {
        std::fill_n(block_.as<std::uint64_t>(), words_, 1);
    }

    nlohmann::json round() {
        auto answer = timed([this] {
            for (int i = 0; i < reads_; ++i)
                require(sum() == std::uint64_t(words_), Failure::bug, "ones sum to their number.");
        });
        answer["tokens"] = reads_;
        answer["bytes"] = 8 * words_ * reads_;
        return answer;
    }

private:
    std::uint64_t sum() const {
        const std::uint64_t* words = block_.as<std::uint64_t>();
        std::uint64_t sum = 0;
#pragma omp parallel for simd num_threads(threads_) reduction(+ : sum) schedule(static)
        for (std::int64_t i = 0; i < words_; ++i) sum += words[i];
        return sum;
    }

    int threads_, reads_;
    std::int64_t words_;
    Tensor block_;
};

void serve_machine(const Arguments& arguments) {
    HostAllocator allocator;
    Context context(CpuStream{.threads = arguments.threads}, allocator);
    Linears linears(arguments, context);
    Read read(arguments, context);
    std::vector<std::pair<std::string, Measure>> measures;
    if (!arguments.products.empty())
        measures.push_back({"linear", [&] { return linears.round(); }});
    if (arguments.read_bytes) measures.push_back({"read", [&] { return read.round(); }});
    require(!measures.empty(), Failure::bad_input, "give a product or read_bytes to measure.");
    for (int i = 0; i < warm_up_rounds; ++i)
        for (const auto& [_, measure] : measures) measure();
    serve({{"peer", "machine"}, {"threads", arguments.threads}}, measures);
}

} // namespace
} // namespace sweetspot::bench

int main(int count, char** arguments) try {
    sweetspot::bench::serve_machine(sweetspot::bench::parsed(count, arguments));
} catch (const std::exception& error) {
    std::cerr << "machine_rounds: " << error.what() << '\n';
    return 2;
}
