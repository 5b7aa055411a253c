#include "app/gui/table/table_view.h"
#include "app/gui/table/cell_delegate.h"
#include "app/gui/table/csv.h"
#include "app/gui/widgets/text.h"
#include <QBuffer>
#include <QClipboard>
#include <QGuiApplication>
#include <QHeaderView>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QSortFilterProxyModel>

// A table as the house draws it: quiet lines, widths that stay, a last column that takes the rest,
// the whole of it by keyboard.

namespace sweetspot::gui {
namespace {

bool isRightAligned(CellKind kind) {
    return kind == CellKind::number || kind == CellKind::delta;
}

/// Paints a column's name, its unit and the arrow of the sorted one.
class TableHeader : public QHeaderView {
public:
    explicit TableHeader(TableView* table) : QHeaderView(Qt::Horizontal, table), table_(table) {
        setFixedHeight(30);
        setSectionResizeMode(QHeaderView::Interactive);
        setMinimumSectionSize(32);
        setSectionsMovable(true);
        setSectionsClickable(true);
        setHighlightSections(false);
    }

protected:
    void paintSection(QPainter* painter, const QRect& box, int section) const override {
        QString name = model()->headerData(section, Qt::Horizontal).toString();
        QString unit = model()->headerData(section, Qt::Horizontal, unit_role).toString();
        if (!unit.isEmpty()) unit = '(' + unit + ')';
        const bool sorted = isSortIndicatorShown() && sortIndicatorSection() == section;
        const QFont strong = uiFont(11, QFont::DemiBold), plain = uiFont(11);
        const double unit_width = unit.isEmpty() ? 0 : textWidth(plain, unit) + 4;
        const double arrow_width = sorted ? 13 : 0;
        const QRectF room = QRectF(box).adjusted(8, 0, -8, 0);
        // The unit stays where the name has to give way.
        name = QFontMetricsF(strong).elidedText(name, Qt::ElideRight,
                                                room.width() - unit_width - arrow_width);
        const double name_width = textWidth(strong, name) + 4;
        double x = room.left();
        if (isRightAligned(table_->kindOf(section)))
            x = std::max(x, room.right() - name_width - unit_width - arrow_width + 4);
        painter->save();
        painter->fillRect(QRectF(box.left(), box.bottom(), box.width(), 1), theme().border);
        painter->setClipRect(box);
        painter->setFont(strong);
        painter->setPen(sorted ? theme().text : theme().text2);
        painter->drawText(QRectF(x, box.top(), name_width, box.height()), Qt::AlignVCenter, name);
        x += name_width;
        painter->setFont(plain);
        painter->setPen(theme().text3);
        painter->drawText(QRectF(x, box.top(), unit_width, box.height()), Qt::AlignVCenter, unit);
        if (sorted)
            drawIcon(*painter,
                     sortIndicatorOrder() == Qt::AscendingOrder ? Icon::up : Icon::arrow_down,
                     QRectF(x + unit_width - 2, box.center().y() - 5, 11, 11), theme().text);
        painter->restore();
    }

private:
    TableView* table_;
};

} // namespace

TableView::TableView(QWidget* parent) : QTableView(parent) {
    setHorizontalHeader(new TableHeader(this));
    setItemDelegate(new CellDelegate(this));
    verticalHeader()->hide();
    verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    verticalHeader()->setDefaultSectionSize(30);
    setShowGrid(false);
    setSelectionBehavior(QAbstractItemView::SelectRows);
    setSelectionMode(QAbstractItemView::ExtendedSelection);
    setEditTriggers(QAbstractItemView::NoEditTriggers);
    setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    setFrameShape(QFrame::NoFrame);
    setMouseTracking(true);
    setTabKeyNavigation(false); // Tab leaves the table
    setWordWrap(false);
    viewport()->setAutoFillBackground(false);
}

void TableView::setModel(QAbstractItemModel* model) {
    if (auto* proxy = qobject_cast<QSortFilterProxyModel*>(model)) proxy->setSortRole(sort_role);
    QTableView::setModel(model);
    if (!model) return;
    for (int column = 0; column < model->columnCount(); ++column) {
        const QVariant width = model->headerData(column, Qt::Horizontal, width_role);
        if (width.isValid()) setColumnWidth(column, width.toInt());
    }
    stretch();
}

void TableView::setStretchColumn(int column) {
    stretch_column_ = column;
    stretch();
}

CellKind TableView::kindOf(int column) const {
    return CellKind(model()->headerData(column, Qt::Horizontal, kind_role).toInt());
}

bool TableView::isFirstColumn(int column) const {
    return columnViewportPosition(column) <= 0 &&
           columnViewportPosition(column) + columnWidth(column) > 0;
}

QList<int> TableView::selectedRows() const {
    QList<int> rows;
    if (selectionModel())
        for (const QModelIndex& index : selectionModel()->selectedRows()) rows << index.row();
    std::sort(rows.begin(), rows.end());
    return rows;
}

void TableView::hover(int row) {
    if (row == hovered_row_) return;
    hovered_row_ = row;
    viewport()->update();
    emit rowHovered(row);
}

void TableView::stretch() {
    if (!model() || stretch_column_ < 0 || stretch_column_ >= model()->columnCount()) return;
    int used = 0;
    for (int column = 0; column < model()->columnCount(); ++column)
        if (column != stretch_column_ && !isColumnHidden(column)) used += columnWidth(column);
    const QVariant least = model()->headerData(stretch_column_, Qt::Horizontal, width_role);
    setColumnWidth(stretch_column_,
                   std::max(least.isValid() ? least.toInt() : 80, viewport()->width() - used));
}

void TableView::mouseMoveEvent(QMouseEvent* event) {
    hover(indexAt(event->pos()).row());
    QTableView::mouseMoveEvent(event);
}

void TableView::leaveEvent(QEvent* event) {
    hover(-1);
    QTableView::leaveEvent(event);
}

void TableView::resizeEvent(QResizeEvent* event) {
    QTableView::resizeEvent(event);
    stretch();
}

void TableView::selectionChanged(const QItemSelection& on, const QItemSelection& off) {
    QTableView::selectionChanged(on, off);
    emit rowsSelected(selectedRows());
}

void TableView::keyPressEvent(QKeyEvent* event) {
    if (!event->matches(QKeySequence::Copy) || !model()) return QTableView::keyPressEvent(event);
    QBuffer buffer;
    buffer.open(QIODevice::WriteOnly);
    writeCsv(*model(), buffer, selectedRows());
    QGuiApplication::clipboard()->setText(QString::fromUtf8(buffer.data()));
}

} // namespace sweetspot::gui
