#include "app/gui/pages/recommendation_column.h"
#include "app/analysis/columns.h"
#include "app/analysis/format.h"
#include "app/analysis/run_plots.h"
#include "app/gui/models/run_items.h"
#include "app/gui/models/run_text.h"
#include "app/gui/pages/counted.h"
#include "app/gui/table/table_view.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/progress.h"
#include "app/gui/widgets/share_bars.h"
#include <QSignalBlocker>
#include <algorithm>
#include <cmath>

// The answer of the Sweet spot page in words and figures. All of it is made by app/analysis; here
// it is laid out, and it claims nothing more.

namespace sweetspot::gui {
namespace {

constexpr int most_gains = 3, most_sentences = 5;
constexpr std::size_t most_front = 200;
constexpr int most_chips = 6;

/// "−81 %", "+0.4 %"
QString percent(double ratio) {
    const double change = 100 * (ratio - 1);
    const QString sign = change < 0 ? QString(QChar(0x2212)) : QString("+");
    return sign + QString::fromStdString(format_number(std::abs(change), 2)) + " %";
}

Tone toneOf(Verdict verdict) {
    return verdict == Verdict::better  ? Tone::good
           : verdict == Verdict::worse ? Tone::bad
                                       : Tone::neutral;
}

/// One gain as a figure: a time as how many times faster, all else as a share.
void showGain(Figure& figure, const MetricComparison& gain) {
    const MetricInfo* metric = find_metric(gain.metric);
    const bool time = metric && metric->unit == "s";
    const bool certain = gain.verdict == Verdict::better || gain.verdict == Verdict::worse;
    QString number = percent(gain.ratio), what = metricTitle(gain.metric);
    if (time && certain) {
        const double times = gain.ratio < 1 ? 1 / gain.ratio : gain.ratio;
        number = QString::number(times, 'f', times < 9.95 ? 2 : 1) + QChar(0xD7);
        what = gain.ratio < 1 ? QObject::tr("faster") : QObject::tr("slower");
    } else if (gain.verdict == Verdict::same) {
        number = QObject::tr("same");
    } else if (gain.verdict == Verdict::undecided) { // no figure that looks like a gain
        number = QObject::tr("undecided");
    }
    QString note =
        gain.verdict == Verdict::undecided        ? percent(gain.ratio)
        : gain.verdict == Verdict::not_comparable ? QObject::tr("not comparable")
        : gain.ratio_low < gain.ratio_high
            ? QObject::tr("95 %: %1 to %2").arg(percent(gain.ratio_low), percent(gain.ratio_high))
        : time ? QString()
               : QObject::tr("exact");
    figure.set(number, {}, note.isEmpty() ? what : what + "\n" + note);
    figure.setTone(toneOf(gain.verdict));
    figure.setToolTip(QString::fromStdString(gain.needs));
}

} // namespace

RecommendationColumn::RecommendationColumn() {
    Card* recommendation = makeRecommendation();
    why_ = makeWhy();
    front_card_ = makeFront();
    guesses_card_ = makeGuesses();
    auto* layout = column({recommendation, why_, guesses_card_, front_card_}, 12);
    layout->setStretch(3, 1);
    setLayout(layout);
}

Card* RecommendationColumn::makeRecommendation() {
    auto* card = new Card(tr("Recommendation"));
    fits_ = new Chip({}, Tone::good, Icon::check);
    card->head()->addWidget(fits_);
    headline_ = new ElidedLabel({}, 18, QFont::DemiBold);
    chips_ = new FlowLayout(4, 4);
    auto* chips = new QWidget;
    chips->setLayout(chips_);
    auto* gains = row({}, 12);
    for (int i = 0; i < most_gains; ++i) {
        gains_ << new Figure({}, {}, {}, 20);
        gains->addWidget(gains_.back(), 1);
    }
    against_ = new ElidedLabel({}, 12, QFont::Normal, Ink::text3);
    ties_ = new WrappedLabel(Ink::text2);
    stable_ = caption({});
    baseline_ = button(tr("Use as baseline"), Icon::pin, ButtonKind::primary);
    compare_ = button(tr("Compare"), Icon::compare);
    card->body()->setSpacing(6);
    for (QWidget* widget : std::initializer_list<QWidget*>{headline_, chips})
        card->body()->addWidget(widget);
    card->body()->addLayout(gains);
    for (QWidget* widget : std::initializer_list<QWidget*>{against_, ties_, stable_})
        card->body()->addWidget(widget);
    card->body()->addLayout(row({baseline_, compare_, nullptr}));
    connect(baseline_, &QPushButton::clicked, this, &RecommendationColumn::baselineRequested);
    connect(compare_, &QPushButton::clicked, this, &RecommendationColumn::compareRequested);
    return card;
}

Card* RecommendationColumn::makeWhy() {
    auto* card = new Card(tr("Why"), tr("share saved"));
    by_ = new Select;
    by_->setAccessibleName(tr("Of what"));
    card->head()->addWidget(by_);
    shares_ = new ShareBars;
    sentences_ = new WrappedLabel(Ink::text2);
    warnings_ = new WrappedLabel(Ink::warn);
    plan_ = button({}, Icon::plus);
    card->body()->addWidget(shares_);
    card->body()->addWidget(sentences_);
    card->body()->addWidget(warnings_);
    card->body()->addLayout(row({plan_, nullptr}));
    connect(by_, &QComboBox::currentIndexChanged, this, &RecommendationColumn::showReasons);
    connect(plan_, &QPushButton::clicked, this, &RecommendationColumn::planRequested);
    return card;
}

Card* RecommendationColumn::makeFront() {
    auto* card = new Card(tr("On the front"));
    front_model_ = new RunItems(0, 0, this);
    front_model_->setSortRole(sort_role);
    front_ = new TableView;
    front_->setModel(front_model_);
    front_->setSortingEnabled(true);
    front_->setDragEnabled(true);
    front_->setMinimumHeight(92);
    front_->setAccessibleName(tr("On the front"));
    card->body()->addWidget(front_, 1);
    connect(front_, &TableView::rowsSelected, this, [this](const QList<int>& rows) {
        if (!rows.isEmpty()) emit runChosen(front_model_->runOf(rows.front()));
    });
    return card;
}

Card* RecommendationColumn::makeGuesses() {
    auto* card = new Card(tr("Not measured"), tr("what if it were"));
    guesses_ = new WrappedLabel(Ink::text2);
    fill_ = button({}, Icon::plus);
    fill_->setToolTip(tr("The most promising of the points that may change the front"));
    card->body()->addWidget(guesses_);
    card->body()->addLayout(row({fill_, nullptr}));
    connect(fill_, &QPushButton::clicked, this, &RecommendationColumn::fillRequested);
    card->hide();
    return card;
}

void RecommendationColumn::setGuesses(const QString& words, int planned) {
    guesses_->setText(words);
    fill_->setVisible(planned > 0);
    fill_->setText(tr("Fill in %1 where it matters").arg(counted(planned, tr("point"))));
    guesses_card_->setVisible(!words.isEmpty());
}

QString RecommendationColumn::guesses() const {
    return guesses_->text();
}

QString RecommendationColumn::headline() const {
    return headline_->text();
}

QString RecommendationColumn::saying() const {
    return QStringList{ties_->text(), sentences_->text(), warnings_->text()}.join('\n');
}

void RecommendationColumn::setStable(const QString& words) {
    stable_->setText(words);
    stable_->setVisible(!words.isEmpty());
}

void RecommendationColumn::name(std::span<const RunRecord> runs,
                                const Recommendation& recommendation, const RunRecord* baseline,
                                const std::vector<std::string>& varying) {
    const auto at = recommendation.pick ? recommendation.pick : recommendation.nearest;
    const bool fits = recommendation.pick.has_value();
    if (const QString words = fits ? tr("within budget") : tr("nothing fits");
        words != fits_->text()) {
        fits_->setTone(fits ? Tone::good : Tone::bad, fits ? Icon::check : Icon::cross);
        fits_->setText(words);
        fits_->updateGeometry();
    }
    for (QPushButton* each : {baseline_, compare_})
        setReason(each, at ? QString() : tr("There is no run to take."));
    if (at && baseline && runs[*at].id == baseline->id)
        setReason(compare_, tr("It is the baseline itself."));
    if (!at) {
        showChips({});
        headline_->setText(tr("No run counts"));
        return ties_->clear();
    }
    const RunRecord& run = runs[*at];
    // What is chosen by words is the name; what is a number stands below.
    QStringList names, numbers;
    for (const std::string& field : varying)
        (find_field(field)->is_number() ? numbers : names) << valueLabel(run.config, field);
    showChips(numbers.mid(0, most_chips));
    headline_->setText((fits ? QString() : tr("Nearest: ")) +
                       (names.isEmpty() ? QString("#%1").arg(run.id) : names.join(" + ")));
    QStringList words;
    for (const Miss& miss : recommendation.misses) words << QString::fromStdString(miss.text);
    if (!recommendation.ties.empty())
        words << tr("A tie: %1 may be as good, for all that was measured.")
                     .arg(counted(qint64(recommendation.ties.size()), tr("other run")));
    ties_->setText(words.join(". "));
    ties_->setVisible(!words.isEmpty());
    against_->setText(
        !baseline ? tr("there is no baseline")
        : baseline->id == run.id
            ? tr("it is the baseline")
            : tr("against #%1 %2").arg(baseline->id).arg(runLabel(baseline->config, varying)));
}

/// Those that stand there take the new words: what is made anew is laid out anew.
void RecommendationColumn::showChips(const QStringList& words) {
    while (chip_list_.size() > words.size()) {
        chips_->removeWidget(chip_list_.back());
        delete chip_list_.takeLast();
    }
    while (chip_list_.size() < words.size()) {
        chip_list_ << new Chip(QString());
        chips_->addWidget(chip_list_.back());
    }
    for (qsizetype i = 0; i < words.size(); ++i) {
        if (chip_list_[i]->text() == words[i]) continue;
        chip_list_[i]->setText(words[i]);
        chip_list_[i]->updateGeometry();
    }
}

void RecommendationColumn::explain(std::span<const RunRecord> runs, const Spots& spots,
                                   const Explanation& explanation,
                                   const std::vector<std::string>& varying) {
    showGains(explanation);
    reasons_ = explanation.reasons;
    QStringList by;
    for (const Reasons& each : reasons_) by << metricTitle(each.metric);
    const QSignalBlocker block(by_);
    const int chosen = std::clamp(by_->currentIndex(), 0, std::max(0, int(by.size()) - 1));
    by_->clear();
    by_->addItems(by);
    by_->setCurrentIndex(chosen);
    by_->setVisible(by.size() > 1);
    showReasons();
    QStringList sentences, warnings;
    for (const std::string& text : explanation.sentences) sentences << sentence(text);
    for (const std::string& text : explanation.warnings) warnings << sentence(text);
    for (const std::string& text : spots.notes) warnings << sentence(text);
    sentences_->setText(sentences.mid(0, most_sentences).join('\n'));
    sentences_->setToolTip(sentences.size() > most_sentences ? sentences.join('\n') : QString());
    sentences_->setVisible(!sentences.isEmpty());
    warnings_->setText(warnings.join(' '));
    warnings_->setVisible(!warnings.isEmpty());
    plan_->setVisible(!explanation.missing.empty());
    plan_->setText(
        tr("Plan %1").arg(counted(qint64(explanation.missing.size()), tr("missing point"))));
    plan_->setToolTip(tr("Points that would tell more of why, as an experiment"));
    why_->setVisible(!reasons_.empty() || !sentences.isEmpty() || !warnings.isEmpty());
    showFront(runs, spots, varying);
}

void RecommendationColumn::showGains(const Explanation& explanation) {
    for (int i = 0; i < most_gains; ++i) {
        const bool there = std::size_t(i) < explanation.gains.size();
        gains_[i]->setVisible(there);
        if (there) showGain(*gains_[i], explanation.gains[std::size_t(i)]);
    }
}

void RecommendationColumn::showReasons() {
    QList<ShareBars::Bar> bars;
    const int at = by_->currentIndex();
    if (at >= 0 && std::size_t(at) < reasons_.size()) {
        const Reasons& reasons = reasons_[std::size_t(at)];
        const auto percentOf = [&](double saved) {
            return QString::fromStdString(format_number(100 * saved / reasons.saved, 2))
                       .replace('-', QChar(0x2212)) +
                   " %";
        };
        for (const Share& share : reasons.shares) {
            const QString change = tr("%1 %2 %3")
                                       .arg(QString::fromStdString(share.from), QChar(0x2192),
                                            QString::fromStdString(share.to));
            QString name = QString::fromStdString(share.field);
            ShareBars::Bar bar{name.replace('_', ' '), change, 0, tr("not measured"),
                               toneOf(share.verdict)};
            if (share.saved && reasons.saved != 0) {
                bar.share = *share.saved / reasons.saved;
                bar.number = percentOf(*share.saved);
                if (bar.share < 0) bar.tone = Tone::bad;
            }
            bars << bar;
        }
        if (!reasons.whole && std::abs(reasons.unshared) > 0.005 * std::abs(reasons.saved))
            bars << ShareBars::Bar{tr("not shared out"), tr("together, or not measured"),
                                   reasons.unshared / reasons.saved, percentOf(reasons.unshared),
                                   Tone::neutral};
    }
    shares_->setBars(bars);
    shares_->setVisible(!bars.isEmpty());
}

void RecommendationColumn::showFront(std::span<const RunRecord> runs, const Spots& spots,
                                     const std::vector<std::string>& varying) {
    std::vector<const Spot*> shown;
    int tied = 0;
    for (const Spot& spot : spots.points) {
        if (spot.placed.standing == Standing::front) shown.push_back(&spot);
        tied += spot.placed.standing == Standing::tied;
    }
    front_card_->setNote(tied ? tr("%1 tied with it").arg(counted(tied, tr("run")))
                              : tr("no other is tied with it"));
    if (shown.size() > most_front) shown.resize(most_front);
    std::vector<RunRecord> front;
    for (const Spot* spot : shown) front.push_back(runs[spot->run]);
    std::vector<RunColumn> columns;
    for (const RunColumn& column : run_columns(front))
        if (std::find(spots.objectives.begin(), spots.objectives.end(), column.name) !=
            spots.objectives.end())
            columns.push_back(column);
    front_model_->clear();
    front_model_->setColumnCount(1 + int(columns.size()));
    const auto head = [&](int at, const QString& text, CellKind kind, const QString& unit,
                          int width) {
        front_model_->setHeaderData(at, Qt::Horizontal, text);
        front_model_->setHeaderData(at, Qt::Horizontal, int(kind), kind_role);
        front_model_->setHeaderData(at, Qt::Horizontal, unit, unit_role);
        front_model_->setHeaderData(at, Qt::Horizontal, width, width_role);
    };
    head(0, tr("Configuration"), CellKind::strong, {}, 130);
    for (std::size_t i = 0; i < columns.size(); ++i) {
        QString title = QString::fromStdString(columns[i].title);
        title[0] = title[0].toUpper();
        head(int(i) + 1, title, CellKind::number, QString::fromStdString(columns[i].unit), 84);
    }
    for (const Spot* spot : shown) {
        const RunRecord& run = runs[spot->run];
        QList<QStandardItem*> items;
        const QString label = runLabel(run.config, varying);
        auto* name = new QStandardItem(label.isEmpty() ? QString("#%1").arg(run.id) : label);
        name->setData(qint64(run.id), RunItems::run_role);
        name->setData(name->text(), sort_role);
        name->setToolTip(QString("#%1 %2").arg(run.id).arg(name->text()));
        items << name;
        for (const RunColumn& column : columns) {
            const double value = cell_value(column, run).value_or(NAN);
            auto* item = new QStandardItem(tableNumber(cell_text(column, value)));
            item->setData(value, sort_role);
            items << item;
        }
        for (QStandardItem* item : items) item->setEditable(false);
        front_model_->appendRow(items);
    }
    front_->setModel(front_model_); // takes widths and kinds anew
    front_->setStretchColumn(0);
}

} // namespace sweetspot::gui
