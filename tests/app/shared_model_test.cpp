#include "app/experiment/rounds.h"
#include "app/experiment/shared_model.h"
#include "app/worker/run_one.h"
#include "engine/config/catalogue.h"
#include "engine/config/possible.h"
#include "tests/suite.h"
#include <QTemporaryDir>
#include <QTest>
#include <cstring>
#include <set>

// Which points share a model, in which order a round takes them, and that a point is the same
// measured with a kept model as alone.

using namespace sweetspot;

namespace {

RunConfig small() {
    RunConfig config;
    config.model = "stories260k";
    config.sequence = 24;
    config.threads = 1;
    config.warmup = 1;
    config.repeats = config.max_repeats = 2;
    config.min_seconds = 0;
    config.rounds = 1;
    return config;
}

RunRecord measured(const RunConfig& config, ModelKeeper& keeper) {
    RunRecord record;
    run_one(
        config, [&](const Line& line) { apply(line, record); }, keeper);
    return record;
}
RunRecord alone(const RunConfig& config) {
    ModelKeeper none;
    return measured(config, none);
}

/// All numbers of all weights.
std::string bytes_of(const RunConfig& config) {
    DeviceContext device(config);
    const auto model = load_model(config, load_model_config(config.model), device.context());
    std::string bytes;
    each_tensor(model.weights, [&](Part, int, const Tensor& tensor) {
        bytes += to_text(int(tensor.dtype())) + " ";
        bytes.append(static_cast<const char*>(tensor.in().data), tensor.in().bytes());
    });
    return bytes;
}

/// Other values of a field than the one that it has: all choices, or numbers.
std::vector<std::string> others(const RunField& field, const RunConfig& config) {
    std::vector<std::string> values = field.choices;
    double number = 0;
    if (field.is_number() && from_text(field.get(config), number))
        for (const double other : {0.5, number + 1, 2 * number + 3})
            values.push_back(plain_text(other));
    std::erase_if(values, [&](const std::string& value) {
        return value == field.get(config) || !misfit(field.name, value).empty();
    });
    return values;
}

/// What a run says that is not a time, of the machine, or of its memory pages.
std::map<std::string, double> exact_numbers(const RunRecord& run) {
    auto numbers = run.metrics;
    for (const char* varies : {"load_seconds", "rss_bytes", "trace_overhead"})
        numbers.erase(varies);
    for (const auto& point : run.memory) {
        numbers["points of " + to_text(point.purpose)] += 1;
        auto& most = numbers["most of " + to_text(point.purpose)];
        most = std::max(most, point.bytes);
    }
    return numbers;
}

} // namespace

class SharedModelTest : public QObject {
    Q_OBJECT

private slots:
    void points_that_share_a_model_have_the_same_weights_to_the_bit() {
        int shared = 0, own = 0;
        RunConfig rounded = small();
        rounded.weight_format = WeightFormat::q8_0;
        for (const RunConfig& base : {small(), rounded}) {
            const auto key = model_key(base);
            const auto bytes = bytes_of(base);
            for (const RunField& field : run_fields())
                for (const auto& value : others(field, base)) {
                    RunConfig other = base;
                    QVERIFY(field.set(other, value));
                    if (other.device != DeviceKind::cpu) continue;
                    if (impossible(other, load_model_config(other.model))) continue;
                    const bool equal = model_key(other) == key;
                    (equal ? shared : own) += 1;
                    const auto what = std::string(field.name) + " " + value;
                    if (equal) QVERIFY2(bytes_of(other) == bytes, what.c_str());
                }
        }
        QVERIFY(shared > 60);
        QVERIFY(own > 10);
    }

    void runs_that_cannot_share_say_so() {
        const auto shares = [](auto&& change) {
            RunConfig config = small();
            change(config);
            return !model_key(config).empty();
        };
        QVERIFY(shares([](RunConfig&) {}));
        QVERIFY(!shares([](RunConfig& c) { c.device = DeviceKind::cuda; }));
        QVERIFY(!shares([](RunConfig& c) { c.device = DeviceKind::plan; }));
        QVERIFY(!shares([](RunConfig& c) { c.task = Task::train; }));
        QVERIFY(!shares([](RunConfig& c) { c.prune = PruneBy::wanda; }));
    }

    void points_that_share_a_model_follow_each_other_in_an_order_that_is_drawn() {
        std::vector<std::string> models;
        for (int i = 0; i < 60; ++i) models.push_back(i < 12 ? "" : "model " + to_text(i % 4));
        std::set<std::size_t> firsts;
        for (int round = 0; round < 40; round += 2) {
            const auto order = round_order(models, round, 1);
            std::set<std::size_t> all(order.begin(), order.end());
            QCOMPARE(all.size(), models.size());
            std::set<std::string> closed;
            for (std::size_t i = 1; i < order.size(); ++i) {
                const auto &before = models[order[i - 1]], &now = models[order[i]];
                if (now != before) closed.insert(before);
                QVERIFY(now.empty() || !closed.contains(now));
            }
            firsts.insert(order.front());
            auto back = round_order(models, round + 1, 1);
            std::reverse(back.begin(), back.end());
            QCOMPARE(back, order);
        }
        QVERIFY(firsts.size() > 8); // groups are drawn, and points within them
    }

    void the_order_is_the_seeds() {
        const std::vector<std::string> alone(100);
        const auto drawn = round_order(alone, 0, 1);
        QCOMPARE(round_order(alone, 0, 1), drawn);
        QVERIFY(round_order(alone, 0, 2) != drawn);
        QVERIFY(round_order(alone, 2, 1) != drawn);
        auto sorted = drawn;
        std::sort(sorted.begin(), sorted.end());
        for (std::size_t i = 0; i < 100; ++i) QCOMPARE(sorted[i], i);
    }

    void a_point_is_the_same_with_a_kept_model_as_alone() {
        const QTemporaryDir folder;
        const auto text = folder.filePath("text.lines");
        QFile file(text);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("once upon a time\nx\nthere was a small machine that counted\n");
        file.close();
        for (const auto format : {WeightFormat::dense, WeightFormat::q4_k}) {
            std::vector<RunConfig> points;
            const auto add = [&](Task task, int batch, auto&& change) {
                RunConfig config = small();
                config.weight_format = format;
                config.model = "fms-micro"; // whose ids are bytes
                config.task = task;
                config.batch = batch;
                change(config);
                points.push_back(config);
            };
            add(Task::forward, 6, [](RunConfig&) {}); // the largest first: it leaves nothing behind
            add(Task::forward, 1, [](RunConfig& c) { c.attention = AttentionVariant::naive; });
            add(Task::perplexity, 2, [&](RunConfig& c) {
                c.data = text.toStdString();
                c.tokenizer = "bytes";
            });
            add(Task::generate, 3, [](RunConfig& c) {
                c.prompt = "once upon";
                c.tokenizer = "bytes";
                c.new_tokens = 5;
            });
            add(Task::forward, 3, [&](RunConfig& c) {
                c.layout = Layout::ragged;
                c.lengths = "uniform:3:24";
                c.quality = QualityPass::perplexity;
                c.quality_data = text.toStdString();
                c.quality_window = 24;
                c.tokenizer = "bytes";
            });
            add(Task::forward, 1, [](RunConfig& c) { c.fusion = Fusion::none; });
            ModelKeeper keeper;
            double first_load = 0;
            for (std::size_t i = 0; i < points.size(); ++i) {
                const RunRecord kept = measured(points[i], keeper), fresh = alone(points[i]);
                QVERIFY2(fresh.status == RunStatus::done, fresh.reason.c_str());
                QVERIFY2(kept.status == RunStatus::done, kept.reason.c_str());
                QCOMPARE(kept.samples.contains("kept_rounds"), i > 0);
                QVERIFY(!fresh.samples.contains("kept_rounds"));
                QCOMPARE(exact_numbers(kept), exact_numbers(fresh));
                QCOMPARE(kept.metrics.at("peak_bytes"), kept.metrics.at("predicted_peak_bytes"));
                QVERIFY(kept.texts == fresh.texts);
                QVERIFY(kept.token_losses == fresh.token_losses);
                QCOMPARE(kept.weights->parameters, fresh.weights->parameters);
                QCOMPARE(kept.weights->seed, fresh.weights->seed);
                if (i == 0) first_load = kept.metrics.at("load_seconds");
                QVERIFY(kept.metrics.at("load_seconds") > 0.5 * first_load); // as if alone
            }
        }
    }

    void a_model_whose_file_changes_is_loaded_anew() {
        namespace fs = std::filesystem;
        const QTemporaryDir folder;
        const fs::path place = folder.filePath("model").toStdString();
        fs::copy(SWEETSPOT_SOURCE_DIR "/tests/golden/llama-tiny", place);
        RunConfig config = small();
        config.model = place.string();
        ModelKeeper keeper;
        const RunRecord first = measured(config, keeper);
        QVERIFY2(first.status == RunStatus::done, first.reason.c_str());
        QVERIFY(measured(config, keeper).samples.contains("kept_rounds"));
        // As a training that saves there does: a new file takes the place of the old one.
        const fs::path weights = place / "model.safetensors";
        fs::copy(weights, place / "new");
        std::fstream bytes(place / "new", std::ios::in | std::ios::out | std::ios::binary);
        bytes.seekp(-4, std::ios::end);
        bytes.write("\0\0\0\0", 4);
        bytes.close();
        fs::rename(place / "new", weights);
        const RunRecord second = measured(config, keeper);
        QVERIFY(!second.samples.contains("kept_rounds"));
        QVERIFY(second.weights->sha256 != first.weights->sha256);
        QVERIFY(measured(config, keeper).samples.contains("kept_rounds"));
        fs::remove(weights);
        const RunRecord gone = measured(config, keeper);
        QCOMPARE(gone.status, RunStatus::failed);
    }

    void another_model_and_a_failure_give_a_kept_one_up() {
        ModelKeeper keeper;
        const auto kept = [&](const RunConfig& config) {
            return measured(config, keeper).samples.contains("kept_rounds");
        };
        RunConfig config = small(), other = small(), wrong = small();
        other.precision = Precision::bf16;
        wrong.data = "/nowhere/text.lines";
        QVERIFY(!kept(config));
        QVERIFY(kept(config));
        QVERIFY(!kept(other));
        QVERIFY(!kept(config));
        QCOMPARE(measured(wrong, keeper).status, RunStatus::failed);
        QVERIFY(!kept(config));
        RunConfig training = small();
        training.task = Task::train;
        training.steps = 1;
        QVERIFY(!kept(training));
        QVERIFY(!kept(config));
    }
};

SWEETSPOT_TEST(SharedModelTest)
#include "shared_model_test.moc"
