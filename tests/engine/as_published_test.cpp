#include "engine/config/catalogue.h"
#include "engine/data/random.h"
#include "engine/models/model.h"
#include "tests/engine/workloads.h"
#include "tests/suite.h"
#include <QtTest>
#include <cmath>
#include <map>

using namespace sweetspot;

namespace {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

const std::string tiny = SWEETSPOT_SOURCE_DIR "/tests/golden/gpt2-tiny";

/// Numbers for every parameter, gains and biases too, so that leaving one out is seen.
class AnySource : public WeightSource {
public:
    std::vector<In> find(const Parameter& p) override {
        last_ =
            numbers(p.part, p.layer, p.bias, p.total_rows() * std::max<std::int64_t>(1, p.columns));
        return {{last_.data(), p.columns ? Shape{p.total_rows(), p.columns} : Shape{p.total_rows()},
                 DType::f32}};
    }
    static std::vector<float> numbers(Part part, int layer, bool bias, std::int64_t count) {
        Random random(std::uint64_t(part) * 100 + std::uint64_t(layer) * 2 + bias);
        std::vector<float> y;
        for (std::int64_t i = 0; i < count; ++i) y.push_back(float(random.uniform() - 0.4) / 3);
        return y;
    }

private:
    std::vector<float> last_;
};

/// The study's variants as its files have them, number by number.
class ByHand {
public:
    ByHand(const ModelConfig& model, AsPublished study) : model_(model), study_(study) {}

    Rows logits(const std::vector<std::int32_t>& ids) const {
        const auto tokens = matrix(Part::tokens, 0, model_.vocabulary, model_.width);
        const auto places = matrix(Part::positions, 0, model_.positions, model_.width);
        Rows x;
        for (std::size_t i = 0; i < ids.size(); ++i)
            x.push_back(sum(tokens[std::size_t(ids[i])], places[i]));
        for (int layer = 0; layer < model_.layers; ++layer) x = block(x, layer);
        Rows y;
        for (const Row& row : norm(x, Part::final_norm, 0)) y.push_back(product(tokens, row));
        return y;
    }

private:
    static Row sum(const Row& a, const Row& b) {
        Row y = a;
        for (std::size_t i = 0; i < y.size(); ++i) y[i] += b[i];
        return y;
    }
    static Rows sum(const Rows& a, const Rows& b) {
        Rows y;
        for (std::size_t i = 0; i < a.size(); ++i) y.push_back(sum(a[i], b[i]));
        return y;
    }
    static double dot(const Row& a, const Row& b) {
        double y = 0;
        for (std::size_t i = 0; i < a.size(); ++i) y += a[i] * b[i];
        return y;
    }
    static Row product(const Rows& weight, const Row& x) {
        Row y;
        for (const Row& row : weight) y.push_back(dot(row, x));
        return y;
    }
    static Row vector(Part part, int layer, bool bias, int count) {
        const auto numbers = AnySource::numbers(part, layer, bias, count);
        return {numbers.begin(), numbers.end()};
    }
    static Rows matrix(Part part, int layer, int rows, int columns) {
        const auto numbers = AnySource::numbers(part, layer, false, std::int64_t(rows) * columns);
        Rows y;
        for (int i = 0; i < rows; ++i)
            y.emplace_back(numbers.begin() + i * columns, numbers.begin() + (i + 1) * columns);
        return y;
    }
    static Rows linear(const Rows& x, Part part, int layer, int outputs) {
        const auto weight = matrix(part, layer, outputs, int(x[0].size()));
        const auto bias = vector(part, layer, true, outputs);
        Rows y;
        for (const Row& row : x) y.push_back(sum(product(weight, row), bias));
        return y;
    }

    Rows norm(const Rows& x, Part part, int layer) const {
        const Row gain = vector(part, layer, false, model_.width),
                  bias = vector(part, layer, true, model_.width);
        return norm(x, gain, bias);
    }
    Rows norm(Rows x, const Row& gain, const Row& bias) const {
        for (Row& row : x) {
            double mean = 0, squares = 0;
            for (const double v : row) mean += v / model_.width;
            for (const double v : row) squares += (v - mean) * (v - mean) / model_.width;
            for (std::size_t i = 0; i < row.size(); ++i)
                row[i] =
                    (row[i] - mean) / std::sqrt(squares + model_.norm_epsilon) * gain[i] + bias[i];
        }
        return x;
    }

    Rows attention(const Rows& x, int layer) const {
        const int size = model_.head_size, width = model_.width;
        const Rows qkv = linear(x, Part::query_key_value, layer, 3 * width);
        const auto part = [&](const Row& row, int which, int head) {
            const auto begin = row.begin() + which * width + head * size;
            return Row(begin, begin + size);
        };
        Rows y(x.size());
        for (std::size_t i = 0; i < x.size(); ++i)
            for (int head = 0; head < model_.heads; ++head) {
                Row weights;
                double all = 0;
                for (std::size_t j = 0; j <= i; ++j) {
                    weights.push_back(std::exp(dot(part(qkv[i], 0, head), part(qkv[j], 1, head)) /
                                               std::sqrt(double(size))));
                    all += weights.back();
                }
                Row mean(std::size_t(size), 0.0);
                for (std::size_t j = 0; j <= i; ++j)
                    for (int c = 0; c < size; ++c)
                        mean[std::size_t(c)] +=
                            weights[j] / all * part(qkv[j], 2, head)[std::size_t(c)];
                y[i].insert(y[i].end(), mean.begin(), mean.end());
            }
        return y;
    }

    Rows mlp(const Rows& x, int layer) const {
        Rows inner = linear(norm(x, Part::mlp_norm, layer), Part::up, layer, model_.mlp_width);
        for (Row& row : inner)
            for (double& v : row)
                v = 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
        return linear(inner, Part::down, layer, model_.width);
    }

    Rows block(const Rows& x, int layer) const {
        const auto projected = [&](const Rows& input) {
            return linear(attention(input, layer), Part::attention_output, layer, model_.width);
        };
        if (study_ == AsPublished::mlp_norm) return sum(mlp(x, layer), projected(x));
        Rows y;
        const Row ones(std::size_t(model_.width), 1.0), zeros(std::size_t(model_.width), 0.0);
        if (study_ == AsPublished::attention_projection)
            y = sum(x, attention(norm(x, Part::attention_norm, layer), layer));
        else if (study_ == AsPublished::attention_norm)
            y = sum(x, projected(norm(x, ones, zeros)));
        else
            y = sum(x, projected(norm(x, Part::attention_norm, layer)));
        return sum(y, mlp(y, layer));
    }

    const ModelConfig& model_;
    AsPublished study_;
};

Rows computed(const ModelConfig& model_config, const RunConfig& run,
              const std::vector<std::vector<std::int32_t>>& sequences) {
    HostAllocator allocator;
    Context context(CpuStream{.threads = 1}, allocator);
    AnySource source;
    Model model(model_config, run, load_weights(model_config, run, source, context), 64, context);
    Residual stream = model.encode(lay_out({.rows = sequences}, Layout::ragged, -1));
    Rows y;
    model.each_logits(stream, [&](std::int64_t, In logits) {
        const std::int64_t width = logits.shape[1];
        for (std::int64_t i = 0; i < logits.shape[0]; ++i)
            y.emplace_back(logits.as<float>() + i * width, logits.as<float>() + (i + 1) * width);
    });
    return y;
}

double difference(const Rows& a, const Rows& b) {
    if (a.size() != b.size()) return INFINITY;
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        for (std::size_t j = 0; j < a[i].size(); ++j)
            most = std::max(most, std::abs(a[i][j] - b[i][j]));
    return most;
}

} // namespace

/// What a study of layer fusions computed, against its description.
class AsPublishedTest : public QObject {
    Q_OBJECT
private slots:
    void a_variant_computes_what_the_study_did_data();
    void a_variant_computes_what_the_study_did();
    void a_variant_that_changes_the_function_says_so_data();
    void a_variant_that_changes_the_function_says_so();
    void parts_that_are_left_out_take_no_memory();
    void text_can_be_generated_with_every_variant();
};

void AsPublishedTest::a_variant_computes_what_the_study_did_data() {
    QTest::addColumn<AsPublished>("study");
    QTest::addColumn<Fusion>("fusion");
    for (const char* study :
         {"none", "dropout_norm", "attention_norm", "mlp_norm", "attention_projection"})
        for (const auto fusion : {Fusion::none, Fusion::epilogues}) {
            AsPublished value{};
            QVERIFY(from_text(study, value));
            QTest::addRow("%s, fusion %s", study, to_text(fusion).c_str()) << value << fusion;
        }
}
void AsPublishedTest::a_variant_computes_what_the_study_did() {
    QFETCH(AsPublished, study);
    QFETCH(Fusion, fusion);
    const ModelConfig model = load_model_config(tiny);
    const std::vector<std::vector<std::int32_t>> sequences{{3, 94, 17, 60, 5, 5, 8}, {1}, {50, 2}};
    const Rows found =
        computed(model, {{.as_published = study}, {}, {.fusion = fusion}}, sequences);
    Rows expected;
    for (const auto& ids : sequences)
        for (const Row& row : ByHand(model, study).logits(ids)) expected.push_back(row);
    QVERIFY2(difference(found, expected) < 1e-3,
             qPrintable(QString::number(difference(found, expected))));
    const Rows plain = computed(model, {{}, {}, {.fusion = fusion}}, sequences);
    const bool same = study == AsPublished::none || study == AsPublished::dropout_norm;
    QCOMPARE(difference(found, plain) == 0, same);
    QVERIFY(same || difference(found, plain) > 0.1);
}

void AsPublishedTest::a_variant_that_changes_the_function_says_so_data() {
    QTest::addColumn<QString>("study");
    QTest::addColumn<QString>("says");
    QTest::newRow("none") << "none"
                          << "";
    QTest::newRow("dropout") << "dropout_norm"
                             << "is the model itself";
    for (const char* study : {"attention_norm", "mlp_norm", "attention_projection"})
        QTest::newRow(study) << study << "changes the function";
}
void AsPublishedTest::a_variant_that_changes_the_function_says_so() {
    QFETCH(QString, study);
    QFETCH(QString, says);
    RunConfig config{{.model = tiny, .weights = "random"}, {.sequence = 4}};
    QVERIFY(set_field(config, "as_published", study.toStdString()));
    const std::string caveat = outcome_of(config).caveat;
    QCOMPARE(caveat.empty(), says.isEmpty());
    QVERIFY2(QString::fromStdString(caveat).contains(says), caveat.c_str());
}

void AsPublishedTest::parts_that_are_left_out_take_no_memory() {
    const ModelConfig model = load_model_config(tiny);
    const auto weights = [&](AsPublished study) {
        CpuRun run({{.model = tiny, .weights = "random", .as_published = study}});
        const auto bytes = run.allocator.use().live[std::size_t(Purpose::weights)];
        return std::pair(std::int64_t(bytes), run.work->parameters());
    };
    const auto [all, parameters] = weights(AsPublished::none);
    const std::int64_t width = model.width, layers = model.layers;
    for (const auto study : {AsPublished::attention_norm, AsPublished::mlp_norm}) {
        QCOMPARE(weights(study).first, all - layers * 2 * width * 4);
        QCOMPARE(weights(study).second, parameters - layers * 2 * width);
    }
    QCOMPARE(weights(AsPublished::attention_projection).first,
             all - layers * (width * width + width) * 4);
    QCOMPARE(weights(AsPublished::attention_projection).second,
             parameters - layers * (width * width + width));
    QCOMPARE(weights(AsPublished::dropout_norm), weights(AsPublished::none));
}

void AsPublishedTest::text_can_be_generated_with_every_variant() {
    for (const char* study :
         {"dropout_norm", "attention_norm", "mlp_norm", "attention_projection"}) {
        RunConfig config{{.model = tiny, .weights = "random", .task = Task::generate},
                         {.batch = 2, .sequence = 5}};
        config.new_tokens = 3;
        QVERIFY(set_field(config, "as_published", study));
        QCOMPARE(outcome_of(config).tokens.computed, std::int64_t(2 * 5 + 2 * 2));
    }
}

SWEETSPOT_TEST(AsPublishedTest)
#include "as_published_test.moc"
