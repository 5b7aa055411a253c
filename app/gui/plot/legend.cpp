#include "app/gui/plot/legend.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/text.h"
#include <QGuiApplication>
#include <QMouseEvent>
#include <QPainter>

// The names of what a plot shows, as buttons that isolate and hide. A legend knows names and looks
// only; groups of plots follow its hidden names.

namespace sweetspot::gui {
namespace {

class LegendButton : public QAbstractButton {
public:
    LegendButton(const LegendEntry& entry, Legend* legend) : entry_(entry), legend_(legend) {
        setText(QString::fromStdString(entry.name));
        setFocusPolicy(Qt::TabFocus);
        setCursor(Qt::PointingHandCursor);
        setAttribute(Qt::WA_Hover);
        setToolTip(
            QObject::tr("Click shows it alone, Ctrl+click hides it, double click shows all"));
        setAccessibleName(text());
        connect(this, &QAbstractButton::clicked, this, [this] {
            const bool add =
                QGuiApplication::keyboardModifiers() & (Qt::ControlModifier | Qt::ShiftModifier);
            if (add)
                legend_->toggle(text());
            else
                legend_->isolate(text());
        });
    }
    QSize sizeHint() const override { return {textWidth(uiFont(12), text()) + 36, 22}; }

protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        const bool hidden = legend_->hidden().contains(text());
        if (underMouse()) drawBox(painter, rect(), 4, theme().hover);
        painter.setOpacity(hidden ? 0.45 : 1);
        drawLegendKey(painter, {4, height() / 2.0}, entry_, theme());
        QFont font = uiFont(12);
        font.setStrikeOut(hidden);
        painter.setFont(font);
        painter.setPen(theme().text2);
        painter.drawText(QRectF(30, 0, width(), height()), Qt::AlignVCenter, text());
        painter.setOpacity(1);
        if (hasFocus()) drawFocusRing(painter, rect(), 4);
    }
    void mouseDoubleClickEvent(QMouseEvent*) override { legend_->setHidden({}); }

private:
    LegendEntry entry_;
    Legend* legend_;
};

} // namespace

void drawLegendKey(QPainter& painter, QPointF at, const LegendEntry& entry, const Theme& theme) {
    painter.setRenderHint(QPainter::Antialiasing);
    if (entry.key != LegendEntry::Key::marker) { // as PlotScene draws them
        const bool ringed = entry.key == LegendEntry::Key::ringed_cross;
        const QPointF centre = at + QPointF(10, 0), down(ringed ? 2.8 : 4, ringed ? 2.8 : 4),
                      up(down.x(), -down.y());
        painter.setPen(QPen(ringed ? theme.text3 : theme.bad, ringed ? 1.4 : 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawLine(centre - down, centre + down);
        painter.drawLine(centre - up, centre + up);
        if (ringed) painter.drawEllipse(centre, 4, 4);
        return;
    }
    const QColor colour = entry.joined ? theme.text : seriesColour(entry.slot, theme);
    if (entry.kind == PlotKind::bars || entry.kind == PlotKind::floating)
        return drawBox(painter, QRectF(at.x() + 5, at.y() - 5, 10, 10), 2, colour);
    QPen pen(colour, 2, Qt::SolidLine, Qt::RoundCap);
    if (entry.predicted) pen.setDashPattern({1.5, 2});
    painter.setPen(pen);
    if (entry.kind != PlotKind::points || entry.joined)
        painter.drawLine(at + QPointF(1, 0), at + QPointF(19, 0));
    if (!entry.predicted && !entry.joined)
        drawMarker(painter, slotMarker(shape_of(entry)), at + QPointF(10, 0), colour);
}

Legend::Legend(QWidget* parent) : QWidget(parent) {
    flow_ = new FlowLayout(8, 2);
    setLayout(flow_);
    QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Preferred);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    setAccessibleName(tr("Legend"));
}

int Legend::heightForWidth(int width) const {
    return flow_->heightForWidth(width);
}

void Legend::setEntries(const std::vector<LegendEntry>& entries) {
    if (entries == entries_) return;
    entries_ = entries;
    for (QAbstractButton* button : std::exchange(buttons_, {})) {
        flow_->removeWidget(button);
        delete button;
    }
    QSet<QString> names;
    for (const LegendEntry& entry : entries) {
        auto* button = new LegendButton(entry, this);
        flow_->addWidget(button);
        buttons_ << button;
        names << button->text();
    }
    setHidden(QSet<QString>(hidden_).intersect(names));
    updateGeometry();
}

void Legend::setHidden(const QSet<QString>& names) {
    if (names == hidden_) return;
    hidden_ = names;
    for (QAbstractButton* button : buttons_) button->update();
    emit hiddenChanged(hidden_);
}

void Legend::isolate(const QString& name) {
    QSet<QString> others;
    for (const QAbstractButton* button : buttons_)
        if (button->text() != name) others << button->text();
    setHidden(others == hidden_ ? QSet<QString>() : others);
}

void Legend::toggle(const QString& name) {
    QSet<QString> names = hidden_;
    if (!names.remove(name)) names << name;
    setHidden(names.size() == buttons_.size() ? QSet<QString>() : names);
}

ColourScale::ColourScale(const QString& name, const QString& low, const QString& high, bool heat)
    : name_(name), low_(low), high_(high), heat_(heat) {
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

void ColourScale::setEnds(const QString& low, const QString& high) {
    low_ = low;
    high_ = high;
    updateGeometry();
    update();
}

QSize ColourScale::sizeHint() const {
    const QFont font = uiFont(12);
    return {textWidth(font, name_) + textWidth(font, low_) + textWidth(font, high_) + 120, 20};
}

void ColourScale::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QFont font = uiFont(12);
    painter.setFont(font);
    double x = 0;
    const auto write = [&](const QString& text, const QColor& colour) {
        if (text.isEmpty()) return;
        painter.setPen(colour);
        painter.drawText(QRectF(x, 0, width(), height()), Qt::AlignVCenter, text);
        x += textWidth(font, text) + 6;
    };
    write(name_, theme().text2);
    write(low_, theme().text3);
    QLinearGradient gradient(x, 0, x + 96, 0);
    for (int i = 0; i <= 20; ++i)
        gradient.setColorAt(i / 20.0, along(heat_ ? theme().heat : theme().ramp, i / 20.0));
    painter.setPen(Qt::NoPen);
    painter.setBrush(gradient);
    painter.drawRoundedRect(QRectF(x, 6, 96, 8), 2, 2);
    x += 102;
    write(high_, theme().text3);
}

} // namespace sweetspot::gui
