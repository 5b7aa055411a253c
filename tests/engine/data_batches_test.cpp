#include "data_support.h"
#include "engine/data/batches.h"
#include "engine/data/esm2_study.h"
#include "tests/suite.h"
#include <map>
#include <numeric>

using namespace sweetspot;

namespace {
Batch rows_of(std::vector<std::size_t> lengths, int specials_per_row = 0) {
    Batch batch{.specials_per_row = specials_per_row};
    for (const auto length : lengths) batch.rows.emplace_back(length, 7);
    return batch;
}

std::vector<int> drawn(const std::string& rule, int longest, std::uint64_t seed, int count) {
    LengthSource source(rule, longest, seed);
    std::vector<int> lengths;
    for (int i = 0; i < count; ++i) lengths.push_back(source.next());
    return lengths;
}

double mean(const std::vector<int>& values) {
    return double(std::accumulate(values.begin(), values.end(), std::int64_t(0))) /
           double(values.size());
}
} // namespace

class DataBatchesTest : public QObject {
    Q_OBJECT
private slots:
    void random_numbers_are_the_published_ones_of_splitmix64() {
        Random random(1234567);
        QCOMPARE(random.next(), std::uint64_t(6457827717110365317));
        QCOMPARE(random.next(), std::uint64_t(3203168211198807973));
        QCOMPARE(random.next(), std::uint64_t(9817491932198370423u));
    }

    void numbers_below_a_bound_are_even() {
        Random random(1);
        std::map<std::uint64_t, int> counts;
        for (int i = 0; i < 60000; ++i) ++counts[random.below(6)];
        QCOMPARE(counts.size(), std::size_t(6));
        for (const auto& [value, count] : counts) QVERIFY(std::abs(count - 10000) < 400);
        QCOMPARE(random.below(1), std::uint64_t(0));
    }

    void lengths_follow_their_rule() {
        QCOMPARE(drawn("fixed", 128, 1, 3), (std::vector<int>{128, 128, 128}));
        const auto uniform = drawn("uniform:10:20", 1000, 1, 10000);
        QCOMPARE(*std::min_element(uniform.begin(), uniform.end()), 10);
        QCOMPARE(*std::max_element(uniform.begin(), uniform.end()), 20);
        QVERIFY(std::abs(mean(uniform) - 15) < 0.1);
        auto lognormal = drawn("lognormal:300:0.7", 100000, 1, 10001);
        // The mean of a lognormal is its median times exp(sigma² / 2): 383.3 here.
        QVERIFY(std::abs(mean(lognormal) - 383) < 12);
        std::sort(lognormal.begin(), lognormal.end());
        QVERIFY(std::abs(lognormal[5000] - 300) < 10);
        QVERIFY(lognormal[0] >= 1);
    }

    void lengths_are_cut_and_the_same_for_the_same_seed_everywhere() {
        QCOMPARE(drawn("uniform:10:2000", 100, 1, 1000), drawn("uniform:10:2000", 100, 1, 1000));
        QVERIFY(drawn("uniform:10:20", 100, 1, 10) != drawn("uniform:10:20", 100, 2, 10));
        const auto cut = drawn("lognormal:300:0.7", 256, 1, 1000);
        QCOMPARE(*std::max_element(cut.begin(), cut.end()), 256);
        QCOMPARE(drawn("uniform:1:1000", 1000, 7, 6),
                 (std::vector<int>{472, 541, 515, 460, 475, 530}));
        QCOMPARE(drawn("lognormal:300:0.7", 1000, 7, 6),
                 (std::vector<int>{291, 554, 242, 231, 145, 649}));
    }

    void lengths_of_a_file_come_in_rounds_that_use_each_once() {
        const Folder folder;
        const auto path = folder.write("l.txt", "1\n2\n3\n4\n5\n");
        auto lengths = drawn("file:" + path, 4, 3, 10);
        std::sort(lengths.begin(), lengths.begin() + 5);
        std::sort(lengths.begin() + 5, lengths.end());
        QCOMPARE(lengths, (std::vector<int>{1, 2, 3, 4, 4, 1, 2, 3, 4, 4}));
    }

    void an_impossible_rule_of_lengths_is_refused() {
        const Folder folder;
        for (const std::string rule :
             {"uniform:5", "uniform:0:5", "uniform:9:5", "uniform:1:2.5", "uniform:1:1e30",
              "lognormal:0:1", "lognormal:5:-1", "lognormal:nan:1", "normal:1:2", "uniform", "",
              "uniform:1:2:3", "uniform:1:x"})
            COMPARE_ERROR(
                drawn(rule, 10, 1, 1), folder,
                QString("bad_input: lengths = \"%1\" is none of fixed, uniform:LOW:HIGH (1 <= LOW "
                        "<= HIGH), lognormal:MEDIAN:SIGMA (MEDIAN >= 1, SIGMA from 0 to 10) and "
                        "file:PATH")
                    .arg(rule.c_str()));
        COMPARE_ERROR(drawn("fixed", 0, 1, 1), folder,
                      "bad_input: sequences of 0 letters are too short to draw");
        COMPARE_ERROR(drawn("file:" + folder.path("gone"), 9, 1, 1), folder,
                      "file: gone: there is no such file");
    }

    void tokens_are_counted_as_letters_real_padded_and_computed() {
        const auto counts = count_tokens(rows_of({10, 6, 4}, 2));
        QVERIFY(counts == (BatchTokens{.letters = 14, .real = 20, .padded = 30}));
        QCOMPARE(counts.computed(Layout::padded), 30);
        QCOMPARE(counts.computed(Layout::bucketed), 30);
        QCOMPARE(counts.computed(Layout::ragged), 20);
        QCOMPARE(counts.padding_efficiency(), 2.0 / 3);
        const std::vector<Batch> two{rows_of({10}), rows_of({2, 1})};
        QVERIFY(count_tokens(two) == (BatchTokens{.letters = 13, .real = 13, .padded = 14}));
        QVERIFY(count_tokens(Batch{}) == BatchTokens{});
    }

    void rows_are_cut_into_batches_by_number_or_by_letters() {
        const auto all = rows_of({5, 9, 4, 30, 3, 3}, 2);
        const auto by_rows = split_by_rows(all, 4);
        QCOMPARE(by_rows.size(), std::size_t(2));
        QCOMPARE(by_rows[1].lengths(), (std::vector<int>{3, 3}));
        QCOMPARE(by_rows[1].specials_per_row, 2);
        const auto by_letters = split_by_letters(all, 10); // 3 + 7, 2 | 28 | 1 + 1
        QCOMPARE(by_letters.size(), std::size_t(4));
        QCOMPARE(by_letters[0].lengths(), (std::vector<int>{5, 9}));
        QCOMPARE(by_letters[1].lengths(), (std::vector<int>{4}));
        QCOMPARE(by_letters[2].lengths(), (std::vector<int>{30}));
        QCOMPARE(by_letters[3].lengths(), (std::vector<int>{3, 3}));
    }

    void buckets_sort_within_their_window_only() {
        auto all = rows_of({1, 3, 2, 9, 8, 10, 4});
        sort_within_windows(all, 3);
        QCOMPARE(all.lengths(), (std::vector<int>{3, 2, 1, 10, 9, 8, 4}));
    }

    void a_fixed_shape_has_rows_of_the_sequence_asked_for() {
        RunConfig config;
        config.batch = 3, config.sequence = 16, config.batches = 2;
        const auto batches = random_batches(config, random_residues());
        QCOMPARE(batches.size(), std::size_t(2));
        for (const auto& batch : batches) {
            QCOMPARE(batch.lengths(), (std::vector<int>{16, 16, 16}));
            for (const auto& row : batch.rows) {
                QCOMPARE(row.front(), 0);
                QCOMPARE(row.back(), 2);
                for (std::size_t i = 1; i + 1 < row.size(); ++i)
                    QVERIFY(row[i] >= 4 && row[i] <= 28);
            }
        }
        QVERIFY(batches[0] != batches[1]);
        QVERIFY(random_batches(config, random_residues()) == batches);
        config.seed = 2;
        QVERIFY(random_batches(config, random_residues()) != batches);
    }

    void random_ids_stay_within_the_vocabulary() {
        const std::vector<int> lengths{2000};
        const auto row = random_rows(lengths, random_ids(10, 3, 1), 5).rows[0];
        QCOMPARE(row.size(), std::size_t(2001));
        QCOMPARE(row[0], 1);
        QCOMPARE(*std::min_element(row.begin() + 1, row.end()), 3);
        QCOMPARE(*std::max_element(row.begin() + 1, row.end()), 9);
        const Folder folder;
        COMPARE_ERROR(random_rows(lengths, random_ids(0), 5), folder,
                      "bad_input: the vocabulary has ids to draw from");
    }

    void every_layout_works_on_the_same_rows() {
        RunConfig config;
        config.batch = 4, config.batches = 8, config.sequence = 512;
        config.lengths = "lognormal:100:0.8";
        const auto padded = random_batches(config, random_residues());
        config.layout = Layout::ragged;
        QVERIFY(random_batches(config, random_residues()) == padded);
        config.layout = Layout::bucketed;
        const auto bucketed = random_batches(config, random_residues());
        QCOMPARE(bucketed.size(), std::size_t(8));
        const auto a = count_tokens(padded), b = count_tokens(bucketed);
        QCOMPARE(a.real, b.real);
        QVERIFY(b.padding_efficiency() > a.padding_efficiency() + 0.2);
    }

    void a_budget_fills_batches_without_going_beyond_it() {
        RunConfig config;
        config.token_budget = 1000, config.batches = 5, config.sequence = 400;
        config.lengths = "uniform:1:398";
        for (const auto layout : {Layout::padded, Layout::bucketed}) {
            config.layout = layout;
            const auto batches = random_batches(config, random_residues());
            QVERIFY(batches.size() == 5 || layout == Layout::bucketed);
            for (const auto& batch : batches) QVERIFY(count_tokens(batch).letters <= 1000);
            // Each batch but the last was full: the next row did not fit.
            for (std::size_t i = 0; i + 1 < batches.size(); ++i)
                QVERIFY(count_tokens(batches[i]).letters +
                            std::int64_t(batches[i + 1].rows[0].size()) - 2 >
                        1000);
        }
    }

    void sequences_become_rows_that_are_cut_or_split() {
        const SequenceSet set{.items = {{"a", "", "MKVLAG"}, {"b", "", "JJ"}}};
        const auto esm = load_tokenizer("esm");
        const auto cut = encode_rows(set, *esm, 5);
        QCOMPARE(cut.all.rows, (std::vector<Tokens>{{0, 20, 15, 7, 2}, {0, 3, 3, 2}}));
        QCOMPARE(cut.all.specials_per_row, 2);
        QCOMPARE(cut.overlong, 1);
        QVERIFY(cut.replaced == (LetterCounts{{"J", 2}}));
        const auto split = encode_rows(set, *esm, 6, Overlong::split);
        QCOMPARE(split.all.rows,
                 (std::vector<Tokens>{{0, 20, 15, 7, 4, 2}, {0, 5, 6, 2}, {0, 3, 3, 2}}));
        const Folder folder;
        COMPARE_ERROR(encode_rows(set, *esm, 2), folder,
                      "bad_input: sequence = 2 leaves no room beside the 2 special tokens of the "
                      "tokenizer esm");
        COMPARE_ERROR(encode_rows(set, *load_tokenizer("esm", UnknownLetters::error), 9), folder,
                      "bad_input: b: letter 1 is \"J\", which is not in the ESM alphabet; "
                      "unknown_letters = x or unk replaces it");
    }

    void rows_of_a_file_are_taken_from_its_beginning() {
        RunConfig config;
        config.batch = 2, config.batches = 2;
        const EncodedRows rows{.all = rows_of({5, 9, 4, 30, 3, 3})};
        const auto padded = batches_of(config, rows.all);
        QCOMPARE(padded.size(), std::size_t(2));
        QCOMPARE(padded[1].lengths(), (std::vector<int>{4, 30}));
        config.layout = Layout::bucketed;
        const auto bucketed = batches_of(config, rows.all);
        QCOMPARE(bucketed[0].lengths(), (std::vector<int>{30, 9}));
        QCOMPARE(bucketed[1].lengths(), (std::vector<int>{5, 4}));
        config.batches = 9;
        QCOMPARE(batches_of(config, rows.all).size(), std::size_t(3));
    }

    void impossible_batches_are_refused() {
        const Folder folder;
        RunConfig config;
        config.batch = 0;
        COMPARE_ERROR(random_batches(config, random_residues()), folder,
                      "bad_input: \"batch\" is a whole number from 1 to 1000000, not \"0\"");
        config = {};
        config.sequence = 2;
        COMPARE_ERROR(random_batches(config, random_residues()), folder,
                      "bad_input: sequences of 0 letters are too short to draw");
    }

    void numpys_legacy_generator_gives_its_published_numbers() {
        NumpyRandom random(1);
        std::vector<std::int64_t> drawn;
        for (int i = 0; i < 5; ++i) drawn.push_back(random.randint(0, 10));
        QCOMPARE(drawn, (std::vector<std::int64_t>{5, 8, 9, 5, 0}));
        NumpyRandom other(1);
        QCOMPARE(other.randint(3, 4), 3); // one possibility consumes nothing
        QCOMPARE(other.randint(0, 10), 5);
    }

    void the_study_batches_are_those_of_its_table_data() {
        QTest::addColumn<int>("longest");
        QTest::addColumn<int>("rows");
        QTest::addColumn<int>("row_tokens");
        QTest::addColumn<qint64>("largest_square"); // B · T²
        QTest::addColumn<int>("mean_padded");
        QTest::addColumn<double>("efficiency");
        QTest::addRow("100") << 100 << 36 << 102 << qint64(374544) << 3176 << 0.81;
        QTest::addRow("256") << 256 << 20 << 258 << qint64(1331280) << 4094 << 0.63;
        QTest::addRow("512") << 512 << 16 << 514 << qint64(4227136) << 6237 << 0.41;
        QTest::addRow("1024") << 1024 << 13 << 1026 << qint64(13684788) << 8352 << 0.31;
        QTest::addRow("2048") << 2048 << 12 << 1974 << qint64(46760112) << 13614 << 0.19;
    }

    void the_study_batches_are_those_of_its_table() {
        QFETCH(int, longest);
        RunConfig config;
        config.lengths = "esm2-study", config.sequence = longest, config.batches = 15;
        const auto batches = random_batches(config, random_residues());
        const Batch* largest = &batches[0];
        std::int64_t largest_square = 0;
        for (const auto& batch : batches) {
            const auto padded = count_tokens(batch).padded;
            if (padded > count_tokens(*largest).padded) largest = &batch;
            largest_square = std::max(largest_square, padded * std::int64_t(batch.longest()));
            QCOMPARE(count_tokens(batch).letters, 2560);
        }
        const auto total = count_tokens(batches);
        QCOMPARE(batches.size(), std::size_t(15));
        QTEST(int(largest->rows.size()), "rows");
        QTEST(int(largest->longest()), "row_tokens");
        QTEST(qint64(largest_square), "largest_square");
        QTEST(int(std::lround(double(total.padded) / 15)), "mean_padded");
        // The study's efficiency leaves special tokens out of the work.
        QTEST(std::round(100 * double(total.letters) / double(total.padded)) / 100, "efficiency");
    }

    void the_studys_largest_padded_batches_are_those_it_reported() {
        const std::map<int, std::int64_t> peaks = {{10, 61488},    {25, 105042},   {50, 171654},
                                                   {100, 302316},  {200, 543144},  {450, 1196454},
                                                   {500, 1329678}, {600, 1573068}, {950, 2477454}};
        for (const auto& [scale, peak] : peaks) {
            std::int64_t largest = 0;
            for (const auto& lengths :
                 esm2_study_lengths(15, 2560 * scale, 2560, StudyStream::shared)) {
                const auto longest = *std::max_element(lengths.begin(), lengths.end()) + 2;
                largest = std::max(largest, std::int64_t(lengths.size()) * longest);
            }
            QCOMPARE(largest, peak);
        }
    }

    void training_draws_lengths_only_and_leaves_no_batch_out() {
        NumpyRandom random(1);
        const auto first = std::min<std::int64_t>(random.randint(1, 2561), 2560);
        const auto lengths = esm2_study_lengths(3, 2560, 2560, StudyStream::lengths_only);
        QCOMPARE(lengths.size(), std::size_t(3));
        QCOMPARE(std::int64_t(lengths[0][0]), first);
        for (const auto& batch : lengths)
            QCOMPARE(std::accumulate(batch.begin(), batch.end(), 0), 2560);
    }

    void the_study_needs_a_vocabulary_of_25_and_sizes() {
        const Folder folder;
        RunConfig config;
        config.lengths = "esm2-study";
        COMPARE_ERROR(random_batches(config, random_ids(24)), folder,
                      "bad_input: the ESM-2 study's batches need a vocabulary of 25 letters or "
                      "more");
        QCOMPARE(random_batches(config, random_ids(25))[0].lengths(),
                 esm2_study_lengths(1, 2560, config.sequence, StudyStream::shared)[0]);
        config.layout = Layout::bucketed, config.batches = 4;
        QCOMPARE(count_tokens(random_batches(config, random_residues())).letters, 4 * 2560);
    }
};

SWEETSPOT_TEST(DataBatchesTest)
#include "data_batches_test.moc"
