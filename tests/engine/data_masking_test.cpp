#include "data_support.h"
#include "engine/data/masking.h"
#include "tests/suite.h"
#include <algorithm>
#include <numeric>

using namespace sweetspot;

namespace {
/// Rows of so many residues, each different: 4, 5, … between <cls> and <eos>.
Batch residues(const std::vector<int>& lengths) {
    return random_rows(lengths, random_residues(), 11);
}
} // namespace

class DataMaskingTest : public QObject {
    Q_OBJECT
private slots:
    void each_row_has_15_percent_chosen_and_at_least_one() {
        const auto batch = residues({100, 39, 40, 6, 1});
        const auto masked = mask(batch, random_residues().ids, {});
        const std::vector<int> expected{15, 5, 6, 1, 1};
        QCOMPARE(masked.chosen, 28);
        for (std::size_t row = 0; row < expected.size(); ++row) {
            const auto& tokens = masked.batch.rows[row];
            const auto& labels = masked.labels[row];
            QCOMPARE(std::count(tokens.begin(), tokens.end(), 32), expected[row]);
            QCOMPARE(labels.size(), tokens.size());
            for (std::size_t i = 0; i < tokens.size(); ++i) {
                QCOMPARE(labels[i], tokens[i] == 32 ? batch.rows[row][i] : no_label);
                if (tokens[i] != 32) QCOMPARE(tokens[i], batch.rows[row][i]);
            }
            QCOMPARE(tokens.front(), 0);
            QCOMPARE(tokens.back(), 2);
        }
    }

    void the_study_masks_80_percent_and_changes_10() {
        const auto batch = residues({1000});
        const auto masked =
            mask(batch, random_residues().ids, {.style = MaskStyle::study, .seed = 3});
        int hidden = 0, kept = 0, changed = 0;
        for (std::size_t i = 0; i < 1002; ++i) {
            if (masked.labels[0][i] == no_label) continue;
            QCOMPARE(masked.labels[0][i], batch.rows[0][i]);
            const auto token = masked.batch.rows[0][i];
            if (token == 32)
                ++hidden;
            else if (token == batch.rows[0][i])
                ++kept;
            else
                ++changed;
            QVERIFY(token == 32 || token == batch.rows[0][i] || (token >= 4 && token <= 23));
        }
        QCOMPARE(hidden + kept + changed, 150);
        QCOMPARE(hidden, 120);
        // 15 random residues: about one in twenty happens to be what was there.
        QVERIFY(changed <= 15 && changed >= 11);
    }

    void letters_chosen_by_themselves_have_the_collators_shares() {
        const auto batch = residues({40000});
        const std::vector<std::size_t> records{7};
        const MaskRule rule{.style = MaskStyle::bernoulli,
                            .seed = 3,
                            .first_letter = 0,
                            .last_letter = 32,
                            .records = records};
        const auto masked = mask(batch, random_residues().ids, rule);
        double hidden = 0, changed = 0, outside = 0;
        for (std::size_t i = 0; i < batch.rows[0].size(); ++i) {
            const auto was = batch.rows[0][i], token = masked.batch.rows[0][i];
            if (masked.labels[0][i] == no_label) {
                QCOMPARE(token, was);
                continue;
            }
            QCOMPARE(masked.labels[0][i], was);
            hidden += token == 32;
            changed += token != 32 && token != was;
            outside += token != 32 && (token < 4 || token > 28);
        }
        const auto chosen = double(masked.chosen); // of 40,000: deviations of 71, then of about 30
        QVERIFY2(std::abs(chosen - 6000) < 290, qPrintable(QString::number(chosen)));
        QVERIFY2(std::abs(hidden / chosen - 0.803) < 0.022, qPrintable(QString::number(hidden)));
        QVERIFY2(std::abs(changed / chosen - 0.094) < 0.016, qPrintable(QString::number(changed)));
        QVERIFY(outside > 0); // any id of the vocabulary, special ones, too
        QCOMPARE(chosen_of(40000, rule, 0), masked.chosen);
    }

    void a_choice_by_record_is_new_for_each_seed_and_record() {
        const auto batch = residues({60, 60});
        Batch twice = batch;
        twice.rows[1] = twice.rows[0];
        const auto ids = random_residues().ids;
        const std::vector<std::size_t> records{4, 9}, turned{9, 4};
        for (const auto style : {MaskStyle::study, MaskStyle::bernoulli}) {
            const auto of = [&](const std::vector<std::size_t>& which, std::int64_t seed) {
                return mask(twice, ids, {.style = style, .seed = seed, .records = which}).labels;
            };
            const auto a = of(records, 5), b = of(turned, 5);
            QVERIFY(a[0] != a[1]);
            QVERIFY(a[0] == b[1] && a[1] == b[0]);
            QVERIFY(of(records, 6)[0] != a[0]);
        }
    }

    void a_choice_depends_on_seed_and_row_but_not_on_its_place() {
        const auto batch = residues({50, 60, 70});
        Batch turned = batch;
        std::reverse(turned.rows.begin(), turned.rows.end());
        const auto ids = random_residues().ids;
        const auto a = mask(batch, ids, {.seed = 5}), b = mask(turned, ids, {.seed = 5});
        for (std::size_t row = 0; row < 3; ++row) QVERIFY(a.labels[row] == b.labels[2 - row]);
        QVERIFY(mask(batch, ids, {.seed = 6}).labels != a.labels);
    }

    void positions_are_chosen_evenly() {
        const auto batch = residues({20});
        std::vector<int> chosen(22);
        for (int seed = 0; seed < 4000; ++seed) {
            const auto masked = mask(batch, random_residues().ids, {.seed = seed});
            for (std::size_t i = 0; i < 22; ++i) chosen[i] += masked.labels[0][i] != no_label;
        }
        QCOMPARE(std::accumulate(chosen.begin(), chosen.end(), 0), 12000); // 3 of 20 each time
        for (std::size_t i = 1; i <= 20; ++i) QVERIFY(std::abs(chosen[i] - 600) < 120);
    }

    void pseudo_perplexity_masks_one_letter_a_row() {
        const auto masked = mask_each_letter({0, 20, 15, 2}, 2, random_residues().ids);
        QCOMPARE(masked.batch.rows, (std::vector<Tokens>{{0, 32, 15, 2}, {0, 20, 32, 2}}));
        QCOMPARE(masked.labels, (std::vector<Tokens>{{-1, 20, -1, -1}, {-1, -1, 15, -1}}));
        QCOMPARE(masked.chosen, 2);
    }

    void what_cannot_be_masked_is_refused_or_left_alone() {
        const Folder folder;
        const auto batch = residues({10});
        COMPARE_ERROR(mask(batch, {.bos = 1}, {}), folder,
                      "bad_input: masked perplexity needs a vocabulary with <mask>");
        COMPARE_ERROR(mask(batch, random_residues().ids, {.fraction = 0}), folder,
                      "bad_input: mask_fraction = 0, but must be above 0 and at most 1");
        const Batch bare{.rows = {{0, 2}}};
        QCOMPARE(mask(bare, random_residues().ids, {}).chosen, 0);
    }
};

SWEETSPOT_TEST(DataMaskingTest)
#include "data_masking_test.moc"
