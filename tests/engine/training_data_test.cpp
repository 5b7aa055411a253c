// What a training reads: the rows that its file has, in whatever pieces it comes, and no more
// memory for a larger one.
#include "engine/config/catalogue.h"
#include "engine/tasks/run_data.h"
#include "tests/engine/data_support.h"
#include "tests/engine/golden.h"
#include "tests/suite.h"
#include <QtTest>
#include <csignal>
#include <fstream>
#include <sys/resource.h>

using namespace sweetspot;

namespace {

/// About so many bytes of words, numbers, signs, blanks and letters of two bytes, in lines.
std::string text_of(std::size_t bytes, std::uint32_t seed) {
    constexpr std::array parts{"the", " king",  "'s", " 1603", "  ",    " Don't", ".",  " \n",
                               " l",  "'amour", ";",  "é",     " élan", "\t",     " O", " a\n"};
    std::mt19937 random(seed);
    std::string text;
    while (text.size() < bytes) text += parts[random() % parts.size()];
    return text + "end";
}

struct Setting {
    RunConfig run{};
    ModelConfig model{};

    RunData read(const Progress& progress = {}) const {
        return training_data(run, model, progress);
    }
};

/// A training of a causal model with as many ids as are asked for.
Setting setting(const Folder& folder, const std::string& tokenizer, const std::string& data) {
    Setting y;
    y.run.task = Task::train;
    y.run.model = folder.write(
        "model.json", R"({"family": "gpt2", "layers": 1, "width": 16, "heads": 2, "mlp_width": 32,
            "vocabulary": 2000, "positions": 4096, "position": "learned", "mlp": "gelu_tanh",
            "causal": true, "bias": true, "tied_head": true})");
    y.run.weights = "random", y.run.tokenizer = tokenizer, y.run.data = data, y.run.sequence = 1024;
    y.model = load_model_config(y.run.model);
    return y;
}

/// Bytes of this process's private memory, whose growth a limit can stop.
rlim_t private_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmData:")) return rlim_t(std::stoll(line.substr(7))) << 10;
    return 0;
}

/// Lets a limit of this process be lower while it is there.
class Limited {
public:
    Limited(__rlimit_resource_t what, rlim_t most) : what_(what) {
        getrlimit(what_, &usual_);
        const rlimit lower{most, usual_.rlim_max};
        setrlimit(what_, &lower);
    }
    ~Limited() { setrlimit(what_, &usual_); }

private:
    __rlimit_resource_t what_;
    rlimit usual_{};
};

} // namespace

class TrainingDataTest : public QObject {
    Q_OBJECT
private slots:
    void rows_are_those_of_all_sequences_at_once_data() {
        QTest::addColumn<std::string>("tokenizer");
        QTest::addColumn<std::string>("name");
        for (const std::string& tokenizer : {std::string("bytes"), std::string("bytes+bos"),
                                             golden::folder("byte-pair") + "/vocab.json",
                                             golden::folder("sentencepiece") + "/tokenizer.model",
                                             golden::folder("tokenizer-families") + "/qwen2.json"})
            for (const char* name : {"a.txt", "a.lines", "a.jsonl"})
                QTest::addRow("%s %s", name, tokenizer.substr(tokenizer.rfind('/') + 1).c_str())
                    << tokenizer << std::string(name);
    }
    void rows_are_those_of_all_sequences_at_once() {
        QFETCH(std::string, tokenizer);
        QFETCH(std::string, name);
        const Folder folder;
        const bool slow = !tokenizer.starts_with("bytes");
        const std::string text = text_of(slow ? 700'000 : 3'500'000, 1);
        const bool whole = name != "a.lines"; // one sequence
        const std::string file = name == "a.jsonl" ? dump({{"sequence", text}}) + "\n" : text;
        Setting y = setting(folder, tokenizer, folder.write(name, file));
        const RunData data = y.read();
        if (whole) { // its ids are those of the text at once
            Tokens ids;
            const Specials marks = data.tokenizer->usual_specials();
            for (const TokenRow& row : data.rows.rows)
                ids.insert(ids.end(), row.begin() + marks.begin, row.end() - marks.end);
            QVERIFY(ids == data.tokenizer->encode(text));
        }
        const auto expected = encode_rows(read_sequences(y.run.data), *data.tokenizer,
                                          y.run.sequence, Overlong::split);
        QVERIFY(copy_of(data.rows) == expected.all);
        QCOMPARE(std::size_t(data.source->letters), std::size_t(expected.letters));
        QCOMPARE(data.source->sequences == 1, whole);
        y.run.device = DeviceKind::plan;
        QVERIFY(y.read().shapes == std::vector{shape_of(expected.all)});
    }

    void a_larger_file_takes_no_more_memory_data() {
        QTest::addColumn<std::string>("name");
        for (const char* name : {"a.txt", "a.lines"}) QTest::newRow(name) << std::string(name);
    }
    void a_larger_file_takes_no_more_memory() {
#ifdef __SANITIZE_ADDRESS__
        QSKIP("AddressSanitizer has the whole of the address space");
#endif
        QFETCH(std::string, name);
        const Folder folder;
        std::string some = text_of(1 << 20, 2);
        std::ranges::replace(some, '\n', ' ');
        for (std::size_t end = 999; end < some.size(); end += 1000) some[end] = '\n';
        const std::string path = folder.path(name);
        std::ofstream file(path);
        for (int i = 0; i < 64; ++i) file << some;
        file.close();
        const Setting y = setting(folder, "bytes", path);
        std::optional<RunData> data;
        {
            const Limited limited(RLIMIT_DATA, private_bytes() + (16 << 20));
            try {
                data = y.read();
            } catch (const std::bad_alloc&) {
                QFAIL("256 MiB of tokens were not to be held in memory");
            }
        }
        std::size_t tokens = 0;
        for (const TokenRow& row : data->rows.rows) tokens += row.size();
        QVERIFY(tokens > (60u << 20));
        QCOMPARE(data->rows.rows.back().back(), std::int32_t('d'));
    }

    /// SentencePiece takes 250 times a text's bytes for what it encodes at once.
    void a_longer_text_takes_no_more_memory_data() {
        QTest::addColumn<std::string>("name");
        for (const char* name : {"a.txt", "a.jsonl"}) QTest::newRow(name) << std::string(name);
    }
    void a_longer_text_takes_no_more_memory() {
#ifdef __SANITIZE_ADDRESS__
        QSKIP("AddressSanitizer has the whole of the address space");
#endif
        QFETCH(std::string, name);
        const Folder folder;
        const std::string text = text_of(3 << 20, 5);
        const auto file = name == "a.txt" ? text : dump({{"sequence", text}}) + "\n";
        const Setting y = setting(folder, golden::folder("sentencepiece") + "/tokenizer.model",
                                  folder.write(name, file));
        const Limited limited(RLIMIT_DATA, private_bytes() + (96 << 20));
        std::optional<RunData> data;
        try {
            data = y.read();
        } catch (const std::bad_alloc&) {
            QFAIL("the text was not to be encoded at once");
        }
        QVERIFY(data->rows.rows.size() > 500);
    }

    void reading_tells_of_its_progress() {
        const Folder folder;
        const Setting y = setting(folder, "bytes", folder.write("a.txt", text_of(5 << 20, 3)));
        std::vector<double> shares;
        y.read([&](double share) { shares.push_back(share); });
        QVERIFY(shares.size() >= 4 && std::ranges::is_sorted(shares));
        QVERIFY(shares.front() < 0.5);
        QCOMPARE(shares.back(), 1.0);
    }

    void a_full_disk_is_a_sentence() {
        const Folder folder;
        const Setting y = setting(folder, "bytes", folder.write("a.txt", text_of(1 << 20, 4)));
        const auto handler = std::signal(SIGXFSZ, SIG_IGN);
        std::string reason;
        {
            const Limited limited(RLIMIT_FSIZE, 100'000);
            reason = error_of([&] { y.read(); }, folder);
        }
        std::signal(SIGXFSZ, handler);
        QVERIFY2(reason.starts_with("file: the tokens of a.txt cannot be kept in ") &&
                     reason.ends_with(": File too large; TMPDIR names another folder"),
                 reason.c_str());
    }

    void a_folder_that_is_not_there_is_named() {
        const Folder folder;
        const Setting y = setting(folder, "bytes", folder.write("a.txt", "text"));
        const QByteArray before = qgetenv("TMPDIR");
        qputenv("TMPDIR", "/nowhere");
        const std::string reason = error_of([&] { y.read(); }, folder);
        before.isNull() ? (void)qunsetenv("TMPDIR") : (void)qputenv("TMPDIR", before);
        QCOMPARE(reason, std::string("file: the tokens of a.txt cannot be kept in /nowhere: No "
                                     "such file or directory; TMPDIR names another folder"));
    }
};

SWEETSPOT_TEST(TrainingDataTest)
#include "training_data_test.moc"
