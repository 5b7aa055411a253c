#pragma once
#include "app/experiment/record.h"
#include "app/gui/widgets/card.h"
#include <span>

class QTextEdit;

namespace sweetspot::gui {

/// What two runs generated, side by side, with the first difference marked.
class TextsCard : public Card {
    Q_OBJECT
public:
    TextsCard();
    /// The text of the baseline, or else of the first run that wrote one, beside that of the chosen
    /// run, or else of another. Hides the card where there are no two.
    void present(std::span<const RunRecord> runs, qint64 baseline, qint64 chosen);
    QTextEdit* textA() { return sides_[0].text; }
    QTextEdit* textB() { return sides_[1].text; }

private:
    struct Side {
        QLabel* head = nullptr;
        QTextEdit* text = nullptr;
    };
    Side sides_[2]{};
};

/// Whether a run generated text.
bool hasText(const RunRecord& run);

/// Where the texts of two runs first differ: in a token, or in a character where a run does not
/// tell its tokens.
struct TextDifference {
    bool differ = false;
    QString where{};          ///< in words
    int begin[2]{}, end[2]{}; ///< characters of each; empty behind the end of one
};
TextDifference firstDifference(const RunRecord& a, const RunRecord& b);

} // namespace sweetspot::gui
