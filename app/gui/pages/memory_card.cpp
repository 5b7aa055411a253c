#include "app/gui/pages/memory_card.h"
#include "app/analysis/format.h"
#include "app/analysis/statistics.h"
#include "app/gui/pages/field_control.h"
#include "app/gui/plot/legend.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/choice.h"
#include "app/gui/widgets/heat_map.h"
#include "app/gui/widgets/progress.h"
#include <QScrollArea>
#include <algorithm>
#include <cmath>

// Predicted peak memory of every point as a heat map, two fields at a time; the others are
// switched. It begins at the largest point that fits.

namespace sweetspot::gui {
namespace {

constexpr int most_pills = 5;    // more values are chosen from a list
constexpr int heads_height = 44; // of the map
constexpr int most_height = 380; // of its rows; more are scrolled

QString headOf(const PlanGrid::Side& side) {
    for (const FormField& field : formFields())
        if (field.name == side.field)
            return field.unit.isEmpty() || field.unit == "sequences"
                       ? fieldWords(side.field)
                       : QString("%1 (%2)").arg(fieldWords(side.field), field.unit);
    return {};
}

bool same(const std::vector<PlanGrid::Side>& a, const std::vector<PlanGrid::Side>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](auto& x, auto& y) { return x.field == y.field && x.values == y.values; });
}

double bytesOf(const RunRecord* record) {
    const auto peak = record ? value_of(*record, "peak_bytes") : std::nullopt;
    return peak.value_or(std::nan(""));
}

} // namespace

MemoryCard::MemoryCard() : Card(QObject::tr("Predicted peak memory"), {}) {
    map_ = new HeatMap;
    map_->setAccessibleName(tr("Predicted peak memory"));
    auto* area = scrolled(map_);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    map_room_ = area;
    body()->addWidget(area);
    scale_ = new ColourScale({}, "0", {});
    misfit_ = new Chip(tr("will not fit"), Tone::bad, Icon::cross);
    near_ = caption(tr("corner mark: over 92 % of the limit"));
    body()->addLayout(row({scale_, nullptr, misfit_, near_}));
    connect(map_, &HeatMap::hovered, this, [this] {
        pointed_ = !choosing_;
        emit currentChanged();
    });
}

void MemoryCard::present(std::shared_ptr<const PlannedSpec> plan,
                         const std::vector<const RunRecord*>& predictions, double limit_bytes) {
    plan_ = std::move(plan);
    predictions_ = predictions;
    limit_bytes_ = limit_bytes;
    if (!switches_ || !same(shown_choices_, plan_->grid.choices())) makeSwitches();
    fill();
    if (!pointed_ || map_->current().x() < 0) chooseCell();
}

/// The one that takes most and still fits: what a person looks for first.
void MemoryCard::chooseCell() {
    const HeatGrid& grid = map_->grid();
    int best = -1;
    for (int i = 0; i < int(grid.values.size()); ++i) {
        const double value = grid.values[std::size_t(i)];
        const bool fits = !std::isnan(value) && (grid.limit <= 0 || value <= grid.limit);
        if (fits && (best < 0 || value > grid.values[std::size_t(best)])) best = i;
    }
    const int columns = int(grid.columns.size());
    choosing_ = true;
    if (best >= 0) map_->setCurrent({best % columns, best / columns});
    choosing_ = false;
}

void MemoryCard::makeSwitches() {
    delete switches_;
    shown_choices_ = plan_->grid.choices();
    chosen_.assign(shown_choices_.size(), 0);
    switches_ = new QWidget;
    auto* flow = new FlowLayout(8, 6);
    for (std::size_t i = 0; i < shown_choices_.size(); ++i) {
        const PlanGrid::Side& side = shown_choices_[i];
        const auto choose = [this, i](int value) {
            chosen_[i] = value;
            fill();
            emit currentChanged();
        };
        if (side.values.size() > most_pills) {
            auto* list = new Select(side.values, fieldWords(side.field));
            connect(list, &QComboBox::currentIndexChanged, this, choose);
            flow->addWidget(list);
        } else {
            auto* pills = new PillGroup(side.values);
            pills->setToolTip(fieldWords(side.field));
            pills->setAccessibleName(fieldWords(side.field));
            connect(pills, &PillGroup::chosen, this, choose);
            flow->addWidget(pills);
        }
    }
    switches_->setLayout(flow);
    body()->insertWidget(0, switches_);
    switches_->setVisible(!shown_choices_.empty());
}

void MemoryCard::fill() {
    const PlanGrid& grid = plan_->grid;
    double largest = 0, smallest = 1e300; // of all tables: one unit and one scale serve them
    for (const RunRecord* record : predictions_)
        if (const double bytes = bytesOf(record); !std::isnan(bytes) && bytes > 0) {
            largest = std::max(largest, bytes);
            smallest = std::min(smallest, bytes);
        }
    const ScaledUnit unit = scaled_unit(std::max(largest, 1.0), "bytes");
    // A limit far above all points would make them all look alike.
    const double limit = largest > limit_bytes_ / 2 ? limit_bytes_ : 0;

    // Of a narrow range all would be dark.
    const double low = limit == 0 && smallest > largest / 2 && smallest < largest ? smallest : 0;

    HeatGrid heat{
        headOf(grid.rows()), headOf(grid.columns()), grid.rows().values, grid.columns().values, {},
        limit / unit.factor};
    for (int row = 0; row < heat.rows.size(); ++row)
        for (int column = 0; column < heat.columns.size(); ++column) {
            const int at = grid.at(chosen_, row, column);
            const RunRecord* record = at < 0 ? nullptr : predictions_[std::size_t(at)];
            heat.values.push_back(bytesOf(record) / unit.factor);
            QString note = at < 0 ? tr("not in this sweep") : tr("being predicted");
            if (at >= 0 && !plan_->runs[std::size_t(at)].impossible.empty())
                note = QString::fromStdString(plan_->runs[std::size_t(at)].impossible);
            else if (record)
                note = record->reason.empty() ? bytesText(bytesOf(record))
                                              : QString::fromStdString(record->reason);
            heat.notes.push_back(note);
        }
    heat.format = [](double v) {
        return QString::number(v, 'f', v < 9.95 ? 2 : v < 99.95 ? 1 : 0);
    };
    heat.low = low / unit.factor;
    map_->setGrid(std::move(heat));
    const int rows = std::max<int>(1, int(grid.rows().values.size()));
    map_room_->setFixedHeight(heads_height +
                              std::min(most_height, rows * std::clamp(most_height / rows, 32, 72)));
    setNote(largest > 0 ? tr("%1 a point").arg(QString::fromStdString(unit.label)) : QString());
    scale_->setEnds(low > 0 ? bytesText(low) : QString("0"),
                    bytesText(limit > 0 ? limit : largest));
    scale_->setVisible(largest > 0);
    misfit_->setVisible(limit > 0 && largest > limit);
    near_->setVisible(limit > 0 && largest > 0.92 * limit);
}

int MemoryCard::current() const {
    const QPoint cell = map_->current();
    if (cell.x() < 0 || cell.x() >= plan_->grid.columns().values.size() ||
        cell.y() >= plan_->grid.rows().values.size())
        return -1;
    return plan_->grid.at(chosen_, cell.y(), cell.x());
}

QString MemoryCard::variant() const {
    QStringList words;
    for (std::size_t i = 0; i < shown_choices_.size(); ++i)
        words << shown_choices_[i].values[chosen_[i]];
    return words.join(", ");
}

} // namespace sweetspot::gui
