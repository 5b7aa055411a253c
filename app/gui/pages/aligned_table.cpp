#include "app/gui/pages/aligned_table.h"
#include "app/analysis/format.h"
#include "app/gui/models/run_text.h"
#include "app/gui/table/csv.h"
#include "app/gui/table/table_view.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/choice.h"
#include <QCollator>
#include <QHeaderView>
#include <QLineEdit>
#include <QSortFilterProxyModel>
#include <QStandardItemModel>
#include <algorithm>
#include <cmath>

// Where two runs differ, stretch by stretch. Regions are matched by their place in the model
// (waterfall.h), so that a kernel of another name is still the same work.

namespace sweetspot::gui {
namespace {

enum Column { path, time_a, time_b, change, share, calls_a, calls_b, what, columns };
constexpr int kind_of_row = Qt::UserRole + 100; // 0 the same, 1 changed, 2 only A, 3 only B

struct Head {
    const char* title;
    CellKind kind;
    int width;
};
constexpr Head heads[columns] = {{QT_TR_NOOP("Layer / op"), CellKind::strong, 260},
                                 {QT_TR_NOOP("A"), CellKind::number, 88},
                                 {QT_TR_NOOP("B"), CellKind::number, 88},
                                 {QT_TR_NOOP("B − A"), CellKind::delta, 88},
                                 {QT_TR_NOOP("Of the change"), CellKind::share, 130},
                                 {QT_TR_NOOP("A calls"), CellKind::number, 72},
                                 {QT_TR_NOOP("B calls"), CellKind::number, 72},
                                 {QT_TR_NOOP("What differs"), CellKind::status, 150}};

/// "layer 2" before "layer 10".
QCollator byNumbers() {
    QCollator order(QLocale(QLocale::English)); // the C locale knows no numbers
    order.setNumericMode(true);
    return order;
}

/// Shows rows of a kind whose path has all words.
class Rows : public QSortFilterProxyModel {
public:
    using QSortFilterProxyModel::QSortFilterProxyModel;
    void show(int which, const QStringList& words) {
        which_ = which;
        words_ = words;
        invalidateFilter();
    }

protected:
    bool filterAcceptsRow(int row, const QModelIndex&) const override {
        const QModelIndex at = sourceModel()->index(row, path);
        const int kind = at.data(kind_of_row).toInt();
        if (which_ == 0 ? kind == 0 : which_ < 3 && kind != which_ + 1) return false;
        const QString name = at.data(Qt::ToolTipRole).toString();
        return std::all_of(words_.begin(), words_.end(), [&](const QString& word) {
            return name.contains(word, Qt::CaseInsensitive);
        });
    }

    /// By name a stretch comes before what is inside it, whichever way the names go.
    bool lessThan(const QModelIndex& a, const QModelIndex& b) const override {
        if (a.column() != path) return QSortFilterProxyModel::lessThan(a, b);
        const QStringList left = a.data(sort_role).toString().split('/'),
                          right = b.data(sort_role).toString().split('/');
        for (int i = 0; i < std::min(left.size(), right.size()); ++i)
            if (left[i] != right[i]) return names_.compare(left[i], right[i]) < 0;
        return (left.size() < right.size()) == (sortOrder() == Qt::AscendingOrder);
    }

private:
    const QCollator names_ = byNumbers();
    int which_ = 0;
    QStringList words_;
};

} // namespace

AlignedTable::AlignedTable()
    : Card(tr("Aligned layers and ops"), tr("by their place in the model, and occurrence")) {
    filter_ = textField(tr("Filter"), Icon::filter);
    filter_->setFixedWidth(170);
    which_ = new PillGroup({tr("Changed"), tr("Only A"), tr("Only B"), tr("All")});
    auto* save = iconButton(Icon::download, tr("Export the rows shown as CSV"));
    model_ = new QStandardItemModel(0, columns, this);
    proxy_ = new Rows(this);
    proxy_->setSourceModel(model_);
    proxy_->setSortRole(sort_role);
    for (int i = 0; i < columns; ++i) {
        model_->setHeaderData(i, Qt::Horizontal, tr(heads[i].title));
        model_->setHeaderData(i, Qt::Horizontal, int(heads[i].kind), kind_role);
        model_->setHeaderData(i, Qt::Horizontal, heads[i].width, width_role);
    }
    table_ = new TableView;
    table_->setModel(proxy_);
    table_->setSortingEnabled(true);
    table_->horizontalHeader()->setSortIndicator(-1, Qt::AscendingOrder); // the model's own order
    proxy_->sort(-1);
    table_->setStretchColumn(path);
    table_->setMinimumHeight(120);
    table_->setAccessibleName(tr("Aligned layers and ops"));
    for (QWidget* widget : std::initializer_list<QWidget*>{filter_, which_, save})
        head()->addWidget(widget);
    body()->addWidget(table_, 1);
    connect(filter_, &QLineEdit::textChanged, this, &AlignedTable::filterRows);
    connect(which_, &PillGroup::chosen, this, &AlignedTable::filterRows);
    connect(save, &QPushButton::clicked, this, [this] {
        const QString said = askAndExportCsv(this, *proxy_, tr("comparison"));
        if (!said.isEmpty()) emit exported(said);
    });
}

void AlignedTable::clear() {
    model_->setRowCount(0);
}

void AlignedTable::present(const RunRecord& a, const RunRecord& b) {
    const auto rows = aligned(a, b);
    const PassNoise noise(a, b);
    double largest = 0, whole = 0;
    for (const Aligned& row : rows) {
        largest = std::max({largest, row.a ? row.a->seconds : 0, row.b ? row.b->seconds : 0});
        if (row.depth == 0) whole += (row.b ? row.b->seconds : 0) - (row.a ? row.a->seconds : 0);
    }
    const ScaledUnit unit = scaled_unit(largest, "s");
    clear();
    for (const Column column : {time_a, time_b, change})
        model_->setHeaderData(column, Qt::Horizontal, QString::fromStdString(unit.label),
                              unit_role);
    int counts[4] = {};
    for (const Aligned& row : rows) {
        const double ta = row.a ? row.a->seconds : 0, tb = row.b ? row.b->seconds : 0;
        const int kind = row.in == Presence::only_a   ? 2
                         : row.in == Presence::only_b ? 3
                         : row.changed                ? 1
                                                      : 0;
        ++counts[kind];
        QList<QStandardItem*> items;
        const auto add = [&](const QString& text, const QVariant& plain) {
            auto* item = new QStandardItem(text);
            item->setData(plain, sort_role);
            item->setEditable(false);
            items << item;
            return item;
        };
        const auto time = [&](bool there, double seconds) {
            add(there ? tableNumber(format_number(seconds / unit.factor, 4))
                      : QString(QChar(0x2013)),
                seconds);
        };
        const QString name = QString::fromStdString(row.path);
        QStandardItem* first = add(QString(2 * row.depth, ' ') + name.section('/', -1), name);
        first->setToolTip(name);
        first->setData(kind, kind_of_row);
        first->setData(name, export_role);
        time(row.a.has_value(), ta);
        time(row.b.has_value(), tb);
        const QString sign = tb > ta ? "+" : "";
        Bar bar{.a = std::llround(1e9 * ta),
                .b = std::llround(1e9 * tb),
                .calls_a = row.a ? row.a->calls : 0,
                .calls_b = row.b ? row.b->calls : 0};
        bar.noise = noise.of(bar);
        QStandardItem* changed =
            add(sign + tableNumber(format_number((tb - ta) / unit.factor, 3)), tb - ta);
        changed->setData(int(bar.inside_noise() ? Tone::neutral
                             : tb < ta          ? Tone::good
                                                : Tone::bad),
                         tone_role);
        if (bar.inside_noise()) changed->setToolTip(tr("inside the noise of one traced pass"));
        const double part = whole != 0 ? (tb - ta) / whole : 0;
        add(tableNumber(format_number(100 * part, 2)), part)
            ->setData(std::clamp(std::abs(part), 0.0, 0.9), share_role);
        add(row.a ? QString::number(row.a->calls) : QString(), row.a ? row.a->calls : 0);
        add(row.b ? QString::number(row.b->calls) : QString(), row.b ? row.b->calls : 0);
        const QString words[] = {tr("same work"), tr("other work"), tr("only A"), tr("only B")};
        const Tone tones[] = {Tone::neutral, Tone::accent, Tone::info, Tone::info};
        add(words[kind], kind)->setData(int(tones[kind]), tone_role);
        model_->appendRow(items);
    }
    model_->setHeaderData(share, Qt::Horizontal, "%", unit_role);
    which_->setItems({tr("Changed %1").arg(counts[1] + counts[2] + counts[3]),
                      tr("Only A %1").arg(counts[2]), tr("Only B %1").arg(counts[3]),
                      tr("All %1").arg(rows.size())},
                     which_->current());
    filterRows();
}

void AlignedTable::filterRows() {
    static_cast<Rows*>(proxy_)->show(which_->current(),
                                     filter_->text().split(' ', Qt::SkipEmptyParts));
}

} // namespace sweetspot::gui
