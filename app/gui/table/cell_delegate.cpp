#include "app/gui/table/cell_delegate.h"
#include "app/gui/table/table_roles.h"
#include "app/gui/table/table_view.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/text.h"
#include <QFontMetricsF>
#include <QPainter>

// How cells are drawn: numbers on the right, a share as a bar, samples as a whisker and a box,
// flags as chips. Roles of a model say which.

namespace sweetspot::gui {
namespace {

constexpr double spread_percent = 10; // each way

struct Cell {
    QPainter& painter;
    const QModelIndex& index;
    QRectF box; ///< inside the padding
    QString words;
    Tone tone;

    void write(const QFont& font, const QColor& colour, Qt::Alignment alignment,
               const QRectF& where) const {
        painter.setFont(font);
        painter.setPen(colour);
        painter.drawText(where, int(alignment | Qt::AlignVCenter),
                         QFontMetricsF(font).elidedText(words, Qt::ElideRight, where.width()));
    }
};

void paintShare(const Cell& cell) {
    if (cell.words.isEmpty()) return;
    const double share = std::clamp(cell.index.data(share_role).toDouble(), 0.0, 1.0);
    const double number = std::max(46, textWidth(numberFont(12), cell.words) + 4);
    const double y = cell.box.center().y() - 4;
    const QRectF track(cell.box.left(), y, std::max(8.0, cell.box.width() - number - 4), 8);
    drawBox(cell.painter, track, 2, withAlpha(theme().border_strong, 0.22));
    if (share > 0)
        drawBox(cell.painter, QRectF(track.left(), y, std::max(2.0, track.width() * share), 8), 2,
                share > 0.92 ? theme().series[1] : theme().series[0]);
    cell.write(numberFont(12), theme().text, Qt::AlignRight, cell.box);
}

void paintSpread(const Cell& cell) {
    const QVariantList five = cell.index.data(spread_role).toList();
    const bool warn = cell.tone == Tone::warn;
    cell.write(numberFont(12), warn ? theme().warn : theme().text2, Qt::AlignRight, cell.box);
    if (five.size() != 5) return;
    const double width = cell.box.width() - 44, y = cell.box.center().y();
    const double middle = cell.box.left() + width / 2;
    const auto at = [&](int i) {
        const double percent = std::clamp(five[i].toDouble(), -spread_percent, spread_percent);
        return middle + percent / spread_percent * width / 2;
    };
    QPainter& painter = cell.painter;
    painter.setPen(QPen(theme().border, 1));
    painter.drawLine(QPointF(cell.box.left(), y), QPointF(cell.box.left() + width, y));
    const QColor colour = warn ? theme().warn : theme().series[0];
    painter.setPen(QPen(colour, 1.2));
    painter.drawLine(QPointF(at(0), y), QPointF(at(4), y));
    drawBox(painter, QRectF(at(1), y - 5, std::max(3.0, at(3) - at(1)), 10), 2,
            withAlpha(colour, 0.35));
    painter.fillRect(QRectF(at(2) - 1, y - 6, 2, 12), colour);
    // Beyond the scale: 24 % and 219 % are not to look alike without a word.
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour);
    if (five[0].toDouble() < -spread_percent)
        painter.drawPolygon(
            QPolygonF({QPointF(at(0) - 5, y), QPointF(at(0), y - 4), QPointF(at(0), y + 4)}));
    if (five[4].toDouble() > spread_percent)
        painter.drawPolygon(
            QPolygonF({QPointF(at(4) + 5, y), QPointF(at(4), y - 4), QPointF(at(4), y + 4)}));
}

void paintChips(const Cell& cell) {
    static const QHash<QString, Tone> tones = {{"neutral", Tone::neutral}, {"accent", Tone::accent},
                                               {"good", Tone::good},       {"warn", Tone::warn},
                                               {"bad", Tone::bad},         {"info", Tone::info}};
    static constexpr Icon icons[] = {Icon::none,  Icon::target, Icon::check,
                                     Icon::alert, Icon::cross,  Icon::none};
    const QFont font = uiFont(11, QFont::Medium);
    double x = cell.box.left();
    for (const QString& chip : cell.index.data(chips_role).toStringList()) {
        const Tone tone = tones.value(chip.section(':', 0, 0), Tone::neutral);
        const QString words = chip.section(':', 1);
        const Icon icon = icons[int(tone)];
        const double width = textWidth(font, words) + 12 + (icon != Icon::none ? 14 : 0);
        const QRectF box(x, cell.box.center().y() - 9, width, 18);
        if (box.right() > cell.box.right() + 8)
            return cell.painter.drawText(QRectF(x, box.top(), 12, 18), Qt::AlignVCenter,
                                         QString(QChar(0x2026)));
        const QColor ink = inkColour(toneInk(tone));
        drawBox(cell.painter, box, 4, toneFill(tone));
        double left = box.left() + 6;
        if (icon != Icon::none) {
            drawIcon(cell.painter, icon, QRectF(left - 1, box.top() + 3, 12, 12), ink, 1.3);
            left += 14;
        }
        cell.painter.setFont(font);
        cell.painter.setPen(ink);
        cell.painter.drawText(QRectF(left, box.top(), width, 18), Qt::AlignVCenter, words);
        x += width + 4;
    }
}

void paintStatus(const Cell& cell) {
    static constexpr Icon icons[] = {Icon::equal, Icon::live,  Icon::check,
                                     Icon::alert, Icon::alert, Icon::info};
    const QColor ink = inkColour(toneInk(cell.tone));
    drawIcon(cell.painter, icons[int(cell.tone)],
             QRectF(cell.box.left(), cell.box.center().y() - 7, 14, 14), ink, 1.5);
    cell.write(uiFont(12, QFont::Medium), ink, Qt::AlignLeft, cell.box.adjusted(20, 0, 0, 0));
}

void paintSwatch(const Cell& cell) {
    const int slot = cell.index.data(colour_role).toInt();
    drawBox(cell.painter, QRectF(cell.box.left(), cell.box.center().y() - 5, 10, 10), 2,
            seriesColour(slot));
    cell.write(uiFont(12, QFont::Medium), theme().text, Qt::AlignLeft,
               cell.box.adjusted(18, 0, 0, 0));
}

void paintContent(const Cell& cell, CellKind kind) {
    const QColor toned = cell.tone == Tone::neutral ? theme().text : inkColour(toneInk(cell.tone));
    switch (kind) {
    case CellKind::text:
        cell.write(uiFont(12), cell.tone == Tone::neutral ? theme().text2 : toned, Qt::AlignLeft,
                   cell.box);
        break;
    case CellKind::strong:
        cell.write(uiFont(12, QFont::Medium), theme().text, Qt::AlignLeft, cell.box);
        break;
    case CellKind::number:
        cell.write(numberFont(12), cell.index.data(muted_role).toBool() ? theme().text3 : toned,
                   Qt::AlignRight, cell.box);
        break;
    case CellKind::delta:
        cell.write(numberFont(12, QFont::Medium), toned, Qt::AlignRight, cell.box);
        break;
    case CellKind::mono: cell.write(numberFont(12), theme().text2, Qt::AlignLeft, cell.box); break;
    case CellKind::share: paintShare(cell); break;
    case CellKind::spread: paintSpread(cell); break;
    case CellKind::swatch: paintSwatch(cell); break;
    case CellKind::status: paintStatus(cell); break;
    case CellKind::chips: paintChips(cell); break;
    }
}

} // namespace

CellDelegate::CellDelegate(TableView* table) : QStyledItemDelegate(table), table_(table) {}

void CellDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                         const QModelIndex& index) const {
    painter->save();
    const QRectF box = option.rect;
    const bool selected = option.state & QStyle::State_Selected;
    if (selected)
        painter->fillRect(box, theme().accent_soft);
    else if (index.row() == table_->hoveredRow())
        painter->fillRect(box, theme().inset);
    if (selected && table_->isFirstColumn(index.column()))
        painter->fillRect(QRectF(box.left(), box.top(), 2, box.height()), theme().accent);
    painter->fillRect(QRectF(box.left(), box.bottom() - 1, box.width(), 1),
                      withAlpha(theme().border, 0.7));
    painter->setRenderHint(QPainter::Antialiasing);
    const Cell cell{*painter, index, box.adjusted(8, 0, -8, -1),
                    index.data(Qt::DisplayRole).toString(), Tone(index.data(tone_role).toInt())};
    paintContent(cell, table_->kindOf(index.column()));
    if ((option.state & QStyle::State_HasFocus) && table_->hasFocus()) {
        painter->setPen(QPen(theme().accent, 1.5));
        painter->setBrush(Qt::NoBrush);
        painter->drawRoundedRect(box.adjusted(1, 1, -1, -2), 4, 4);
    }
    painter->restore();
}

QSize CellDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex& index) const {
    const int words = textWidth(numberFont(12), index.data(Qt::DisplayRole).toString());
    const CellKind kind = table_->kindOf(index.column());
    const int extra = kind == CellKind::share                                ? 60
                      : kind == CellKind::spread                             ? 90
                      : kind == CellKind::swatch || kind == CellKind::status ? 24
                                                                             : 4;
    return {words + 16 + extra, 30};
}

} // namespace sweetspot::gui
