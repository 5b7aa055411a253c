#include "engine/config/catalogue.h"
#include "engine/config/possible.h"
#include "engine/config/resources.h"
#include "kernels/core/error.h"
#include "tests/suite.h"
#include <QtTest>
#include <fstream>

using namespace sweetspot;

class CatalogueTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;

    std::string written(const std::string& name, const std::string& text) {
        const std::string path = folder_.filePath(QString::fromStdString(name)).toStdString();
        std::ofstream(path) << text;
        return path;
    }
    static QString error_of(const std::string& model, Failure kind) {
        try {
            load_model_config(model);
        } catch (const Error& error) {
            return error.kind == kind ? error.what() : "another kind of failure";
        }
        return "no error";
    }

private slots:
    void a_name_gives_its_file();
    void every_name_loads_and_is_its_own();
    void a_name_may_bring_weights();
    void parameters_are_those_of_the_studies_data();
    void parameters_are_those_of_the_studies();
    void a_wrong_name_is_told_the_nearest();
    void a_wrong_field_is_told_the_nearest();
    void sizes_must_fit_together();
    void a_file_that_is_not_json_is_named();
    void hugging_face_configs_are_understood();
    void a_hugging_face_setting_that_computes_something_else_is_refused();
    void the_header_of_llama2c_is_understood();
    void a_short_llama2c_file_is_refused();
    void a_possible_run_has_no_reason_against_it();
    void impossible_runs_have_a_reason_data();
    void impossible_runs_have_a_reason();
    void what_only_a_gpu_can_do_is_refused_elsewhere_data();
    void what_only_a_gpu_can_do_is_refused_elsewhere();
    void choices_that_exclude_each_other_are_refused_data();
    void choices_that_exclude_each_other_are_refused();
    void a_gpu_attends_through_no_window();
};

void CatalogueTest::a_name_gives_its_file() {
    const ModelConfig model = load_model_config("llama2-70b");
    QCOMPARE(model.family, Family::llama);
    QCOMPARE(model.layers, 80);
    QCOMPARE(model.kv_heads, 8);
    QCOMPARE(model.head_size, 128);
    QCOMPARE(model.mlp_width, 28672);
    QCOMPARE(model.norm, NormStyle::rms);
    QVERIFY(model.causal && !model.bias && !model.tied_head);
}

void CatalogueTest::every_name_loads_and_is_its_own() {
    const auto names = model_names();
    QCOMPARE(names.size(), std::size_t(37));
    for (const auto& name : names) QCOMPARE(load_model_config(name).name, name);
}

void CatalogueTest::a_name_may_bring_weights() {
    RunConfig run{{.model = "llama-trained"}};
    QCOMPARE(model_place(run.model), resource_path("models/llama-trained"));
    QCOMPARE(weights_of(run), resource_path("models/llama-trained"));
    run.weights = "random";
    QCOMPARE(weights_of(run), std::string("random"));
    for (const char* described : {"esm2-8m", "there-is-none", "../models/llama-trained", ""})
        QCOMPARE(weights_of({{.model = described}}), std::string("random"));
}

void CatalogueTest::parameters_are_those_of_the_studies_data() {
    QTest::addColumn<qint64>("parameters");
    const std::pair<const char*, qint64> counts[] = {
        {"esm2-8m", 7'512'353},
        {"esm2-35m", 33'501'153},
        {"esm2-150m", 148'139'553},
        {"esm2-650m", 651'042'593},
        {"esm2-3b", 2'839'004'193},
        {"esm2-15b", 15'129'098'273},
        {"llama2-7b", 6'738'415'616},
        {"llama2-13b", 13'015'864'320},
        {"llama2-70b", 68'976'648'192},
        {"llama-head-study-5l", 128'789'504},
        {"llama-head-study-6l", 141'440'000},
        {"llama-head-study-7l", 154'090'496},
        {"llama-head-study-8l", 166'740'992},
        {"llama-head-study-5l-mlp", 128'872'064},
        {"llama-head-study-8l-mlp", 166'873'088},
        {"fms-micro", 2'312'256},
        {"stories260k", 260'032},
        {"llama-trained", 2'623'232},
        {"gpt2", 124'439'808},
        {"gpt2-small", 163'037'184}, // 163.0 M and so on in the study's table
        {"gpt2-medium", 406'286'336},
        {"gpt2-large", 838'359'040},
        {"gpt2-xl", 1'638'022'400},
        {"gpt3-6.7b", 6'860'062'720},
        {"gpt3-13b", 13'509'912'000},
        {"gpt3-175b", 175'209'234'432},
    };
    for (const auto& [name, count] : counts) QTest::newRow(name) << count;
}
void CatalogueTest::parameters_are_those_of_the_studies() {
    QFETCH(qint64, parameters);
    QCOMPARE(qint64(parameter_count(load_model_config(QTest::currentDataTag()))), parameters);
}

void CatalogueTest::a_wrong_name_is_told_the_nearest() {
    QCOMPARE(error_of("esm2-150M", Failure::bad_input),
             "there is no model \"esm2-150M\"; did you mean \"esm2-150m\"?");
}

void CatalogueTest::a_wrong_field_is_told_the_nearest() {
    const auto path = written("field.json", R"({"layer": 3})");
    QCOMPARE(error_of(path, Failure::bad_input),
             QString::fromStdString(path) +
                 ": there is no field \"layer\"; did you mean \"layers\"?");
    const auto value = written("value.json", R"({"family": "bert"})");
    QCOMPARE(error_of(value, Failure::bad_input),
             QString::fromStdString(value) + ": family cannot be \"bert\"");
}

void CatalogueTest::sizes_must_fit_together() {
    const auto path = written("sizes.json", R"({"layers": 1, "width": 8, "heads": 3, "kv_heads": 2,
        "mlp_width": 4, "vocabulary": 9, "positions": 5})");
    QCOMPARE(error_of(path, Failure::bad_input),
             QString::fromStdString(path) + ": heads (3) must be a multiple of kv_heads (2)");
    const auto zero = written("zero.json", R"({"layers": 0})");
    QCOMPARE(error_of(zero, Failure::bad_input),
             QString::fromStdString(zero) + ": layers must be at least 1, not 0");
}

void CatalogueTest::a_file_that_is_not_json_is_named() {
    const auto path = written("broken.json", R"({"layers": )");
    QVERIFY(error_of(path, Failure::bad_input)
                .startsWith(QString::fromStdString(path) + ": line 1, column 12: "));
}

void CatalogueTest::hugging_face_configs_are_understood() {
    const std::string golden = SWEETSPOT_SOURCE_DIR "/tests/golden/";
    const ModelConfig esm = load_model_config(golden + "esm2-head24");
    QCOMPARE(esm.name, std::string("esm2-head24"));
    QCOMPARE(esm.family, Family::esm2);
    QCOMPARE(esm.width, 72);
    QCOMPARE(esm.head_size, 24);
    QCOMPARE(esm.mlp_width, 144);
    QCOMPARE(esm.head, HeadStyle::masked);
    QVERIFY(esm.token_dropout && esm.tied_head && esm.bias && !esm.causal);
    const ModelConfig llama = load_model_config(golden + "llama-sharded/config.json");
    QCOMPARE(llama.kv_heads, 1);
    QCOMPARE(llama.mlp_width, 112);
    QCOMPARE(llama.norm, NormStyle::rms);
    QCOMPARE(llama.mlp, MlpStyle::swiglu);
    QCOMPARE(llama.rotary_base, 10000.0);
    QVERIFY(llama.causal && !llama.bias && !llama.tied_head);
    const ModelConfig gpt = load_model_config(golden + "gpt2-tiny");
    QCOMPARE(gpt.mlp_width, 256);
    QCOMPARE(gpt.position, PositionStyle::learned);
    QCOMPARE(gpt.mlp, MlpStyle::gelu_tanh);
    QVERIFY(gpt.causal && gpt.bias && gpt.tied_head);
}

void CatalogueTest::a_hugging_face_setting_that_computes_something_else_is_refused() {
    const auto path = written("config.json", R"({"model_type": "gpt2", "n_layer": 1, "n_embd": 8,
        "n_head": 2, "n_positions": 4, "vocab_size": 5, "activation_function": "relu"})");
    QCOMPARE(error_of(path, Failure::unsupported),
             QString::fromStdString(path) + ": \"activation_function\": \"relu\" is not supported, "
                                            "only GELU, exact or by tanh");
    const auto kind = written("kind.json", R"({"model_type": "bert"})");
    QCOMPARE(error_of(kind, Failure::unsupported),
             QString::fromStdString(kind) +
                 ": \"model_type\" is \"bert\", which has norms behind attention and MLP; esm, "
                 "llama, mistral, qwen2, qwen3, gpt2 are supported");
}

void CatalogueTest::the_header_of_llama2c_is_understood() {
    const std::int32_t header[7] = {64, 172, 5, 8, 4, -512, 256};
    const auto path = written("a.bin", {reinterpret_cast<const char*>(header), sizeof header});
    const ModelConfig model = load_model_config(path);
    QCOMPARE(model.width, 64);
    QCOMPARE(model.kv_heads, 4);
    QCOMPARE(model.head_size, 8);
    QCOMPARE(model.vocabulary, 512);
    QCOMPARE(model.positions, 256);
    QVERIFY(!model.tied_head); // a negative vocabulary means a table of its own
}

void CatalogueTest::a_short_llama2c_file_is_refused() {
    const auto path = written("short.bin", "0123456789");
    QCOMPARE(error_of(path, Failure::file),
             QString::fromStdString(path) +
                 ": shorter than the 28 bytes that begin llama2.c's .bin");
}

void CatalogueTest::a_possible_run_has_no_reason_against_it() {
    QVERIFY(!impossible({{.model = "esm2-8m"}, {.sequence = 16384}}, load_model_config("esm2-8m")));
    QVERIFY(!impossible({{.model = "gpt2", .task = Task::generate}}, load_model_config("gpt2")));
}

void CatalogueTest::impossible_runs_have_a_reason_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<QString>("field");
    QTest::addColumn<QString>("value");
    QTest::addColumn<QString>("task");
    QTest::addColumn<QString>("reason");
    QTest::newRow("positions") << "gpt2"
                               << "sequence"
                               << "1025"
                               << "forward"
                               << "sequence 1025 is longer than the 1024 positions of gpt2";
    QTest::newRow("new tokens") << "gpt2"
                                << "new_tokens"
                                << "2000"
                                << "generate"
                                << "new_tokens 2000 is longer than the 1024 positions of gpt2";
    QTest::newRow("generate") << "esm2-8m"
                              << "batch"
                              << "1"
                              << "generate"
                              << "esm2-8m cannot generate: its tokens see those after them";
    QTest::newRow("pseudo")
        << "gpt2"
        << "pseudo_perplexity"
        << "true"
        << "perplexity"
        << "pseudo_perplexity is for models that see both sides; gpt2 is causal";
    QTest::newRow("nothing to predict")
        << "gpt2"
        << "sequence"
        << "1"
        << "perplexity"
        << "the perplexity of gpt2 needs a sequence of at least 2 tokens";
    QTest::newRow("batch") << "gpt2"
                           << "batch"
                           << "0"
                           << "forward"
                           << "\"batch\" is a whole number from 1 to 1000000, not \"0\"";
    QTest::newRow("top_p") << "gpt2"
                           << "top_p"
                           << "1.5"
                           << "generate"
                           << "\"top_p\" is a number above 0 and at most 1, not \"1.5\"";
    QTest::newRow("mask") << "esm2-8m"
                          << "mask_fraction"
                          << "0"
                          << "perplexity"
                          << "\"mask_fraction\" is a number above 0 and at most 1, not \"0\"";
}
void CatalogueTest::impossible_runs_have_a_reason() {
    QFETCH(QString, model);
    QFETCH(QString, field);
    QFETCH(QString, value);
    QFETCH(QString, task);
    QFETCH(QString, reason);
    RunConfig run;
    QVERIFY(set_field(run, "task", task.toStdString()));
    QVERIFY(set_field(run, field.toStdString(), value.toStdString()));
    const auto found = impossible(run, load_model_config(model.toStdString()));
    QCOMPARE(QString::fromStdString(found.value_or("")), reason);
}

void CatalogueTest::what_only_a_gpu_can_do_is_refused_elsewhere_data() {
    QTest::addColumn<QString>("field");
    QTest::addColumn<QString>("value");
    const std::map<const char*, std::vector<const char*>> all = {
        {"precision", {"tf32", "f16"}},
        {"attention", {"vendor"}},
        {"launch", {"graph"}},
        {"weight_memory", {"managed", "streamed"}},
        {"fusion", {"attention_norm", "mlp_norm", "attention_projection"}}};
    for (const auto& [field, values] : all)
        for (const char* value : values) QTest::addRow("%s %s", field, value) << field << value;
}
void CatalogueTest::what_only_a_gpu_can_do_is_refused_elsewhere() {
    QFETCH(QString, field);
    QFETCH(QString, value);
    const ModelConfig model = load_model_config("gpt2");
    RunConfig run{
        {.model = "gpt2"}, {}, {.precision = Precision::bf16, .weight_budget_bytes = 1e9}};
    QVERIFY(set_field(run, field.toStdString(), value.toStdString()));
    const std::string refusal = (field + " " + value + " needs device cuda").toStdString();
    run.plan_for = PlanFor::cuda; // which a run that does not plan ignores
    QCOMPARE(impossible(run, model).value_or(""), refusal);
    run.device = DeviceKind::plan;
    if (value == "tf32") run.attention = AttentionVariant::naive;
    QCOMPARE(impossible(run, model).value_or(""), std::string());
    run.plan_for = PlanFor::cpu;
    QCOMPARE(impossible(run, model).value_or(""), refusal + "; this plans for the CPU (plan_for)");
    run.device = DeviceKind::cuda;
    QCOMPARE(impossible(run, model).value_or(""), std::string());
}

void CatalogueTest::choices_that_exclude_each_other_are_refused_data() {
    QTest::addColumn<QString>("fields");
    QTest::addColumn<QString>("reason");
    const auto row = [](const char* fields, const char* reason) {
        QTest::newRow(fields) << fields << reason;
    };
    row("attention=vendor precision=tf32",
        "attention vendor computes in bf16 or f16; precision is tf32");
    row("prefetch=on_use", "prefetch on_use needs weight_memory managed");
    row("memory_advice=read_mostly weight_memory=streamed weight_budget_bytes=1",
        "memory_advice read_mostly needs weight_memory managed");
    row("weight_memory=streamed", "weight_memory streamed needs weight_budget_bytes: what the GPU "
                                  "may hold of the weights");
    row("weight_memory=managed prefetch=lookahead launch=graph",
        "launch graph cannot have prefetch lookahead: CUDA records no prefetches in graphs");
    row("weight_memory=managed launch=graph", "");
    row("weight_memory=streamed weight_budget_bytes=1e9 launch=graph",
        "launch graph cannot have weight_memory streamed: which weights are on the GPU changes "
        "from step to step, and a graph repeats one step");
    row("fusion=attention_projection attention=naive",
        "fusion attention_projection is made of flash attention; attention is naive");
    row("fusion=attention_projection precision=bf16 task=generate",
        "fusion attention_projection needs a task other than generate, which decodes with one "
        "kernel, flash attention's");
    row("fusion=mlp_norm dropout=0.1",
        "dropout goes with fusion none, epilogues or dropout_norm, not with mlp_norm");
    row("fusion=dropout_norm dropout=0.1", "");
    row("dropout=1", "\"dropout\" is a number from 0 to 0.99, not \"1\"");
    row("as_published=mlp_norm", "");
    row("as_published=mlp_norm model=esm2-8m",
        "as_published is about GPT-2's layers; esm2-8m is of the family esm2");
    row("as_published=mlp_norm fusion=mlp_norm",
        "as_published mlp_norm goes with fusion none or epilogues, not with mlp_norm");
    row("as_published=mlp_norm weights=a.bin",
        "as_published mlp_norm has no use for some of the weights in a.bin; it is measured with "
        "weights random");
    row("as_published=mlp_norm dropout=0.1",
        "as_published mlp_norm was measured without dropout; dropout is 0.1");
    row("as_published=attention_norm launch=graph",
        "as_published attention_norm makes a norm anew in every step, which launch graph cannot "
        "record");
}
void CatalogueTest::choices_that_exclude_each_other_are_refused() {
    QFETCH(QString, fields);
    QFETCH(QString, reason);
    RunConfig run{{.model = "gpt2", .device = DeviceKind::cuda}};
    for (const QString& field : fields.split(' ')) {
        const auto parts = field.split('=');
        QVERIFY(set_field(run, parts[0].toStdString(), parts[1].toStdString()));
    }
    const auto found = impossible(run, load_model_config(run.model));
    QCOMPARE(QString::fromStdString(found.value_or("")), reason);
}

void CatalogueTest::a_gpu_attends_through_no_window() {
    RunConfig run;
    run.model = SWEETSPOT_SOURCE_DIR "/tests/golden/families/mistral"; // a window of 7 tokens
    run.weights = "random", run.sequence = 16;
    const ModelConfig model = load_model_config(run.model);
    const auto refusal = [&](int longest) {
        return "attention through a window is computed on the CPU only: that of mistral has 7 "
               "tokens, sequences up to " +
               to_text(longest);
    };
    const auto why = [&] { return impossible(run, model).value_or(""); };
    QCOMPARE(why(), std::string());
    for (const Task task : {Task::forward, Task::perplexity, Task::train}) {
        run.task = task;
        run.device = DeviceKind::cuda;
        QCOMPARE(why(), refusal(16));
        run.device = DeviceKind::plan, run.plan_for = PlanFor::cuda;
        QCOMPARE(why(), refusal(16));
        run.plan_for = PlanFor::cpu;
        QCOMPARE(why(), std::string());
        run.device = DeviceKind::cpu;
        QCOMPARE(why(), std::string());
    }
    run.task = Task::generate, run.device = DeviceKind::cuda;
    run.sequence = 4, run.new_tokens = 4;
    QCOMPARE(why(), refusal(8));
    run.new_tokens = 3;
    QCOMPARE(why(), std::string());
    run.task = Task::forward, run.sequence = 7;
    QCOMPARE(why(), std::string());
}

SWEETSPOT_TEST(CatalogueTest)
#include "catalogue_test.moc"
