#include "app/gui/pages/budget_field.h"
#include "app/analysis/format.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/text.h"
#include "kernels/core/error.h"
#include <QSignalBlocker>
#include <QSlider>
#include <algorithm>
#include <cmath>

// One limit in three forms that stay one: what is typed with its unit, a slider between what the
// runs have, and the line in the plot, which the page moves. What a limit means is Budget's.

namespace sweetspot::gui {
namespace {

constexpr int slider_steps = 1000;
constexpr double wide_range = 40; // from which a slider is logarithmic

} // namespace

BudgetField::BudgetField() {
    name_ = label({}, 12, QFont::DemiBold);
    field_ = textField(tr("no limit"));
    field_->setFont(numberFont(12));
    field_->setFixedWidth(96);
    slider_ = new QSlider(Qt::Horizontal);
    slider_->setRange(0, slider_steps);
    auto* line = row({slider_, field_});
    line->setStretch(0, 1);
    auto* all = column({name_}, 4);
    all->addLayout(line);
    setLayout(all);
    connect(field_, &QLineEdit::textEdited, this, &BudgetField::read);
    connect(field_, &QLineEdit::editingFinished, this, &BudgetField::present);
    connect(slider_, &QSlider::valueChanged, this, &BudgetField::slide);
}

void BudgetField::offer(const MetricInfo& metric, double low, double high) {
    Budget kind = budget_on(metric, 0);
    const QString title = QString::fromUtf8(metric.title.data(), qsizetype(metric.title.size()));
    offer(kind,
          kind.side == Budget::Side::at_least ? tr("%1 at least").arg(title)
                                              : tr("%1 at most").arg(title),
          low, high);
}

void BudgetField::offerLoss(double high) {
    Budget kind;
    kind.of = Budget::Of::quality_loss;
    offer(kind, tr("quality loss at most"), 0, std::max(0.01, high));
}

void BudgetField::offer(const Budget& kind, const QString& name, double low, double high) {
    if (kind.of != kind_.of || kind.name != kind_.name) value_.reset();
    kind_ = kind;
    low_ = low;
    high_ = std::max(high, low + 1e-12);
    QString text = name;
    text[0] = text[0].toUpper();
    name_->setText(text);
    field_->setAccessibleName(text);
    slider_->setAccessibleName(text);
    present();
}

std::optional<Budget> BudgetField::budget() const {
    if (!value_) return {};
    Budget budget = kind_;
    budget.value = *value_;
    return budget;
}

void BudgetField::setValue(std::optional<double> value) {
    if (value == value_) return;
    value_ = value;
    present();
    emit changed();
}

QString BudgetField::text() const {
    const bool least = kind_.side == Budget::Side::at_least;
    if (!value_) return {};
    return (least ? QString(QChar(0x2265)) : QString(QChar(0x2264))) + ' ' + field_->text();
}

void BudgetField::read() {
    const QString typed = field_->text().trimmed();
    std::optional<double> value;
    QString problem;
    if (!typed.isEmpty()) {
        const std::string name = kind_.of == Budget::Of::quality_loss ? "quality-loss" : kind_.name;
        const char* sign = kind_.side == Budget::Side::at_least ? ">=" : "<=";
        try {
            value = read_budget(name + sign + typed.toStdString()).value;
        } catch (const Error& e) { // half typed, or wrong
            problem = QString::fromStdString(e.what());
        }
    }
    setWrong(field_, !problem.isEmpty());
    field_->setToolTip(problem);
    if (!problem.isEmpty() || value == value_) return;
    value_ = value;
    const QSignalBlocker block(slider_);
    slider_->setValue(value_ ? placeOf(*value_)
                             : (kind_.side == Budget::Side::at_least ? 0 : slider_steps));
    emit changed();
}

void BudgetField::slide(int place) {
    const int open = kind_.side == Budget::Side::at_least ? 0 : slider_steps;
    setValue(place == open ? std::nullopt : std::optional(valueAt(place)));
}

void BudgetField::present() {
    const int open = kind_.side == Budget::Side::at_least ? 0 : slider_steps;
    const QSignalBlocker block(slider_), block_field(field_);
    slider_->setValue(value_ ? placeOf(*value_) : open);
    setWrong(field_, false);
    field_->setToolTip({});
    if (field_->hasFocus() && field_->isModified()) return; // it is being typed
    const MetricInfo* metric = find_metric(kind_.name);
    field_->setText(
        !value_ ? QString()
        : kind_.of == Budget::Of::quality_loss
            ? QString("%1 %").arg(QString::fromStdString(format_number(100 * *value_)))
            : QString::fromStdString(format_value(*value_, metric ? metric->unit : "")));
}

double BudgetField::valueAt(int place) const {
    const double share = double(place) / slider_steps;
    if (low_ > 0 && high_ / low_ > wide_range) return low_ * std::pow(high_ / low_, share);
    return low_ + share * (high_ - low_);
}

int BudgetField::placeOf(double value) const {
    const double share = low_ > 0 && high_ / low_ > wide_range
                             ? std::log(std::max(value, low_) / low_) / std::log(high_ / low_)
                             : (value - low_) / (high_ - low_);
    return std::clamp(int(std::lround(share * slider_steps)), 0, slider_steps);
}

} // namespace sweetspot::gui
