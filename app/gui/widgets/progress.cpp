#include "app/gui/widgets/progress.h"
#include "app/gui/widgets/text.h"
#include "engine/config/fields.h"
#include <QBoxLayout>
#include <QHelpEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>
#include <numeric>

// Bars that stand for numbers: the parts of a sweep, memory by purpose, a figure with its unit.
// Words beside them say the same.

namespace sweetspot::gui {
namespace {

void drawParts(QPainter& painter, const QRectF& box,
               const QList<std::pair<double, QColor>>& parts) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    QPainterPath clip;
    clip.addRoundedRect(box, box.height() / 2, box.height() / 2);
    painter.setClipPath(clip);
    painter.fillRect(box, theme().dark ? theme().hover : theme().border);
    double x = box.left();
    for (const auto& [share, colour] : parts) {
        painter.fillRect(QRectF(x, box.top(), share * box.width(), box.height()), colour);
        x += share * box.width();
    }
    painter.restore();
}

} // namespace

SegmentedProgress::SegmentedProgress(int height) {
    setFixedHeight(height);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setAccessibleName(tr("Progress"));
}

void SegmentedProgress::setCounts(const RunCounts& counts) {
    if (counts == counts_) return;
    counts_ = counts;
    setToolTip(words(counts));
    setAccessibleDescription(words(counts));
    update();
}

QString SegmentedProgress::words(const RunCounts& counts) {
    QString text =
        tr("%1 of %2").arg(counts.done + counts.flagged + counts.failed).arg(counts.total);
    if (counts.flagged) text += tr(", %1 flagged").arg(counts.flagged);
    if (counts.failed) text += tr(", %1 failed").arg(counts.failed);
    return text;
}

void SegmentedProgress::paintEvent(QPaintEvent*) {
    const double total = std::max(1, counts_.total);
    QPainter painter(this);
    drawParts(painter, rect(),
              {{counts_.done / total, theme().series[2]},
               {counts_.flagged / total, theme().series[4]},
               {counts_.failed / total, theme().bad},
               {counts_.running / total, theme().accent}});
}

UsageBar::UsageBar(double used, int height) : used_(used) {
    setFixedHeight(height);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void UsageBar::setUsed(double used) {
    used_ = used;
    update();
}

void UsageBar::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    drawParts(
        painter, rect(),
        {{std::clamp(used_, 0.0, 1.0), used_ > 0.92 ? theme().series[1] : theme().series[0]}});
}

QString purposeName(Purpose purpose) {
    return QString::fromStdString(to_text(purpose)).replace('_', ' ');
}

StackedBar::StackedBar(QWidget* parent) : QWidget(parent) {
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    setAccessibleName(tr("Memory by purpose"));
}

void StackedBar::setBytes(const std::array<double, purpose_count>& bytes, double limit) {
    bytes_ = bytes;
    limit_ = limit;
    QStringList words;
    for (size_t i = 0; i < purpose_count; ++i)
        if (bytes[i] > 0) words << purposeName(Purpose(i)) + ' ' + bytesText(bytes[i]);
    setAccessibleDescription(words.join(", "));
    updateGeometry();
    update();
}

QSize StackedBar::sizeHint() const {
    return {360, layOut(360, nullptr)};
}

// The bar on top, the legend below it in as many lines as the width asks for.
int StackedBar::layOut(int width, QPainter* painter) const {
    const double total = std::accumulate(bytes_.begin(), bytes_.end(), 0.0);
    const double full = std::max({limit_, total, 1.0});
    const QFont font = uiFont(12);
    QList<std::pair<double, QColor>> parts;
    int x = 0, y = 16;
    for (size_t i = 0; i < purpose_count; ++i) {
        const double bytes = bytes_[i];
        if (bytes <= 0) continue;
        parts << std::pair(bytes / full, theme().purpose[qsizetype(i)]);
        const QString name = purposeName(Purpose(i));
        const int wide = 16 + textWidth(font, name);
        if (x > 0 && x + wide > width) x = 0, y += 20;
        if (painter) {
            drawBox(*painter, QRectF(x, y + 5, 10, 10), 2, theme().purpose[qsizetype(i)]);
            painter->setFont(font);
            painter->setPen(theme().text2);
            painter->drawText(QRectF(x + 16, y, wide, 20), Qt::AlignVCenter, name);
        }
        x += wide + 16;
    }
    if (painter) {
        drawParts(*painter, QRectF(0, 0, width, 8), parts);
        if (limit_ > 0 && total > limit_)
            painter->fillRect(QRectF(width * limit_ / full - 1, -1, 2, 10), theme().bad);
    }
    return y + 20;
}

void StackedBar::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    layOut(width(), &painter);
}

bool StackedBar::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip)
        QToolTip::showText(static_cast<QHelpEvent*>(event)->globalPos(), accessibleDescription(),
                           this);
    return QWidget::event(event);
}

Figure::Figure(const QString& number, const QString& unit, const QString& note, int pixels) {
    number_ = label(number, pixels, QFont::DemiBold);
    unit_ = label(unit, 13, QFont::Medium, Ink::text2);
    unit_->setContentsMargins(0, 0, 0, pixels / 8);
    note_ = new ElidedLabel(note, 12, QFont::Normal, Ink::text3);
    detail_ = new ElidedLabel({}, 11, QFont::Normal, Ink::text3);
    detail_->hide();
    auto* top = row({number_}, 6);
    top->addWidget(unit_, 0, Qt::AlignBottom);
    top->addStretch(1);
    auto* layout = column({}, 0);
    layout->addLayout(top);
    layout->addWidget(note_);
    layout->addWidget(detail_);
    setLayout(layout);
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
}

void Figure::set(const QString& number, const QString& unit, const QString& note) {
    number_->setText(number);
    unit_->setText(unit);
    note_->setText(note.section('\n', 0, 0));
    detail_->setText(note.section('\n', 1));
    detail_->setVisible(note.contains('\n'));
    setAccessibleName(QString("%1 %2, %3").arg(number, unit, note));
}

void Figure::setTone(Tone tone) {
    setInk(number_, tone == Tone::neutral ? Ink::text : toneInk(tone));
}

QString bytesText(double bytes) {
    static const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    int unit = 0;
    while (bytes >= 1023.5 && unit < 5) {
        bytes /= 1024;
        ++unit;
    }
    const int decimals = unit == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;
    return QString("%1 %2").arg(bytes, 0, 'f', decimals).arg(units[unit]);
}

} // namespace sweetspot::gui
