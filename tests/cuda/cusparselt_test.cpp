// Products of weights in 2:4 on the emulated GPU, by a cuSPARSELt that stands in for the real one.
#include "kernels/core/float_types.h"
#include "kernels/cuda/cusparselt.h"
#include "kernels/cuda/two_of_four.h"
#include "kernels/emulation/block.h"
#include "kernels/emulation/runtime.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/transfer.h"
#include "tests/cuda/cusparselt_stand_in.h"
#include "tests/suite.h"
#include <QtTest>
#include <dlfcn.h>

using namespace sweetspot;

namespace {

/// One GPU with its memory, opened anew.
struct Gpu {
    CudaDevice device{};
    HostAllocator host{};
    PoolAllocator pool{device.memory(MemoryKind::device)};
    Context context{device.stream(), pool, pool, host};

    Tensor put(const std::vector<float>& numbers, const Shape& shape, DType type) {
        Tensor y(pool, shape, type);
        run(Upload{.x = {numbers.data(), shape, DType::f32}, .y = y}, context);
        context.synchronize();
        return y;
    }
    std::vector<float> get(const Tensor& x) {
        std::vector<float> y(std::size_t(x.shape().count()));
        Tensor wide(pool, x.shape(), DType::f32);
        run(Convert{.x = x, .y = wide}, context);
        run(Download{.x = wide, .y = {y.data(), x.shape(), DType::f32}}, context);
        context.synchronize();
        return y;
    }
    std::string fact(const std::string& name) {
        for (const auto& [known, value] : device.facts())
            if (known == name) return value;
        return "";
    }
};

std::vector<float> drawn(std::int64_t count, unsigned seed, bool sparse = false) {
    std::minstd_rand random(seed);
    std::vector<float> y(std::size_t(count), 0.0f);
    for (std::size_t i = 0; i < y.size(); ++i)
        if (!sparse || i % 4 == i / 4 % 4 || i % 4 == (i / 4 + 1 + i / 16 % 3) % 4)
            y[i] = float(random()) * 0x1p-30f - 1;
    return y;
}

WeightFormat format_of(DType type) {
    return type == DType::f16 ? WeightFormat::two_of_four_f16 : WeightFormat::two_of_four_bf16;
}

/// What a product is of, and how it went.
struct Linear {
    std::int64_t m = 16, n = 64, k = 64;
    DType type = DType::bf16;
    bool bias = true;
    Activation activation = Activation::none;
    std::int64_t more_stride = 0; ///< of x's and y's rows
};

std::vector<float> product(Gpu& gpu, const Linear& p, WeightFormat format) {
    const std::vector<float> numbers = drawn(p.n * p.k, 1, true);
    const Tensor packed(gpu.pool, packed_shape(format, p.n, p.k, p.type),
                        packed_type(format, p.type), Purpose::weights);
    run(PackWeight{.sources = {{numbers.data(), {p.n, p.k}, DType::f32}},
                   .packed = packed,
                   .format = format},
        gpu.context);
    const std::int64_t x_stride = p.k + p.more_stride, y_stride = p.n + p.more_stride;
    const Tensor x = gpu.put(drawn(p.m * x_stride, 2), {p.m, x_stride}, p.type),
                 bias = gpu.put(drawn(p.n, 3), {p.n}, DType::f32),
                 y = gpu.put(drawn(p.m * y_stride, 4), {p.m, y_stride}, p.type);
    run(MatMul{.a = columns(x.in(), 0, p.k),
               .weight = {.data = packed, .n = p.n, .k = p.k, .format = format},
               .bias = p.bias ? bias.in() : In{},
               .c = columns(y.out(), 0, p.n),
               .activation = p.activation},
        gpu.context);
    return gpu.get(y);
}

std::string error_of(const std::function<void()>& work, Failure kind) {
    try {
        work();
    } catch (const Error& error) {
        return error.kind == kind ? error.what() : "another kind: " + std::string(error.what());
    }
    return "no error";
}

} // namespace

class CusparseltTest : public QObject {
    Q_OBJECT

    stand_in::CusparseLt* own_ = nullptr;
    std::unique_ptr<QTemporaryDir> cache_{};

private slots:
    void initTestCase();
    void init() {
        emulation::reset_device();
        emulation::set_order({emulation::Order::forward});
        cache_ = std::make_unique<QTemporaryDir>();
        qputenv("XDG_CACHE_HOME", cache_->path().toUtf8());
        *own_ = {};
    }

    void products_are_those_of_dense_weights_data();
    void products_are_those_of_dense_weights();
    void weights_take_nine_sixteenths();
    void an_algorithm_is_searched_once_for_each_shape_and_gpu();
    void what_a_file_knows_no_more_is_searched_again();
    void an_algorithm_that_wants_more_workspace_than_there_is_is_not_taken();
    void a_gelu_is_fused_only_where_its_form_is_the_models_data();
    void a_gelu_is_fused_only_where_its_form_is_the_models();
    void a_recorded_graph_searches_nothing();
    void failures_are_sentences_data();
    void failures_are_sentences();
    void a_library_without_a_search_has_a_first_algorithm();
    void shapes_that_no_kernel_takes_are_refused_by_name();
    void other_types_are_refused();
    void both_ways_are_timed_once();
    void nothing_is_left_behind();
};

void CusparseltTest::initTestCase() {
    // Before there is a library.
    const auto why = error_of(
        [] {
            Gpu gpu;
            product(gpu, {}, WeightFormat::two_of_four_bf16);
        },
        Failure::unsupported);
    for (const char* words : {"libcusparseLt.so.0", "2:4", "nvidia-cusparselt", "LD_LIBRARY_PATH"})
        QVERIFY2(QString::fromStdString(why).contains(words), why.c_str());
    // Once it is loaded it is what the name stands for.
    void* opened = dlopen(CUSPARSELT_FILE, RTLD_NOW | RTLD_GLOBAL);
    QVERIFY2(opened, dlerror());
    own_ = reinterpret_cast<stand_in::CusparseLt* (*)()>(dlsym(opened, "cusparselt_stand_in"))();
}

void CusparseltTest::products_are_those_of_dense_weights_data() {
    QTest::addColumn<int>("order");
    QTest::addColumn<DType>("type");
    QTest::addColumn<int>("m");
    QTest::addColumn<bool>("bias");
    QTest::addColumn<Activation>("activation");
    QTest::addColumn<int>("more_stride");
    for (const auto order : {emulation::Order::forward, emulation::Order::random})
        for (const DType type : {DType::bf16, DType::f16})
            for (const int m : {1, 7, 8, 21, 64})
                for (const bool bias : {false, true})
                    QTest::addRow("%d rows, %s%s, order %d", m, type == DType::f16 ? "f16" : "bf16",
                                  bias ? ", bias" : "", int(order))
                        << int(order) << type << m << bias
                        << (m % 2 ? Activation::gelu : Activation::none) << (m == 8 ? 16 : 0);
}

void CusparseltTest::products_are_those_of_dense_weights() {
    QFETCH(int, order);
    QFETCH(DType, type);
    QFETCH(int, m);
    QFETCH(bool, bias);
    QFETCH(Activation, activation);
    QFETCH(int, more_stride);
    emulation::set_order({emulation::Order::Kind(order)});
    const Linear p{.m = m,
                   .n = 48,
                   .k = 96,
                   .type = type,
                   .bias = bias,
                   .activation = activation,
                   .more_stride = more_stride};
    Gpu gpu;
    const auto expected = product(gpu, p, WeightFormat::dense),
               found = product(gpu, p, format_of(type));
    QCOMPARE(own_->bias, bias);
    QVERIFY(!own_->lost);
    const double rounding = type == DType::f16 ? 0x1p-10 : 0x1p-7;
    for (std::size_t i = 0; i < expected.size(); ++i)
        QVERIFY2(std::abs(found[i] - expected[i]) <= rounding * (1 + std::abs(expected[i])),
                 qPrintable(QString("%1: %2, not %3").arg(i).arg(found[i]).arg(expected[i])));
}

void CusparseltTest::weights_take_nine_sixteenths() {
    for (const auto& [n, k] : {std::pair(64, 64), {3840, 1280}, {1280, 5120}}) {
        const auto bytes = packed_bytes(WeightFormat::two_of_four_bf16, n, k, DType::bf16);
        QCOMPARE(bytes * 16, std::size_t(n * k) * 2 * 9);
    }
    Gpu gpu;
    product(gpu, {}, WeightFormat::two_of_four_bf16); // into no byte more: the pool guards them
    QCOMPARE(own_->compressions, 1);
}

void CusparseltTest::an_algorithm_is_searched_once_for_each_shape_and_gpu() {
    {
        Gpu gpu;
        for (int i = 0; i < 3; ++i) product(gpu, {}, WeightFormat::two_of_four_bf16);
        QCOMPARE(own_->searches, 1);
        QCOMPARE(own_->algorithm, own_->fastest);
        product(gpu, {.m = 24}, WeightFormat::two_of_four_bf16);
        product(gpu, {.m = 32}, WeightFormat::two_of_four_bf16); // up to the same power of two
        QCOMPARE(own_->searches, 2);
        product(gpu, {.type = DType::f16}, WeightFormat::two_of_four_f16);
        QCOMPARE(own_->searches, 3);
        QCOMPARE(gpu.fact("matmul 16 rows x 2:4 [64, 64]^T, bf16, bias"),
                 std::string("algorithm 2 1 0 0, searched"));
        QCOMPARE(gpu.fact("cusparseLt"), std::string("0.8.1"));
    }
    Gpu later; // as another process
    own_->algorithm = -1;
    product(later, {}, WeightFormat::two_of_four_bf16);
    QCOMPARE(own_->searches, 3);
    QCOMPARE(own_->algorithm, own_->fastest);
    QCOMPARE(later.fact("matmul 16 rows x 2:4 [64, 64]^T, bf16, bias"),
             std::string("algorithm 2 1 0 0, known from a search"));
    QFile file(cache_->filePath("sweetspot/cusparselt.txt"));
    QVERIFY(file.open(QIODevice::ReadOnly));
    const QByteArray line = file.readLine();
    QVERIFY2(line.startsWith(QByteArray::fromStdString(later.device.info().name) +
                             ", cuSPARSELt 0.8.1, matmul 16 rows"),
             line);
}

void CusparseltTest::what_a_file_knows_no_more_is_searched_again() {
    {
        Gpu gpu;
        product(gpu, {}, WeightFormat::two_of_four_bf16);
    }
    own_->algorithms = 2, own_->fastest = 1; // of another driver
    {
        Gpu gpu;
        product(gpu, {}, WeightFormat::two_of_four_bf16);
        QCOMPARE(own_->searches, 2);
        QCOMPARE(own_->algorithm, 1);
    }
    QFile file(cache_->filePath("sweetspot/cusparselt.txt"));
    QVERIFY(file.open(QIODevice::ReadWrite | QIODevice::Text));
    QByteArray text = file.readAll();
    file.resize(0);
    file.write("no tab\n" + text.replace("\t", "\tno number "));
    file.close();
    Gpu gpu;
    product(gpu, {}, WeightFormat::two_of_four_bf16);
    QCOMPARE(own_->searches, 3);
}

void CusparseltTest::an_algorithm_that_wants_more_workspace_than_there_is_is_not_taken() {
    own_->its_workspace = MatMul::library_workspace_bytes + 1;
    Gpu gpu;
    product(gpu, {}, WeightFormat::two_of_four_bf16);
    QCOMPARE(own_->searches, 1);
    QCOMPARE(own_->algorithm, 0);
    QCOMPARE(gpu.fact("matmul 16 rows x 2:4 [64, 64]^T, bf16, bias"),
             std::string("the library's first algorithm"));
}

void CusparseltTest::a_gelu_is_fused_only_where_its_form_is_the_models_data() {
    QTest::addColumn<bool>("erf");
    QTest::addColumn<DType>("type");
    for (const bool erf : {false, true})
        for (const DType type : {DType::bf16, DType::f16})
            QTest::addRow("%s, %s", erf ? "erf" : "tanh", type == DType::f16 ? "f16" : "bf16")
                << erf << type;
}

void CusparseltTest::a_gelu_is_fused_only_where_its_form_is_the_models() {
    QFETCH(bool, erf);
    QFETCH(DType, type);
    own_->erf = erf;
    Gpu gpu;
    for (const auto activation : {Activation::gelu, Activation::gelu_tanh}) {
        product(gpu, {.type = type, .activation = activation}, format_of(type));
        QCOMPARE(own_->gelu, erf == (activation == Activation::gelu));
        QVERIFY(own_->bias);
    }
    QCOMPARE(gpu.device.libraries().cusparselt().gelu_form(type),
             erf ? GeluForm::erf : GeluForm::tanh);
}

void CusparseltTest::a_recorded_graph_searches_nothing() {
    Gpu gpu;
    const Linear p;
    const auto expected = product(gpu, p, WeightFormat::two_of_four_bf16);
    const std::vector<float> numbers = drawn(p.n * p.k, 1, true);
    const Tensor packed(gpu.pool, packed_shape(WeightFormat::two_of_four_bf16, p.n, p.k, p.type),
                        DType::u8);
    run(PackWeight{.sources = {{numbers.data(), {p.n, p.k}, DType::f32}},
                   .packed = packed,
                   .format = WeightFormat::two_of_four_bf16},
        gpu.context);
    const Tensor x = gpu.put(drawn(p.m * p.k, 2), {p.m, p.k}, p.type),
                 y(gpu.pool, {p.m, p.n}, p.type);
    own_->searches = 0;
    const auto recorder = gpu.device.graph_recorder();
    recorder->begin();
    run(MatMul{.a = x,
               .weight =
                   {.data = packed, .n = p.n, .k = p.k, .format = WeightFormat::two_of_four_bf16},
               .c = y},
        gpu.context);
    const auto graph = recorder->end();
    graph->launch();
    QCOMPARE(own_->searches, 0);
    QCOMPARE(own_->algorithm, 0);
    const auto first = gpu.get(y);
    run(Zero{.x = y}, gpu.context);
    graph->launch();
    QCOMPARE(gpu.get(y), first);
    QVERIFY(std::ranges::any_of(first, [](float v) { return v != 0; }));
}

void CusparseltTest::failures_are_sentences_data() {
    QTest::addColumn<QString>("function");
    QTest::addColumn<int>("result");
    QTest::addColumn<int>("kind");
    QTest::addColumn<QString>("words");
    const auto add = [](const char* function, int result, Failure kind, const char* words) {
        QTest::addRow("%s, %d", function, result) << function << result << int(kind) << words;
    };
    add("cusparseLtInit", 1, Failure::device, "cuSPARSELt: cusparseLtInit: initialization error");
    add("cusparseLtInit", 4, Failure::unsupported, "cuSPARSELt: cusparseLtInit: another error");
    add("cusparseLtSpMMACompress2", 7, Failure::device, "cusparseLtSpMMACompress2: another error");
    add("cusparseLtMatmulPlanInit", 2, Failure::out_of_memory, "cusparseLtMatmulPlanInit");
    add("cusparseLtMatmulPlanInit", 10, Failure::unsupported, "no algorithm for this product");
    add("cusparseLtMatmulDescriptorInit", 10, Failure::unsupported, "no algorithm");
    add("cusparseLtDenseDescriptorInit", 3, Failure::unsupported, "no algorithm");
    add("cusparseLtMatmulSearch", 6, Failure::device, "cusparseLtMatmulSearch: another error");
    add("cusparseLtMatmul", 6, Failure::device, "cusparseLtMatmul: another error");
}

void CusparseltTest::failures_are_sentences() {
    QFETCH(QString, function);
    QFETCH(int, result);
    QFETCH(int, kind);
    QFETCH(QString, words);
    own_->failing = function.toStdString(), own_->result = result;
    const auto why = error_of(
        [] {
            Gpu gpu;
            product(gpu, {}, WeightFormat::two_of_four_bf16);
        },
        Failure(kind));
    QVERIFY2(QString::fromStdString(why).contains(words), why.c_str());
}

void CusparseltTest::a_library_without_a_search_has_a_first_algorithm() {
    own_->failing = "cusparseLtMatmulSearch", own_->result = 10;
    Gpu gpu;
    product(gpu, {}, WeightFormat::two_of_four_bf16);
    QCOMPARE(own_->algorithm, 0);
}

void CusparseltTest::shapes_that_no_kernel_takes_are_refused_by_name() {
    Gpu gpu;
    CusparseLt& library = gpu.device.libraries().cusparselt();
    QVERIFY(!library.refusal(64, 64, DType::bf16));
    QCOMPARE(library.refusal(24, 64, DType::f16).value_or(""),
             std::string("no kernel takes [24, 64]: cuSPARSELt wants multiples of 16"));
    QVERIFY(library.refusal(64, 40, DType::f16));
    QVERIFY(library.refusal(64, 64, DType::f32));
    own_->more_bytes = 16;
    QCOMPARE(library.refusal(64, 64, DType::bf16).value_or(""),
             std::string("cuSPARSELt stores [64, 64] in 4624 bytes, more than 9/16 of the dense "
                         "ones"));
    const ProductTimes times = time_products({.m = 8, .n = 24, .k = 64}, gpu.context);
    QVERIFY(!times.gains());
    QVERIFY(times.why.find("[24, 64]") != std::string::npos);
}

void CusparseltTest::other_types_are_refused() {
    Gpu gpu;
    const auto why =
        error_of([&] { product(gpu, {.type = DType::f16}, WeightFormat::two_of_four_bf16); },
                 Failure::unsupported);
    QVERIFY2(why.find("the type of its numbers") != std::string::npos, why.c_str());
}

void CusparseltTest::both_ways_are_timed_once() {
    const LinearShape shape{.m = 16, .n = 64, .k = 64, .bias = true};
    own_->microseconds = 3000; // the dense product takes less
    {
        Gpu gpu;
        const ProductTimes times = time_products(shape, gpu.context);
        QCOMPARE(times.rows, 16);
        QVERIFY(times.two_of_four >= 0.003 && times.dense > 0);
        QVERIFY(!times.gains());
    }
    own_->computes = false, own_->microseconds = 0;
    {
        Gpu gpu; // another shape, and the same again
        QVERIFY(time_products({.m = 64, .n = 128, .k = 128}, gpu.context).gains());
        const int products = own_->products;
        QVERIFY(!time_products(shape, gpu.context).gains());
        QCOMPARE(own_->products, products);
        const ProductTimes many = time_products({.m = 20000, .n = 16, .k = 32}, gpu.context);
        QCOMPARE(many.rows, ProductTimes::most_rows);
    }
}

void CusparseltTest::nothing_is_left_behind() {
    const int before = own_->objects;
    {
        Gpu gpu;
        product(gpu, {.activation = Activation::gelu}, WeightFormat::two_of_four_bf16);
        QVERIFY(own_->objects > before);
    }
    QCOMPARE(own_->objects, before);
}

SWEETSPOT_TEST(CusparseltTest)
#include "cusparselt_test.moc"
