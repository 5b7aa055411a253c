// LLaMA with linears behind its heads: what it has learned, how it is drawn, cached and trained as
// its study did. Its logits and gradients beside PyTorch's are rows of golden_logits_test and
// train_test.
#include "engine/config/possible.h"
#include "engine/tasks/run_data.h"
#include "engine/weights/source.h"
#include "tests/engine/files.h"
#include "tests/engine/training_support.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;

namespace {

ModelConfig with(ModelConfig model, HeadMlp kind, int depth = 1) {
    model.head_mlp = kind, model.head_mlp_depth = depth;
    return model;
}

RunConfig golden_run(const std::string& model) {
    RunConfig run;
    run.model = golden_model(model), run.weights = golden::folder(model);
    return run;
}

} // namespace

class HeadMlpTest : public QObject {
    Q_OBJECT
private slots:
    void models_have_the_parameters_of_the_study() {
        const std::array shared{128'872'064, 141'539'072, 154'206'080, 166'873'088},
            own{129'449'984, 142'232'576, 155'015'168, 167'797'760};
        for (int layers = 5; layers <= 8; ++layers) {
            const auto base = load_model_config("llama-head-study-" + std::to_string(layers) + "l");
            const auto i = std::size_t(layers - 5);
            QCOMPARE(parameter_count(with(base, HeadMlp::shared)), std::int64_t(shared[i]));
            QCOMPARE(parameter_count(with(base, HeadMlp::per_head)), std::int64_t(own[i]));
            const auto named =
                load_model_config("llama-head-study-" + std::to_string(layers) + "l-mlp");
            QCOMPARE(parameter_count(named), std::int64_t(shared[i]));
        }
        const auto base = load_model_config("llama-head-study-5l");
        QCOMPARE(parameter_count(with(base, HeadMlp::shared, 3)) - parameter_count(base),
                 std::int64_t(5 * 3 * 16'512));
    }

    void each_linear_is_drawn_as_the_study_drew_it() {
        ModelConfig model = with(load_model_config("llama-head-study-5l"), HeadMlp::per_head);
        model.init = InitStyle::kaiming_uniform;
        HostAllocator allocator;
        Context context(CpuStream{.threads = 1}, allocator);
        DrawnWeights source(model, 1, context);
        const ModelPart part = *part_of(model, Part::head_mlp, 2);
        QCOMPARE(part.products(), 8);
        const auto range_of = [&](Parameter parameter) {
            const In y = source.find(parameter)[0];
            const auto [low, high] =
                std::minmax_element(y.as<float>(), y.as<float>() + y.shape.count());
            return std::pair(*low, *high);
        };
        const auto [least, most] = range_of(part.weight);
        const float bound = 0.216506351f; // sqrt(6 / 128)
        QVERIFY(least >= -bound && least < -0.99f * bound && most <= bound && most > 0.99f * bound);
        Parameter bias{.part = Part::head_mlp, .layer = 2, .bias = true, .rows = part.weight.rows};
        const auto [low, high] = range_of(bias);
        const float narrow = 0.0883883476f; // 1 / sqrt(128): of each linear, not of all together
        QVERIFY(low >= -narrow && low < -0.98f * narrow && high <= narrow && high > 0.98f * narrow);
    }

    void a_decoded_token_is_what_the_whole_sequence_gives_data() {
        QTest::addColumn<QString>("model");
        QTest::newRow("shared") << QString("llama-heads-shared");
        QTest::newRow("own") << QString("llama-heads-own");
    }
    void a_decoded_token_is_what_the_whole_sequence_gives() {
        QFETCH(QString, model);
        RunConfig run = golden_run(model.toStdString());
        const Batch batch{.rows = {golden::Outputs(model.toStdString()).ids("ids_3")}};
        const auto whole = golden::all_logits(run, batch);
        HostAllocator allocator;
        Context context(CpuStream{.threads = 1}, allocator);
        const ModelConfig config = load_model_config(run.model);
        auto loaded = weights_for(run, config, context);
        run.task = Task::generate;
        Model decoder(config, run, std::move(loaded.weights), 64, context);
        const Tokens& row = batch.rows[0];
        Caches caches = decoder.make_caches(1, 64);
        std::vector<float> found;
        const auto take = [&](Residual stream) {
            decoder.each_logits(stream, [&](std::int64_t, In y) {
                found.insert(found.end(), y.as<float>(), y.as<float>() + y.shape.count());
            });
        };
        constexpr std::size_t prompt = 4;
        const Tokens begin(row.begin(), row.begin() + prompt);
        take(decoder.encode(lay_out(Batch{.rows = {begin}}, Layout::ragged, -1), &caches));
        for (std::size_t i = prompt; i < row.size(); ++i)
            take(decoder.encode_next({&row[i], {1}, DType::i32}, caches));
        QVERIFY(golden::difference(found, whole).absolute < 1e-4);
    }

    void saved_weights_are_read_again() {
        const QTemporaryDir folder;
        RunConfig run = tiny_run();
        run.model = golden_model("llama-heads-own"),
        run.weights = golden::folder("llama-heads-own");
        run.steps = 3, run.save = folder.filePath("saved").toStdString();
        losses_of(run);
        RunConfig again = golden_run("llama-heads-own");
        const Batch batch = golden::Outputs("llama-heads-own").sequences();
        const auto before = golden::all_logits(again, batch);
        again.weights = run.save + "/model.safetensors";
        QVERIFY(golden::difference(golden::all_logits(again, batch), before).absolute > 1e-3);
    }

    void what_it_cannot_go_with_is_refused() {
        RunConfig run = golden_run("llama-heads-own");
        const ModelConfig model = load_model_config(run.model);
        run.fusion = Fusion::attention_projection, run.precision = Precision::bf16;
        run.device = DeviceKind::plan, run.plan_for = PlanFor::cuda;
        QCOMPARE(QString::fromStdString(impossible(run, model).value_or("")),
                 "fusion attention_projection leaves no room for what llama-heads-own does between "
                 "the two (head_mlp)");
        run = golden_run("llama-heads-own");
        run.prune = PruneBy::magnitude, run.prune_pattern = PrunePattern::heads;
        QCOMPARE(QString::fromStdString(impossible(run, model).value_or("")),
                 "prune_pattern heads takes out heads; it does not know the linears that each of "
                 "llama-heads-own has of its own (head_mlp per_head)");
        const QTemporaryDir folder;
        const auto wrong = [&](const std::string& fields) -> std::string {
            const auto path = folder.filePath("model.json").toStdString();
            files::written(path, R"({"layers": 1, "width": 8, "heads": 2, "mlp_width": 8,
                "vocabulary": 8, "positions": 8, )" +
                                     fields + "}");
            try {
                load_model_config(path);
            } catch (const Error& e) {
                return std::string(e.what()).substr(path.size() + 2);
            }
            return "";
        };
        QCOMPARE(wrong(R"("family": "gpt2", "head_mlp": "shared")"),
                 "a head_mlp is LLaMA's, and no other family's");
        QCOMPARE(wrong(R"("family": "llama", "head_mlp": "shared", "head_mlp_depth": 0)"),
                 "head_mlp_depth must be from 1 to 1000, not 0");
    }

    /// Against what the study's own words give: rows filled up with the end of a text, each token
    /// to be said where it is read.
    void as_published_scores_the_token_that_is_read_and_the_padding() {
        const QTemporaryDir folder;
        const auto data = folder.filePath("some.lines").toStdString();
        files::written(data, "one two\nthree four five six\nseven\neight nine\n");
        RunConfig run;
        run.model = "stories260k", run.weights = "random", run.task = Task::train;
        run.threads = 1, run.batch = 4, run.sequence = 32, run.layout = Layout::padded;
        run.data = data, run.steps = 1;
        run.tokenizer = SWEETSPOT_SOURCE_DIR "/tests/golden/sentencepiece/tokenizer.model";
        run.as_published = AsPublished::llm_compression;
        const ModelConfig model = load_model_config(run.model);
        const double found = losses_of(run).front();
        const auto tokenizer = tokenizer_for(run, model);
        Batch rows;
        for (const char* line : {"one two", "three four five six", "seven", "eight nine"})
            rows.rows.push_back(tokenizer->encode(line, tokenizer->usual_specials()));
        for (Tokens& row : rows.rows) row.resize(rows.longest(), tokenizer->ids().eos);
        QVERIFY(tokenizer->ids().eos >= 0 && shape_of(rows).rows[0] > 3);
        Example example{.input = lay_out(rows, Layout::padded, -1)};
        for (std::size_t i = 0; i < example.input.ids.size(); ++i) {
            example.scored.push_back(std::int32_t(i));
            example.targets.push_back(example.input.ids[i]);
        }
        example.count = std::int64_t(example.scored.size());
        HostAllocator allocator;
        Context context(CpuStream{.threads = 1}, allocator);
        TrainedModel trained(model, run, 64, context);
        QVERIFY(std::abs(trained.score(example) / double(example.count) - found) < 1e-4);
        const auto gains =
            std::ranges::find(trained.learned(), "layer 0 attention_norm gain", &Learned::name);
        QVERIFY(gains != trained.learned().end());
        for (int i = 0; i < 64; ++i) QVERIFY(std::abs(gains->value().as<float>()[i]) <= 0.125f);
        RunConfig plan = run;
        plan.device = DeviceKind::plan;
        QCOMPARE(totals_of(plan).memory.peak, totals_of(run).memory.peak);
        run.layout = Layout::ragged;
        QCOMPARE(refusal_of(run),
                 "as_published llm_compression computes and scores padding: layout "
                 "padded, not ragged");
        run.layout = Layout::padded, run.tokenizer = "bytes";
        QCOMPARE(refusal_of(run), "as_published llm_compression pads with a token that ends or "
                                  "begins a text, and the tokenizer of these data has none");
        run.as_published = AsPublished::none;
        QCOMPARE(refusal_of(run), "");
    }
};

SWEETSPOT_TEST(HeadMlpTest)
#include "head_mlp_test.moc"
