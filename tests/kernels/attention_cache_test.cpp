#include "kernels/ops/attention_cache.h"
#include "tests/kernels/attention_case.h"
#include "tests/suite.h"

using namespace sweetspot;
using namespace sweetspot::check;

namespace {

void says(const std::string& actual, const char* expected) {
    QCOMPARE(actual, std::string(expected));
}

/// Attends token by token with a cache, and once with all tokens: the last rows must agree.
void verify_cached(const Case& c, std::int64_t capacity) {
    Setup setup(c);
    setup.run_guarded();
    const std::vector<double> whole = setup.y.values();
    const Segments& all = setup.segments;
    const std::int64_t sequences = all.count();
    Guarded k({sequences, c.kv_heads, capacity, c.head_size}, c.dtype);
    Guarded v({sequences, c.kv_heads, capacity, c.head_size}, c.dtype);
    const KeyValueCache cache{k, v};
    const Attention op = setup.op();

    // The first two tokens of each sequence, or one, then the rest.
    Guarded parts({all.rows(), setup.width}, setup.fused.values(), c.dtype);
    for (const bool rest : {false, true}) {
        Segments some;
        some.offsets = {0};
        std::vector<std::int32_t> starts;
        std::vector<double> rows;
        const std::vector<double> x = parts.values();
        for (int s = 0; s < sequences; ++s) {
            const int cut = std::min(2, all.lengths[s] - 1);
            const int from = rest ? cut : 0, count = rest ? all.lengths[s] - cut : std::max(cut, 1);
            starts.push_back(from);
            some.lengths.push_back(count);
            some.offsets.push_back(some.offsets.back() + count);
            const auto first = x.begin() + (all.offsets[s] + from) * setup.width;
            rows.insert(rows.end(), first, first + count * setup.width);
        }
        Guarded fresh({some.rows(), setup.width}, rows, c.dtype);
        run_on_cpu(
            AppendKeyValue{.k = columns(fresh.in(), setup.q_width, setup.kv_width),
                           .v = columns(fresh.in(), setup.q_width + setup.kv_width, setup.kv_width),
                           .cosine = op.cosine,
                           .sine = op.sine,
                           .cache = cache,
                           .segments = &some,
                           .starts = &starts},
            c.threads);
    }
    std::vector<double> last, expected_last;
    const std::vector<double> x = parts.values();
    for (int s = 0; s < sequences; ++s) {
        const std::int64_t row = all.offsets[s] + all.lengths[s] - 1;
        for (std::int64_t d = 0; d < setup.q_width; ++d) {
            last.push_back(x[std::size_t(row * setup.width + d)]);
            expected_last.push_back(whole[std::size_t(row * setup.q_width + d)]);
        }
    }
    Guarded q({sequences, setup.q_width}, last, c.dtype);
    Guarded y({sequences, setup.q_width}, c.dtype, setup.q_width + 3);
    const CachedAttention cached{.q = q,
                                 .cosine = op.cosine,
                                 .sine = op.sine,
                                 .cache = cache,
                                 .y = y,
                                 .lengths = &all.lengths,
                                 .heads = c.heads,
                                 .window = c.window,
                                 .scale = op.scale};
    cached.check();
    const auto bytes = std::int64_t(cached.workspace_bytes(c.threads));
    Guarded workspace({bytes / 4}, DType::f32);
    CpuStream stream{.threads = c.threads, .workspace = workspace.out().data};
    launch(cached, stream);
    QVERIFY2(workspace.intact() && y.intact() && k.intact() && v.intact(), text(c).c_str());
    const double error = relative_error(y.values(), expected_last);
    QVERIFY2(error <= (c.dtype == DType::f32 ? 2e-6 : 8e-3),
             (text(c) + ": error " + std::to_string(error)).c_str());
}

} // namespace

class AttentionCacheTest : public QObject {
    Q_OBJECT
private slots:
    void the_cache_continues_where_attention_stopped() {
        for (const auto dtype : {DType::f32, DType::bf16})
            for (const int size : {16, 24, 64, 80, 128, 130})
                verify_cached({.rows = {1, 2, 40, 65},
                               .heads = 4,
                               .kv_heads = 2,
                               .head_size = size,
                               .causal = true,
                               .rotary = size != 16,
                               .dtype = dtype},
                              size == 16 ? 65 : 80);
    }
    void a_long_cache_is_cut_into_parts() {
        for (const auto dtype : {DType::f32, DType::bf16})
            for (const int rows : {30, 700})
                verify_cached({.rows = {rows},
                               .heads = 1,
                               .kv_heads = 1,
                               .head_size = 32,
                               .causal = true,
                               .rotary = true,
                               .dtype = dtype,
                               .threads = 4},
                              1500);
    }
    void wide_scores_of_a_cache_do_not_overflow() {
        verify_cached({.rows = {300}, .causal = true, .spread = 8}, 600);
    }
    void a_window_leaves_out_what_is_further_back() {
        for (const int window : {1, 30, 64, 65, 699, 700})
            verify_cached({.rows = {700, 20},
                           .head_size = 32,
                           .causal = true,
                           .rotary = true,
                           .threads = 4,
                           .window = window},
                          1500);
    }
    /// What is decoded from a cache in this type is what attention gives to rounded keys and
    /// values.
    void a_rounded_cache_holds_what_rounding_says() {
        using enum WeightFormat;
        for (const auto dtype : {DType::f32, DType::bf16})
            for (const auto& [type, format] : {std::pair(DType::f32, dense),
                                               {DType::bf16, dense},
                                               {DType::u8, q8_0},
                                               {DType::u8, q4_0}}) {
                const Case c{.rows = {90},
                             .heads = 4,
                             .head_size = 64,
                             .causal = true,
                             .rotary = true,
                             .dtype = dtype};
                const std::string what =
                    text(c) + " in " + std::string(names_of(format)[std::size_t(format)]);
                Setup setup(c);
                const std::vector<double> exact = setup.fused.values();
                const std::int64_t row = setup.segments.rows() - 1;
                Guarded q({1, setup.q_width},
                          {exact.end() - setup.width, exact.end() - setup.width + setup.q_width},
                          dtype);

                const Shape shape = cache_shape(1, c.kv_heads, 100, c.head_size, format);
                Guarded k(shape, type), v(shape, type), y({1, setup.q_width}, dtype);
                const KeyValueCache cache{k, v, format};
                const std::vector<std::int32_t> starts{0}, lengths{90};
                run_on_cpu(AppendKeyValue{.k = setup.op().k,
                                          .v = setup.op().v,
                                          .cosine = setup.cosine,
                                          .sine = setup.sine,
                                          .cache = cache,
                                          .segments = &setup.segments,
                                          .starts = &starts});
                run_on_cpu(CachedAttention{.q = q,
                                           .cosine = setup.cosine,
                                           .sine = setup.sine,
                                           .cache = cache,
                                           .y = y,
                                           .lengths = &lengths,
                                           .heads = c.heads,
                                           .scale = setup.op().scale});
                QVERIFY(k.intact() && v.intact() && y.intact());

                const Out all = setup.fused;
                const std::int64_t queries = setup.q_width, keys = setup.kv_width;
                run_on_cpu(RoundKeyValue{.q = columns(all, 0, queries),
                                         .k = columns(all, queries, keys),
                                         .v = columns(all, queries + keys, keys),
                                         .cosine = setup.cosine,
                                         .sine = setup.sine,
                                         .segments = &setup.segments,
                                         .heads = c.heads,
                                         .kv_heads = c.kv_heads,
                                         .type = type == DType::bf16 ? DType::bf16 : DType::f32,
                                         .format = format});
                Attention op = setup.op();
                op.cosine = op.sine = {};
                run_on_cpu(op);
                const std::vector<double> rounded = setup.y.values();
                const std::vector<double> last(rounded.begin() + row * queries, rounded.end());
                const double error = relative_error(y.values(), last);
                QVERIFY2(error < (dtype == DType::f32 ? 2e-6 : 1e-2),
                         (what + ": error " + std::to_string(error)).c_str());
                setup.fused.set(exact);
                setup.run_guarded();
                const std::vector<double> plain = setup.y.values();
                const double cost =
                    relative_error(last, {plain.begin() + row * queries, plain.end()});
                const bool rounds = dtype == DType::f32 && type != DType::f32;
                QVERIFY2(!rounds || (cost > 1e-4 && cost < (format == q4_0 ? 0.2 : 0.02)),
                         (what + ": cost " + std::to_string(cost)).c_str());
            }
    }
    void caches_that_do_not_fit_say_what_should_be() {
        Guarded k({2, 8}, DType::f32), cached({2, 2, 3, 4}, DType::f32);
        const Segments two{{0, 1, 2}, {1, 1}};
        std::vector<std::int32_t> starts{0, 3}, lengths{1, 4};
        AppendKeyValue append{
            .k = k, .v = k, .cache = {cached, cached}, .segments = &two, .starts = &starts};
        says(complaint(append), "the new keys and values fit into the cache");
        starts = {0, 2};
        says(complaint(append), "");
        append.cache.v.dtype = DType::bf16;
        says(complaint(append), "cached keys and values are f32, bf16 or f16, both, or blocks");
        append.cache = {cached, cached, WeightFormat::q8_0};
        append.cache.k.dtype = append.cache.v.dtype = DType::u8;
        says(complaint(append), "a head is whole blocks of the cache");
        Guarded q({2, 16}, DType::f32), y({2, 16}, DType::f32);
        CachedAttention op{
            .q = q, .cache = {cached, cached}, .y = y, .lengths = &lengths, .heads = 4};
        says(complaint(op), "each sequence has at least one cached token and no more than fit");
        lengths = {1, 3};
        says(complaint(op), "");
        op.cache.k.shape.sizes[3] = op.cache.v.shape.sizes[3] = 5;
        says(complaint(op), "a cached row is a head");
        op.cache = {cached, cached};
        op.heads = 3;
        says(complaint(op), "heads is a multiple of kv_heads");
        lengths = {1};
        says(complaint(op), "q has a row, and lengths a number, for each sequence");
    }
};

SWEETSPOT_TEST(AttentionCacheTest)
#include "attention_cache_test.moc"
