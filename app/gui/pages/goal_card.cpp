#include "app/gui/pages/goal_card.h"
#include "app/analysis/budget.h"
#include "app/analysis/format.h"
#include "app/gui/widgets/button.h"
#include "kernels/core/error.h"
#include <QLineEdit>
#include <algorithm>

// Goal seeking, as a card beside the plan. The search is app/gui/session/goal_search.h's.

namespace sweetspot::gui {
namespace {

constexpr qsizetype most_steps = 5;

QString words(const std::string& field) {
    return QString::fromStdString(field).replace('_', ' ');
}

} // namespace

GoalCard::GoalCard(Session& session)
    : Card(tr("Largest that fits"), tr("predicted, then confirmed by a run"), 12),
      search_(session) {
    field_ = new Select({}, tr("largest"));
    field_->setAccessibleName(tr("What is to be as large as it can"));
    for (const char* name : {"batch", "sequence", "token_budget", "new_tokens", "prompt"})
        if (find_field(name)) field_->addItem(words(name), QString(name));
    memory_ = textField(tr("memory, e.g. 24GiB"));
    memory_->setAccessibleName(tr("Memory at most"));
    button_ = gui::button(tr("Search"), Icon::search);
    show_ = gui::button({}, Icon::table, ButtonKind::ghost);
    steps_ = caption({});
    answer_ = label({}, 13, QFont::DemiBold);
    for (QLabel* each : {steps_, answer_}) {
        each->setWordWrap(true);
        each->setTextInteractionFlags(Qt::TextSelectableByMouse);
    }
    auto* line = row({field_, caption(tr("within")), memory_, button_});
    line->setStretch(2, 1);
    body()->addLayout(line);
    body()->addWidget(steps_);
    auto* end = row({answer_, show_});
    end->setStretch(0, 1);
    body()->addLayout(end);
    connect(&search_, &GoalSearch::changed, this, &GoalCard::present);
    connect(button_, &QPushButton::clicked, this, &GoalCard::act);
    connect(memory_, &QLineEdit::textChanged, this, &GoalCard::present);
    connect(memory_, &QLineEdit::returnPressed, this, [this] {
        if (button_->isEnabled() && !search_.active()) act();
    });
    connect(field_, &QComboBox::currentIndexChanged, this, &GoalCard::present);
    connect(show_, &QPushButton::clicked, this,
            [this] { emit runRequested(search_.confirmedBy()); });
    present();
}

void GoalCard::offer(const Spec& spec, double free_bytes) {
    spec_ = spec;
    free_ = free_bytes;
    memory_->setPlaceholderText(
        free_ > 0
            ? tr("the %1 that are free").arg(QString::fromStdString(format_value(free_, "bytes")))
            : tr("memory, e.g. 24GiB"));
    present();
}

QString GoalCard::told() const {
    return QStringList{steps_->text(), answer_->text()}.join('\n');
}

std::optional<double> GoalCard::budget() const {
    const QString typed = memory_->text().trimmed();
    if (typed.isEmpty()) return free_ > 0 ? std::optional(free_) : std::nullopt;
    const auto read = read_value(typed.toStdString(), "bytes");
    return read && *read > 0 ? read : std::nullopt;
}

/// Why there can be no search; empty if there can.
QString GoalCard::obstacle() const {
    const std::string field = field_->currentData().toString().toStdString();
    for (const Axis& axis : spec_.axes)
        if (axis.field != field)
            return tr("The form sweeps %1: the search needs one value of it.")
                .arg(words(axis.field));
    if (!spec_.points.empty()) return tr("The form has points of its own: the search needs one.");
    if (spec_.base.device == DeviceKind::plan)
        return tr("The search measures: choose a device that computes.");
    if (!budget())
        return memory_->text().trimmed().isEmpty() ? tr("Say how much memory there may be.")
                                                   : tr("Write memory as 24GiB or 24GB.");
    return {};
}

void GoalCard::act() {
    if (search_.active()) return search_.pause();
    if (!obstacle().isEmpty()) return;
    Spec spec = spec_;
    spec.axes.clear(); // that of the field sought alone was left
    search_.start({spec, field_->currentData().toString().toStdString(), *budget()});
}

void GoalCard::present() {
    const bool active = search_.active();
    const bool paused = search_.state() == GoalSearch::State::paused;
    setWrong(memory_, !memory_->text().trimmed().isEmpty() && !budget());
    button_->setText(active ? tr("Pause") : paused ? tr("Go on") : tr("Search"));
    button_->setIcon(themedIcon(active ? Icon::pause : paused ? Icon::play : Icon::search));
    setReason(button_, active ? QString() : obstacle());
    for (QWidget* each : std::initializer_list<QWidget*>{field_, memory_})
        each->setEnabled(!active);
    QStringList lines = search_.steps();
    if (lines.size() > most_steps) lines = lines.mid(lines.size() - most_steps);
    if (search_.state() == GoalSearch::State::waiting)
        lines << tr("waiting for the sweep that runs");
    if (search_.state() == GoalSearch::State::running) lines << tr("a run confirms it: see Live");
    if (paused) lines << tr("paused");
    steps_->setText(lines.join('\n'));
    steps_->setVisible(!lines.isEmpty());
    const SearchResult& result = search_.result();
    QString answer;
    if (!search_.problem().isEmpty())
        answer = search_.problem();
    else if (search_.state() == GoalSearch::State::over)
        answer = result.largest
                     ? tr("The largest %1 within %2 is %3%4.")
                           .arg(words(search_.goal().field),
                                QString::fromStdString(
                                    format_value(search_.goal().budget_bytes, "bytes")))
                           .arg(*result.largest)
                           .arg(result.bounded ? tr(", the most that is asked for") : QString())
                     : tr("None fits within %1.")
                           .arg(QString::fromStdString(
                               format_value(search_.goal().budget_bytes, "bytes")));
    answer_->setText(answer);
    answer_->setVisible(!answer.isEmpty());
    show_->setText(tr("Run #%1").arg(search_.confirmedBy()));
    show_->setVisible(search_.confirmedBy() && !active);
}

} // namespace sweetspot::gui
