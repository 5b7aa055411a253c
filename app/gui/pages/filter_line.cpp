#include "app/gui/pages/filter_line.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/text.h"

// A filter that is typed, then stands as chips. What is being typed filters already; the count
// beside it is of all runs and of those shown.

namespace sweetspot::gui {

namespace {
constexpr int typing_pause_ms = 120;
}

FilterLine::FilterLine() {
    field_ =
        textField(tr("Filter: flash, batch>=8, peak_memory<2GiB, /^(f32|bf16)$/"), Icon::search);
    field_->setClearButtonEnabled(true);
    field_->setMinimumWidth(200);
    field_->setMaximumWidth(320);
    clear_ = button(tr("Clear"), Icon::none, ButtonKind::ghost);
    clear_->hide();
    count_ = caption({});
    problem_ = label({}, 12, QFont::Medium, Ink::bad);
    problem_->hide();
    auto* chips = new QWidget;
    flow_ = new FlowLayout(8, 4);
    chips->setLayout(flow_);
    auto* line = row({field_});
    line->setStretch(0, 1);
    line->addWidget(chips, 2, Qt::AlignVCenter);
    for (QWidget* widget : std::initializer_list<QWidget*>{problem_, clear_, count_})
        line->addWidget(widget);
    setLayout(line);
    delay_.setSingleShot(true);
    delay_.setInterval(typing_pause_ms);
    connect(field_, &QLineEdit::textChanged, &delay_, qOverload<>(&QTimer::start));
    connect(&delay_, &QTimer::timeout, this, &FilterLine::read);
    connect(field_, &QLineEdit::returnPressed, this, &FilterLine::commit);
    connect(clear_, &QPushButton::clicked, this, &FilterLine::clear);
}

QList<RunTerm> FilterLine::terms() const {
    return kept_ + typed_;
}

void FilterLine::read() {
    const RunTerms parsed = parseTerms(field_->text());
    setWrong(field_, !parsed.problem.isEmpty());
    if (parsed.problem.isEmpty()) say({});
    typed_ = parsed.problem.isEmpty() ? parsed.terms : QList<RunTerm>();
    emit changed();
}

void FilterLine::commit() {
    delay_.stop();
    const RunTerms parsed = parseTerms(field_->text());
    if (!parsed.problem.isEmpty()) {
        setWrong(field_, true);
        return say(parsed.problem);
    }
    for (const RunTerm& term : parsed.terms) addChip(term);
    typed_.clear();
    field_->clear();
    delay_.stop();
    say({});
    emit changed();
}

void FilterLine::addChip(const RunTerm& term) {
    kept_ << term;
    auto* chip = new Chip(term.text, Tone::accent);
    chip->setRemovable(true);
    flow_->addWidget(chip);
    chips_ << chip;
    clear_->show();
    connect(chip, &Chip::removed, this, [this, chip] {
        const auto at = chips_.indexOf(chip);
        kept_.removeAt(at);
        chips_.removeAt(at);
        flow_->removeWidget(chip);
        chip->deleteLater();
        clear_->setVisible(!chips_.isEmpty());
        field_->setFocus();
        emit changed();
    });
}

void FilterLine::clear() {
    for (Chip* chip : std::exchange(chips_, {})) {
        flow_->removeWidget(chip);
        chip->deleteLater();
    }
    kept_.clear();
    typed_.clear();
    field_->clear();
    delay_.stop();
    clear_->hide();
    setWrong(field_, false);
    say({});
    emit changed();
}

void FilterLine::say(const QString& problem) {
    problem_->setText(problem);
    problem_->setVisible(!problem.isEmpty());
}

void FilterLine::setCount(int shown, int all) {
    count_->setText(shown == all ? (all == 1 ? tr("1 run") : tr("%1 runs").arg(all))
                                 : tr("%1 of %2 runs").arg(shown).arg(all));
}

QString FilterLine::countText() const {
    return count_->text();
}

} // namespace sweetspot::gui
