#include "app/gui/pages/texts_card.h"
#include "app/analysis/series.h"
#include "app/analysis/text_tokens.h"
#include "app/gui/models/run_text.h"
#include <QTextEdit>
#include <algorithm>

// Two generated texts side by side: which runs' they are, and the first token in which they differ.

namespace sweetspot::gui {
namespace {

const char* const generated = "generated";

/// A place in a text counted in bytes, as one in letters; within a letter its begin.
int lettersBefore(const std::string& text, std::size_t bytes) {
    while (bytes > 0 && bytes < text.size() && (text[bytes] & 0xC0) == 0x80) --bytes;
    return int(QString::fromUtf8(text.data(), qsizetype(bytes)).size());
}
/// Likewise behind a letter that it is within.
int lettersUpTo(const std::string& text, std::size_t bytes) {
    while (bytes < text.size() && (text[bytes] & 0xC0) == 0x80) ++bytes;
    return lettersBefore(text, bytes);
}

} // namespace

bool hasText(const RunRecord& run) {
    return run.texts.contains(generated);
}

TextDifference firstDifference(const RunRecord& a, const RunRecord& b) {
    const std::string texts[] = {a.texts.at(generated), b.texts.at(generated)};
    TextDifference found;
    if (told_tokens(a) && told_tokens(b)) {
        const auto token = first_token_difference(a, b);
        if (!token) return found;
        found.differ = true;
        found.where = QObject::tr("they differ from token %1 on").arg(token->token + 1);
        if (token->sequence > 0)
            found.where = QObject::tr("they differ from token %1 of sequence %2 on")
                              .arg(token->token + 1)
                              .arg(token->sequence + 1);
        const TokenPlace places[] = {token->a, token->b};
        for (int i = 0; i < 2; ++i) {
            found.begin[i] = lettersBefore(texts[i], places[i].begin);
            found.end[i] = lettersUpTo(texts[i], places[i].end);
        }
        return found;
    }
    const QString letters[] = {QString::fromStdString(texts[0]), QString::fromStdString(texts[1])};
    const qsizetype shared = std::min(letters[0].size(), letters[1].size());
    qsizetype at = 0;
    while (at < shared && letters[0][at] == letters[1][at]) ++at;
    found.differ = letters[0] != letters[1];
    found.where = QObject::tr("they differ from character %1 on; which tokens it were, only newer "
                              "runs tell")
                      .arg(at + 1);
    for (int i = 0; i < 2; ++i) {
        found.begin[i] = int(at);
        found.end[i] = int(std::min(at + 1, letters[i].size()));
    }
    return found;
}

TextsCard::TextsCard() : Card(tr("Generated texts"), tr("the first difference is marked")) {
    auto* both = row({}, 12);
    for (Side& side : sides_) {
        side.text = new QTextEdit;
        side.text->setReadOnly(true);
        side.text->setMinimumHeight(72);
        side.head = caption({});
        both->addLayout(column({side.head, side.text}, 4), 1);
    }
    textA()->setAccessibleName(tr("Text of the reference"));
    textB()->setAccessibleName(tr("Text of the chosen run"));
    body()->addLayout(both);
    hide();
}

void TextsCard::present(std::span<const RunRecord> runs, qint64 baseline, qint64 chosen) {
    const RunRecord *first = nullptr, *second = nullptr;
    for (const RunRecord& run : runs)
        if (hasText(run) && (!first || run.id == baseline)) first = &run;
    for (const RunRecord& run : runs)
        if (hasText(run) && &run != first && (!second || run.id == chosen)) second = &run;
    setVisible(first && second);
    if (!first || !second) return;
    const auto varying = varying_fields(runs);
    const TextDifference at = firstDifference(*first, *second);
    setNote(!at.differ ? tr("the two are the same") : at.where);
    for (int i = 0; i < 2; ++i) {
        const RunRecord& run = i == 0 ? *first : *second;
        sides_[i].head->setText(QString("#%1 %2").arg(run.id).arg(runLabel(run.config, varying)));
        sides_[i].text->setPlainText(QString::fromStdString(run.texts.at(generated)));
        QTextEdit::ExtraSelection mark;
        if (at.differ) {
            mark.cursor = QTextCursor(sides_[i].text->document());
            mark.cursor.setPosition(at.begin[i]);
            mark.cursor.setPosition(at.end[i], QTextCursor::KeepAnchor);
            mark.format.setBackground(theme().warn_soft);
            mark.format.setForeground(theme().warn);
        }
        sides_[i].text->setExtraSelections(at.differ ? QList{mark}
                                                     : QList<QTextEdit::ExtraSelection>());
    }
}

} // namespace sweetspot::gui
