#include "engine/convert/convert.h"
#include "engine/data/tokenizer.h"
#include "kernels/core/block_grid.h"
#include "tests/engine/golden.h"
#include "tests/suite.h"
#include <QtTest>
#include <random>

using namespace sweetspot;

namespace {

constexpr WeightFormat in_gguf[] = {WeightFormat::q8_0, WeightFormat::q4_0, WeightFormat::q4_1,
                                    WeightFormat::q5_0, WeightFormat::q5_1, WeightFormat::q4_k,
                                    WeightFormat::q5_k, WeightFormat::q6_k};

std::vector<float> drawn(std::int64_t count) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0.1f, 1.0f);
    std::vector<float> y(std::size_t(count), 0.0f);
    for (float& x : y) x = normal(random);
    return y;
}

double loss_of(const std::vector<float>& logits, const Batch& batch) {
    constexpr std::size_t words = 512;
    double sum = 0, count = 0;
    const float* row = logits.data();
    for (const Tokens& ids : batch.rows)
        for (std::size_t i = 0; i < ids.size(); ++i, row += words) {
            if (i + 1 == ids.size()) continue;
            double all = 0;
            for (std::size_t w = 0; w < words; ++w) all += std::exp(double(row[w]));
            sum += std::log(all) - double(row[std::size_t(ids[i + 1])]);
            ++count;
        }
    return sum / count;
}

} // namespace

class ConvertTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;

    std::string path(const char* name) const { return folder_.filePath(name).toStdString(); }

    static RunConfig of(const std::string& model, WeightFormat format = WeightFormat::dense) {
        RunConfig run;
        run.model = model;
        run.weight_format = format;
        return run;
    }
    static std::vector<LinearError> converted(const RunConfig& run, Conversion conversion) {
        HostAllocator allocator;
        Context context(CpuStream{.threads = 2}, allocator);
        std::vector<LinearError> errors;
        convert(run, conversion, context, [&](const LinearError& e) { errors.push_back(e); });
        return errors;
    }
    static QString refusal(const RunConfig& run, Conversion conversion) {
        try {
            converted(run, std::move(conversion));
        } catch (const Error& e) {
            return e.what();
        }
        return "written";
    }
    static Batch windows(int count) {
        const Tokens ids = golden::Outputs("llama-trained").ids("ids");
        Batch batch;
        for (int i = 0; i < count; ++i)
            batch.rows.emplace_back(ids.begin() + i * 256, ids.begin() + (i + 1) * 256);
        return batch;
    }

private slots:
    void a_grid_is_what_a_number_of_a_block_can_be() {
        for (const WeightFormat format :
             {WeightFormat::int8, WeightFormat::int4, WeightFormat::q8_0, WeightFormat::q4_0,
              WeightFormat::q4_1, WeightFormat::q5_0, WeightFormat::q5_1, WeightFormat::q4_k,
              WeightFormat::q5_k, WeightFormat::q6_k}) {
            QVERIFY(has_grid(format));
            const BlockFormat facts = block_format(format);
            const auto x = drawn(facts.numbers);
            std::vector<std::uint8_t> block(std::size_t(facts.bytes));
            quantise(format, x, block.data());
            std::vector<float> y(x.size());
            dequantise(format, block.data(), y);
            for (std::int64_t i = 0; i < facts.numbers; ++i) { // other codes, one by one
                const Grid grid = grid_of(format, block.data(), i);
                const double now = double(y[std::size_t(i)]);
                QVERIFY2(std::abs(grid.value(grid.nearest(now)) - now) < 1e-6,
                         to_text(format).c_str());
                const int other = (grid.nearest(now) + 5) % (grid.most + 1);
                put_code(format, block.data(), i, other);
                dequantise(format, block.data(), y);
                QVERIFY2(std::abs(double(y[std::size_t(i)]) - grid.value(other)) < 1e-6,
                         qPrintable(QString("%1 %2").arg(to_text(format).c_str()).arg(i)));
            }
        }
        for (const WeightFormat format : {WeightFormat::dense, WeightFormat::nf4})
            QVERIFY(!has_grid(format));
    }

    void a_gguf_computes_what_the_model_did_data() {
        QTest::addColumn<QString>("model");
        for (const char* model :
             {"llama-tiny", "families/mistral", "families/qwen2", "families/qwen3",
              "families/linear", "families/yarn", "families/llama3"})
            QTest::addRow("%s", model) << QString(model);
    }
    void a_gguf_computes_what_the_model_did() {
        QFETCH(QString, model);
        const std::string from = golden::folder(model.toStdString());
        converted(of(from), {.to = path("dense.gguf"), .tokenizer = false});
        const Batch batch = golden::Outputs(model.toStdString()).sequences();
        const auto expected = golden::all_logits(of(from), batch);
        const auto found = golden::all_logits(of(path("dense.gguf")), batch);
        // What rotary angles are divided by is rounded once more where it is a tensor.
        const double limit = model.endsWith("llama3") ? 1e-5 : 0;
        QVERIFY(golden::difference(found, expected).absolute <= limit);
        // And once more from GGUF: what lies there interleaved goes back.
        converted(of(path("dense.gguf")), {.to = path("again.gguf"), .tokenizer = false});
        QCOMPARE(golden::all_logits(of(path("again.gguf")), batch), found);
    }

    void blocks_in_a_file_are_those_of_loading() {
        const std::string from = golden::folder("llama-trained");
        const Batch batch = windows(1);
        for (const WeightFormat format : in_gguf) {
            const auto errors = converted(of(from, format), {.to = path("blocks.gguf")});
            QCOMPARE(errors.size(), std::size_t(3 * 4 + 1)); // and the head
            for (const LinearError& e : errors)
                QVERIFY(e.weights > 0 && e.weights < 0.1 && !e.products);
            QCOMPARE(golden::all_logits(of(path("blocks.gguf"), format), batch),
                     golden::all_logits(of(from, format), batch));
            // Blocks that are there are taken as they are, to the bit: nothing is lost.
            for (const LinearError& e :
                 converted(of(path("blocks.gguf"), format), {.to = path("same.gguf")}))
                QCOMPARE(e.weights, 0.0);
        }
    }

    void a_folder_gets_what_blocks_stand_for() {
        const std::string from = golden::folder("llama-trained");
        converted(of(from, WeightFormat::nf4), {.to = path("folder")});
        const Batch batch = windows(1);
        const auto off = golden::difference(golden::all_logits(of(path("folder")), batch),
                                            golden::all_logits(of(from, WeightFormat::nf4), batch));
        QVERIFY2(off.absolute < 1e-3, qPrintable(QString::number(off.absolute)));
        QVERIFY(load_tokenizer(path("folder"))->vocabulary() == 512);
        // GPT-2's matrices lie turned, ESM-2's have biases and a head of their own.
        for (const char* other : {"gpt2-tiny", "esm2-tiny"}) {
            converted(of(golden::folder(other)), {.to = path(other), .tokenizer = false});
            const Batch rows = golden::Outputs(other).sequences();
            QCOMPARE(golden::all_logits(of(path(other)), rows),
                     golden::all_logits(of(golden::folder(other)), rows));
        }
    }

    void tokenizers_go_along() {
        const std::string from = golden::folder("llama-trained");
        converted(of(from), {.to = path("words.gguf")});
        converted(of(path("words.gguf")), {.to = path("words2.gguf")});
        const auto ours = load_tokenizer(from);
        const std::string text = "ROMEO: O, she doth teach\nthe torches  to burn bright! \xc3\xa9";
        for (const char* name : {"words.gguf", "words2.gguf"}) {
            const auto theirs = load_tokenizer(path(name));
            QCOMPARE(theirs->encode(text), ours->encode(text));
            QCOMPARE(theirs->decode(ours->encode(text)), text);
            QCOMPARE(theirs->ids().eos, ours->ids().eos);
            QCOMPARE(theirs->usual_specials(), ours->usual_specials());
        }
    }

    void gptq_loses_less_than_rounding_to_nearest() {
        const std::string from = golden::folder("llama-trained");
        RunConfig run = of(from, WeightFormat::q4_0);
        run.prune_data = from + "/calibration.txt";
        run.prune_windows = 32;
        const auto nearest = converted(run, {.to = path("nearest.gguf")});
        const auto by_text = converted(run, {.to = path("gptq.gguf"), .gptq = true});
        QCOMPARE(by_text.size(), nearest.size());
        for (std::size_t i = 0; i + 1 < by_text.size(); ++i) { // all but the head
            QVERIFY(by_text[i].products && *by_text[i].products < by_text[i].weights);
            QVERIFY(by_text[i].weights > nearest[i].weights); // which is nearest, after all
        }
        const Batch batch = windows(16);
        const double dense = loss_of(golden::all_logits(of(from), batch), batch);
        const auto lost = [&](const char* file) {
            const auto logits = golden::all_logits(of(path(file), WeightFormat::q4_0), batch);
            return loss_of(logits, batch) - dense;
        };
        const double before = lost("nearest.gguf"), after = lost("gptq.gguf");
        QVERIFY2(before > 0 && after < 0.5 * before,
                 qPrintable(QString("%1 %2").arg(before).arg(after)));
        // Again, and with another number of threads, to the bit.
        RunConfig again = run;
        again.threads = 1;
        converted(again, {.to = path("gptq2.gguf"), .gptq = true});
        QFile a(folder_.filePath("gptq.gguf")), b(folder_.filePath("gptq2.gguf"));
        QVERIFY(a.open(QFile::ReadOnly) && b.open(QFile::ReadOnly));
        QVERIFY(a.readAll() == b.readAll());
    }

    void what_a_file_cannot_hold_is_refused_by_name() {
        const std::string from = golden::folder("llama-trained");
        using enum WeightFormat;
        QVERIFY(refusal(of(from, nf4), {.to = path("x.gguf")}).contains("weight_format nf4"));
        QVERIFY(refusal(of(from, two_of_four_bf16), {.to = path("x")}).contains("2:4_bf16"));
        QVERIFY(refusal(of(golden::folder("gpt2-tiny")), {.to = path("x.gguf")})
                    .contains("none of LLaMA's kinds"));
        QVERIFY(refusal(of(from, q4_0), {.to = path("x.gguf"), .gptq = true}).contains("a text"));
        RunConfig run = of(from, nf4);
        run.prune_data = from + "/calibration.txt";
        QVERIFY(refusal(run, {.to = path("x"), .gptq = true}).contains("even steps"));
        QVERIFY(refusal(of(golden::folder("llama-tiny")), {.to = path("x.gguf")})
                    .contains("--no-tokenizer"));
        QVERIFY(!QFile::exists(folder_.filePath("x.gguf")));
    }
};

SWEETSPOT_TEST(ConvertTest)
#include "convert_test.moc"
