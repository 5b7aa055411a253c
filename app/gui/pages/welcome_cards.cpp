#include "app/gui/pages/welcome_cards.h"
#include "app/gui/pages/counted.h"
#include "app/gui/plot/thumbnail.h"
#include <QPainter>
#include <QTextLayout>

// The cards of the Welcome page: a preset with its size and purpose, a sweep with its sentence and
// shape.

namespace sweetspot::gui {

ClampedLabel::ClampedLabel(const QString& text, int lines) : text_(text), lines_(lines) {
    setFont(uiFont(12));
    setToolTip(text);
    setAccessibleName(text);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

QSize ClampedLabel::sizeHint() const {
    return {160, lines_ * fontMetrics().lineSpacing()};
}

void ClampedLabel::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setPen(theme().text3);
    QTextLayout layout(text_, font());
    layout.beginLayout();
    for (int i = 0; i < lines_; ++i) {
        QTextLine line = layout.createLine();
        if (!line.isValid()) break;
        line.setLineWidth(width());
        const QString rest = text_.mid(line.textStart());
        const QString words = i + 1 < lines_
                                  ? rest.left(line.textLength())
                                  : fontMetrics().elidedText(rest, Qt::ElideRight, width());
        painter.drawText(QPointF(0, i * fontMetrics().lineSpacing() + fontMetrics().ascent()),
                         words.trimmed());
    }
    layout.endLayout();
}

Card* presetCard(const Preset& preset) {
    auto* card = new Card({}, {}, 12);
    card->body()->setSpacing(4);
    card->body()->addWidget(new ElidedLabel(preset.name, 13, QFont::DemiBold));
    card->body()->addWidget(new ClampedLabel(preset.purpose, 2));
    const QString points = preset.points > 0 ? counted(qint64(preset.points), QObject::tr("point"))
                                             : QObject::tr("cannot be read");
    auto* count = label(points, 12, QFont::Normal, preset.points > 0 ? Ink::text2 : Ink::bad);
    card->body()->addSpacing(2);
    card->body()->addWidget(count);
    card->setClickable(QString("%1, %2. %3").arg(preset.name, points, preset.purpose));
    return card;
}

Card* sweepCard(const RecentSweeps::Entry& entry, const Finding& finding,
                const SweepProgress& progress) {
    const SweepInfo& info = entry.info;
    const SweepSentence found = sentenceOf(entry, finding, progress);
    auto* card = new Card({}, {}, 12);
    const QString name = QString::fromStdString(info.name);
    const QString model = entry.runs && !entry.runs->empty()
                              ? QString::fromStdString(entry.runs->front().config.model)
                              : QString();
    auto* title = row({heading(name, 14), caption(model == name ? QString() : model), nullptr});
    auto* sentence = new ElidedLabel(found.text, 13, QFont::Normal, Ink::text2);
    auto* line = row({new IconLabel(found.icon, found.ink, 15), sentence}, 6);
    line->setStretch(1, 1);
    auto* words = column({nullptr}, 2);
    words->addLayout(title);
    words->addLayout(line);
    words->addStretch(1);
    const int ended = info.done + info.failed;
    auto* points = numberLabel(
        ended == info.planned - info.impossible
            ? QObject::tr("%1 points").arg(ended)
            : QObject::tr("%1 / %2 points").arg(ended).arg(info.planned - info.impossible));
    auto* when = caption(whenText(info.created_unix_seconds));
    for (QLabel* each : {points, when}) each->setAlignment(Qt::AlignRight);
    auto* all = row({new Thumbnail(finding.shape)}, 16);
    all->addLayout(words, 1);
    all->addLayout(column({nullptr, points, when, nullptr}, 2));
    card->body()->addLayout(all);
    card->setClickable(QString("%1: %2").arg(name, found.text));
    return card;
}

} // namespace sweetspot::gui
