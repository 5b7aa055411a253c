#include "engine/data/masking.h"
#include "engine/tasks/run_data.h"
#include "tests/engine/files.h"
#include "tests/engine/golden.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;

class Esm2Test : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;

    /// Eight proteins of 3 to 80 residues.
    std::string proteins() {
        std::string text;
        for (int i = 0; i < 8; ++i) {
            text += ">p" + std::to_string(i) + "\n";
            for (int j = 0; j < 3 + 11 * i; ++j) text += "LAGVSERTIDPKQNFYMHWC"[(j * j + i) % 20];
            text += "\n";
        }
        return files::written(folder_.filePath("proteins.fasta").toStdString(), text);
    }
    static RunConfig tiny(Task task) {
        return {{.model = golden::folder("esm2-tiny"),
                 .weights = golden::folder("esm2-tiny"),
                 .task = task}};
    }

private slots:
    void unmasked_embeddings_are_scaled_by_0_88();
    void masked_embeddings_are_dropped_and_the_others_scaled();
    void what_is_masked_goes_by_the_vocabulary();
    void padding_is_not_counted_as_a_token();
    void pseudo_perplexity_is_pytorchs();
    void masked_loss_is_that_of_the_masked_positions();
    void masked_loss_does_not_depend_on_layout_or_batch();
    void a_protein_of_16384_residues_needs_no_positions();
    void letters_that_are_replaced_are_counted();
    void what_was_done_to_the_data_is_said();
    void no_more_of_a_file_is_read_than_a_step_needs();
    void what_max_tokens_cuts_keeps_its_end_mark();
};

void Esm2Test::unmasked_embeddings_are_scaled_by_0_88() {
    const InputRows input = lay_out(Batch{.rows = {{0, 5, 2}}}, Layout::padded, 32);
    QCOMPARE(token_dropout_scale(input), (std::vector<float>{0.88f, 0.88f, 0.88f}));
}

void Esm2Test::masked_embeddings_are_dropped_and_the_others_scaled() {
    const InputRows input = lay_out(Batch{.rows = {{0, 32, 7, 2}}}, Layout::padded, 32);
    const float factor = 1.17333329f; // 0.88 / (1 - 1 / 4)
    QCOMPARE(token_dropout_scale(input), (std::vector<float>{factor, 0, factor, factor}));
}

void Esm2Test::what_is_masked_goes_by_the_vocabulary() {
    const Batch batch{.rows = {{0, 32, 7, 2}}};
    const float factor = 1.17333329f; // 0.88 / (1 - 1 / 4)
    QCOMPARE(token_dropout_scale(lay_out(batch, Layout::padded, 7)),
             (std::vector<float>{factor, factor, 0, factor}));
    QCOMPARE(token_dropout_scale(lay_out(batch, Layout::padded, -1)),
             (std::vector<float>{0.88f, 0.88f, 0.88f, 0.88f}));
}

void Esm2Test::padding_is_not_counted_as_a_token() {
    const Batch batch{.rows = {{0, 32, 2}, {0, 5, 6, 7, 2}}};
    const float factor = 1.32f; // 0.88 / (1 - 1 / 3)
    QCOMPARE(token_dropout_scale(lay_out(batch, Layout::padded, 32)),
             (std::vector<float>{factor, 0, factor, 0, 0, 0.88f, 0.88f, 0.88f, 0.88f, 0.88f}));
    QCOMPARE(token_dropout_scale(lay_out(batch, Layout::ragged, 32)).size(), std::size_t(8));
}

void Esm2Test::pseudo_perplexity_is_pytorchs() {
    const golden::Outputs outputs("esm2-tiny");
    const std::string letters = "LAGVSERTIDPKQNFYMHWCXBUZO"; // ids 4 to 28
    std::string text = ">pseudo\n";
    for (const auto id : outputs.ids("pseudo_ids"))
        if (id >= 4) text += letters[std::size_t(id - 4)];
    RunConfig config = tiny(Task::perplexity);
    config.data = files::written(folder_.filePath("pseudo.fasta").toStdString(), text + "\n");
    config.pseudo_perplexity = true;
    config.batch = 4; // of 15 rows: the last batch is smaller
    for (const auto layout : {Layout::padded, Layout::ragged}) {
        config.layout = layout;
        const Outcome outcome = outcome_of(config);
        QCOMPARE(outcome.scored_tokens, std::int64_t(15));
        QCOMPARE(outcome.tokens.computed, std::int64_t(15 * 17));
        const double expected = outputs.floats("pseudo_perplexity")[0];
        QVERIFY(std::abs(std::exp(*outcome.loss_nats) / expected - 1) < 1e-5);
    }
}

/// -log softmax(logits)[target] in f64.
static double loss(const float* logits, int count, int target) {
    double sum = 0;
    for (int i = 0; i < count; ++i) sum += std::exp(double(logits[i]) - logits[target]);
    return std::log(sum);
}

void Esm2Test::masked_loss_is_that_of_the_masked_positions() {
    RunConfig config = tiny(Task::perplexity);
    config.data = proteins();
    config.batch = 8;
    config.seed = 3;
    const Outcome outcome = outcome_of(config);
    const auto tokenizer = load_tokenizer("esm");
    const EncodedRows rows = encode_rows(read_sequences(config.data), *tokenizer, config.sequence);
    const MaskedBatch masked =
        mask(rows.all, tokenizer->ids(), {.fraction = 0.15, .seed = config.seed});
    QCOMPARE(outcome.scored_tokens, masked.chosen);
    HostAllocator allocator;
    Context context(CpuStream{.threads = 1}, allocator);
    const auto logits = golden::logits(config, masked.batch, context);
    double sum = 0;
    for (std::size_t s = 0; s < logits.size(); ++s)
        for (std::size_t i = 0; i < masked.labels[s].size(); ++i)
            if (masked.labels[s][i] >= 0)
                sum += loss(logits[s].data() + i * 33, 33, masked.labels[s][i]);
    QVERIFY(std::abs(*outcome.loss_nats - sum / double(masked.chosen)) < 1e-5);
}

void Esm2Test::masked_loss_does_not_depend_on_layout_or_batch() {
    RunConfig config = tiny(Task::perplexity);
    config.data = proteins();
    const Outcome one = outcome_of(config);
    config.batch = 3;
    for (const auto layout : {Layout::padded, Layout::bucketed, Layout::ragged}) {
        config.layout = layout;
        const Outcome many = outcome_of(config);
        QVERIFY(std::abs(*many.loss_nats - *one.loss_nats) < 1e-6);
        QCOMPARE(many.scored_tokens, one.scored_tokens);
        QCOMPARE(many.tokens.nominal, one.tokens.nominal);
        QCOMPARE(many.tokens.computed == many.tokens.nominal, layout == Layout::ragged);
    }
    config.seed = 2;
    QVERIFY(std::abs(*outcome_of(config).loss_nats - *one.loss_nats) > 1e-4);
}

void Esm2Test::a_protein_of_16384_residues_needs_no_positions() {
    PlanAllocator allocator;
    Context context(PlanStream{}, allocator);
    const auto work = make_workload({{.model = "esm2-8m"}, {.sequence = 16384}}, context);
    work->run_phase(0);
    QCOMPARE(work->outcome().tokens.computed, std::int64_t(16384));
}

void Esm2Test::letters_that_are_replaced_are_counted() {
    RunConfig config = tiny(Task::forward);
    config.data =
        files::written(folder_.filePath("strange.fasta").toStdString(), ">a\nLAJGV\n>b\nJJ\n");
    config.batch = 2;
    QCOMPARE(outcome_of(config).replaced_letters, std::int64_t(3));
    config.unknown_letters = UnknownLetters::error;
    QVERIFY(files::error_of([&] { outcome_of(config); }).startsWith("bad_input: a: "));
}

void Esm2Test::what_was_done_to_the_data_is_said() {
    RunConfig config = tiny(Task::forward);
    config.data =
        files::written(folder_.filePath("said.csv").toStdString(), "sequence\nlajgv*\nMK\n");
    config.column = "sequence";
    config.batch = 2;
    QCOMPARE(outcome_of(config).data_note.c_str(),
             "1 letter replaced (1 J), 5 letters made upper case, 1 stop (*) dropped");
    config.data = files::written(folder_.filePath("none.fasta").toStdString(), ">a\nJJ\n>b\nJ*\n");
    QVERIFY(files::error_of([&] {
                outcome_of(config);
            }).endsWith("none.fasta: the tokenizer esm knows none of its letters"));
}

void Esm2Test::no_more_of_a_file_is_read_than_a_step_needs() {
    RunConfig config = tiny(Task::forward);
    config.data =
        files::written(folder_.filePath("later.fasta").toStdString(), ">a\nLAG\n>b\nMK\n>c\nL1\n");
    config.batch = 2;
    QCOMPARE(outcome_of(config).tokens.nominal, std::int64_t(9));
    config.batch = 3;
    const QString sentence = files::error_of([&] { outcome_of(config); });
    QVERIFY2(sentence.contains("line 6: a residue was expected"), qPrintable(sentence));
    config.token_budget = 2; // a longer row is alone
    config.batches = 2;
    QCOMPARE(outcome_of(config).tokens.nominal, std::int64_t(9));
}

void Esm2Test::what_max_tokens_cuts_keeps_its_end_mark() {
    RunConfig config = tiny(Task::perplexity);
    config.data =
        files::written(folder_.filePath("cut.fasta").toStdString(), ">a\nLAG\n>b\nLAGVS\n");
    config.batch = 2;
    const auto rows = [&](std::int64_t tokens) {
        config.max_tokens = tokens;
        return scored_data(config, load_model_config(config.model)).batches.front().rows;
    };
    QCOMPARE(rows(9), (std::vector<Tokens>{{0, 4, 5, 6, 2}, {0, 4, 5, 2}}));
    QCOMPARE(rows(7), (std::vector<Tokens>{{0, 4, 5, 6, 2}})); // two tokens hold no letter
    QCOMPARE(rows(4), (std::vector<Tokens>{{0, 4, 5, 2}}));
    QCOMPARE(files::error_of([&] { rows(2); }),
             "bad_input: max_tokens leaves no letter to be scored: a sequence has at least 3 "
             "tokens");
}

SWEETSPOT_TEST(Esm2Test)
#include "esm2_test.moc"
