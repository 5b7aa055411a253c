#include "data_support.h"
#include "engine/data/csv.h"
#include "engine/data/lengths.h"
#include "engine/data/random.h"
#include "engine/data/sequences.h"
#include "engine/data/tokenizer.h"
#include "tests/suite.h"
#include <functional>

using namespace sweetspot;

namespace {
const std::string golden = SWEETSPOT_SOURCE_DIR "/tests/golden/";
using Reader = std::function<void(const std::string& path)>;

/// What became of many broken files. An exception that is no Error would end the test.
struct Outcome {
    int read = 0, refused = 0;
};

Outcome read_all(const std::vector<std::string>& files, const std::string& name,
                 const Reader& reader) {
    const Folder folder;
    Outcome outcome;
    for (const auto& data : files) {
        const auto path = folder.write(name, data);
        const auto message = error_of([&] { reader(path); }, folder);
        ++(message.empty() ? outcome.read : outcome.refused);
        if (!message.empty() && message.find(name) == message.npos)
            qFatal("the sentence does not name the file: %s", message.c_str());
    }
    return outcome;
}

/// Every beginning of the data, in steps that leave at most some hundreds.
std::vector<std::string> beginnings(const std::string& data) {
    const auto step = std::max<std::size_t>(1, data.size() / 500);
    std::vector<std::string> all;
    for (std::size_t size = 0; size < data.size(); size += step)
        all.push_back(data.substr(0, size));
    return all;
}

/// Copies with one to three bytes changed.
std::vector<std::string> damaged(const std::string& data) {
    Random random(9);
    std::vector<std::string> all(300, data);
    for (auto& copy : all)
        for (auto changes = 1 + random.below(3); changes > 0; --changes)
            copy[random.below(copy.size())] = char(random.next());
    return all;
}

void use(const Tokenizer& tokenizer) {
    const auto ids = tokenizer.encode("The protein folds, Größe\xff \n  12");
    tokenizer.decode(ids);
    for (const auto id : ids) tokenizer.piece(id);
}

void load_and_use(const std::string& path) {
    use(*load_tokenizer(path));
}
} // namespace

/// Cut or damaged files are read or refused with a sentence that names them; nothing else happens.
/// Worth most with the address and undefined sanitizers.
class DataTruncationTest : public QObject {
    Q_OBJECT
private slots:
    void gzip_cut_anywhere_is_refused() {
        const auto data = gzipped(">a\nMKV\n") + gzipped(">b\nLAGLAGLAGLAG\n");
        const auto first = gzipped(">a\nMKV\n").size();
        const auto cut = read_all(beginnings(data), "cut.gz", [](auto& path) { read_file(path); });
        QCOMPARE(cut.read, 1); // cut between its two members
        QCOMPARE(cut.refused, int(data.size()) - 1);
        QVERIFY(first < data.size());
        const auto broken =
            read_all(damaged(data), "broken.gz", [](auto& path) { read_file(path); });
        QVERIFY(broken.refused > 150);
    }

    void fasta_csv_and_lengths_cut_or_damaged_never_do_harm() {
        const std::string fasta = ">first one\nMKVLA\nGG\n>second\nmk*\n\n>third\nAAAA\n";
        const std::string csv = "id,sequence\r\na,\"MK\"\"V\"\r\nb,\"x\ny\"\nc,LAG\n";
        const std::string lengths = "# lengths\n12\n345 # long\n6\n";
        const Reader sequences = [](auto& path) { read_sequences(path); };
        const auto fasta_cut = read_all(beginnings(fasta), "cut.fasta", sequences);
        QCOMPARE(fasta_cut.refused, 12); // nothing yet but a header
        const auto csv_cut = read_all(beginnings(csv), "cut.csv", sequences);
        QVERIFY(csv_cut.read > 5 && csv_cut.refused > 10);
        read_all(damaged(fasta), "broken.fasta", sequences);
        read_all(damaged(csv), "broken.csv", sequences);
        const Reader numbers = [](auto& path) { read_lengths(path); };
        const auto lengths_cut = read_all(beginnings(lengths), "cut.txt", numbers);
        QVERIFY(lengths_cut.read > 10 && lengths_cut.refused > 10);
        read_all(damaged(lengths), "broken.txt", numbers);
    }

    void llama2cs_tokenizer_cut_within_a_token_is_refused() {
        SKIP_WITHOUT_SHARED_DATA("tok512.bin");
        const auto data = read_file(shared_data("tok512.bin"));
        const auto cut = read_all(beginnings(data.substr(0, 400)), "cut.bin", load_and_use);
        QCOMPARE(cut.read + cut.refused, 400);
        QVERIFY(cut.read < 30); // a file has no count of its tokens
        read_all(damaged(data), "broken.bin", load_and_use);
    }

    void gpt2s_files_cut_or_damaged_never_do_harm() {
        const auto json = read_file(golden + "byte-pair/tokenizer.json");
        const auto cut = read_all(beginnings(json), "tokenizer.json", load_and_use);
        QVERIFY2(cut.read <= 2, "JSON that is cut lacks its last bracket");
        const auto start = json.substr(0, 3000);
        read_all(damaged(start), "tokenizer.json", load_and_use);
        auto bytes = damaged(json);
        bytes.resize(100);
        read_all(bytes, "tokenizer.json", load_and_use);

        const auto vocab = read_file(golden + "byte-pair/vocab.json");
        const auto merges = read_file(golden + "byte-pair/merges.txt");
        const Folder folder;
        folder.write("vocab.json", vocab);
        int refused = 0;
        for (const auto& data : beginnings(merges)) {
            folder.write("merges.txt", data);
            refused += !error_of([&] { load_and_use(folder.path(".")); }, folder).empty();
        }
        QVERIFY(refused > 150);
    }

    void a_sentencepiece_model_cut_anywhere_before_its_end_is_refused() {
        const auto data = read_file(golden + "sentencepiece/tokenizer.model");
        const auto cut = read_all(beginnings(data), "cut.model", load_and_use);
        QCOMPARE(cut.read, 0);
        auto broken = damaged(data);
        broken.resize(200);
        read_all(broken, "broken.model", load_and_use);
    }
};

SWEETSPOT_TEST(DataTruncationTest)
#include "data_truncation_test.moc"
