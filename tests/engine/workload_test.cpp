#include "engine/config/catalogue.h"
#include "tests/engine/files.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>
#include <cmath>
#include <numeric>

using namespace sweetspot;
using files::error_of;

static const std::string golden = SWEETSPOT_SOURCE_DIR "/tests/golden/";

/// Writes down the regions that a run goes through.
class Regions : public Observer {
public:
    void began(const Work& work) noexcept override {
        path_ += "/" + std::string(work.name);
        if (work.cost.flops > 0) flops += work.cost.flops;
        names.push_back(path_);
    }
    void ended() noexcept override { path_.resize(path_.rfind('/')); }
    void allocated(Purpose, MemoryKind, std::size_t) noexcept override {}
    void freed(Purpose, MemoryKind, std::size_t) noexcept override {}

    bool has(const std::string& name) const {
        return std::find(names.begin(), names.end(), name) != names.end();
    }
    std::vector<std::string> names;
    double flops = 0;

private:
    std::string path_;
};

class WorkloadTest : public QObject {
    Q_OBJECT

    static RunConfig generating() {
        return {{.model = "fms-micro", .task = Task::generate, .threads = 1},
                {.batch = 3, .sequence = 6, .tokenizer = "bytes"},
                {},
                {},
                {.new_tokens = 9, .temperature = 1}};
    }

private slots:
    void an_unknown_model_is_told_the_nearest();
    void an_impossible_run_is_refused();
    void a_run_beyond_its_memory_limit_fails_as_out_of_memory();
    void forward_has_one_phase_and_counts_tokens();
    void ragged_computes_real_tokens_only();
    void generate_has_a_prefill_and_a_decode_a_token();
    void what_follows_a_prompt_in_its_data_is_what_a_text_is_held_against();
    void draws_depend_on_the_seed_only();
    void rows_draw_apart();
    void text_ends_where_the_sequence_ended();
    void every_step_gives_the_same();
    void a_mean_of_exponentials_is_of_batches_and_more_than_perplexity();
    void regions_are_layers_blocks_and_ops();
    void a_plan_costs_what_the_cpu_does();
    void batches_of_a_file_are_as_asked();
    void dropout_is_the_same_wherever_it_is_computed();
};

void WorkloadTest::an_unknown_model_is_told_the_nearest() {
    QCOMPARE(error_of([] { CpuRun run({{.model = "esm2-8"}}); }),
             "bad_input: there is no model \"esm2-8\"; did you mean \"esm2-8m\"?");
}

void WorkloadTest::an_impossible_run_is_refused() {
    QCOMPARE(error_of([] {
                 CpuRun run({{.model = "gpt2-xl"}, {.sequence = 2000}});
             }),
             "bad_input: sequence 2000 is longer than the 1024 positions of gpt2-xl");
}

void WorkloadTest::a_run_beyond_its_memory_limit_fails_as_out_of_memory() {
    HostAllocator allocator;
    allocator.limit_bytes = 10 << 20;
    Context context(CpuStream{.threads = 1}, allocator);
    QVERIFY(error_of([&] {
                make_workload({{.model = "esm2-8m"}}, context);
            }).startsWith("out_of_memory: "));
    QCOMPARE(allocator.use().live_total, std::size_t(0));
}

void WorkloadTest::forward_has_one_phase_and_counts_tokens() {
    CpuRun run({{.model = golden + "esm2-tiny", .weights = "random"},
                {.batch = 4, .sequence = 50, .batches = 2, .lengths = "uniform:5:40"}});
    QCOMPARE(run.work->phases(), std::vector<std::string>{"forward"});
    const Outcome outcome = run.step();
    QVERIFY(outcome.tokens.nominal < outcome.tokens.padded);
    QCOMPARE(outcome.tokens.computed, outcome.tokens.padded);
    QVERIFY(!outcome.loss_nats && outcome.text.empty());
    QVERIFY(!run.work->provenance().loaded);
    QCOMPARE(run.work->provenance().seed, std::int64_t(1));
}

void WorkloadTest::ragged_computes_real_tokens_only() {
    const Outcome outcome = outcome_of({{.model = golden + "esm2-tiny"},
                                        {.batch = 4, .sequence = 50, .lengths = "uniform:5:40"},
                                        {.layout = Layout::ragged}});
    QCOMPARE(outcome.tokens.computed, outcome.tokens.nominal);
    QVERIFY(outcome.tokens.computed < outcome.tokens.padded);
}

void WorkloadTest::generate_has_a_prefill_and_a_decode_a_token() {
    CpuRun run(generating());
    const auto& phases = run.work->phases();
    QCOMPARE(phases.size(), std::size_t(9));
    QCOMPARE(phases.front(), std::string("prefill"));
    QCOMPARE(phases[1], std::string("decode"));
    QCOMPARE(phases.back(), std::string("decode"));
    const Outcome outcome = run.step();
    QCOMPARE(outcome.tokens.computed, std::int64_t(3 * 6 + 3 * 8));
    QCOMPARE(std::count(outcome.text.begin(), outcome.text.end(), '\n') >= 2, true);
}

void WorkloadTest::what_follows_a_prompt_in_its_data_is_what_a_text_is_held_against() {
    const QTemporaryDir folder;
    RunConfig config = generating();
    const RunConfig random = config;
    config.data = files::written(folder.filePath("text.lines").toStdString(),
                                 "to be or not to be\nthat is\nthe question\n");
    const Outcome found = outcome_of(config);
    QCOMPARE(found.expected, (std::vector<std::string>{"or not to", "s", "estion"}));
    QCOMPARE(found.continuations.size(), std::size_t(3));
    for (std::size_t i = 0; i < 3; ++i) // as many tokens as there are
        QCOMPARE(found.continuations[i].size(), found.expected[i].size());
    QVERIFY(found.text.starts_with(found.continuations[0]));
    QCOMPARE(found.tokens.nominal, std::int64_t(3 * (6 + 8)));
    QVERIFY(outcome_of(random).expected.empty());
}

void WorkloadTest::draws_depend_on_the_seed_only() {
    RunConfig config = generating();
    const std::string text = outcome_of(config).text;
    config.threads = 3;
    QCOMPARE(outcome_of(config).text, text);
    CpuRun run(generating());
    run.step();
    QCOMPARE(run.step().text, text); // the next step draws the same
}

void WorkloadTest::rows_draw_apart() {
    RunConfig config = generating();
    config.batch = 2;
    config.prompt = "ab";
    const std::string text = outcome_of(config).text;
    QCOMPARE(text.size(), std::size_t(9 + 1 + 9));
    QVERIFY(text.substr(0, 9) != text.substr(10));
    config.temperature = 0;
    const std::string greedy = outcome_of(config).text;
    QCOMPARE(greedy.substr(0, 9), greedy.substr(10));
}

void WorkloadTest::text_ends_where_the_sequence_ended() {
    const std::string data = SWEETSPOT_SOURCE_DIR "/../shared/data/";
    if (!QFile::exists(QString::fromStdString(data))) QSKIP("../shared/data is missing");
    RunConfig config{
        {.model = "stories260k", .weights = data + "stories260K.bin", .task = Task::generate},
        {},
        {},
        {},
        {.prompt = "Once upon a time", .new_tokens = 400}};
    CpuRun run(config);
    QCOMPARE(run.work->phases().size(), std::size_t(400));
    const std::string text = run.step().text;
    QVERIFY(text.size() > 200);
    // A story that has ended is not followed by the next one.
    QCOMPARE(text.find("Once upon a time"), std::string::npos);
}

void WorkloadTest::every_step_gives_the_same() {
    CpuRun run(
        {{.model = golden + "gpt2-tiny", .weights = golden + "gpt2-tiny", .task = Task::perplexity},
         {.batch = 3, .sequence = 20}});
    const double first = *run.step().loss_nats;
    QCOMPARE(*run.step().loss_nats, first);
    QCOMPARE(run.work->outcome().scored_tokens, std::int64_t(3 * 19));
}

void WorkloadTest::a_mean_of_exponentials_is_of_batches_and_more_than_perplexity() {
    CpuRun run(
        {{.model = golden + "gpt2-tiny", .weights = golden + "gpt2-tiny", .task = Task::perplexity},
         {.batch = 2, .sequence = 20, .batches = 3}});
    const Outcome outcome = run.step();
    const auto losses = run.work->scored()->losses;
    QCOMPARE(losses.size(), std::size_t(3 * 2 * 19));
    double expected = 0;
    for (auto batch = losses.begin(); batch != losses.end(); batch += 38)
        expected += std::exp(std::accumulate(batch, batch + 38, 0.0) / 38) / 3;
    QVERIFY(std::abs(*outcome.mean_exponential / expected - 1) < 1e-6);
    QVERIFY(*outcome.mean_exponential > std::exp(*outcome.loss_nats) * 1.001);
}

void WorkloadTest::regions_are_layers_blocks_and_ops() {
    Regions regions; // told of what is freed, it outlives the run
    CpuRun run({{.model = golden + "esm2-tiny"}});
    run.context.watch(&regions);
    run.step();
    for (const char* name : {"/embedding", "/layer 0/attention/norm", "/layer 1/attention/matmul",
                             "/layer 1/attention/attention", "/layer 1/mlp/matmul", "/head/norm"})
        QVERIFY2(regions.has(name), name);
}

void WorkloadTest::a_plan_costs_what_the_cpu_does() {
    const RunConfig config{{.model = golden + "llama-tiny"}, {.batch = 3, .sequence = 40}};
    Regions computed, planned;
    CpuRun run(config);
    run.context.watch(&computed);
    run.step();
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    const auto work = make_workload(config, context);
    context.watch(&planned);
    work->run_phase(0);
    QVERIFY(planned.names == computed.names);
    QCOMPARE(planned.flops, computed.flops);
    // Two products of 2 · rows · n · k for each matrix: the least there can be.
    const ModelConfig model = load_model_config(config.model);
    const double table = double(model.vocabulary) * model.width;
    QVERIFY(planned.flops > 2.0 * 120 * (double(parameter_count(model)) - table - 5 * 64));
}

void WorkloadTest::batches_of_a_file_are_as_asked() {
    QTemporaryDir folder;
    const auto file = files::written(folder.filePath("a.fasta").toStdString(),
                                     ">a\nLAG\n>b\nLAGVS\n>c\nLA\n>d\nLAGV\n");
    RunConfig config{{.model = golden + "esm2-tiny"}, {.batch = 2, .data = file}};
    QCOMPARE(outcome_of(config).tokens.nominal, std::int64_t(3 + 5 + 4)); // the first two
    config.batches = 2;
    QCOMPARE(outcome_of(config).tokens.nominal, std::int64_t(3 + 5 + 2 + 4 + 8));
    config.data = "no/such.fasta";
    QVERIFY(error_of([&] { CpuRun run(config); }).startsWith("file: no/such.fasta"));
}

void WorkloadTest::dropout_is_the_same_wherever_it_is_computed() {
    // More rows than go through a step at once without dropout.
    RunConfig config{
        {.model = golden + "gpt2-tiny", .weights = golden + "gpt2-tiny", .task = Task::perplexity},
        {.batch = 8, .sequence = 120}};
    const double without = *outcome_of(config).loss_nats;
    QVERIFY(outcome_of(config).caveat.empty());
    config.dropout = 0.5;
    std::vector<double> losses;
    for (const auto fusion : {Fusion::none, Fusion::epilogues, Fusion::dropout_norm}) {
        config.fusion = fusion;
        losses.push_back(*outcome_of(config).loss_nats);
        config.threads = 2;
        QCOMPARE(*outcome_of(config).loss_nats, losses.back());
    }
    for (const double loss : losses) QVERIFY(std::abs(loss - losses[0]) < 1e-5);
    QVERIFY(std::abs(losses[0] - without) > 1e-3);
    QVERIFY(!outcome_of(config).caveat.empty());
    config.seed = 2;
    QVERIFY(std::abs(*outcome_of(config).loss_nats - losses[0]) > 1e-4);
}

SWEETSPOT_TEST(WorkloadTest)
#include "workload_test.moc"
