#include "app/gui/pages/groups_card.h"
#include "app/analysis/series.h"
#include "app/gui/models/run_text.h"
#include "app/gui/table/csv.h"
#include "app/gui/table/table_view.h"
#include "app/gui/widgets/button.h"
#include <QSignalBlocker>
#include <QStandardItemModel>
#include <algorithm>
#include <cmath>
#include <set>

// What may be held against what is offered: each value of a field that varies, this experiment, and
// the others. Which runs stand for each other, and what may be said of all pairs together, is
// match()'s; the words are the command line's.

namespace sweetspot::gui {
namespace {

constexpr std::size_t most_values = 8, most_experiments = 20;
constexpr int run_a_role = Qt::UserRole + 100, run_b_role = Qt::UserRole + 101;

const MetricComparison* metricOf(const Pair& pair, std::string_view name) {
    for (const MetricComparison& each : pair.comparison.metrics)
        if (each.metric == name) return &each;
    return nullptr;
}

Tone toneOf(const MetricComparison& metric) {
    switch (metric.verdict) {
    case Verdict::better: return Tone::good;
    case Verdict::worse: return Tone::bad;
    case Verdict::same: return Tone::neutral;
    case Verdict::undecided:
    case Verdict::not_comparable: break;
    }
    return Tone::info;
}

} // namespace

GroupsCard::GroupsCard(Session& session)
    : Card(tr("Two groups"), tr("matched point by point")), session_(session) {
    a_ = new Select({}, tr("A"));
    b_ = new Select({}, tr("B"));
    a_->setAccessibleName(tr("Group A"));
    b_->setAccessibleName(tr("Group B"));
    auto* save = iconButton(Icon::download, tr("Export the pairs as CSV"));
    told_ = label({}, 13, QFont::Normal, Ink::text2);
    told_->setWordWrap(true);
    told_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    model_ = new QStandardItemModel(0, 0, this);
    model_->setSortRole(sort_role);
    table_ = new TableView;
    table_->setModel(model_);
    table_->setSortingEnabled(true);
    table_->setMinimumHeight(120);
    table_->setAccessibleName(tr("Pairs of runs"));
    for (QWidget* widget : std::initializer_list<QWidget*>{a_, b_, save}) head()->addWidget(widget);
    body()->addWidget(told_, 0, Qt::AlignTop);
    body()->addWidget(table_, 1);
    for (Select* each : {a_, b_}) {
        each->setMinimumWidth(200);
        connect(each, &QComboBox::activated, this, &GroupsCard::present);
    }
    connect(&session_, &Session::sweepLoaded, this, &GroupsCard::take);
    connect(table_, &QAbstractItemView::doubleClicked, this, [this](const QModelIndex& at) {
        const QModelIndex row = model_->index(at.row(), 0);
        const RunPair pair{row.data(run_a_role).toLongLong(), row.data(run_b_role).toLongLong()};
        if (pair.a && pair.b) emit pairChosen(pair);
    });
    connect(save, &QPushButton::clicked, this, [this] {
        const QString said = askAndExportCsv(this, *model_, tr("pairs"));
        if (!said.isEmpty()) emit exported(said);
    });
}

QString GroupsCard::saying() const {
    return told_->text();
}

QString GroupsCard::names() const {
    return tr("%1 against %2").arg(a_->currentText(), b_->currentText());
}

void GroupsCard::takeRuns() {
    if (!session_.progress().active) others_.clear(); // they may have grown
    offer();
    present();
}

/// Groups that are there again stay chosen; else the first two values of the first field.
void GroupsCard::offer() {
    const QString before[] = {a_->currentText(), b_->currentText()};
    const std::int64_t own = session_.selection().sweep();
    const auto& runs = *session_.runs();
    groups_.clear();
    for (const std::string& field : varying_fields(runs)) {
        std::vector<std::string> values;
        for (const RunRecord& run : runs) {
            const std::string value = get_field(run.config, field);
            if (std::find(values.begin(), values.end(), value) == values.end())
                values.push_back(value);
        }
        if (values.size() > most_values) continue;
        for (const std::string& value : values)
            groups_.push_back({QString("%1 %2").arg(QString::fromStdString(field).replace('_', ' '),
                                                    QString::fromStdString(value)),
                               own, field, value});
    }
    groups_.push_back({tr("this experiment"), own});
    std::size_t experiments = 0;
    for (const SweepInfo& sweep : *session_.sweeps())
        if (sweep.id != own && sweep.done > 0 && experiments++ < most_experiments)
            groups_.push_back({tr("%1, %2").arg(QString::fromStdString(sweep.name),
                                                dateText(sweep.created_unix_seconds)),
                               sweep.id});
    int side = 0;
    for (Select* each : {a_, b_}) {
        const QSignalBlocker block(each);
        each->clear();
        for (const Group& group : groups_) each->addItem(group.name);
        const int again = each->findText(before[side]);
        each->setCurrentIndex(again >= 0 ? again : std::min(side, each->count() - 1));
        ++side;
    }
}

std::optional<std::vector<RunRecord>> GroupsCard::runsOf(const Group& group) {
    Runs runs = session_.runs();
    if (group.sweep != session_.selection().sweep()) {
        const auto [known, asked] = others_.try_emplace(group.sweep);
        if (asked) session_.loadSweep(group.sweep);
        runs = known->second;
    }
    if (!runs) return {};
    std::vector<RunRecord> of_group;
    for (const RunRecord& run : *runs)
        if (group.field.empty() || get_field(run.config, group.field) == group.value)
            of_group.push_back(run);
    return of_group;
}

void GroupsCard::take(std::int64_t sweep, const Runs& runs) {
    const auto asked = others_.find(sweep);
    if (asked == others_.end() || asked->second) return;
    asked->second = runs;
    present();
}

void GroupsCard::present() {
    found_ = {}; // it points into the runs
    if (!isVisible() || groups_.empty()) return;
    const auto a = runsOf(groups_[std::size_t(a_->currentIndex())]),
               b = runsOf(groups_[std::size_t(b_->currentIndex())]);
    if (!a || !b) {
        told_->setText(tr("Being read."));
        return fill();
    }
    runs_a_ = *a;
    runs_b_ = *b;
    found_ = match(runs_a_, runs_b_);
    QStringList said;
    if (!found_.problem.empty()) said << QString::fromStdString(found_.problem);
    for (const auto& sentences : {summaries_of(found_), warnings_of(found_)})
        for (const std::string& sentence : sentences) said << QString::fromStdString(sentence);
    told_->setText(said.join('\n'));
    fill();
}

void GroupsCard::fill() {
    std::vector<RunRecord> of_a;
    for (const Pair& pair : found_.pairs) of_a.push_back(*pair.a);
    const auto varying = varying_fields(of_a);
    std::vector<std::string_view> metrics;
    for (const std::string_view name : pair_metrics)
        if (std::any_of(found_.pairs.begin(), found_.pairs.end(),
                        [&](const Pair& pair) { return metricOf(pair, name); }))
            metrics.push_back(name);
    model_->clear();
    struct Head {
        QString title;
        CellKind kind;
        int width;
    };
    std::vector<Head> heads{{tr("Point"), CellKind::strong, 240},
                            {tr("Run A"), CellKind::number, 70},
                            {tr("Run B"), CellKind::number, 70}};
    for (const std::string_view name : metrics) {
        heads.push_back({tr("%1, B / A").arg(metricTitle(name)), CellKind::number, 190});
        heads.push_back({tr("Verdict"), CellKind::status, 120});
    }
    model_->setColumnCount(int(heads.size()));
    for (int i = 0; i < int(heads.size()); ++i) {
        QString title = heads[std::size_t(i)].title;
        title[0] = title[0].toUpper();
        model_->setHeaderData(i, Qt::Horizontal, title);
        model_->setHeaderData(i, Qt::Horizontal, int(heads[std::size_t(i)].kind), kind_role);
        model_->setHeaderData(i, Qt::Horizontal, heads[std::size_t(i)].width, width_role);
    }
    const std::int64_t own = session_.selection().sweep();
    const bool both_here = !groups_.empty() &&
                           groups_[std::size_t(a_->currentIndex())].sweep == own &&
                           groups_[std::size_t(b_->currentIndex())].sweep == own;
    for (const Pair& pair : found_.pairs) {
        QList<QStandardItem*> items;
        const auto add = [&](const QString& text, const QVariant& plain) {
            auto* item = new QStandardItem(text);
            item->setData(plain, sort_role);
            item->setEditable(false);
            items << item;
            return item;
        };
        const QString name = QString::fromStdString(point_name(pair.a->config, varying));
        auto* first = add(name, name);
        if (both_here) {
            first->setData(qint64(pair.a->id), run_a_role);
            first->setData(qint64(pair.b->id), run_b_role);
        }
        add(QString::number(pair.a->id), qint64(pair.a->id));
        add(QString::number(pair.b->id), qint64(pair.b->id));
        for (const std::string_view metric : metrics) {
            const MetricComparison* found = metricOf(pair, metric);
            add(found ? QString::fromStdString(ratio_text(*found)) : QString(),
                found ? found->ratio : NAN);
            auto* verdict = add(found ? QString::fromStdString(verdict_text(*found)) : QString(),
                                int(found ? int(found->verdict) : -1));
            if (!found) continue;
            verdict->setData(int(toneOf(*found)), tone_role);
            verdict->setToolTip(QString::fromStdString(found->needs));
        }
        model_->appendRow(items);
    }
    table_->setVisible(!found_.pairs.empty()); // the sentences say why there are none
    table_->setModel(model_);                  // takes widths and kinds anew
    table_->setStretchColumn(0);
}

} // namespace sweetspot::gui
