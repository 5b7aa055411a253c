#include "app/experiment/plan.h"
#include "engine/config/sha256.h"
#include "tests/suite.h"
#include <QTemporaryDir>
#include <QTest>
#include <fstream>

using namespace sweetspot;

class IdentityTest : public QObject {
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> folder_;

    std::string path(const std::string& name) const {
        return folder_->filePath(QString::fromStdString(name)).toStdString();
    }
    std::string write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
        std::ofstream(path(name), std::ios::binary) << text;
        return path(name);
    }
    /// The hash of the point.
    static std::string key(const RunConfig& config) {
        const auto hash = [](const auto& file) { return sha256_of_file(file.string()); };
        return hash_of(config, contents_of(config, hash));
    }
    static RunConfig scoring(const std::string& data) {
        RunConfig config;
        config.task = Task::perplexity;
        config.data = data;
        return config;
    }

private slots:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void the_same_name_of_other_data_is_another_point() {
        const auto data = write("p.fasta", ">a\nMKT\n");
        const auto before = key(scoring(data));
        write("p.fasta", ">a\nMKV\n");
        QVERIFY(key(scoring(data)) != before);
    }

    void the_same_data_of_another_name_are_the_same_point() {
        QCOMPARE(key(scoring(write("a/p.fasta", ">a\nMKT\n"))),
                 key(scoring(write("b/q.fa", ">a\nMKT\n"))));
        QCOMPARE(key(scoring(path("a/p.fasta"))), key(scoring(path("a/../b/q.fa"))));
    }

    void weights_that_are_named_and_that_are_found_are_the_same_point() {
        RunConfig config;
        const auto found = key(config);
        config.weights = "random";
        QCOMPARE(key(config), found); // a model by name has none of its own
        write("model/config.json", "{}");
        write("model/model.safetensors", "1");
        config.model = path("model");
        const auto drawn = key(config);
        config.weights = "auto";
        const auto own = key(config);
        QVERIFY(own != drawn);
        config.weights = path("model");
        QCOMPARE(key(config), own);
        write("model/model.safetensors", "2");
        QVERIFY(key(config) != own);
    }

    void each_file_of_a_folder_of_weights_counts() {
        RunConfig config;
        write("model/config.json", "{}");
        write("model/model-1.safetensors", "1");
        write("model/model-2.safetensors", "2");
        write("model/README.md", "3");
        config.weights = path("model");
        auto last = key(config);
        const auto changes = [&](const std::string& name) {
            write("model/" + name, "4");
            return std::exchange(last, key(config)) != last;
        };
        QVERIFY(changes("model-2.safetensors"));
        QVERIFY(changes("model-3.safetensors"));
        QVERIFY(changes("config.json"));
        QVERIFY(!changes("README.md"));
        std::filesystem::rename(path("model"), path("moved"));
        config.weights = path("moved");
        QCOMPARE(key(config), last);
        // An index names the files beside it.
        config.weights = write("moved/model.safetensors.index.json", "{}");
        last = key(config);
        write("moved/model-1.safetensors", "5");
        QVERIFY(key(config) != last);
    }

    void the_tokenizer_beside_the_weights_counts() {
        RunConfig config;
        config.model = "stories260k";
        config.task = Task::generate;
        config.prompt = "Once";
        config.weights = write("stories260k.bin", "1");
        const auto none = key(config);
        write("tok512.bin", "2");
        const auto one = key(config);
        QVERIFY(one != none);
        write("tok512.bin", "3");
        QVERIFY(key(config) != one);
        config.tokenizer = write("other/vocab.json", "{}");
        const auto named = key(config);
        write("other/merges.txt", "a b");
        QVERIFY(key(config) != named);
    }

    void the_model_and_its_lengths_count() {
        RunConfig config;
        config.model = write("m.json", "{}");
        const auto before = key(config);
        write("m.json", "{ }");
        QVERIFY(key(config) != before);
        config.lengths = "file:" + write("lengths.txt", "7");
        const auto seven = key(config);
        write("lengths.txt", "8");
        QVERIFY(key(config) != seven);
    }

    void runs_are_identified_by_contents_and_place() {
        RunConfig config = scoring(write("p.fasta", ">a\nMKT\n"));
        RunConfig missing = scoring(path("gone.fasta"));
        std::vector<PlannedRun> runs{{.config = config, .hash = hash_of(config)},
                                     {.config = missing, .hash = hash_of(missing)},
                                     {.config = config, .hash = "x", .impossible = "no"}};
        int asked = 0;
        identify(
            runs, [](const auto& file) { return sha256_of_file(file.string()); },
            [&](const RunConfig&) {
                ++asked;
                return Environment{{{"host", "h"},
                                    {"cpu", "c"},
                                    {"cores", "1"},
                                    {"isa", "i"},
                                    {"threads", "1"},
                                    {"build_id", "b"},
                                    {"onednn", "o"}}};
            });
        QCOMPARE(asked, 1);
        QCOMPARE(runs[0].contents.at("data"), sha256_of_file(config.data));
        QCOMPARE(runs[0].hash, hash_of(config, runs[0].contents));
        QVERIFY(runs[0].place.is_known());
        QVERIFY(runs[1].contents.empty() && !runs[1].place.is_known());
        QVERIFY(runs[2].contents.empty());
    }

    void a_place_is_known_only_by_all_that_matters() {
        Environment facts{{{"host", "h"}, {"cpu", "c"}, {"cores", "1"}, {"isa", "i"}}};
        QVERIFY(!place_of(facts).is_known());
        facts.facts.insert({{"threads", "1"}, {"build_id", "b"}, {"onednn", "o"}});
        const Place cpu = place_of(facts);
        QVERIFY(cpu.is_known());
        auto gpu = cpu; // with each fact of a GPU another place; as the worker names them
        for (const auto fact : {"gpu", "gpu capability", "cuda driver"}) {
            facts.facts[fact] = "x";
            QVERIFY2(place_of(facts).machine != std::exchange(gpu, place_of(facts)).machine, fact);
        }
        QCOMPARE(gpu.build, cpu.build);
        facts.facts["cuda runtime"] = "13.0";
        QVERIFY(place_of(facts).build != cpu.build);
    }
};

SWEETSPOT_TEST(IdentityTest)
#include "identity_test.moc"
