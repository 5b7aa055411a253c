#include "engine/config/possible.h"
#include "tests/engine/prune_support.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>

using namespace sweetspot;
using namespace sweetspot::pruning;

/// What becomes of models that are pruned, and what is said of it.
class PruneTest : public QObject {
    Q_OBJECT

    CalibratedRuns calibrated_{};

private slots:
    void a_sparsity_that_takes_nothing_changes_nothing_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<bool>("structured");
        for (const char* model : {"llama-tiny", "gpt2-tiny", "esm2-tiny", "gguf/llama-f32.gguf"})
            for (const bool structured : {false, true})
                QTest::addRow("%s %d", model, structured) << model << structured;
    }
    void a_sparsity_that_takes_nothing_changes_nothing() {
        QFETCH(QString, model);
        QFETCH(bool, structured);
        RunConfig run = config_of(model.toStdString());
        run.sparsity = 1e-9;
        run.prune_pattern = structured ? PrunePattern::heads : PrunePattern::unstructured;
        const Batch batch{{{3, 5, 7, 11, 13, 2}, {4, 4, 9}}};
        const auto dense = logits_of(run, batch);
        run.prune = PruneBy::magnitude;
        QCOMPARE(logits_of(run, batch), dense);
        run.sparsity = 0.5;
        QVERIFY(logits_of(run, batch) != dense);
    }

    void masks_keep_what_stays_and_count_what_goes_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<PruneScope>("scope");
        for (const char* model : {"llama-tiny", "gpt2-tiny", "esm2-tiny"})
            for (const auto scope : {PruneScope::row, PruneScope::layer, PruneScope::global})
                QTest::addRow("%s %s", model, to_text(scope).c_str()) << model << scope;
    }
    void masks_keep_what_stays_and_count_what_goes() {
        QFETCH(QString, model);
        QFETCH(PruneScope, scope);
        RunConfig run = config_of(model.toStdString(), PruneBy::magnitude);
        run.prune_scope = scope;
        run.sparsity = 0.3;
        PruneOutcome outcome;
        const auto pruned = pruned_weights(run, &outcome);
        const ModelConfig config = load_model_config(run.model);
        const std::int64_t linears = config.layers * std::int64_t(config.width) *
                                     ((config.heads + 2 * config.kv_heads) * config.head_size +
                                      config.heads * config.head_size +
                                      (config.mlp == MlpStyle::swiglu ? 3 : 2) * config.mlp_width);
        QCOMPARE(qint64(outcome.prunable), qint64(linears));
        QVERIFY(std::abs(double(outcome.pruned) / double(linears) - 0.3) < 0.01);
        std::int64_t gone = 0;
        float largest_gone = 0, smallest_kept = INFINITY;
        for (const auto& [place, values] : pruned) {
            if (!of_block(place.first)) continue;
            gone += qint64(zeros(values).size());
        }
        QCOMPARE(qint64(gone), qint64(outcome.pruned));
        if (model == "gpt2-tiny") return; // its file has other rows
        for (const auto& [place, values] : dense_weights(run))
            for (std::size_t i = 0; i < values.size(); ++i) {
                const float now = pruned.at(place)[i];
                QVERIFY(now == values[i] || (now == 0 && of_block(place.first)));
                if (!of_block(place.first) || place.first == Part::attention_norm ||
                    place.first == Part::mlp_norm)
                    continue;
                if (now == 0)
                    largest_gone = std::max(largest_gone, std::abs(values[i]));
                else
                    smallest_kept = std::min(smallest_kept, std::abs(values[i]));
            }
        QCOMPARE(largest_gone <= smallest_kept, scope == PruneScope::global);
    }

    void threads_change_nothing() {
        for (const auto by : {PruneBy::magnitude, PruneBy::wanda, PruneBy::sparsegpt}) {
            RunConfig run = calibrated_.config("llama-tiny", by);
            run.threads = 1;
            const auto alone = pruned_weights(run);
            run.threads = 3;
            QVERIFY(pruned_weights(run) == alone);
        }
    }

    void tied_tables_stay_tied() {
        RunConfig run = config_of("gpt2-tiny", PruneBy::magnitude);
        run.sparsity = 0.9;
        const auto pruned = pruned_weights(run), dense = dense_weights(run);
        QVERIFY(!pruned.contains({Part::head, 0})); // it is the table of tokens
        QVERIFY(pruned.at({Part::tokens, 0}) == dense.at({Part::tokens, 0}));
        QVERIFY(pruned_model(load_model_config(run.model), run).tied_head);
    }

    void a_study_unties_them() {
        RunConfig run = config_of("esm2-tiny", PruneBy::magnitude);
        run.prune_scope = PruneScope::global;
        run.as_published = AsPublished::masked_pruning;
        run.sparsity = 0.4;
        const auto pruned = pruned_weights(run), dense = dense_weights(run);
        const auto& table = dense.at({Part::tokens, 0});
        QVERIFY(pruned.at({Part::head, 0}) == table);
        QVERIFY(pruned.at({Part::tokens, 0}) != table);
        QVERIFY(!zeros(pruned.at({Part::tokens, 0})).empty());
        // Gains of 1 are larger than all that is drawn.
        QVERIFY(zeros(pruned.at({Part::attention_norm, 0})).empty());
        const Outcome said = outcome_of(run);
        QVERIFY(said.caveat.starts_with("as_published masked_pruning is not pruning"));
        // And masks columns where it says that it removes them.
        run.prune_pattern = PrunePattern::structured;
        const auto masked = pruned_weights(run);
        QCOMPARE(masked.at({Part::up, 1}).size(), dense.at({Part::up, 1}).size());
        const auto columns = zeros(masked.at({Part::up, 1}));
        QCOMPARE(qint64(columns.size()), qint64(256 * share_of(0.4, 64)));
        QVERIFY(!zeros(masked.at({Part::head_dense, 0})).empty());
        QVERIFY(masked.at({Part::tokens, 0}) == table);
    }

    void what_is_removed_computes_like_what_is_masked_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<PruneBy>("by");
        for (const char* model : {"llama-tiny", "gpt2-tiny", "esm2-tiny"})
            for (const auto by : {PruneBy::magnitude, PruneBy::wanda})
                QTest::addRow("%s %s", model, to_text(by).c_str()) << model << by;
    }
    /// Heads whose columns of the output product are 0, and channels whose columns of the last
    /// product are: found by what the removed model has left of these products.
    void what_is_removed_computes_like_what_is_masked() {
        QFETCH(QString, model);
        QFETCH(PruneBy, by);
        RunConfig run = calibrated_.config(model.toStdString(), by);
        run.prune_pattern = PrunePattern::structured;
        const ModelConfig config = load_model_config(run.model), left = pruned_model(config, run);
        QCOMPARE(left.kv_heads, config.kv_heads / 2);
        QCOMPARE(left.heads, config.heads / 2);
        QVERIFY(left.mlp_width < config.mlp_width && left.mlp_width % 64 == 0);
        const auto removed = pruned_weights(run);

        /// Zeroes the columns that the removed model is without.
        class Masked : public WeightSource {
        public:
            Masked(WeightSource& dense, const AllWeights& removed, Context& context)
                : dense_(dense), removed_(removed), context_(context) {}
            std::vector<In> find(const Parameter& parameter) override {
                const bool out = parameter.part == Part::attention_output,
                           down = parameter.part == Part::down;
                if (parameter.bias || !(out || down)) return dense_.find(parameter);
                matrix_ = read_matrix(dense_, parameter, context_);
                const auto& kept = removed_.at({parameter.part, parameter.layer});
                const auto rows = std::size_t(matrix_.total_rows()), columns = kept.size() / rows;
                std::size_t next = 0;
                for (std::int64_t c = 0; c < matrix_.columns; ++c) {
                    bool same = next < columns;
                    for (std::size_t r = 0; same && r < rows; ++r)
                        same = matrix_.row(std::int64_t(r))[c] == kept[r * columns + next];
                    if (same) {
                        ++next;
                        continue;
                    }
                    for (std::size_t r = 0; r < rows; ++r) matrix_.row(std::int64_t(r))[c] = 0;
                }
                complete = complete && next == columns;
                return matrix_.views();
            }
            bool transposed(Part part) const override {
                return part != Part::attention_output && part != Part::down &&
                       dense_.transposed(part);
            }
            bool interleaved_rotary() const override { return dense_.interleaved_rotary(); }
            bool complete = true;

        private:
            WeightSource& dense_;
            const AllWeights& removed_;
            Context& context_;
            Matrix matrix_{};
        };
        RunConfig plain = run;
        plain.prune = PruneBy::none;
        HostAllocator memory;
        Context context(CpuStream{.threads = 2}, memory);
        bool complete = false;
        auto masked = weights_for(plain, config, context, [&](WeightSource& dense) {
            Masked source(dense, removed, context);
            Weights weights = load_weights(config, plain, source, context);
            complete = source.complete;
            return weights;
        });
        QVERIFY(complete);
        const Batch batch{{{3, 5, 7, 11, 13, 2}, {4, 4, 9}}};
        Model whole(config, plain, std::move(masked.weights), 6, context);
        Residual stream = whole.encode(lay_out(batch, Layout::ragged, 32));
        std::vector<float> expected;
        whole.each_logits(stream, [&](std::int64_t, In y) {
            expected.insert(expected.end(), y.as<float>(), y.as<float>() + y.shape.count());
        });
        const auto found = golden::difference(logits_of(run, batch), expected);
        QVERIFY2(found.relative < 1e-5, qPrintable(QString::number(found.relative)));
    }

    void the_largest_heads_and_channels_stay() {
        RunConfig run = config_of("esm2-tiny", PruneBy::magnitude);
        run.prune_pattern = PrunePattern::channels;
        const auto dense = dense_weights(run), pruned = pruned_weights(run);
        const auto& up = dense.at({Part::up, 1});
        const auto& down = dense.at({Part::down, 1});
        reference::Numbers scores(256, 0.0);
        for (std::size_t c = 0; c < 256; ++c)
            for (std::size_t i = 0; i < 64; ++i)
                scores[c] +=
                    std::pow(double(up[c * 64 + i]), 2) + std::pow(double(down[i * 256 + c]), 2);
        auto order = reference::ascending(scores);
        std::vector<std::size_t> kept(order.begin() + 128, order.end());
        std::sort(kept.begin(), kept.end());
        for (std::size_t i = 0; i < kept.size(); ++i)
            for (std::size_t j = 0; j < 64; ++j)
                QCOMPARE(pruned.at({Part::up, 1})[i * 64 + j], up[kept[i] * 64 + j]);
    }

    void a_plan_knows_their_memory_data() {
        QTest::addColumn<RunConfig>("run");
        for (const char* model : {"llama-tiny", "gpt2-tiny", "esm2-tiny"})
            for (const auto by : {PruneBy::magnitude, PruneBy::wanda, PruneBy::sparsegpt})
                for (const auto pattern :
                     {PrunePattern::unstructured, PrunePattern::two_of_four, PrunePattern::heads,
                      PrunePattern::channels, PrunePattern::structured})
                    for (const auto task : {Task::forward, Task::perplexity, Task::generate}) {
                        const bool esm = std::string(model) == "esm2-tiny";
                        if (esm && task == Task::generate) continue;
                        if (by == PruneBy::sparsegpt && is_structured(pattern)) continue;
                        RunConfig run = config_of(model, by);
                        run.tokenizer = "esm";
                        run.prune_windows = 3;
                        run.prune_window = 16;
                        run.prune_pattern = pattern;
                        run.task = task;
                        run.new_tokens = 3;
                        run.batch = 2;
                        QTest::addRow("%s %s %s %s", model, to_text(by).c_str(),
                                      to_text(pattern).c_str(), to_text(task).c_str())
                            << run;
                    }
    }
    void a_plan_knows_their_memory() {
        QFETCH(RunConfig, run);
        run.prune_data = calibrated_.path();
        HostAllocator host;
        PlanAllocator plan;
        std::int64_t parameters[2] = {}, calibration[2] = {};
        const auto used = [&](const RunConfig& config, Stream stream, Allocator& allocator, int i) {
            Context context(stream, allocator);
            const auto work = make_workload(config, context);
            for (std::size_t phase = 0; phase < work->phases().size(); ++phase)
                work->run_phase(phase);
            parameters[i] = work->parameters();
            if (config.task != Task::generate) // whose ids are no text here
                calibration[i] = work->outcome().pruning.calibration_bytes;
            return allocator.use();
        };
        const auto computed = used(run, CpuStream{.threads = 2}, host, 0);
        run.device = DeviceKind::plan;
        const auto planned = used(run, PlanStream{.threads = 2}, plan, 1);
        QCOMPARE(planned.peak_total, computed.peak_total);
        QVERIFY(planned.at_peak == computed.at_peak);
        QCOMPARE(qint64(parameters[1]), qint64(parameters[0]));
        QCOMPARE(qint64(calibration[1]), qint64(calibration[0]));
        QCOMPARE(calibration[0] > 0, run.calibrated() && run.task != Task::generate);
    }

    void a_row_says_what_was_done_and_what_it_gains() {
        RunConfig run = config_of("llama-tiny", PruneBy::magnitude);
        run.sparsity = 0.25;
        QCOMPARE(outcome_of(run).pruning.note,
                 std::string("magnitude, unstructured by layer; 25 % of 61440 weights of the "
                             "blocks' linears are 0; zeros are stored and computed like other "
                             "numbers: the mask saves no memory and no time"));
        run.prune_pattern = PrunePattern::four_of_eight;
        QVERIFY(outcome_of(run).pruning.note.ends_with(", and no kernel gains from 4:8"));
        run.sparsity = 0.5;
        run.prune_pattern = PrunePattern::structured;
        QCOMPARE(
            outcome_of(run).pruning.note,
            std::string("magnitude, structured; 2 of 4 heads stay; 64 of 96 MLP channels stay; "
                        "40 % of 61440 weights of the blocks' linears are gone; what is left "
                        "is a smaller model, the same in every layer"));
        run = calibrated_.config("llama-tiny", PruneBy::wanda);
        const std::string note = outcome_of(run).pruning.note;
        QVERIFY2(note.starts_with("wanda, unstructured, on 120 tokens in 7 sequences of " +
                                  calibrated_.path() + ", which took "),
                 note.c_str());
        QVERIFY2(note.find(" MiB; 50 % of 61440") != note.npos, note.c_str());
        QCOMPARE(outcome_of(config_of("llama-tiny")).pruning.note, std::string());
    }

    void random_weights_have_a_caveat() {
        RunConfig run = config_of("llama-tiny", PruneBy::magnitude);
        QCOMPARE(outcome_of(run).caveat, std::string());
        run.weights = "random";
        QVERIFY(outcome_of(run).caveat.starts_with("the weights that were pruned are random"));
    }

    void what_cannot_be_pruned_is_said_data() {
        QTest::addColumn<QString>("fields");
        QTest::addColumn<QString>("sentence");
        const auto add = [](const char* fields, const char* sentence) {
            QTest::newRow(fields) << fields << sentence;
        };
        add("sparsity=1", "\"sparsity\" is a number above 0 and at most 0.99, not \"1\"");
        add("sparsity=0.9 prune_pattern=heads",
            "sparsity 0.9 leaves none of the 2 groups of heads of llama-tiny");
        add("sparsity=0.9 prune_pattern=channels",
            "sparsity 0.9 leaves none of the 96 MLP channels of llama-tiny: a multiple of 64 is "
            "kept, for which products are fast");
        add("prune=wanda", "prune wanda looks at a text: name a file in prune_data");
        add("prune=sparsegpt prune_pattern=heads",
            "prune sparsegpt mends the weights that stay one by one; prune_pattern heads is for "
            "magnitude and wanda");
        add("as_published=masked_pruning",
            "as_published masked_pruning compares all weights: prune_scope is global, not layer");
        add("as_published=masked_pruning prune=none",
            "as_published masked_pruning is of prune magnitude with prune_pattern unstructured, "
            "structured or 2:4");
        add("as_published=masked_pruning prune_pattern=2:4 weight_format=2:4_bf16",
            "as_published masked_pruning stores zeros like other numbers; weight_format is "
            "2:4_bf16");
        add("weight_format=2:4_bf16 weights=random",
            "weight_format 2:4_bf16 stores two of four neighbours; weights random have more: "
            "prune_pattern 2:4 makes it two");
    }
    void what_cannot_be_pruned_is_said() {
        QFETCH(QString, fields);
        QFETCH(QString, sentence);
        RunConfig run = config_of("llama-tiny", PruneBy::magnitude);
        for (const QString& field : fields.split(' '))
            QVERIFY(set_field(run, field.section('=', 0, 0).toStdString(),
                              field.section('=', 1).toStdString()));
        ModelConfig model = load_model_config(run.model);
        model.name = "llama-tiny";
        QCOMPARE(QString::fromStdString(impossible(run, model).value_or("")), sentence);
    }

    void heads_that_do_not_divide_and_odd_rows_are_said() {
        RunConfig run = config_of("llama-tiny", PruneBy::magnitude);
        run.prune_pattern = PrunePattern::heads;
        ModelConfig model = load_model_config(run.model);
        model.name = "odd";
        model.kv_heads = 3;
        QCOMPARE(impossible(run, model).value_or(""),
                 std::string("prune_pattern heads takes out groups of heads; the 4 heads of odd do "
                             "not divide into 3"));
        run.prune_pattern = PrunePattern::four_of_eight;
        model.mlp_width = 100;
        QCOMPARE(impossible(run, model).value_or(""),
                 std::string("prune_pattern 4:8 is of 8 neighbours in a row; rows of odd have "
                             "100"));
    }

    void two_of_four_are_stored_in_nine_sixteenths() {
        const auto run_in = [](WeightFormat format) {
            RunConfig run = config_of("llama-tiny", PruneBy::magnitude);
            run.precision = Precision::bf16;
            run.prune_pattern = PrunePattern::two_of_four;
            run.weight_format = format;
            return run;
        };
        const auto weights_of_run = [](const RunConfig& run) {
            CpuRun now(run);
            return now.allocator.use().live[std::size_t(Purpose::weights)];
        };
        const std::size_t packed = weights_of_run(run_in(WeightFormat::two_of_four_bf16)),
                          dense = weights_of_run(run_in(WeightFormat::dense));
        // Dense ones are filled up to blocks of 64 rows: here those that go into MLPs are whole.
        const std::size_t linears = 2 * (128 * 64 + 64 * 64 + 192 * 64 + 96 * 64);
        QCOMPARE(linears, std::size_t(61440));
        QCOMPARE(dense - packed, linears * 2 - linears * 2 * 9 / 16);
        // And compute what the mask computes.
        const Batch batch{{{3, 5, 7, 11, 13, 2}, {4, 4, 9}}};
        const auto found =
            golden::difference(logits_of(run_in(WeightFormat::two_of_four_bf16), batch),
                               logits_of(run_in(WeightFormat::dense), batch));
        QVERIFY2(found.relative < 2e-2, qPrintable(QString::number(found.relative)));
        const std::string note = outcome_of(run_in(WeightFormat::two_of_four_bf16)).pruning.note;
        QVERIFY2(note.find("stored in 9/16 of the bytes") != std::string::npos, note.c_str());
    }

    void more_than_two_of_four_are_refused() {
        RunConfig run = config_of("llama-tiny");
        run.weight_format = WeightFormat::two_of_four_f16;
        std::string said;
        try {
            outcome_of(run);
        } catch (const Error& error) {
            said = error.what();
        }
        QCOMPARE(said, std::string("weight_format 2:4_f16 stores two of four neighbours; row 0 of "
                                   "query_key_value of layer 0 has more: prune_pattern 2:4 makes "
                                   "it two"));
    }
};

SWEETSPOT_TEST(PruneTest)
#include "prune_test.moc"
