#include "app/gui/pages/quality_page.h"
#include "app/analysis/budget.h"
#include "app/analysis/columns.h"
#include "app/analysis/format.h"
#include "app/analysis/quality.h"
#include "app/analysis/run_plots.h"
#include "app/gui/models/run_text.h"
#include "app/gui/plot/legend.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/table/csv.h"
#include "app/gui/table/table_view.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/message.h"
#include <QFileInfo>
#include <QLabel>
#include <QStandardItemModel>
#include <QTextEdit>
#include <algorithm>
#include <cmath>

// Explain: what was paid in quality. Loss and perplexity are held against a reference by compare(),
// which refuses what was scored on other tokens; differences are drawn, since bars of perplexity
// itself would all look alike.

namespace sweetspot::gui {
namespace {

constexpr int refresh_ms = 1000;
constexpr std::size_t most_bars = 40, most_named = 8; // of more, bars have a number only
constexpr int run_role = Qt::UserRole + 100;          ///< beyond our table roles

const char* const generated = "generated";

void clear(QLayout& layout) {
    while (QLayoutItem* item = layout.takeAt(0)) {
        delete item->widget();
        delete item;
    }
}

QString signedNumber(double value, int digits = 3) {
    return (value > 0 ? "+" : "") + tableNumber(value, digits);
}

QString titleOf(const std::string& metric) {
    const MetricInfo& info = *find_metric(metric);
    return QString::fromUtf8(info.title.data(), qsizetype(info.title.size()));
}

QString wordOf(Verdict verdict) {
    return QString::fromStdString(std::string(to_text(verdict)));
}

Tone toneOf(Verdict verdict) {
    return verdict == Verdict::better  ? Tone::good
           : verdict == Verdict::worse ? Tone::bad
           : verdict == Verdict::same  ? Tone::neutral
                                       : Tone::info;
}

} // namespace

struct QualityPage::Row {
    const RunRecord* run = nullptr;
    double value = 0, change = 0; ///< of the metric, and against the reference
    Verdict verdict = Verdict::same;
    QString why{};
    bool is_reference = false;
};

qsizetype firstDifference(const QString& a, const QString& b) {
    const qsizetype shared = std::min(a.size(), b.size());
    for (qsizetype i = 0; i < shared; ++i)
        if (a[i] != b[i]) return i;
    return a.size() == b.size() ? -1 : shared;
}

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
    auto* head = row({verdicts, caption(tr("reference")), reference_, weights_});
    head->setStretch(0, 1);

    plot_card_ = new Card(tr("Difference to the reference"), tr("0 is a tie with it"));
    plot_ = new PlotGroup;
    plot_card_->head()->addWidget(plot_->legend());
    plot_->legend()->show();
    plot_card_->head()->addWidget(plot_->makeExportButton());
    plot_card_->body()->addWidget(plot_, 1);
    plot_->setMinimumHeight(190);

    model_ = new QStandardItemModel(0, 0, this);
    table_ = new TableView;
    table_->setModel(model_);
    model_->setSortRole(sort_role);
    table_->setSortingEnabled(true);
    table_->setMinimumHeight(150);
    table_->setCornerWidget(new QWidget); // the style would paint its own between the bars
    table_->setAccessibleName(tr("Quality of the runs"));
    auto* metrics = new Card(tr("Metrics"), tr("on the same rows as memory and time"));
    auto* save = iconButton(Icon::download, tr("Export the table as CSV"));
    metrics->head()->addWidget(save);
    metrics->body()->addWidget(table_, 1);
    auto* set = button(tr("Set the reference"), Icon::pin);
    set->setToolTip(tr("Makes the chosen run the baseline that all are held against (Ctrl+B)"));
    addTopWidget(set);

    auto* content = new QWidget;
    auto* layout = column({said_}, 12);
    layout->addLayout(head);
    told_ = caption({});
    told_->setWordWrap(true);
    told_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    layout->addWidget(told_);
    auto* plots = row({}, 12);
    plots->addWidget(plot_card_, 1);
    plots->addWidget(makeDifferences(), 1);
    layout->addLayout(plots, 5);
    layout->addWidget(makeTexts(), 3);
    layout->addWidget(metrics, 5);
    layout->setContentsMargins(24, 16, 24, 16);
    content->setLayout(layout);

    connect(set, &QPushButton::clicked, this, [this] {
        if (const qint64 run = session_.selection().run()) session_.selection().setBaseline(run);
    });
    connect(save, &QPushButton::clicked, this, [this] {
        const QString said = askAndExportCsv(this, *model_, tr("quality"));
        if (!said.isEmpty()) said_->tell(Tone::info, said, {}, tr("Dismiss"));
    });
    connect(said_, &MessageStrip::actionRequested, said_, &MessageStrip::clear);
    connect(plot_, &PlotGroup::pointClicked, this,
            [this](qint64 id) { session_.selection().setRuns({id}); });
    connect(plot_, &PlotGroup::exported, this, [this](const QString& text, bool ok) {
        said_->tell(ok ? Tone::good : Tone::bad, text, {}, tr("Dismiss"));
    });
    connect(table_, &TableView::rowsSelected, this, [this](const QList<int>& rows) {
        if (!filling_ && !rows.isEmpty())
            session_.selection().setRuns({model_->index(rows[0], 0).data(run_role).toLongLong()});
    });
    return content;
}

Card* QualityPage::makeDifferences() {
    differences_card_ = new Card(tr("Logits and layers"), tr("of the chosen run"));
    differences_ = new PlotGroup;
    layers_ = new PlotGroup;
    differences_card_->head()->addWidget(layers_->legend());
    layers_->legend()->show();
    auto* both = row({}, 8);
    for (PlotGroup* plot : {differences_, layers_}) {
        plot->setMinimumHeight(150);
        both->addWidget(plot, 1);
    }
    differences_card_->body()->addLayout(both, 1);
    differences_card_->hide();
    return differences_card_;
}

Card* QualityPage::makeTexts() {
    texts_ = new Card(tr("Generated texts"), tr("the first difference is marked"));
    auto* both = row({}, 12);
    for (auto [text, head] :
         {std::pair(&text_a_, &text_head_a_), std::pair(&text_b_, &text_head_b_)}) {
        *text = new QTextEdit;
        (*text)->setReadOnly(true);
        (*text)->setMinimumHeight(72);
        *head = caption({});
        auto* side = column({*head, *text}, 4);
        both->addLayout(side, 1);
    }
    text_a_->setAccessibleName(tr("Text of the reference"));
    text_b_->setAccessibleName(tr("Text of the chosen run"));
    texts_->body()->addLayout(both);
    return texts_;
}

void QualityPage::hear() {
    if (refresh_.isActive()) return;
    if (session_.progress().active)
        refresh_.start(refresh_ms);
    else
        takeRuns();
}

const RunRecord* QualityPage::referenceRun() const {
    const auto& runs = *session_.runs();
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
    for (const RunRecord& run : *session_.runs())
        if (run.id == session_.selection().run() && value_of(run, metric_)) return &run;
    return nullptr;
}

void QualityPage::takeRuns() {
    if (!isVisible()) return;
    const RunRecord* reference = referenceRun();
    const bool texts =
        std::any_of(session_.runs()->begin(), session_.runs()->end(),
                    [](const RunRecord& run) { return run.texts.contains(generated); });
    showEmpty(!reference && !texts);
    plot_card_->setVisible(reference);
    table_->parentWidget()->setVisible(reference);
    reference_->setVisible(reference);
    weights_->setVisible(reference);
    if (reference) {
        metric_ = value_of(*reference, "perplexity") ? "perplexity" : "loss_nats";
        const auto rows = rowsOf(*reference);
        showReference(*reference);
        showPlot(rows);
        showTable(rows);
    }
    if (isEmpty()) return;
    showVerdicts();
    showTexts();
    askDetails();
    showSelection(session_.selection().runs());
}

std::vector<QualityPage::Row> QualityPage::rowsOf(const RunRecord& reference) const {
    std::vector<Row> rows;
    const double base = *value_of(reference, metric_);
    for (const RunRecord& run : *session_.runs()) {
        const auto value =
            run.status == RunStatus::done ? value_of(run, metric_) : std::optional<double>();
        if (!value) continue;
        Row row{.run = &run, .value = *value, .change = *value - base};
        row.is_reference = &run == &reference;
        if (!row.is_reference)
            for (const MetricComparison& metric : compare(reference, run).metrics)
                if (metric.metric == metric_) {
                    row.verdict = metric.verdict;
                    row.why = QString::fromStdString(metric.needs);
                }
        rows.push_back(std::move(row));
    }
    return rows;
}

QString QualityPage::reference() const {
    return reference_->text();
}

void QualityPage::showReference(const RunRecord& reference) {
    const auto varying = varying_fields(*session_.runs());
    reference_->setText(
        QString("#%1 %2").arg(reference.id).arg(runLabel(reference.config, varying)));
    reference_->setToolTip(reference_->text());
    const bool random = has_random_weights(reference);
    weights_->setTone(random ? Tone::warn : Tone::good, random ? Icon::dice : Icon::file);
    weights_->setText(random ? tr("random weights: they mean nothing") : tr("weights from file"));
    for (Chip* chip : {reference_, weights_}) chip->updateGeometry();
}

QString QualityPage::verdicts() const {
    QStringList all;
    for (int i = 0; i < verdicts_->count(); ++i)
        all << verdicts_->itemAt(i)->widget()->accessibleName();
    return all.join("; ");
}

void QualityPage::showVerdicts() {
    clear(*verdicts_);
    const RunRecord *reference = referenceRun(), *run = explained();
    if (!reference || !run || run == reference) {
        verdicts_->addWidget(caption(tr("choose a run to hold it against the reference")));
        return;
    }
    for (const MetricComparison& metric : compare(*reference, *run).metrics) {
        if (!shows_quality(metric.metric)) continue;
        const bool told = metric.verdict == Verdict::better || metric.verdict == Verdict::worse;
        auto* chip =
            new VerdictChip(toneOf(metric.verdict), told ? Icon::alert : Icon::equal,
                            (wordOf(metric.verdict) + ' ' + titleOf(metric.metric)).toUpper(),
                            signedNumber(metric.b - metric.a),
                            tr("%1 %").arg(signedNumber(100 * (metric.ratio - 1), 2)));
        chip->setToolTip(QString::fromStdString(metric.needs));
        verdicts_->addWidget(chip);
    }
}

/// Token losses, bins and layers are read when a run is chosen: they are much.
void QualityPage::askDetails() {
    const RunRecord *reference = referenceRun(), *run = explained();
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

void QualityPage::takeDetails(const std::shared_ptr<const RunRecord>& details) {
    if (details->id == asked_run_) details_run_ = details;
    if (details->id == asked_reference_) details_reference_ = details;
    if (details->id == asked_run_ || details->id == asked_reference_) showDetails();
}

QString QualityPage::told() const {
    return told_->isHidden() ? QString() : told_->text();
}

void QualityPage::showDetails() {
    QStringList said;
    const bool both = details_run_ && details_reference_ && details_run_ != details_reference_;
    if (details_run_)
        for (const std::string& text : both ? explain_quality(*details_reference_, *details_run_)
                                            : explain_reference(*details_run_))
            said << QString::fromStdString(text);
    told_->setText(said.join('\n'));
    told_->setVisible(!said.isEmpty());
    const bool compared = details_run_ && !details_run_->difference_bins.empty();
    differences_card_->setVisible(compared);
    if (!compared) return;
    differences_card_->setNote(tr("#%1 against %2")
                                   .arg(details_run_->id)
                                   .arg(QString::fromStdString(details_run_->scored->reference)));
    differences_->setSpecs({difference_plot(*details_run_)});
    layers_->setSpecs({layer_plot(*details_run_)});
}

/// The worst first; a tie is no bar at all.
void QualityPage::showPlot(const std::vector<Row>& rows) {
    const auto varying = varying_fields(*session_.runs());
    std::vector<const Row*> order;
    for (const Row& row : rows)
        if (!row.is_reference && row.verdict != Verdict::not_comparable) order.push_back(&row);
    std::stable_sort(order.begin(), order.end(), [](const Row* a, const Row* b) {
        return std::abs(a->change) > std::abs(b->change);
    });
    const std::size_t all = order.size();
    order.resize(std::min(order.size(), most_bars));
    PlotSpec spec{.x = {.name = "run", .title = tr("Run").toStdString()},
                  .y = {.name = metric_,
                        .title = tr("Change of the %1").arg(titleOf(metric_)).toStdString(),
                        .from_zero = true},
                  .kind = PlotKind::floating};
    spec.series = {{.name = tr("worse").toStdString(), .slot = 3},
                   {.name = tr("better").toStdString(), .slot = 2},
                   {.name = tr("the same").toStdString(), .slot = -1}};
    for (const Row* row : order) {
        PlotSeries& series = spec.series[row->verdict == Verdict::worse    ? 0
                                         : row->verdict == Verdict::better ? 1
                                                                           : 2];
        series.x.push_back(double(spec.x.categories.size()));
        series.y.push_back(row->change);
        series.lo.push_back(std::min(0.0, row->change));
        series.hi.push_back(std::max(0.0, row->change));
        series.ids.push_back(row->run->id);
        QString name = QString("#%1").arg(row->run->id);
        if (order.size() <= most_named) name += ' ' + runLabel(row->run->config, varying);
        spec.x.categories.push_back(name.toStdString());
    }
    std::erase_if(spec.series, [](const PlotSeries& series) { return series.x.empty(); });
    plot_card_->setNote(all > most_bars ? tr("the %1 largest of %2").arg(most_bars).arg(all)
                                        : tr("0 is a tie with it"));
    plot_card_->setVisible(!order.empty());
    plot_->setSpecs({spec});
    plot_->setExportWords(context(), titleOf(metric_));
}

void QualityPage::showTable(const std::vector<Row>& rows) {
    const auto varying = varying_fields(*session_.runs());
    struct Head {
        QString title;
        CellKind kind;
        int width;
        QString unit{};
    };
    std::vector<RunColumn> beside;
    for (const RunColumn& column : run_columns(*session_.runs()))
        for (const char* name : {"loss_nats", "scored_tokens", "step_seconds", "peak_bytes"})
            if (column.name == name) beside.push_back(column);
    std::vector<Head> heads{{tr("Run"), CellKind::strong, 240},
                            {titleOf(metric_), CellKind::number, 96},
                            {tr("Change"), CellKind::delta, 96},
                            {tr("Change"), CellKind::delta, 84, "%"}};
    for (const RunColumn& column : beside)
        heads.push_back({QString::fromStdString(column.title), CellKind::number, 136,
                         QString::fromStdString(column.unit)});
    heads.push_back({tr("Weights"), CellKind::chips, 130});
    heads.push_back({tr("Verdict"), CellKind::status, 150});
    filling_ = true;
    model_->clear();
    model_->setColumnCount(int(heads.size()));
    for (int i = 0; i < int(heads.size()); ++i) {
        QString title = heads[size_t(i)].title;
        title[0] = title[0].toUpper();
        model_->setHeaderData(i, Qt::Horizontal, title);
        model_->setHeaderData(i, Qt::Horizontal, int(heads[size_t(i)].kind), kind_role);
        model_->setHeaderData(i, Qt::Horizontal, heads[size_t(i)].width, width_role);
        model_->setHeaderData(i, Qt::Horizontal, heads[size_t(i)].unit, unit_role);
    }
    for (const Row& row : rows) {
        QList<QStandardItem*> items;
        const bool random = has_random_weights(*row.run);
        const auto add = [&](const QString& text, const QVariant& plain) {
            auto* item = new QStandardItem(text);
            item->setData(plain, sort_role);
            item->setData(random, muted_role);
            item->setToolTip(row.why);
            item->setEditable(false);
            items << item;
            return item;
        };
        const QString name =
            QString("#%1 %2").arg(row.run->id).arg(runLabel(row.run->config, varying));
        add(name, double(row.run->id))->setData(qint64(row.run->id), run_role);
        add(tableNumber(row.value, 5), row.value);
        const Tone tone = row.is_reference ? Tone::neutral : toneOf(row.verdict);
        add(row.is_reference ? tr("reference") : signedNumber(row.change), row.change)
            ->setData(int(tone), tone_role);
        const double base = row.value - row.change;
        add(row.is_reference ? QString() : signedNumber(100 * row.change / base, 2),
            row.change / base)
            ->setData(int(tone), tone_role);
        for (const RunColumn& column : beside) {
            const auto value = cell_value(column, *row.run);
            add(value ? tableNumber(cell_text(column, *value)) : QString(), value.value_or(NAN));
        }
        const QString file =
            row.run->weights ? QFileInfo(QString::fromStdString(row.run->weights->path)).fileName()
                             : QString();
        auto* weights = add({}, file);
        weights->setData(QStringList{random ? tr("warn:random") : tr("good:from file")},
                         chips_role);
        weights->setToolTip(file);
        auto* verdict =
            add(row.is_reference ? tr("reference") : wordOf(row.verdict), int(row.verdict));
        verdict->setData(int(tone), tone_role);
        model_->appendRow(items);
    }
    table_->setModel(model_); // takes widths and kinds anew
    table_->setStretchColumn(0);
    filling_ = false;
}

/// What the reference, or else the first that wrote something, and the chosen run wrote.
void QualityPage::showTexts() {
    const auto& runs = *session_.runs();
    const RunRecord *first = nullptr, *second = nullptr;
    for (const RunRecord& run : runs) {
        if (!run.texts.contains(generated)) continue;
        const bool preferred = run.id == session_.selection().baseline();
        if (!first || preferred) first = &run;
    }
    for (const RunRecord& run : runs) {
        if (!run.texts.contains(generated) || &run == first) continue;
        if (!second || run.id == session_.selection().run()) second = &run;
    }
    texts_->setVisible(first && second);
    if (!first || !second) return;
    const auto varying = varying_fields(runs);
    const auto nameOf = [&](const RunRecord& run) {
        return QString("#%1 %2").arg(run.id).arg(runLabel(run.config, varying));
    };
    text_head_a_->setText(nameOf(*first));
    text_head_b_->setText(nameOf(*second));
    const QString a = QString::fromStdString(first->texts.at(generated)),
                  b = QString::fromStdString(second->texts.at(generated));
    const qsizetype at = firstDifference(a, b);
    texts_->setNote(at < 0 ? tr("the two are the same")
                           : tr("they differ from character %1 on").arg(at + 1));
    for (const auto& [edit, text] : {std::pair(text_a_, &a), std::pair(text_b_, &b)}) {
        edit->setPlainText(*text);
        QTextEdit::ExtraSelection mark;
        if (at >= 0) {
            mark.cursor = QTextCursor(edit->document());
            mark.cursor.setPosition(int(std::min(at, text->size())));
            mark.cursor.movePosition(QTextCursor::EndOfWord, QTextCursor::KeepAnchor);
            mark.format.setBackground(theme().warn_soft);
            mark.format.setForeground(theme().warn);
        }
        edit->setExtraSelections(at >= 0 ? QList{mark} : QList<QTextEdit::ExtraSelection>());
    }
}

void QualityPage::showSelection(const QSet<qint64>& ids) {
    plot_->setSelected(ids);
}

} // namespace sweetspot::gui
