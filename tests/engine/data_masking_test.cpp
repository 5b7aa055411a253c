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
