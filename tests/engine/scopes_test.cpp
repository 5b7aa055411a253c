#include "engine/config/catalogue.h"
#include "engine/tasks/run_data.h"
#include "tests/engine/data_support.h"
#include "tests/random_config.h"
#include "tests/suite.h"

using namespace sweetspot;

namespace {

RunData data_of(const RunConfig& run, const ModelConfig& model) {
    switch (run.task) {
    case Task::forward: return forward_data(run, model);
    case Task::perplexity: return scored_data(run, model);
    case Task::generate: return prompt_data(run, model);
    case Task::train: return training_data(run, model);
    case Task::probe: return run.data == "random" ? RunData() : probe_data(run, model); // refused
    }
    throw Error(Failure::bug, "a task without data");
}

} // namespace

class ScopesTest : public QObject {
    Q_OBJECT

private slots:
    // canonical() makes one run of configurations that differ only in what does not apply, so that
    // what does not apply must really change nothing.
    void data_stay_the_same_without_what_does_not_apply_data();
    void data_stay_the_same_without_what_does_not_apply();
};

void ScopesTest::data_stay_the_same_without_what_does_not_apply_data() {
    QTest::addColumn<std::string>("model");
    for (const char* model : {"esm2-8m", "fms-micro"}) QTest::newRow(model) << std::string(model);
}
void ScopesTest::data_stay_the_same_without_what_does_not_apply() {
    QFETCH(std::string, model);
    const ModelConfig config = load_model_config(model);
    const Folder folder;
    const auto text = folder.write("a.lines", "MKT\nAXXLLE\nGG*G\n" + std::string(700, 'A') + "\n");
    const auto table = folder.write("a.csv", "sequence,other\nMKT,GGG\nAEEV,V\nX,MMM\n");
    RandomConfigs configs(1);
    configs.own = {{"model", {model}},
                   {"weights", {"random", "w"}},
                   {"data", {"random", text, table}},
                   {"column", {"sequence", "other"}},
                   {"lengths", {"fixed", "uniform:1:5", "esm2-study"}},
                   {"tokenizer", {"auto", model == "esm2-8m" ? "esm" : "bytes"}},
                   {"unknown_letters", {"x", "unk"}},
                   {"prompt", {"", "MKT"}},
                   {"sequence", {"8", "16"}},
                   {"quality_data", {"", text, table}},
                   {"quality_window", {"8", "16"}},
                   {"max_tokens", {"0", "4", "9"}},
                   {"token_budget", {"0", "20"}}};
    int changed = 0;
    for (int i = 0; i < 1000; ++i) {
        const RunConfig run = configs.next(), same = canonical(run);
        changed += !(run == same);
        const RunData a = data_of(run, config), b = data_of(same, config);
        if (scope::is_assessed(run)) { // its pass reads what applies to it
            RunConfig pass = quality_pass_of(run), of_same = quality_pass_of(same);
            if (pass.data == "random") continue; // refused
            QVERIFY(scored_data(pass, config).batches == scored_data(of_same, config).batches);
        }
        const std::string what = to_text(i) + " " + to_text(run.task);
        QVERIFY2(a.batches == b.batches, what.c_str());
        QVERIFY2(copy_of(a.rows) == copy_of(b.rows), what.c_str());
        QCOMPARE(a.replaced_letters, b.replaced_letters);
        QCOMPARE(a.tokenizer ? a.tokenizer->name() : "", b.tokenizer ? b.tokenizer->name() : "");
    }
    QVERIFY(changed > 500);
}

SWEETSPOT_TEST(ScopesTest)
#include "scopes_test.moc"
