#include "tests/engine/prune_support.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;
using namespace sweetspot::pruning;

/// Which weights go, against code that only says it.
class PrunePapersTest : public QObject {
    Q_OBJECT

    CalibratedRuns calibrated_{};

private slots:
    void of_equal_scores_the_first_go() {
        Held held(Dense(1, 6));
        const float values[] = {2, 1, -1, 1, 3, 1};
        std::copy(values, values + 6, held.matrix.row(0));
        QCOMPARE(qint64(mask_rows(held.matrix, {.share = 0.5}, {}, 1)), 3);
        QCOMPARE(held.values(), (std::vector<float>{2, 0, 0, 0, 3, 1}));
    }

    void what_is_no_number_stays() {
        Held held(Dense(1, 4));
        const float values[] = {NAN, 5, 1, INFINITY};
        std::copy(values, values + 4, held.matrix.row(0));
        mask_rows(held.matrix, {.share = 0.5}, {}, 1);
        QVERIFY(std::isnan(held.values()[0]) && held.values()[3] == INFINITY);
        QCOMPARE(zeros(held.values()), (std::vector<std::size_t>{1, 2}));
    }

    void the_cut_through_all_sizes_is_that_of_sorting_them() {
        // Few different numbers, so that many are equal.
        std::mt19937 random(3);
        std::vector<float> values;
        for (int i = 0; i < 5000; ++i)
            values.push_back(float(int(random() % 41) - 20) * (random() % 2 ? 1e-3f : 4.0f));
        for (const double share : {0.0, 0.001, 0.3, 0.5, 0.77, 1.0}) {
            SizeCount sizes;
            for (const float x : values) sizes.add(x);
            sizes.narrow(share);
            for (const float x : values) sizes.add(x);
            Cut cut = sizes.cut();
            reference::Numbers scores;
            for (const float x : values) scores.push_back(std::abs(x));
            std::vector<char> expected(values.size(), 0);
            const auto order = reference::ascending(scores);
            for (std::int64_t i = 0; i < share_of(share, std::int64_t(values.size())); ++i)
                expected[order[std::size_t(i)]] = 1;
            for (std::size_t i = 0; i < values.size(); ++i)
                QCOMPARE(cut.takes(score_of(values[i])), bool(expected[i]));
        }
    }

    void each_scope_takes_its_share() {
        const Dense w = normal(12, 40, 1);
        for (const double share : {0.1, 0.5, 0.9}) {
            Held rows(w), sources(w, {4, 8});
            const auto count = share_of(share, 40);
            QCOMPARE(qint64(mask_rows(rows.matrix, {.share = share}, {}, 2)), qint64(12 * count));
            for (int r = 0; r < 12; ++r)
                QCOMPARE(qint64(std::count(rows.matrix.row(r), rows.matrix.row(r) + 40, 0.0f)),
                         qint64(count));
            QCOMPARE(qint64(mask_sources(sources.matrix, share)),
                     qint64(share_of(share, 160) + share_of(share, 320)));
            QCOMPARE(qint64(std::count(sources.matrix.row(0), sources.matrix.row(4), 0.0f)),
                     qint64(share_of(share, 160)));
        }
        Held columns(w);
        mask_columns(columns.matrix, 0.25);
        int gone = 0;
        for (int c = 0; c < 40; ++c) {
            int in_column = 0;
            for (int r = 0; r < 12; ++r) in_column += columns.matrix.row(r)[c] == 0;
            QVERIFY(in_column == 0 || in_column == 12);
            gone += in_column == 12;
        }
        QCOMPARE(gone, 10);
    }

    void wanda_is_the_papers_data() {
        QTest::addColumn<int>("neighbours");
        QTest::addColumn<double>("share");
        for (const double share : {0.1, 0.5, 0.8}) QTest::addRow("%g", share) << 0 << share;
        QTest::newRow("2:4") << 4 << 0.5;
        QTest::newRow("4:8") << 8 << 0.5;
    }
    void wanda_is_the_papers() {
        QFETCH(int, neighbours);
        QFETCH(double, share);
        const Dense w = normal(24, 64, 1), x = normal(90, 64, 2);
        const std::size_t group = neighbours ? std::size_t(neighbours) : 64;
        const auto count = std::size_t(std::llround(share * double(group)));
        Held held(w);
        std::vector<double> squares(64, 0.0);
        for (std::size_t r = 0; r < x.rows; ++r)
            for (std::size_t j = 0; j < 64; ++j) squares[j] += x(r, j) * x(r, j);
        mask_rows(held.matrix, {.share = share, .neighbours = neighbours}, squares, 2);
        QCOMPARE(held.values(), floats(reference::wanda(w, x, group, count)));
    }

    void sparsegpt_is_the_papers_data() { wanda_is_the_papers_data(); }
    void sparsegpt_is_the_papers() {
        QFETCH(int, neighbours);
        QFETCH(double, share);
        // More columns than choose their zeros together; a dead channel, and inputs that hang
        // together, without which there would be nothing to make up for.
        const std::size_t columns = 160;
        const Dense w = normal(20, columns, 3);
        Dense x = normal(400, columns, 4);
        for (std::size_t r = 0; r < x.rows; ++r) {
            for (std::size_t j = 1; j < columns; ++j) x(r, j) = float(x(r, j) + 0.8 * x(r, j - 1));
            x(r, 7) = 0;
        }
        std::vector<double> gram(columns * columns, 0.0);
        for (std::size_t i = 0; i < columns; ++i)
            for (std::size_t j = 0; j < columns; ++j)
                for (std::size_t r = 0; r < x.rows; ++r) gram[i * columns + j] += x(r, i) * x(r, j);
        auto found = floats(w);
        QVERIFY(prune_by_sparsegpt(found, 20, std::int64_t(columns), gram,
                                   {.share = share, .neighbours = neighbours}, 2));
        const Dense expected = reference::sparsegpt(w, x, share, std::size_t(neighbours));
        double off = 0, moved = 0;
        for (std::size_t i = 0; i < found.size(); ++i) {
            QCOMPARE(found[i] == 0, expected.at[i] == 0);
            off = std::max(off, std::abs(double(found[i]) - expected.at[i]));
            if (found[i] != 0) moved = std::max(moved, std::abs(double(found[i]) - w.at[i]));
        }
        QVERIFY2(off < 1e-5, qPrintable(QString::number(off)));
        QVERIFY(moved > 0.1);
    }

    void sparsegpt_leaves_alone_what_has_no_factor() {
        std::vector<float> w{1, 2, 3, 4};
        std::vector<double> gram{1, NAN, NAN, 1};
        QVERIFY(!prune_by_sparsegpt(w, 2, 2, gram, {}, 1));
        QCOMPARE(w, (std::vector<float>{1, 2, 3, 4}));
    }

    void what_a_block_sees_is_what_flows_through_the_pruned_ones() {
        RunConfig run = calibrated_.config("llama-tiny", PruneBy::wanda);
        const ModelConfig model = load_model_config(run.model);
        HostAllocator memory;
        Context context(CpuStream{.threads = 2}, memory);
        std::vector<BlockInputs> seen;
        std::int64_t tokens = 0;
        weights_for(run, model, context, [&](WeightSource& dense) {
            // As PrunedWeights has it: the second block sees what the first gives, pruned.
            Calibration text(model, run, dense, false, false);
            tokens = text.tokens();
            PrunedWeights pruned(dense, model, run, context);
            for (int layer = 0; layer < model.layers; ++layer) {
                seen.push_back(text.observe(layer));
                if (layer + 1 == model.layers) break;
                text.advance(layer, pruned);
            }
            return load_weights(model, RunConfig{}, dense, context);
        });
        QCOMPARE(qint64(tokens), qint64(6 * 20));
        // The same by one pass of a whole model whose first block is pruned.
        RunConfig plain = run;
        plain.prune = PruneBy::none;
        auto mixed = weights_for(plain, model, context);
        auto pruned_model_weights = weights_for(run, model, context, [&](WeightSource& dense) {
            PrunedWeights source(dense, model, run, context);
            return load_weights(model, RunConfig{}, source, context);
        });
        mixed.weights.blocks[0] = std::move(pruned_model_weights.weights.blocks[0]);
        const RunData data = scored_data(calibration_of(run), model);
        Model whole(model, RunConfig{}, std::move(mixed.weights), data.longest(), context);
        std::vector<double> squares(64, 0.0);
        const BlockWeights* second = &whole.block_weights(1);
        whole.look_at_inputs([&](const LinearWeights& weights, In x) {
            if (&weights != &second->query_key_value) return;
            for (std::int64_t r = 0; r < x.shape[0]; ++r)
                for (std::size_t i = 0; i < 64; ++i)
                    squares[i] += std::pow(double(x.as<float>()[r * x.stride() + int(i)]), 2);
        });
        for (const Batch& batch : data.batches)
            whole.encode(lay_out(batch, Layout::ragged, data.ids.mask));
        for (std::size_t i = 0; i < 64; ++i) {
            const double found = seen[1][0].squares[i];
            QVERIFY2(std::abs(found - squares[i]) <= 1e-5 * squares[i],
                     qPrintable(QString("%1 %2").arg(found).arg(squares[i])));
        }
    }

    void whole_models_are_pruned_as_the_papers_say_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<PruneBy>("by");
        for (const char* model : {"llama-tiny", "gpt2-tiny"})
            for (const auto by : {PruneBy::wanda, PruneBy::sparsegpt})
                QTest::addRow("%s %s", model, to_text(by).c_str()) << model << by;
    }
    /// The first block's product into attention, from the text to the weights, in f64.
    void whole_models_are_pruned_as_the_papers_say() {
        QFETCH(QString, model);
        QFETCH(PruneBy, by);
        RunConfig run = calibrated_.config(model.toStdString(), by);
        const ModelConfig config = load_model_config(run.model);
        const auto dense = dense_weights(run);
        const bool llama = config.family == Family::llama;
        const RunData data = scored_data(calibration_of(run), config);
        const auto& table = dense.at({Part::tokens, 0});
        const auto& gain = dense.at({Part::attention_norm, 0});
        const std::size_t width = 64;
        Dense x(0, width);
        for (const Batch& batch : data.batches)
            for (const Tokens& row : batch.rows)
                for (std::size_t p = 0; p < row.size(); ++p) {
                    std::vector<double> e(width);
                    double mean = 0, squares = 0;
                    for (std::size_t i = 0; i < width; ++i) {
                        e[i] = table[std::size_t(row[p]) * width + i];
                        if (!llama) e[i] += dense.at({Part::positions, 0})[p * width + i];
                        if (!llama) mean += e[i] / double(width);
                    }
                    for (const double v : e) squares += (v - mean) * (v - mean) / double(width);
                    for (std::size_t i = 0; i < width; ++i)
                        x.at.push_back((e[i] - mean) / std::sqrt(squares + config.norm_epsilon) *
                                       double(gain[i]));
                    ++x.rows;
                }
        // A GPT-2 norm's bias and file order are another story: only its masks' count is held.
        const auto pruned = pruned_weights(run);
        const auto& found = pruned.at({Part::query_key_value, 0});
        QCOMPARE(qint64(zeros(found).size()), qint64(found.size() / 2));
        if (!llama) return;
        const auto& before = dense.at({Part::query_key_value, 0});
        std::size_t at = 0;
        for (const std::size_t rows : {64u, 32u, 32u}) {
            Dense w(rows, width);
            std::copy_n(before.begin() + std::ptrdiff_t(at), rows * width, w.at.begin());
            const Dense expected = by == PruneBy::wanda ? reference::wanda(w, x, width, width / 2)
                                                        : reference::sparsegpt(w, x, 0.5, 0);
            for (std::size_t i = 0; i < rows * width; ++i) {
                QCOMPARE(found[at + i] == 0, expected.at[i] == 0);
                const double off = std::abs(double(found[at + i]) - expected.at[i]);
                QVERIFY2(off < 5e-5, qPrintable(QString::number(off))); // the inputs are f32
            }
            at += rows * width;
        }
    }
};

SWEETSPOT_TEST(PrunePapersTest)
#include "prune_papers_test.moc"
