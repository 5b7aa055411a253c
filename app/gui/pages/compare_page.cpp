#include "app/gui/pages/compare_page.h"
#include "app/analysis/columns.h"
#include "app/analysis/explain.h"
#include "app/analysis/format.h"
#include "app/analysis/series.h"
#include "app/experiment/key.h"
#include "app/gui/frame/panes.h"
#include "app/gui/models/run_text.h"
#include "app/gui/pages/aligned_table.h"
#include "app/gui/pages/counted.h"
#include "app/gui/pages/groups_card.h"
#include "app/gui/pages/waterfall_plot.h"
#include "app/gui/plot/legend.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/theme/colour.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/choice.h"
#include "app/gui/widgets/message.h"
#include "app/store/trace_path.h"
#include "profiler/trace/file.h"
#include <QPainter>
#include <QPointer>
#include <QThreadPool>
#include <algorithm>
#include <cmath>

// Explain: why B is slower than A. The verdicts are compare()'s, the bars waterfall()'s, the words
// explain_difference()'s; the command line says the same.

namespace sweetspot::gui {
namespace {

constexpr int most_chips = 8;
constexpr int rounds_again = 12; // what two configurations that differ by little need

/// As a waterfall's bar: "1.42×", "81 %".
QString ratioText(const MetricComparison& metric, bool times) {
    if (times) {
        const double more = metric.ratio < 1 ? 1 / metric.ratio : metric.ratio;
        return QString::number(more, 'f', more < 9.95 ? 2 : 1) + QChar(0xD7);
    }
    return QString::fromStdString(format_number(100 * std::abs(metric.ratio - 1), 2)) + " %";
}

struct Look {
    Tone tone;
    Icon icon;
    QString word;
};

Look lookOf(const MetricComparison& metric, const MetricInfo& info) {
    const bool time = info.unit == "s", memory = info.unit == "bytes";
    const QString title = QString::fromUtf8(info.title.data(), qsizetype(info.title.size()));
    const bool lower = metric.ratio < 1;
    switch (metric.verdict) {
    case Verdict::better:
        return {Tone::good, lower ? Icon::check : Icon::up,
                time     ? QObject::tr("FASTER")
                : memory ? QObject::tr("LESS MEMORY")
                         : QObject::tr("BETTER %1").arg(title.toUpper())};
    case Verdict::worse:
        return {Tone::bad, Icon::alert,
                time     ? QObject::tr("SLOWER")
                : memory ? QObject::tr("MORE MEMORY")
                         : QObject::tr("WORSE %1").arg(title.toUpper())};
    case Verdict::same:
        return {Tone::neutral, Icon::equal, QObject::tr("SAME %1").arg(title.toUpper())};
    case Verdict::undecided:
        return {Tone::info, Icon::info, QObject::tr("UNDECIDED %1").arg(title.toUpper())};
    case Verdict::not_comparable: break;
    }
    return {Tone::neutral, Icon::info, QObject::tr("NOT COMPARABLE %1").arg(title.toUpper())};
}

void clear(QLayout& layout) {
    while (QLayoutItem* item = layout.takeAt(0)) {
        delete item->widget();
        delete item;
    }
}

QWidget* holding(QLayout* layout) {
    auto* widget = new QWidget;
    widget->setLayout(layout);
    return widget;
}

/// What the window's A and B are called everywhere: their letters on their colours.
class Letter : public QWidget {
public:
    Letter(const QString& letter, int slot) : letter_(letter), slot_(slot) { setFixedSize(32, 32); }

protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        const QColor fill = seriesColour(slot_);
        drawBox(painter, rect(), 6, fill);
        painter.setFont(uiFont(15, QFont::Bold));
        painter.setPen(inkOn(fill));
        painter.drawText(rect(), Qt::AlignCenter, letter_);
    }

private:
    QString letter_;
    int slot_;
};

} // namespace

ComparePage::ComparePage(Session& session)
    : SweepPage(session, {Icon::compare, tr("Nothing to compare"),
                          tr("Open an experiment from Runs, and choose two of its runs."),
                          tr("Show all runs"), ViewId::runs}) {
    setContent(makeContent());
    connect(&session_, &Session::detailsLoaded, this, &ComparePage::take);
    for (auto changed : {&Selection::runChanged, &Selection::baselineChanged})
        connect(&session_.selection(), changed, this, [this] {
            if (isVisible()) present();
        });
    connect(&session_.selection(), &Selection::pairChanged, this, [this] {
        if (isVisible()) present();
    });
}

ComparePage::Side ComparePage::makeSide(const QString& letter, int slot) {
    Side side{new Card({}, {}, 12), new ElidedLabel({}, 14, QFont::DemiBold),
              new ElidedLabel({}, 12, QFont::Normal, Ink::text3), numberLabel({}, 15, Ink::text)};
    auto* words = column({side.name, side.detail}, 1);
    auto* line = row({new Letter(letter, slot)}, 12);
    line->addLayout(words, 1);
    line->addWidget(side.total);
    side.card->body()->addLayout(line);
    return side;
}

QWidget* ComparePage::makeContent() {
    said_ = new MessageStrip;
    warning_ = new MessageStrip;
    for (MessageStrip* strip : {said_, warning_}) strip->clear();
    a_ = makeSide("A", 1);
    b_ = makeSide("B", 0);
    swap_ = iconButton(Icon::swap, tr("Swap A and B"));
    auto* sides = row({a_.card, swap_, b_.card});
    sides->setStretch(0, 1);
    sides->setStretch(2, 1);
    verdicts_ = new FlowLayout(8, 6);
    table_ = new AlignedTable;
    auto* panes = new Panes("compare");
    panes->add("waterfall", tr("Where the difference is"), makeWaterfall());
    panes->add("table", tr("Aligned layers and ops"), table_, 1, "waterfall", Qt::Vertical);
    panes->begin();
    addTopWidget(panes->makeButton());
    content_ = new QWidget;
    auto* layout = column({}, 12);
    layout->addLayout(sides);
    layout->addWidget(holding(verdicts_));
    layout->addWidget(warning_);
    layout->addWidget(panes, 1);
    layout->setContentsMargins(0, 0, 0, 0);
    content_->setLayout(layout);
    auto* empty = new EmptyState(
        Icon::compare, tr("Choose two runs"),
        tr("Select two rows in Results, press A and B on a run, or drag runs to the places that "
           "appear above: here, B is held against A."),
        tr("Show the results"));
    connect(empty, &EmptyState::actionRequested, this,
            [this] { emit viewRequested(ViewId::results); });
    choose_ = emptyPage(empty);
    choose_->layout()->setContentsMargins(0, 0, 0, 0);
    what_ = new PillGroup({tr("Two runs"), tr("Two groups")});
    what_->setAccessibleName(tr("What is compared"));
    addTopWidget(what_);
    groups_ = new GroupsCard(session_);
    groups_->hide();
    connect(what_, &PillGroup::chosen, this, &ComparePage::present);
    for (Select* each : {groups_->a(), groups_->b()})
        connect(each, &QComboBox::activated, this, [this] { setContext(groups_->names()); });
    connect(groups_, &GroupsCard::pairChosen, this, [this](const RunPair& pair) {
        session_.selection().setPair(pair);
        what_->setCurrent(0);
    });
    connect(groups_, &GroupsCard::exported, this,
            [this](const QString& text) { said_->tell(Tone::info, text, {}, tr("Dismiss")); });
    auto* all = column({content_, choose_, groups_}, 12);
    all->setContentsMargins(24, 16, 24, 16);
    again_ = button(tr("Compare again, side by side"), Icon::refresh);
    again_->setToolTip(
        tr("Measures both anew in %1 rounds, turn about, so that what drifts cancels")
            .arg(rounds_again));
    addTopWidget(again_);
    connect(again_, &QPushButton::clicked, this, &ComparePage::measureAgain);
    connect(swap_, &QPushButton::clicked, this, [this] {
        session_.selection().setPair({pair_.b, pair_.a});
    });
    connect(said_, &MessageStrip::actionRequested, said_, &MessageStrip::clear);
    connect(table_, &AlignedTable::exported, this,
            [this](const QString& text) { said_->tell(Tone::info, text, {}, tr("Dismiss")); });
    QWidget* page = holding(all);
    said_->floatOver(page);
    return page;
}

Card* ComparePage::makeWaterfall() {
    waterfall_ = new Card(tr("Where the difference is"), tr("the bars add up to B, exactly"));
    QStringList quantities, kinds;
    for (const auto name : names_of(Quantity{}))
        quantities << QString::fromUtf8(name.data(), qsizetype(name.size()));
    for (const auto name : names_of(By{}))
        kinds << QString::fromUtf8(name.data(), qsizetype(name.size()));
    for (QStringList* names : {&quantities, &kinds})
        for (QString& name : *names) name[0] = name[0].toUpper();
    quantity_ = new PillGroup(quantities);
    by_ = new PillGroup(kinds);
    plot_ = new PlotGroup;
    problem_ = label({}, 13, QFont::Normal, Ink::text2);
    sentences_ = label({}, 13, QFont::Normal, Ink::text2);
    for (QLabel* words : {problem_, sentences_}) {
        words->setWordWrap(true);
        words->setTextInteractionFlags(Qt::TextSelectableByMouse);
    }
    problem_->setAlignment(Qt::AlignCenter);
    for (QWidget* widget :
         std::initializer_list<QWidget*>{quantity_, by_, plot_->makeExportButton()})
        waterfall_->head()->addWidget(widget);
    waterfall_->body()->addWidget(plot_, 1);
    waterfall_->body()->addWidget(problem_, 1);
    waterfall_->body()->addWidget(sentences_);
    for (PillGroup* pills : {quantity_, by_})
        connect(pills, &PillGroup::chosen, this, &ComparePage::showWaterfall);
    connect(plot_, &PlotGroup::exported, this, [this](const QString& text, bool ok) {
        said_->tell(ok ? Tone::good : Tone::bad, text, {}, tr("Dismiss"));
    });
    return waterfall_;
}

void ComparePage::takeRuns() {
    if (!isVisible()) return;
    showEmpty(session_.runs()->empty());
    present();
}

void ComparePage::showSelection(const QSet<qint64>&) {
    if (isVisible()) present();
}

const RunRecord* ComparePage::runOf(qint64 id) const {
    const auto& runs = *session_.runs();
    const auto found =
        std::find_if(runs.begin(), runs.end(), [id](const RunRecord& run) { return run.id == id; });
    return found == runs.end() ? nullptr : &*found;
}

/// The two that were picked; else the baseline and the run that is explained.
RunPair ComparePage::shown() const {
    const Selection& selection = session_.selection();
    RunPair pair = selection.pair();
    if (!pair.a) pair.a = selection.baseline();
    if (!pair.b) pair.b = selection.run();
    if (pair.a == pair.b) pair.b = 0;
    return pair;
}

void ComparePage::present() {
    const RunPair pair = shown();
    const RunRecord *a = runOf(pair.a), *b = runOf(pair.b);
    const bool groups = what_->current() == 1;
    groups_->setVisible(groups);
    content_->setVisible(!groups && a && b);
    choose_->setVisible(!groups && !(a && b));
    again_->setVisible(!groups);
    if (groups) {
        groups_->takeRuns();
        return setContext(groups_->names());
    }
    setReason(again_, !a || !b              ? tr("Choose two runs first.")
                      : session_.readOnly() ? tr("The database is open to read only.")
                                            : QString());
    if (!a || !b) return;
    setContext(tr("#%1 against #%2").arg(pair.a).arg(pair.b));
    const Comparison comparison = compare(*a, *b);
    showSide(a_, *a);
    showSide(b_, *b);
    showVerdicts(comparison);
    showDifferences(comparison);
    if (pair == pair_ && details_a_ && details_b_) return;
    pair_ = pair;
    details_a_ = details_b_ = nullptr;
    traces_.clear();
    traces_asked_ = reading_traces_ = false;
    table_->clear();
    showWaterfall();
    session_.loadDetails(pair.a);
    session_.loadDetails(pair.b);
}

void ComparePage::take(const std::shared_ptr<const RunRecord>& details) {
    if (details->id == pair_.a) details_a_ = details;
    if (details->id == pair_.b) details_b_ = details;
    if (!details_a_ || !details_b_ || (details->id != pair_.a && details->id != pair_.b)) return;
    table_->present(*details_a_, *details_b_);
    showWaterfall();
}

void ComparePage::showSide(const Side& side, const RunRecord& run) {
    side.name->setText(
        QString("#%1 %2").arg(run.id).arg(runLabel(run.config, varying_fields(*session_.runs()))));
    QStringList detail;
    if (run.id == session_.selection().baseline()) detail << tr("baseline");
    detail << dateText(run.started_unix_seconds);
    if (!run.rounds.empty()) detail << counted(qint64(run.rounds.size()), tr("round"));
    for (const RunMark& mark : marks_of(run)) detail << QString::fromStdString(mark.text);
    detail.removeAll(QString());
    side.detail->setText(detail.join(", "));
    const char* timed = timed_metric(run);
    const auto time = timed ? value_of(run, timed) : std::nullopt;
    side.total->setText(time ? QString::fromStdString(format_value(*time, "s"))
                             : reasonOf(run).left(24));
}

QString ComparePage::verdicts() const {
    QStringList all;
    for (int i = 0; i < verdicts_->count(); ++i)
        if (const auto* chip = qobject_cast<VerdictChip*>(verdicts_->itemAt(i)->widget()))
            all << chip->accessibleName();
    return all.join("; ");
}

QString ComparePage::saying() const {
    return sentences_->text();
}

/// What people look at first, each with its verdict; what would decide is in the tooltip.
void ComparePage::showVerdicts(const Comparison& comparison) {
    clear(*verdicts_);
    for (const auto usual : usual_metrics) {
        const auto metric =
            std::find_if(comparison.metrics.begin(), comparison.metrics.end(),
                         [&](const MetricComparison& each) { return each.metric == usual; });
        if (metric == comparison.metrics.end() || verdicts_->count() == most_chips) continue;
        const MetricInfo& info = *find_metric(usual);
        // Each time is told once: rates say the same the other way round.
        if (info.better == Better::higher && info.unit != "share") continue;
        const Look look = lookOf(*metric, info);
        const bool told = metric->verdict == Verdict::better || metric->verdict == Verdict::worse;
        QString interval;
        if (metric->ratio_low < metric->ratio_high)
            interval = tr("95 %: %1 to %2")
                           .arg(metric->ratio_low, 0, 'f', 3)
                           .arg(metric->ratio_high, 0, 'f', 3);
        else if (told)
            interval = tr("exact");
        auto* chip =
            new VerdictChip(look.tone, look.icon, look.word,
                            told ? ratioText(*metric, info.unit == "s") : QString(), interval);
        chip->setToolTip(QString::fromStdString(metric->needs));
        verdicts_->addWidget(chip);
    }
}

/// Behind the verdicts, in their lines.
void ComparePage::showDifferences(const Comparison& comparison) {
    QList<Chip*> chips;
    int fields = 0, facts = 0;
    QStringList machine;
    for (const Difference& difference : comparison.differences) {
        const QString words = QString("%1: %2 %3 %4")
                                  .arg(QString::fromStdString(difference.name).replace('_', ' '),
                                       QString::fromStdString(difference.a), QChar(0x2192),
                                       QString::fromStdString(difference.b));
        if (difference.environment) {
            ++facts;
            machine << words;
        } else if (fields++ < most_chips) {
            auto* chip = new Chip(words, Tone::accent);
            chip->setShrinkable();
            chip->setToolTip(words);
            chips << chip;
        }
    }
    auto* count = caption(fields == 1 ? tr("1 field differs") : tr("%1 fields differ").arg(fields));
    if (facts) {
        auto* chip = new Chip(tr("%1 of the machine").arg(counted(facts, tr("fact"))), Tone::warn,
                              Icon::alert);
        chip->setToolTip(machine.join('\n'));
        chips << chip;
    }
    verdicts_->addWidget(count);
    for (Chip* chip : chips) verdicts_->addWidget(chip);
    QStringList warnings;
    for (const std::string& text : comparison.warnings) warnings << sentence(text);
    if (warnings.isEmpty())
        warning_->clear();
    else
        warning_->tell(Tone::warn, warnings.front(), QStringList(warnings.mid(1)).join(' '));
}

void ComparePage::showWaterfall() {
    const bool kernels = By(by_->current()) == By::kernel && quantity_->current() == 0;
    if (kernels && !traces_asked_) readTraces();
    const bool known = details_a_ && details_b_ && (!kernels || !reading_traces_);
    Waterfall fall;
    if (known && kernels && traces_.size() == 2)
        fall = kernel_waterfall(*details_a_, *traces_[0], *details_b_, *traces_[1]);
    else if (known)
        fall =
            waterfall(*details_a_, *details_b_, Quantity(quantity_->current()), By(by_->current()));
    const bool drawn = known && fall.problem.empty();
    plot_->setVisible(drawn);
    problem_->setVisible(!drawn);
    problem_->setText(!known ? tr("Being read.") : sentence(fall.problem));
    by_->setEnabled(Quantity(quantity_->current()) != Quantity::memory);
    QStringList sentences;
    if (known)
        for (const std::string& text : explain_difference(*details_a_, *details_b_))
            sentences << sentence(text);
    sentences_->setText(sentences.join(' '));
    sentences_->setVisible(!sentences.isEmpty());
    if (!drawn) return;
    const bool noise = std::ranges::any_of(fall.bars, &Bar::inside_noise);
    waterfall_->setNote(noise ? tr("the bars add up to B, exactly; grey is inside the noise")
                              : tr("the bars add up to B, exactly"));
    plot_->setSpecs({plotOf(fall)});
    plot_->setExportWords(context(), quantity_->accessibleName());
}

/// In another thread: a trace may have a million events.
void ComparePage::readTraces() {
    traces_asked_ = reading_traces_ = true;
    const std::string store = session_.path().toStdString();
    const QPointer<ComparePage> self(this);
    QThreadPool::globalInstance()->start([self, store, pair = pair_] {
        std::vector<std::shared_ptr<const Timeline>> read;
        QString problem;
        try {
            for (const qint64 run : {pair.a, pair.b}) {
                const auto file = trace_path(store, run);
                if (!std::filesystem::exists(file)) break;
                read.push_back(
                    std::make_shared<const Timeline>(make_timeline(read_trace(file.string()))));
            }
        } catch (const Error& error) {
            problem = sentence(error.what());
        }
        if (!self) return;
        QMetaObject::invokeMethod(
            self,
            [self, read, problem, pair] {
                if (!self || self->pair_ != pair) return; // others are compared since
                self->traces_ = read;
                self->reading_traces_ = false;
                if (!problem.isEmpty()) self->said_->tell(Tone::bad, problem, {}, tr("Dismiss"));
                self->showWaterfall();
            },
            Qt::QueuedConnection);
    });
}

/// Both in one sweep whose rounds go turn about.
void ComparePage::measureAgain() {
    const RunRecord *a = runOf(pair_.a), *b = runOf(pair_.b);
    if (!a || !b) return;
    SweepOrder order;
    order.spec.name = tr("#%1 and #%2 side by side").arg(pair_.a).arg(pair_.b).toStdString();
    order.spec.base = a->config;
    order.spec.base.rounds = rounds_again;
    order.again = true;
    for (const RunRecord* run : {a, b}) {
        std::map<std::string, std::string> point;
        for (const RunField& field : run_fields())
            if (field.get(run->config) != field.get(order.spec.base) && field.name != "rounds")
                point[std::string(field.name)] = field.get(run->config);
        order.spec.points.push_back(std::move(point));
    }
    emit againRequested(order);
}

} // namespace sweetspot::gui
