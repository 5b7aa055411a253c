#include "app/gui/pages/sweet_spot_page.h"
#include "app/analysis/columns.h"
#include "app/analysis/format.h"
#include "app/analysis/metrics_of_runs.h"
#include "app/analysis/objective.h"
#include "app/analysis/run_plots.h"
#include "app/gui/frame/panes.h"
#include "app/gui/models/run_text.h"
#include "app/gui/pages/budget_field.h"
#include "app/gui/pages/counted.h"
#include "app/gui/pages/recommendation_column.h"
#include "app/gui/plot/legend.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/session/host.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/choice.h"
#include "app/gui/widgets/message.h"
#include "kernels/core/error.h"
#include <QElapsedTimer>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QSignalBlocker>
#include <algorithm>
#include <cmath>
#include <map>

// Decide: which run to take. Weighing runs and finding the best within limits is app/analysis's
// (sweet_spot.h); here each of its three steps is done when it has to be: weighing when runs
// change, recommending as a limit moves, explaining when it rests.

namespace sweetspot::gui {
namespace {

/// A sweep in progress is weighed anew so often at most, for no more than a twentieth of the time.
constexpr int refresh_ms = 1000, refresh_share = 20;
constexpr int explain_ms = 120; ///< that a limit has to rest
constexpr int least_column = 372, widest_choice = 260;
constexpr qsizetype most_reasons = 4; // under the mouse
constexpr double wide_range = 40;
constexpr double card_sizes[] = {24e9, 40e9, 80e9, 141e9};

void select(Select* select, const std::string& name) {
    select->setCurrentIndex(std::max(0, select->findData(QString::fromStdString(name))));
}

bool hasAny(std::span<const RunRecord> runs, std::string_view metric) {
    return std::any_of(runs.begin(), runs.end(), [&](const RunRecord& run) {
        return run.status == RunStatus::done && value_of(run, metric);
    });
}

} // namespace

std::string SweetSpotPage::chosen(const Select* select) {
    return select->currentData().toString().toStdString();
}

SweetSpotPage::SweetSpotPage(Session& session)
    : SweepPage(session, {Icon::target, tr("No runs to choose among"),
                          tr("When a sweep has measured something, its best points stand here. "
                             "Start one, or open one from Runs."),
                          tr("Show all runs"), ViewId::runs}) {
    refresh_.setSingleShot(true);
    explain_.setSingleShot(true);
    explain_.setInterval(explain_ms);
    setContent(makeContent());
    connectAll();
    addPickActions();
}

QWidget* SweetSpotPage::makeContent() {
    said_ = new MessageStrip;
    said_->clear();
    column_ = new RecommendationColumn;
    auto* side = scrolled(column_);
    side->setMinimumWidth(least_column);
    auto* panes = new Panes("sweet-spot");
    panes->add("points", tr("Points"), makePlotCard(), 12);
    panes->add("recommendation", tr("Recommendation"), side, 4, "points", Qt::Horizontal);
    panes->add("limits", tr("Limits"), makeBudgets(), 1, "points", Qt::Vertical);
    panes->begin();
    addTopWidget(panes->makeButton());
    makeMore();
    auto* content = new QWidget;
    auto* layout = column({}, 12);
    layout->addWidget(panes, 1);
    layout->setContentsMargins(24, 16, 24, 16);
    content->setLayout(layout);
    said_->floatOver(content);
    auto* report = button(tr("Report"), Icon::download);
    addTopWidget(report);
    connect(report, &QPushButton::clicked, this, &SweetSpotPage::reportRequested);
    return content;
}

Card* SweetSpotPage::makePlotCard() {
    auto* card = new Card; // without a title: what is on the axes needs the room
    card->setAccessibleName(tr("Points"));
    x_ = new Select({}, "x");
    y_ = new Select({}, "y");
    colour_ = new Select({}, tr("colour"));
    x_->setAccessibleName(tr("x axis"));
    y_->setAccessibleName(tr("y axis"));
    colour_->setAccessibleName(tr("Colour"));
    third_ = new OptionPill(tr("weigh it too"));
    third_->setToolTip(tr("The front is then of three: what is best in any of them stays"));
    log_x_ = new OptionPill(tr("log x"));
    log_y_ = new OptionPill(tr("log y"));
    plot_ = new PlotGroup;
    for (Select* each : {x_, y_, colour_}) {
        each->setMaximumWidth(widest_choice);
        card->head()->addWidget(each, 1);
    }
    card->head()->addStretch();
    for (QWidget* widget :
         std::initializer_list<QWidget*>{log_x_, log_y_, plot_->makeExportButton()})
        card->head()->addWidget(widget);
    scale_ = new ColourScale({}, {}, {}, false);
    left_out_ = new Chip({}, Tone::neutral, Icon::info);
    plot_->legend()->show();
    card->body()->addWidget(plot_->legend());
    card->body()->addLayout(row({left_out_, nullptr, scale_, third_}));
    card->body()->addWidget(plot_, 1);
    return card;
}

Card* SweetSpotPage::makeBudgets() {
    auto* card = new Card({}, {}, 12);
    card->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    x_budget_ = new BudgetField;
    y_budget_ = new BudgetField;
    loss_budget_ = new BudgetField;
    auto* fields = row({}, 24);
    for (BudgetField* field : {x_budget_, y_budget_, loss_budget_}) fields->addWidget(field, 1);
    card_size_ = new Select({}, tr("memory of"));
    card_size_->addItem(tr("any size"));
    for (const double bytes : card_sizes)
        card_size_->addItem(tr("a %1 GB card").arg(bytes / 1e9), bytes);
    card_size_->addItem(tr("this machine"), readHost().memory_bytes);
    more_ = textField(tr("and any field: batch>=8"));
    more_->setFixedWidth(220);
    more_chips_ = new FlowLayout(4, 4);
    auto* chips = new QWidget;
    chips->setLayout(more_chips_);
    auto* line = row({card_size_, more_, chips});
    line->setStretch(2, 1);
    card->body()->addLayout(fields);
    card->body()->addLayout(line);
    return card;
}

void SweetSpotPage::connectAll() {
    connect(&refresh_, &QTimer::timeout, this, &SweetSpotPage::takeRuns);
    connect(&explain_, &QTimer::timeout, this, &SweetSpotPage::explainNow);
    connect(said_, &MessageStrip::actionRequested, said_, &MessageStrip::clear);
    for (Select* each : {x_, y_, colour_})
        connect(each, &QComboBox::activated, this, [this] {
            logs_chosen_ = false;
            offerBudgets();
            weighAndDraw();
        });
    connect(third_, &OptionPill::toggleRequested, this, [this] {
        third_->setChecked(!third_->isChecked());
        third_->updateGeometry();
        weighAndDraw();
    });
    for (OptionPill* pill : {log_x_, log_y_})
        connect(pill, &OptionPill::toggleRequested, this, [this, pill] {
            pill->setChecked(!pill->isChecked());
            pill->updateGeometry();
            logs_chosen_ = true;
            draw();
        });
    for (BudgetField* field : {x_budget_, y_budget_, loss_budget_})
        connect(field, &BudgetField::changed, this, [this] {
            recommendNow();
            moveLimits();
        });
    connect(plot_, &PlotGroup::limitMoved, this, [this](int limit, double value) {
        const PlotSpec& spec = plot_->views().front()->spec();
        const bool x = spec.limits[size_t(limit)].side == PlotSide::x;
        (x ? x_budget_ : y_budget_)->setValue(value * (x ? spec.x : spec.y).factor);
    });
    connect(plot_, &PlotGroup::pointClicked, this,
            [this](qint64 id) { session_.selection().setRuns({id}); });
    connect(plot_, &PlotGroup::exported, this, [this](const QString& text, bool ok) {
        said_->tell(ok ? Tone::good : Tone::bad, text, {}, tr("Dismiss"));
    });
    connect(card_size_, &QComboBox::activated, this, [this] {
        const QVariant bytes = card_size_->currentData();
        BudgetField* field = chosen(y_) == "peak_bytes" ? y_budget_ : x_budget_;
        field->setValue(bytes.isValid() ? std::optional(bytes.toDouble()) : std::nullopt);
    });
    connect(more_, &QLineEdit::returnPressed, this, &SweetSpotPage::addBudget);
    connect(&session_.selection(), &Selection::baselineChanged, this, [this] {
        if (!isVisible()) return;
        baseline_ = findBaseline();
        weighAndDraw();
    });
    connect(column_, &RecommendationColumn::runChosen, this,
            [this](qint64 id) { session_.selection().setRuns({id}); });
    connect(column_, &RecommendationColumn::baselineRequested, this,
            [this] { session_.selection().setBaseline(picked_); });
    connect(column_, &RecommendationColumn::compareRequested, this, [this] {
        if (baseline_) session_.selection().setPair({baseline_->id, picked_});
        emit viewRequested(ViewId::compare);
    });
    connect(column_, &RecommendationColumn::planRequested, this,
            [this] { emit planRequested(explanation_.missing); });
}

void SweetSpotPage::hear() {
    if (refresh_.isActive()) return;
    if (session_.progress().active)
        refresh_.start(std::max(refresh_ms, refresh_share * cost_ms_));
    else
        takeRuns();
}

void SweetSpotPage::takeRuns() {
    if (!isVisible()) return outdate();
    QElapsedTimer timer;
    timer.start();
    gatherRuns();
    const auto& runs = *runs_;
    const bool any = std::any_of(runs.begin(), runs.end(), [](const RunRecord& run) {
        return run.status == RunStatus::done;
    });
    showEmpty(!any);
    if (!any) return;
    varying_ = varying_fields(runs);
    choice_ = default_choice(runs, {});
    baseline_ = findBaseline();
    ends_.clear();
    offerChoices();
    if (metrics_.empty()) return showEmpty(true);
    offerBudgets();
    weighAndDraw();
    if (guessing_) guess();
    cost_ms_ = int(timer.elapsed());
}

/// From the least to the most that a run has of a metric; worked out once for these runs.
const SweetSpotPage::Ends& SweetSpotPage::endsOf(const std::string& metric) const {
    const auto [at, added] = ends_.try_emplace(metric);
    if (!added) return at->second;
    for (const RunRecord& run : *runs_)
        if (const auto value =
                run.status == RunStatus::done ? value_of(run, metric) : std::nullopt) {
            at->second.low = std::min(at->second.low, *value);
            at->second.high = std::max(at->second.high, *value);
        }
    return at->second;
}

/// What some run has and is better one way or the other.
void SweetSpotPage::offerChoices() {
    const auto& runs = *runs_;
    std::vector<std::string> metrics;
    const auto had = metrics_of_runs(runs);
    for (const MetricInfo& metric : metric_catalogue)
        if (metric.better != Better::neither && had.contains(metric.name) &&
            hasAny(runs, metric.name))
            metrics.emplace_back(metric.name);
    if (metrics == metrics_ && x_->count() > 0) return;
    const std::string x = chosen(x_), y = chosen(y_), colour = chosen(colour_);
    metrics_ = metrics;
    for (Select* each : {x_, y_, colour_}) each->clear();
    colour_->addItem(tr("variant"), QString());
    for (const std::string& metric : metrics_)
        for (Select* each : {x_, y_, colour_})
            each->addItem(metricTitle(metric), QString::fromStdString(metric));
    const auto first = [&](std::initializer_list<const char*> names) {
        for (const char* name : names)
            if (std::find(metrics_.begin(), metrics_.end(), name) != metrics_.end())
                return std::string(name);
        return metrics_.empty() ? std::string() : metrics_.front();
    };
    select(x_, x.empty() ? first({"peak_bytes"}) : x);
    select(y_, y.empty() ? first({"kilotoken_seconds", "decode_seconds", "step_seconds"}) : y);
    const bool quality = std::any_of(runs.begin(), runs.end(), [](const RunRecord& run) {
        return value_of(run, "perplexity") && !has_random_weights(run);
    });
    select(colour_, !colour.empty() ? colour : quality ? "perplexity" : "");
}

void SweetSpotPage::offerBudgets() {
    const auto& runs = *runs_;
    const auto offer = [&](BudgetField* field, const std::string& metric) {
        const Ends& ends = endsOf(metric);
        if (ends.known()) field->offer(*find_metric(metric), ends.low, ends.high);
    };
    offer(x_budget_, chosen(x_));
    offer(y_budget_, chosen(y_));
    const QualityReference reference = quality_reference(runs, baseline_);
    loss_budget_->setVisible(!reference.metric.empty());
    if (!reference.metric.empty()) {
        const Ends ends = endsOf(std::string(reference.metric));
        loss_budget_->offerLoss(ends.known() ? ends.high / reference.value - 1 : 0.1);
    }
    const bool memory = chosen(x_) == "peak_bytes" || chosen(y_) == "peak_bytes";
    card_size_->setVisible(memory);
}

void SweetSpotPage::weighAndDraw() {
    const auto& runs = *runs_;
    std::vector<std::string> objectives{chosen(y_)};
    const auto add = [&](const std::string& metric) {
        if (std::find(objectives.begin(), objectives.end(), metric) == objectives.end())
            objectives.push_back(metric);
    };
    add(chosen(x_));
    const bool shaded = !chosen(colour_).empty();
    third_->setVisible(shaded);
    if (shaded && third_->isChecked()) add(chosen(colour_));
    spots_ = weigh(runs, objectives, baseline_);
    QStringList why;
    std::map<std::string, int> reasons;
    for (const LeftOut& left : spots_.left_out) ++reasons[left.why];
    for (const auto& [reason, count] : reasons)
        why << tr("%1 %2").arg(counted(count, tr("run")), QString::fromStdString(reason));
    left_out_->setText(tr("%1 not weighed").arg(spots_.left_out.size()));
    left_out_->setToolTip(why.join('\n'));
    left_out_->setVisible(!spots_.left_out.empty());
    left_out_->updateGeometry();
    if (spots_.points.empty()) // an empty plot would not say why
        said_->tell(Tone::warn, tr("No run can be weighed by these two."), why.join("; "));
    else if (std::exchange(nothing_weighed_, false))
        said_->clear();
    nothing_weighed_ = spots_.points.empty();
    draw();
    recommendNow();
}

void SweetSpotPage::draw() {
    if (!logs_chosen_) {
        const auto wide = [&](const std::string& metric) {
            const Ends ends = endsOf(metric);
            return ends.low > 0 && ends.high / ends.low > wide_range;
        };
        log_x_->setChecked(wide(chosen(x_)));
        log_y_->setChecked(wide(chosen(y_)));
    }
    range_ = {NAN, NAN, NAN, NAN}; // a limit that is open has no part in the range
    plot_->setSpecs({specOf()});
    plot_->views().front()->setDescriber(
        [this](const QList<qint64>& ids) { return readoutOf(ids); });
    range_ = plot_->views().front()->fullRange();
    plot_->setSelected(session_.selection().runs());
    plot_->setExportWords(context(),
                          tr("%1 by %2").arg(metricTitle(chosen(y_)), metricTitle(chosen(x_))));
    moveLimits();
}

std::vector<Budget> SweetSpotPage::budgets() const {
    std::vector<Budget> all = extra_;
    for (const BudgetField* field : {x_budget_, y_budget_, loss_budget_})
        if (const auto budget = field->budget(); budget && !field->isHidden())
            all.push_back(*budget);
    return all;
}

const RunRecord* SweetSpotPage::runOf(qint64 id) const {
    const auto& runs = *runs_;
    const auto found =
        std::find_if(runs.begin(), runs.end(), [id](const RunRecord& run) { return run.id == id; });
    return found == runs.end() ? nullptr : &*found;
}

const RunRecord* SweetSpotPage::findBaseline() const {
    const RunRecord* chosen = runOf(session_.selection().baseline());
    return chosen && chosen->status == RunStatus::done ? chosen : default_baseline(*runs_);
}

void SweetSpotPage::recommendNow() {
    const auto& runs = *runs_;
    if (plot_->views().isEmpty()) return;
    found_ = recommend(runs, spots_, budgets(), baseline_);
    if (isLive())
        for (std::size_t i = 0; i < runs.size(); ++i)
            if (runs[i].id == picked_) keep_recommended(found_, i);
    const auto at = found_.pick ? found_.pick : found_.nearest;
    const qint64 before = std::exchange(picked_, at ? runs[*at].id : 0);
    if (picked_ != before) picked_at_ = int(spots_.points.size());
    PlotMark mark{.id = picked_};
    if (at)
        mark.name = (found_.pick ? tr("Sweet spot, #%1\n%2") : tr("Nearest, #%1\n%2"))
                        .arg(picked_)
                        .arg(runLabel(runs[*at].config, varying_).replace(", ", "\n"))
                        .toStdString();
    plot_->views().front()->setMark(mark);
    column_->name(runs, found_, baseline_, varying_);
    tellStable();
    explain_.start();
}

bool SweetSpotPage::isLive() const {
    return session_.progress().active &&
           session_.progress().sweep_id == session_.selection().sweep();
}

void SweetSpotPage::tellStable() {
    const int since = int(spots_.points.size()) - picked_at_;
    column_->setStable(isLive() && since > 0
                           ? tr("the same for the last %1").arg(counted(since, tr("point")))
                           : QString());
}

void SweetSpotPage::explainNow() {
    const auto& runs = *runs_;
    explanation_ = {};
    if (found_.pick) explanation_ = sweetspot::explain(runs, spots_, found_, baseline_);
    column_->explain(runs, spots_, explanation_, varying_);
}

/// "batch>=8" becomes a chip that its cross takes away.
void SweetSpotPage::addBudget() {
    const QString typed = more_->text().trimmed();
    if (typed.isEmpty()) return;
    try {
        extra_.push_back(read_budget(typed.toStdString()));
    } catch (const Error& e) {
        setWrong(more_, true);
        said_->tell(Tone::warn, QString::fromStdString(e.what()), {}, tr("Dismiss"));
        return;
    }
    setWrong(more_, false);
    said_->clear();
    more_->clear();
    auto* chip = new Chip(QString::fromStdString(to_text(extra_.back())), Tone::accent);
    chip->setRemovable(true);
    more_chips_->addWidget(chip);
    connect(chip, &Chip::removed, this, [this, chip, budget = extra_.back()] {
        extra_.erase(std::find(extra_.begin(), extra_.end(), budget));
        chip->deleteLater();
        recommendNow();
    });
    recommendNow();
}

/// Of a run that has no point, why; of several at one place, each reason once.
PointReadout SweetSpotPage::readoutOf(const QList<qint64>& ids) const {
    const RunRecord* run = runOf(ids.front());
    if (!run) return {};
    PointReadout read{QString("#%1 %2").arg(run->id).arg(runLabel(run->config, varying_)), {}, {}};
    if (run->status != RunStatus::done) {
        QMap<QString, int> why;
        for (const qint64 id : ids)
            if (const RunRecord* each = runOf(id)) ++why[reasonOf(*each)];
        QStringList all;
        for (auto reason = why.begin(); reason != why.end() && all.size() < most_reasons; ++reason)
            all << (*reason > 1 ? tr("%1 × %2").arg(*reason).arg(reason.key()) : reason.key());
        if (why.size() > most_reasons)
            all << tr("and %1 other reasons").arg(why.size() - most_reasons);
        const QString what = run->status == RunStatus::impossible ? tr("impossible") : tr("failed");
        read.title = ids.size() > 1 ? QString("%1 %2").arg(counted(ids.size(), tr("run")), what)
                                    : QString("%1, %2").arg(read.title, what);
        read.note = all.join('\n');
        return read;
    }
    for (const std::string& name : metrics_) {
        const MetricInfo& metric = *find_metric(name);
        const bool shown =
            metric.usual > 0 || name == chosen(x_) || name == chosen(y_) || name == chosen(colour_);
        const auto value = shown ? value_of(*run, name) : std::nullopt;
        if (value)
            // Runs differ by little in their quality.
            read.lines << HoverCard::Line{
                metricTitle(name),
                metric.judged == Judgement::quality
                    ? tableNumber(*value, 5)
                    : QString::fromStdString(format_value(*value, metric.unit)),
                theme().neutral, Marker::disc};
    }
    return read;
}

void SweetSpotPage::choose(const std::string& x, const std::string& y, const std::string& colour) {
    select(x_, x);
    select(y_, y);
    select(colour_, colour);
    logs_chosen_ = false;
    offerBudgets();
    weighAndDraw();
}

void SweetSpotPage::showSelection(const QSet<qint64>& ids) {
    plot_->setSelected(ids);
}

} // namespace sweetspot::gui
