#include "app/gui/pages/quality_page.h"
#include "app/analysis/budget.h"
#include "app/analysis/columns.h"
#include "app/analysis/format.h"
#include "app/analysis/quality.h"
#include "app/analysis/run_plots.h"
#include "app/analysis/series.h"
#include "app/gui/models/run_text.h"
#include "app/gui/pages/quality_table.h"
#include "app/gui/pages/reference_card.h"
#include "app/gui/pages/texts_card.h"
#include "app/gui/plot/legend.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/message.h"
#include <QLabel>
#include <algorithm>
#include <cmath>

// Explain: what was paid in quality. Loss and perplexity are held against a reference by compare(),
// which refuses what was scored on other tokens; differences are drawn, since bars of perplexity
// itself would all look alike.

namespace sweetspot::gui {
namespace {

constexpr int refresh_ms = 1000;
constexpr std::size_t most_bars = 40, most_named = 8; // of more, bars have a number only

void clear(QLayout& layout) {
    while (QLayoutItem* item = layout.takeAt(0)) {
        delete item->widget();
        delete item;
    }
}

} // namespace

QualityPage::QualityPage(Session& session)
    : SweepPage(session,
                {Icon::quality, tr("No run here has a quality"),
                 tr("Perplexity and loss stand here when a sweep measures them: set quality to "
                    "perplexity, or choose that task, with weights from a file."),
                 tr("New experiment"), ViewId::experiment}) {
    refresh_.setSingleShot(true);
    connect(&refresh_, &QTimer::timeout, this, &QualityPage::takeRuns);
    setContent(makeContent());
    connect(&session_.selection(), &Selection::baselineChanged, this, [this] {
        if (isVisible()) takeRuns();
    });
    connect(&session_.selection(), &Selection::runChanged, this, [this] {
        if (!isVisible() || isEmpty()) return;
        showVerdicts();
        showTexts();
        askDetails();
    });
    connect(&session_, &Session::detailsLoaded, this, &QualityPage::takeDetails);
    addPickActions();
}

QWidget* QualityPage::makeContent() {
    said_ = new MessageStrip;
    said_->clear();
    verdicts_ = new FlowLayout(8, 6);
    auto* verdicts = new QWidget;
    verdicts->setLayout(verdicts_);
    reference_ = new Chip({}, Tone::neutral, Icon::pin);
    reference_->setShrinkable();
    weights_ = new Chip({}, Tone::good, Icon::file);
    run_ = new ElidedLabel({}, 13, QFont::DemiBold);
    auto* head = row({run_, caption(tr("reference")), reference_, weights_});
    head->setStretch(0, 1);

    plot_card_ = new Card(tr("Difference to the reference"), tr("0 is a tie with it"));
    plot_ = new PlotGroup;
    plot_card_->head()->addWidget(plot_->legend(), 0, Qt::AlignVCenter);
    plot_->legend()->show();
    plot_card_->head()->addWidget(plot_->makeExportButton());
    plot_card_->body()->addWidget(plot_, 1);
    plot_->setMinimumHeight(190);

    table_ = new QualityTable;
    against_ = new ReferenceCard;
    texts_ = new TextsCard;
    auto* set = button(tr("Set the reference"), Icon::pin);
    set->setToolTip(tr("Makes the chosen run the baseline that all are held against (Ctrl+B)"));
    addTopWidget(set);

    auto* content = new QWidget;
    auto* layout = column({}, 12);
    layout->addLayout(head);
    layout->addWidget(verdicts);
    told_ = caption({});
    told_->setWordWrap(true);
    told_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    layout->addWidget(told_);
    auto* plots = row({}, 12);
    plots->addWidget(plot_card_, 1);
    plots->addWidget(against_, 1);
    curves_card_ = new Card(tr("Loss curves"), tr("step by step"));
    curves_ = new PlotGroup;
    curves_card_->head()->addWidget(curves_->makeExportButton());
    curves_card_->body()->addWidget(curves_->legend());
    curves_->legend()->show();
    curves_card_->body()->addWidget(curves_, 1);
    curves_->setMinimumHeight(150);
    plots->addWidget(curves_card_, 1);
    alone_ = emptyPage(new EmptyState(
        Icon::quality, tr("Nothing to hold it against"),
        tr("One run here has a quality. Measure another, or the same with a reference.")));
    alone_->layout()->setContentsMargins(0, 0, 0, 0);
    plots->addWidget(alone_, 1);
    layout->addLayout(plots, 6);
    layout->addWidget(texts_, 3);
    layout->addWidget(table_, 4);
    layout->setContentsMargins(24, 16, 24, 16);
    content->setLayout(layout);
    said_->floatOver(content);

    connect(set, &QPushButton::clicked, this, [this] {
        if (const qint64 run = session_.selection().run()) session_.selection().setBaseline(run);
    });
    connect(said_, &MessageStrip::actionRequested, said_, &MessageStrip::clear);
    connect(plot_, &PlotGroup::pointClicked, this,
            [this](qint64 id) { session_.selection().setRuns({id}); });
    const auto exported = [this](const QString& text, bool ok) {
        said_->tell(ok ? Tone::good : Tone::bad, text, {}, tr("Dismiss"));
    };
    connect(plot_, &PlotGroup::exported, this, exported);
    connect(curves_, &PlotGroup::exported, this, exported);
    connect(curves_, &PlotGroup::pointClicked, this,
            [this](qint64 id) { session_.selection().setRuns({id}); });
    connect(against_, &ReferenceCard::exported, this, exported);
    connect(against_, &ReferenceCard::toleranceChanged, this, &QualityPage::tell);
    connect(table_, &QualityTable::exported, this,
            [this](const QString& text) { said_->tell(Tone::info, text, {}, tr("Dismiss")); });
    connect(table_, &QualityTable::runChosen, this,
            [this](qint64 id) { session_.selection().setRuns({id}); });
    return content;
}

void QualityPage::hear() {
    if (refresh_.isActive()) return;
    if (session_.progress().active)
        refresh_.start(refresh_ms);
    else
        takeRuns();
}

const RunRecord* QualityPage::findReference() const {
    const auto& runs = *runs_;
    const auto find = [&](std::int64_t id) -> const RunRecord* {
        for (const RunRecord& run : runs)
            if (run.id == id && id != 0) return &run;
        return nullptr;
    };
    const RunRecord* chosen = find(session_.selection().baseline());
    const QualityReference found =
        quality_reference(runs, chosen && chosen->status == RunStatus::done ? chosen : nullptr);
    return find(found.run_id);
}

const RunRecord* QualityPage::explained() const {
    const RunRecord* furthest = nullptr;
    for (const RunRecord& run : *runs_) {
        if (run.id == session_.selection().run() && value_of(run, metric_)) return &run;
        if (run.id == furthest_) furthest = &run;
    }
    if (furthest) return furthest;
    for (const RunRecord& run : *runs_) // held against a run of another experiment
        if (run.status == RunStatus::done && run.scored && !run.scored->reference.empty())
            return &run;
    return nullptr;
}

void QualityPage::takeRuns() {
    if (!isVisible()) return outdate();
    runs_ = session_.runs();
    varying_ = varying_fields(*runs_);
    const RunRecord* reference = reference_run_ = findReference();
    const bool texts = std::any_of(runs_->begin(), runs_->end(), hasText);
    showEmpty(!reference && !texts);
    plot_card_->setVisible(reference);
    table_->setVisible(reference);
    reference_->setVisible(reference);
    weights_->setVisible(reference);
    if (reference) {
        metric_ = value_of(*reference, "perplexity") ? "perplexity" : "loss_nats";
        auto rows = rowsOf();
        double most = 0;
        furthest_ = 0;
        for (const QualityRow& row : rows)
            if (!row.is_reference && row.verdict != Verdict::not_comparable &&
                (!furthest_ || std::abs(row.change) > most)) {
                furthest_ = row.run->id;
                most = std::abs(row.change);
            }
        showReference();
        askIntervals(rows);
        showPlot(rows);
        table_->present(std::move(rows), runs_, metric_);
    }
    if (isEmpty()) return;
    const sweetspot::Plot curves = loss_curves(*runs_, *session_.earlierSteps());
    curves_card_->setNote(curves.note.empty() ? tr("step by step")
                                              : QString::fromStdString(curves.note));
    curves_card_->setVisible(!curves.facets.empty());
    if (!curves.facets.empty()) curves_->setSpecs(curves.facets);
    curves_->setExportWords(context(), tr("loss curves"));
    showVerdicts();
    showTexts();
    askDetails();
    showSelection(session_.selection().runs());
}

std::vector<QualityRow> QualityPage::rowsOf() const {
    const RunRecord& reference = *reference_run_;
    std::vector<QualityRow> rows;
    const double base = *value_of(reference, metric_);
    for (const RunRecord& run : *runs_) {
        const auto value =
            run.status == RunStatus::done ? value_of(run, metric_) : std::optional<double>();
        if (!value) continue;
        QualityRow row{.run = &run, .value = *value, .change = *value - base};
        row.is_reference = &run == &reference;
        if (!row.is_reference) {
            const auto found = compare_metric(reference, run, *find_metric(metric_));
            row.verdict = found.verdict;
            row.why = QString::fromStdString(found.needs);
            if (const auto known = intervals_.find(run.id);
                known != intervals_.end() && asked_intervals_ == reference.id)
                row.interval = known->second;
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

QString QualityPage::reference() const {
    return reference_->text();
}

void QualityPage::showReference() {
    const RunRecord& reference = *reference_run_;
    reference_->setText(
        QString("#%1 %2").arg(reference.id).arg(runLabel(reference.config, varying_)));
    reference_->setToolTip(reference_->text());
    const bool random = has_random_weights(reference);
    weights_->setTone(random ? Tone::warn : Tone::good, random ? Icon::dice : Icon::file);
    weights_->setText(random ? tr("random weights: they mean nothing")
                      : reference.config.task == Task::train ? tr("weights as trained")
                                                             : tr("weights from file"));
    for (Chip* chip : {reference_, weights_}) chip->updateGeometry();
}

QString QualityPage::verdicts() const {
    QStringList all;
    for (int i = 0; i < verdicts_->count(); ++i)
        all << verdicts_->itemAt(i)->widget()->accessibleName();
    return all.join("; ");
}

/// The loss against the reference run's; of a run with kept logits to go by, how far it is off.
void QualityPage::showVerdicts() {
    clear(*verdicts_);
    const RunRecord *reference = reference_run_, *run = explained();
    const bool two = reference && run && run != reference,
               kept = run && run->scored && !run->scored->reference.empty();
    run_->setText(two || kept ? QString("#%1 %2").arg(run->id).arg(runLabel(run->config, varying_))
                              : tr("choose a run to hold it against the reference"));
    if (two)
        for (const MetricComparison& metric : compare(*reference, *run).metrics) {
            if (metric.metric != metric_) continue;
            const bool told = metric.verdict == Verdict::better || metric.verdict == Verdict::worse;
            auto* chip = new VerdictChip(
                toneOf(metric.verdict), told ? Icon::alert : Icon::equal,
                (wordOf(metric.verdict) + ' ' + metricTitle(metric.metric)).toUpper(),
                signedNumber(metric.b - metric.a),
                tr("%1 %").arg(signedNumber(100 * (metric.ratio - 1), 2)));
            chip->setToolTip(QString::fromStdString(metric.needs));
            verdicts_->addWidget(chip);
        }
    if (!kept) return;
    for (const char* metric : {"kl_mean", "top1_agreement", "logit_difference_max"})
        if (const auto value = value_of(*run, metric))
            verdicts_->addWidget(new VerdictChip(
                Tone::neutral, Icon::equal, metricTitle(metric).toUpper(),
                QString::fromStdString(format_value(*value, find_metric(metric)->unit)),
                tr("to %1").arg(QString::fromStdString(run->scored->reference))));
}

/// Token losses, bins and layers are read when a run is chosen: they are much.
void QualityPage::askDetails() {
    const RunRecord *reference = reference_run_, *run = explained();
    const qint64 of_reference = reference ? reference->id : 0, of_run = run ? run->id : 0;
    if (of_reference != asked_reference_ || of_run != asked_run_) {
        details_reference_ = details_run_ = nullptr;
        asked_reference_ = of_reference;
        asked_run_ = of_run;
        if (of_run) session_.loadDetails(of_run);
        if (of_run && of_reference && of_reference != of_run) session_.loadDetails(of_reference);
    }
    showDetails();
}

/// The losses of each token, of as many runs as are drawn: read once, while nothing is measured.
void QualityPage::askIntervals(const std::vector<QualityRow>& rows) {
    const qint64 reference = reference_run_->id;
    if (std::exchange(asked_intervals_, reference) != reference) {
        intervals_.clear();
        asked_.clear();
        reading_.clear();
        reference_losses_ = nullptr;
    }
    if (session_.progress().active || metric_ != "perplexity" || rows.size() > most_bars + 1)
        return;
    std::vector<qint64> wanted;
    for (const QualityRow& row : rows)
        if (!row.is_reference && row.verdict != Verdict::not_comparable &&
            asked_.insert(row.run->id).second)
            wanted.push_back(row.run->id);
    if (wanted.empty()) return;
    reading_.insert(wanted.begin(), wanted.end());
    if (!reference_losses_) session_.loadDetails(reference); // comes before the others
    for (const qint64 run : wanted) session_.loadDetails(run);
}

void QualityPage::takeDetails(const std::shared_ptr<const RunRecord>& details) {
    if (details->id == asked_intervals_) reference_losses_ = details;
    if (reading_.contains(details->id) && reference_losses_) {
        if (const auto paired = paired_loss(*reference_losses_, *details))
            intervals_[details->id] = *paired;
        reading_.erase(details->id);
        if (reading_.empty() && !intervals_.empty() && !refresh_.isActive()) refresh_.start(0);
    }
    if (details->id == asked_run_) details_run_ = details;
    if (details->id == asked_reference_) details_reference_ = details;
    if (details->id == asked_run_ || details->id == asked_reference_) showDetails();
}

QString QualityPage::told() const {
    return told_->isHidden() ? QString() : told_->text();
}

void QualityPage::showDetails() {
    tell();
    against_->present(details_run_);
    alone_->setVisible(plot_card_->isHidden() && against_->isHidden() && curves_card_->isHidden() &&
                       !table_->isHidden());
}

void QualityPage::tell() {
    QStringList said;
    // Of the two, the page tells how far the chosen one is from what was kept.
    std::vector<std::string> sentences;
    if (details_run_) sentences = explain_reference(*details_run_, against_->tolerance());
    if (details_run_ && details_reference_ && details_run_ != details_reference_ &&
        paired_loss(*details_reference_, *details_run_))
        said << QString::fromStdString(explain_quality(*details_reference_, *details_run_).front());
    for (const std::string& sentence : sentences) said << QString::fromStdString(sentence);
    told_->setText(said.join('\n'));
    told_->setVisible(!said.isEmpty());
}

void QualityPage::showTexts() {
    const Selection& selection = session_.selection();
    texts_->present(*runs_, selection.baseline(), selection.run());
}

/// The worst first; a tie is no bar at all.
void QualityPage::showPlot(const std::vector<QualityRow>& rows) {
    std::vector<const QualityRow*> order;
    for (const QualityRow& row : rows)
        if (!row.is_reference && row.verdict != Verdict::not_comparable) order.push_back(&row);
    std::stable_sort(order.begin(), order.end(), [](const QualityRow* a, const QualityRow* b) {
        return std::abs(a->change) > std::abs(b->change);
    });
    const std::size_t all = order.size();
    order.resize(std::min(order.size(), most_bars));
    PlotSpec spec{.x = {.name = "run", .title = tr("Run").toStdString()},
                  .y = {.name = metric_,
                        .title = tr("Change of the %1").arg(metricTitle(metric_)).toStdString(),
                        .from_zero = true},
                  .kind = PlotKind::bars};
    const bool told =
        std::ranges::any_of(order, [](const QualityRow* row) { return row->interval.has_value(); });
    if (told) spec.y.detail = tr("with its 95 % interval").toStdString();
    spec.series = {{.name = tr("worse").toStdString(), .slot = 3},
                   {.name = tr("better").toStdString(), .slot = 2},
                   {.name = tr("the same").toStdString(), .slot = -1}};
    for (const QualityRow* row : order) {
        PlotSeries& series = spec.series[row->verdict == Verdict::worse    ? 0
                                         : row->verdict == Verdict::better ? 1
                                                                           : 2];
        series.x.push_back(double(spec.x.categories.size()));
        series.y.push_back(row->change);
        if (told) {
            const auto& interval = row->interval;
            series.lo.push_back(interval ? interval->difference_low : row->change);
            series.hi.push_back(interval ? interval->difference_high : row->change);
        }
        series.ids.push_back(row->run->id);
        QString name = QString("#%1").arg(row->run->id);
        if (order.size() <= most_named) name += ' ' + runLabel(row->run->config, varying_);
        spec.x.categories.push_back(name.toStdString());
    }
    std::erase_if(spec.series, [](const PlotSeries& series) { return series.x.empty(); });
    plot_card_->setNote(all > most_bars ? tr("the %1 largest of %2").arg(most_bars).arg(all)
                                        : tr("0 is a tie with it"));
    plot_card_->setVisible(!order.empty());
    plot_->setSpecs({spec});
    plot_->setExportWords(context(), metricTitle(metric_));
}

void QualityPage::showSelection(const QSet<qint64>& ids) {
    plot_->setSelected(ids);
}

} // namespace sweetspot::gui
