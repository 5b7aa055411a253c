#include "app/gui/pages/texts_card.h"
#include "app/analysis/series.h"
#include "app/gui/models/run_text.h"
#include <QTextEdit>
#include <algorithm>

namespace sweetspot::gui {
namespace {

const char* const generated = "generated";

} // namespace

bool hasText(const RunRecord& run) {
    return run.texts.contains(generated);
}

qsizetype firstDifference(const QString& a, const QString& b) {
    const qsizetype shared = std::min(a.size(), b.size());
    for (qsizetype i = 0; i < shared; ++i)
        if (a[i] != b[i]) return i;
    return a.size() == b.size() ? -1 : shared;
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
    const QString texts[] = {QString::fromStdString(first->texts.at(generated)),
                             QString::fromStdString(second->texts.at(generated))};
    const qsizetype at = firstDifference(texts[0], texts[1]);
    setNote(at < 0 ? tr("the two are the same")
                   : tr("they differ from character %1 on").arg(at + 1));
    for (int i = 0; i < 2; ++i) {
        const RunRecord& run = i == 0 ? *first : *second;
        sides_[i].head->setText(QString("#%1 %2").arg(run.id).arg(runLabel(run.config, varying)));
        sides_[i].text->setPlainText(texts[i]);
        QTextEdit::ExtraSelection mark;
        if (at >= 0) {
            mark.cursor = QTextCursor(sides_[i].text->document());
            mark.cursor.setPosition(int(std::min(at, texts[i].size())));
            mark.cursor.movePosition(QTextCursor::StartOfWord); // all of the word that differs
            mark.cursor.movePosition(QTextCursor::EndOfWord, QTextCursor::KeepAnchor);
            mark.format.setBackground(theme().warn_soft);
            mark.format.setForeground(theme().warn);
        }
        sides_[i].text->setExtraSelections(at >= 0 ? QList{mark}
                                                   : QList<QTextEdit::ExtraSelection>());
    }
}

} // namespace sweetspot::gui
