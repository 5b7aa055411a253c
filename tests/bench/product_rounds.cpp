// Rounds of one product in f32 at a time, by the engine's ops or by a library that programs call
// for it. Arguments are name=value, `product` any number of times:
//   threads=2 form=NT|NN|TN library=engine|onednn|PATH product=ROWSxOUTPUTSxINPUTSxCOUNT
// A library by its path has cblas_sgemm: OpenBLAS, BLIS. A round is asked for by the product's text
// and computes it COUNT times. The forms are those of a layer y = x · wᵀ, named by what is turned:
//   NT  y[rows, outputs] = x[rows, inputs] · w[outputs, inputs]ᵀ     the forward pass
//   NN  dx[rows, inputs] = dy[rows, outputs] · w[outputs, inputs]    its gradient by x
//   TN  dw[outputs, inputs] = dy[rows, outputs]ᵀ · x[rows, inputs]   its gradient by w
// Weights are packed before the engine's rounds begin, as they are when a model is loaded.
#include "kernels/ops/matmul_backward.h"
#include "tests/bench/products.h"
#include "tests/bench/rounds.h"
#include <dlfcn.h>
#include <iostream>
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

namespace sweetspot::bench {
namespace {

constexpr int warm_up_rounds = 2;
enum class Form { NT, NN, TN };

struct Arguments {
    int threads = 2;
    Form form = Form::NT;
    std::string library = "engine";
    std::vector<std::pair<std::string, Product>> products;
};

Arguments parsed(int count, char** texts) {
    Arguments arguments;
    for (const auto& [name, value] : named_values(count, texts))
        if (name == "threads")
            arguments.threads = std::stoi(value);
        else if (name == "library")
            arguments.library = value;
        else if (name == "form" && (value == "NT" || value == "NN" || value == "TN"))
            arguments.form = value == "NT" ? Form::NT : value == "NN" ? Form::NN : Form::TN;
        else if (name == "product")
            arguments.products.emplace_back(value, parsed_product(value));
        else
            throw Error(Failure::bad_input, "there is no argument " + name + "=" + value + ".");
    require(!arguments.products.empty(), Failure::bad_input, "give a product to measure.");
    return arguments;
}

/// c[m, n] = a · b of dense rows, each turned or not.
using Multiply = std::function<void(bool turn_a, bool turn_b, std::int64_t m, std::int64_t n,
                                    std::int64_t k, const float* a, const float* b, float* c)>;

void multiply_by_onednn(bool turn_a, bool turn_b, std::int64_t m, std::int64_t n, std::int64_t k,
                        const float* a, const float* b, float* c) {
    dnnl_sgemm(turn_a ? 'T' : 'N', turn_b ? 'T' : 'N', m, n, k, 1, a, turn_a ? m : k, b,
               turn_b ? k : n, 0, c, n);
}

Multiply found(const std::string& library) {
    if (library == "onednn") return multiply_by_onednn;
    enum { row_major = 101, as_it_is = 111, turned = 112 };
    using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*,
                           int, float, float*, int);
    void* opened = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    require(opened, Failure::bad_input, ("there is no library " + library + ".").c_str());
    const auto sgemm = reinterpret_cast<Sgemm>(dlsym(opened, "cblas_sgemm"));
    require(sgemm, Failure::bad_input, (library + " has no cblas_sgemm.").c_str());
    return [sgemm](bool turn_a, bool turn_b, std::int64_t m, std::int64_t n, std::int64_t k,
                   const float* a, const float* b, float* c) {
        sgemm(row_major, turn_a ? turned : as_it_is, turn_b ? turned : as_it_is, int(m), int(n),
              int(k), 1, a, int(turn_a ? m : k), b, int(turn_b ? k : n), 0, c, int(n));
    };
}

/// One product with its tensors: x, w and what comes out of them, each way.
class Layer {
public:
    Layer(const Arguments& arguments, const Product& shape, Context& context)
        : context_(context), form_(arguments.form), shape_(shape),
          x_(drawn(context, shape.rows, shape.inputs, DType::f32)),
          y_(drawn(context, shape.rows, shape.outputs, DType::f32)),
          w_(drawn(context, shape.outputs, shape.inputs, DType::f32)),
          packed_(context.allocator, packed_shape(shape.outputs, shape.inputs, DType::f32),
                  DType::f32) {
        run(PackWeight{.sources = {w_}, .packed = packed_}, context);
    }

    nlohmann::json round(const Multiply& library) {
        auto answer = timed([&] {
            for (std::int64_t i = 0; i < shape_.count; ++i) library ? by(library) : by_engine();
        });
        answer["flops"] = shape_.flops();
        return answer;
    }

private:
    void by_engine() {
        const Weight weight{.data = packed_, .n = shape_.outputs, .k = shape_.inputs};
        switch (form_) {
        case Form::NT: return run(MatMul{.a = x_, .weight = weight, .c = y_}, context_);
        case Form::NN: return run(MatMulBackward{.dy = y_, .weight = weight, .dx = x_}, context_);
        case Form::TN: return run(WeightGradient{.dy = y_, .x = x_, .dw = w_}, context_);
        }
    }
    void by(const Multiply& library) {
        const auto [rows, outputs, inputs, _] = shape_;
        float *x = x_.as<float>(), *y = y_.as<float>(), *w = w_.as<float>();
        switch (form_) {
        case Form::NT: return library(false, true, rows, outputs, inputs, x, w, y);
        case Form::NN: return library(false, false, rows, inputs, outputs, y, w, x);
        case Form::TN: return library(true, false, outputs, inputs, rows, y, x, w);
        }
    }

    Context& context_;
    Form form_;
    Product shape_;
    Tensor x_, y_, w_, packed_;
};

void serve_products(const Arguments& arguments) {
    omp_set_num_threads(arguments.threads);
    HostAllocator allocator;
    Context context(CpuStream{.threads = arguments.threads}, allocator);
    const Multiply library = arguments.library == "engine" ? Multiply{} : found(arguments.library);
    std::vector<std::unique_ptr<Layer>> layers;
    std::vector<std::pair<std::string, Measure>> measures;
    for (const auto& [text, shape] : arguments.products) {
        auto* layer = layers.emplace_back(std::make_unique<Layer>(arguments, shape, context)).get();
        measures.emplace_back(text, [layer, &library] { return layer->round(library); });
        for (int i = 0; i < warm_up_rounds; ++i) measures.back().second();
    }
    serve({{"peer", arguments.library}, {"threads", arguments.threads}}, measures);
}

} // namespace
} // namespace sweetspot::bench

int main(int count, char** arguments) try {
    sweetspot::bench::serve_products(sweetspot::bench::parsed(count, arguments));
} catch (const std::exception& error) {
    std::cerr << "product_rounds: " << error.what() << '\n';
    return 2;
}
