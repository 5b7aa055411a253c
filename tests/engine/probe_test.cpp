#include "engine/probe/boosted.h"
#include "engine/probe/head.h"
#include "kernels/core/memory.h"
#include "tests/engine/data_support.h"
#include "tests/engine/golden.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <algorithm>
#include <cmath>
#include <random>

// Task probe beside plain code in f64: features from the stream behind the last block, their mean
// over a sequence's letters, and ridge regression by elimination.

using namespace sweetspot;

namespace {

using Rows = std::vector<std::vector<double>>;

/// w of (xᵀx + penalty) w = xᵀy, by Gauss's elimination.
std::vector<double> reference_ridge(const Rows& x, const std::vector<double>& y, double penalty) {
    const std::size_t width = x.front().size();
    Rows a(width, std::vector<double>(width + 1, 0.0));
    for (std::size_t i = 0; i < width; ++i) {
        for (std::size_t r = 0; r < x.size(); ++r) {
            for (std::size_t j = 0; j < width; ++j) a[i][j] += x[r][i] * x[r][j];
            a[i][width] += x[r][i] * y[r];
        }
        a[i][i] += penalty;
    }
    for (std::size_t i = 0; i < width; ++i)
        for (std::size_t k = 0; k < width; ++k) {
            if (k == i) continue;
            const double factor = a[k][i] / a[i][i];
            for (std::size_t j = i; j <= width; ++j) a[k][j] -= factor * a[i][j];
        }
    std::vector<double> w;
    for (std::size_t i = 0; i < width; ++i) w.push_back(a[i][width] / a[i][i]);
    return w;
}

double product(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

/// Features of each sequence as the last layer gives them, behind the final norm in f64.
Rows reference_features(const RunConfig& run, bool off_by_one) {
    const ModelConfig config = load_model_config(run.model);
    const RunData data = probe_data(run, config);
    HostAllocator memory;
    Context context(CpuStream{.threads = 1}, memory);
    auto loaded = weights_for(run, config, context);
    Model model(config, run, std::move(loaded.weights), data.longest(), context);
    const StoredTensors stored = open_weights(run.weights);
    const auto numbers = [&](const char* name) {
        const auto& bytes = stored.tensors.at(name).bytes;
        std::vector<float> y(bytes.size() / sizeof(float));
        std::memcpy(y.data(), bytes.data(), bytes.size());
        return y;
    };
    const auto gain = numbers("esm.encoder.emb_layer_norm_after.weight"),
               bias = numbers("esm.encoder.emb_layer_norm_after.bias");
    Rows all;
    for (const Batch& batch : data.batches)
        for (const Tokens& tokens : batch.rows) {
            model.stage(lay_out(Batch{.rows = {tokens}}, Layout::padded, 32));
            Residual stream = model.embed_staged();
            for (int layer = 0; layer < config.layers; ++layer) model.pass_block(layer, stream);
            const std::size_t width = gain.size(), letters = tokens.size() - 2;
            std::vector<double> sums(width, 0.0);
            for (std::size_t i = 0; i < letters; ++i) {
                const float* x = stream.x.as<float>() + (i + !off_by_one) * width;
                double mean = 0, square = 0;
                for (std::size_t c = 0; c < width; ++c) mean += double(x[c]) / double(width);
                for (std::size_t c = 0; c < width; ++c)
                    square += (x[c] - mean) * (x[c] - mean) / double(width);
                for (std::size_t c = 0; c < width; ++c)
                    sums[c] += ((x[c] - mean) / std::sqrt(square + config.norm_epsilon) * gain[c] +
                                bias[c]) /
                               double(letters);
            }
            all.push_back(sums);
        }
    return all;
}

/// Features and targets are standardised by rows of train.
void standardise(Rows& x, const std::vector<std::size_t>& train) {
    for (std::size_t c = 0; c < x.front().size(); ++c) {
        double mean = 0, square = 0;
        for (const std::size_t r : train) mean += x[r][c] / double(train.size());
        for (const std::size_t r : train)
            square += (x[r][c] - mean) * (x[r][c] - mean) / double(train.size());
        for (auto& row : x) row[c] = (row[c] - mean) / std::sqrt(square);
    }
}

struct Line {
    std::string letters, target, set, validation;
};

class Table {
public:
    explicit Table(unsigned seed = 1) {
        std::mt19937 random(seed);
        for (int row = 0; row < 40; ++row) {
            std::string letters;
            int of_k = 0;
            for (unsigned i = 0, count = 5 + random() % 20; i < count; ++i) {
                letters += "LAGVSERTIDPKQNFYMHWC"[random() % (1 + random() % 20)];
                of_k += std::string_view("LAG").find(letters.back()) != std::string_view::npos;
            }
            lines.push_back({letters, to_text(30 + 40.0 * of_k / double(letters.size())),
                             row < 28 ? "train" : "test", row < 5 ? "True" : ""});
        }
    }
    std::string write(const Folder& folder, const std::string& name = "t.csv") const {
        std::string text = "set,sequence,target,validation\n";
        for (const auto& [letters, target, set, validation] : lines)
            text += set + "," + letters + "," + target + "," + validation + "\n";
        return folder.write(name, text);
    }
    std::vector<Line> lines{};
};

RunConfig probe_of(const std::string& table) {
    RunConfig run;
    run.model = run.weights = golden::folder("esm2-tiny");
    run.task = Task::probe;
    run.data = table;
    run.batch = 3;
    run.sequence = 64;
    run.threads = 2;
    return run;
}

Predicted predicted(const RunConfig& run) {
    CpuRun probe(run);
    probe.step();
    return *probe.work->predicted();
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    double most = a.size() == b.size() ? 0 : INFINITY;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
        most = std::max(most, std::abs(a[i] - b[i]));
    return most;
}

} // namespace

class ProbeTest : public QObject {
    Q_OBJECT
    Folder folder_;

private slots:
    void ridge_is_the_least_squares_solution_with_a_penalty() {
        std::mt19937 random(3);
        std::normal_distribution<float> draw;
        for (const std::size_t rows : {7u, 40u}) {
            constexpr std::size_t width = 19;
            Rows x(rows, std::vector<double>(width));
            std::vector<float> flat;
            std::vector<double> y(rows), both;
            for (auto& row : x)
                for (double& value : row) flat.push_back(float(value = draw(random)));
            for (double& value : y) value = draw(random);
            for (const double value : y) both.push_back(value), both.push_back(-2 * value);
            const auto found = ridge(flat, both, width, 2, 0.5, 2);
            const auto expected = reference_ridge(x, y, 0.5);
            for (std::size_t i = 0; i < width; ++i) {
                QVERIFY(std::abs(found[2 * i] - expected[i]) < 1e-9);
                QVERIFY(std::abs(found[2 * i + 1] + 2 * expected[i]) < 1e-9);
            }
        }
    }

    void a_probe_predicts_what_plain_code_predicts_data() {
        QTest::addColumn<Pooling>("pooling");
        QTest::addColumn<Layout>("layout");
        for (const auto pooling : {Pooling::mean, Pooling::off_by_one})
            for (const auto layout : {Layout::padded, Layout::bucketed, Layout::ragged})
                QTest::addRow("%s %s", to_text(pooling).c_str(), to_text(layout).c_str())
                    << pooling << layout;
    }
    void a_probe_predicts_what_plain_code_predicts() {
        QFETCH(Pooling, pooling);
        QFETCH(Layout, layout);
        const Table table;
        RunConfig run = probe_of(table.write(folder_));
        run.pooling = pooling;
        Rows x = reference_features(run, pooling == Pooling::off_by_one);
        std::vector<std::size_t> train, validation, test;
        Rows y;
        for (std::size_t r = 0; r < table.lines.size(); ++r) {
            const Line& line = table.lines[r];
            double target = 0;
            QVERIFY(from_text(line.target, target));
            y.push_back({target});
            (line.set == "test" ? test : line.validation.empty() ? train : validation).push_back(r);
        }
        Rows standard = y;
        standardise(x, train);
        standardise(standard, train);
        Rows of_train;
        std::vector<double> targets;
        for (const std::size_t r : train) {
            of_train.push_back(x[r]);
            targets.push_back(standard[r][0]);
        }
        double least = INFINITY, mean = 0, deviation = 0;
        std::vector<double> best;
        for (int power = -2; power <= 6; ++power) {
            const auto w = reference_ridge(of_train, targets, std::pow(10.0, power));
            double error = 0;
            for (const std::size_t r : validation)
                error += std::pow(product(x[r], w) - standard[r][0], 2);
            if (error < least) least = error, best = w;
        }
        for (const std::size_t r : train) mean += y[r][0] / double(train.size());
        for (const std::size_t r : train)
            deviation += std::pow(y[r][0] - mean, 2) / double(train.size());
        std::vector<double> expected;
        for (const std::size_t r : test)
            expected.push_back(product(x[r], best) * std::sqrt(deviation) + mean);

        run.layout = layout;
        const Predicted found = predicted(run);
        QVERIFY2(largest_difference(found.numbers, expected) < 1e-3, found.head.c_str());
        QCOMPARE(found.split, std::string("rows train 23, validation 5, test 12; by column set and "
                                          "validation"));
        QVERIFY(found.head.starts_with("ridge with penalty "));
        QVERIFY(found.head.ends_with(", the best of 9 for 5 rows of validation"));
    }

    // Nothing is learned from rows of validation and test.
    void rows_of_validation_and_test_teach_nothing() {
        for (const auto head : {ProbeHead::ridge, ProbeHead::mlp, ProbeHead::xgboost}) {
            Table table;
            RunConfig run = probe_of(table.write(folder_));
            run.probe_head = head;
            run.head_epochs = 1; // so that validation has nothing to choose
            const Predicted before = predicted(run);
            for (Line& line : table.lines)
                if (line.set == "test") line.target = "-1000";
            run.data = table.write(folder_);
            Predicted after = predicted(run);
            QCOMPARE(after.numbers, before.numbers);
            QVERIFY(after.expected_numbers != before.expected_numbers);
            if (head == ProbeHead::ridge) continue;
            for (Line& line : table.lines)
                if (!line.validation.empty()) line.target = "1000";
            run.data = table.write(folder_);
            QCOMPARE(predicted(run).numbers, before.numbers);
        }
    }

    void drawn_splits_go_by_the_seed() {
        RunConfig run = probe_of(Table().write(folder_));
        run.split_column = "";
        run.test_share = 0.25;
        const Predicted one = predicted(run), again = predicted(run);
        QCOMPARE(one.split, std::string("rows train 27, validation 3, test 10; drawn by seed 1"));
        QCOMPARE(one.expected_numbers, again.expected_numbers);
        QCOMPARE(one.numbers, again.numbers);
        run.seed = 2;
        QVERIFY(predicted(run).expected_numbers != one.expected_numbers);
    }

    void classes_that_can_be_told_apart_are() {
        for (const auto head : {ProbeHead::ridge, ProbeHead::mlp, ProbeHead::xgboost}) {
            Table table;
            std::mt19937 random(1);
            for (Line& line : table.lines) {
                const unsigned kind = random() % 3;
                for (char& letter : line.letters)
                    letter = "KLG"[random() % 4 ? kind : random() % 3];
                line.target = std::array{"nucleus", "membrane", "wall"}[kind];
            }
            RunConfig run = probe_of(table.write(folder_));
            run.probe_head = head;
            const Predicted found = predicted(run);
            QCOMPARE(found.classes.size(), 12u);
            std::size_t right = 0;
            for (std::size_t i = 0; i < 12; ++i) {
                QCOMPARE(found.expected_classes[i], table.lines[28 + i].target);
                right += found.classes[i] == found.expected_classes[i];
            }
            QVERIFY2(right >= 11, found.head.c_str());
        }
    }

    void a_hidden_layer_learns_and_repeats_to_the_bit() {
        RunConfig run = probe_of(Table().write(folder_));
        run.probe_head = ProbeHead::mlp;
        run.head_epochs = 200;
        const Predicted found = predicted(run);
        double off = 0, spread = 0, mean = 0;
        for (const double y : found.expected_numbers) mean += y / 12;
        for (std::size_t i = 0; i < found.numbers.size(); ++i) {
            off += std::pow(found.numbers[i] - found.expected_numbers[i], 2);
            spread += std::pow(found.expected_numbers[i] - mean, 2);
        }
        QVERIFY2(off < 0.5 * spread, std::to_string(off / spread).c_str());
        run.threads = 1;
        QCOMPARE(predicted(run).numbers, found.numbers);
        QVERIFY(found.head.starts_with("mlp of 64 units, the best of "));
    }

    void boosted_trees_learn_what_no_line_says_and_repeat_to_the_bit() {
        std::mt19937 random(7);
        std::normal_distribution<float> draw;
        HeadProblem problem{.width = 3};
        const auto fill = [&](ProbeRows& rows, int count) {
            for (int row = 0; row < count; ++row) {
                const float a = draw(random), b = draw(random), c = draw(random);
                rows.x.insert(rows.x.end(), {a, b, c});
                rows.y.push_back(a * b > 0 ? 2 : -1);
            }
        };
        fill(problem.train, 300), fill(problem.validation, 60), fill(problem.test, 60);
        const BoostedFit found = fit_boosted(problem, false, 40, 1, 2);
        QCOMPARE(found.test.size(), std::size_t(60));
        int right = 0;
        for (std::size_t i = 0; i < 60; ++i)
            right += (found.test[i] > 0.5) == (problem.test.y[i] > 0.5);
        QVERIFY2(right >= 54, std::to_string(right).c_str());
        QVERIFY(found.trees > 1 && found.trees <= 40);
        QCOMPARE(fit_boosted(problem, false, 40, 1, 1).test, found.test);
        QVERIFY(fit_boosted(problem, false, 1, 1, 1).test != found.test);
    }

    void a_plan_knows_its_memory() {
        for (const auto layout : {Layout::padded, Layout::ragged}) {
            RunConfig run = probe_of(Table().write(folder_));
            run.layout = layout;
            HostAllocator host;
            PlanAllocator plan;
            const auto used = [&](Stream stream, Allocator& allocator) {
                Context context(stream, allocator);
                const auto work = make_workload(run, context);
                for (std::size_t phase = 0; phase < 2; ++phase) work->run_phase(phase);
                return allocator.use();
            };
            const auto computed = used(CpuStream{.threads = 2}, host);
            run.device = DeviceKind::plan;
            const auto planned = used(PlanStream{.threads = 2}, plan);
            QCOMPARE(planned.peak_total, computed.peak_total);
            QVERIFY(planned.at_peak == computed.at_peak);
        }
    }

    void what_is_not_the_models_own_has_a_caveat() {
        RunConfig run = probe_of(Table().write(folder_));
        QCOMPARE(outcome_of(run).caveat, std::string());
        run.weights = "random";
        run.prune = PruneBy::magnitude;
        QVERIFY(outcome_of(run).caveat.starts_with("the features are those of random weights"));
        run.weights = run.model;
        run.pooling = Pooling::off_by_one;
        QVERIFY(outcome_of(run).caveat.starts_with("pooling off_by_one takes the mark"));
    }

    void what_a_probe_cannot_do_is_said_data() {
        QTest::addColumn<QString>("fields");
        QTest::addColumn<QString>("sentence");
        const auto add = [](const char* fields, const char* sentence) {
            QTest::newRow(fields) << fields << sentence;
        };
        add("data=random", "task probe fits a head to a table of sequences with targets: name a "
                           "CSV or TSV file in data");
        add("data=LINES", "LINES is no table: task probe reads targets from a column of a CSV or "
                          "TSV file");
        add("target=targets", "TABLE has no column \"targets\" (target); did you mean \"target\"?");
        add("split_column=split",
            "TABLE has no column \"split\" (split_column) (set, sequence, target, validation)");
        add("target=sequence target_kind=numbers", "TABLE, row 1, column \"sequence\": \"");
        add("split_column=target", "TABLE, row 1, column \"target\": \"");
        add("validation_column=target", "TABLE, row 1, column \"target\": \"");
        add("target=set target_kind=classes split_column= data=ONE",
            "ONE: all rows are of the class \"train\", so that there is nothing to predict");
        add("data=ONE", "ONE leaves 0 rows for test, by column set and validation: a head needs "
                        "two to learn from, and one each to choose by and to be tested on");
        add("test_share=1", "\"test_share\" is a number from 0.01 to 0.9, not \"1\"");
        add("pooling=off_by_one model=fms-micro weights=random tokenizer=bytes",
            "pooling off_by_one takes the mark that begins a sequence for a letter; those of "
            "fms-micro begin with none");
    }
    void what_a_probe_cannot_do_is_said() {
        QFETCH(QString, fields);
        QFETCH(QString, sentence);
        Table all, one;
        for (Line& line : one.lines) line.set = "train";
        const std::string table = all.write(folder_, "t.csv"), ones = one.write(folder_, "o.csv"),
                          lines = folder_.write("l.lines", "MKT\nMKV\n");
        const auto paths = [&](QString text) {
            return text.replace("TABLE", table.c_str())
                .replace("LINES", lines.c_str())
                .replace("ONE", ones.c_str());
        };
        RunConfig run = probe_of(table);
        for (const QString& field : fields.split(' ')) {
            QString value = field.section('=', 1);
            if (field == "model=gpt2-tiny") value = golden::folder("gpt2-tiny").c_str();
            QVERIFY(
                set_field(run, field.section('=', 0, 0).toStdString(), paths(value).toStdString()));
        }
        try {
            predicted(run);
            QFAIL("it was done");
        } catch (const Error& error) {
            QVERIFY2(QString(error.what()).startsWith(paths(sentence)), error.what());
        }
    }

    // Real splits of GB1, whose table is as that of Meltome.
    void a_table_of_flip_is_read_as_it_is() {
        SKIP_WITHOUT_SHARED_DATA("flip-gb1/low_vs_high.csv.gz");
        RunConfig run = probe_of(shared_data("flip-gb1/low_vs_high.csv.gz"));
        const RunData data = probe_data(run, load_model_config(run.model));
        const Labels labels = labels_of(data, run);
        QVERIFY(labels.classes.empty());
        QCOMPARE(labels.numbers.size(), data.fields.size());
        QVERIFY2(labels.note.starts_with("rows train "), labels.note.c_str());
        QVERIFY2(labels.note.ends_with("; by column set and validation"), labels.note.c_str());
    }
};

SWEETSPOT_TEST(ProbeTest)
#include "probe_test.moc"
