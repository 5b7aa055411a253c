#include "app/gui/pages/plan_preview.h"
#include "app/analysis/format.h"
#include "app/experiment/metrics.h"
#include "app/gui/pages/counted.h"
#include "app/gui/pages/field_control.h"
#include "app/gui/pages/memory_card.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/choice.h"
#include "app/gui/widgets/heat_map.h"
#include "app/gui/widgets/progress.h"
#include "app/runner/devices.h"
#include <algorithm>
#include <cmath>
#include <map>

// What a sweep would take, beside the form: how many points, how many of them fit, how long, the
// memory of each by purpose, and why some cannot be. Predictions come in while one looks; whether
// something fits is app/analysis/fit.h's answer, as for `sweetspot plan`.

namespace sweetspot::gui {
namespace {

constexpr int most_reasons = 3;

QString whole(double count) {
    return QString::number(count, 'f', 0);
}

/// "2 × 3 × 2" for a grid, "3 in step" for axes that go together.
QString productText(const Spec& spec) {
    QStringList sizes;
    for (const Axis& axis : spec.axes) sizes << QString::number(axis.values.size());
    QString text = sizes.isEmpty() ? QObject::tr("nothing is swept")
                   : spec.zip      ? QObject::tr("%1 in step").arg(sizes.front())
                                   : sizes.join(QString(" %1 ").arg(QChar(0xD7)));
    if (sizes.size() == 1 && !spec.zip)
        text = QObject::tr("values of %1").arg(fieldWords(spec.axes.front().field));
    if (!spec.points.empty()) text += QObject::tr(" + %1").arg(spec.points.size());
    return text;
}

/// "14 min" as a number and its unit.
std::pair<QString, QString> durationParts(double seconds) {
    if (seconds < 1) return {"< 1", "s"};
    if (seconds < 99.5) return {whole(std::round(seconds)), "s"};
    if (seconds < 99.5 * 60) return {whole(std::round(seconds / 60)), "min"};
    const double hours = seconds / 3600;
    return {QString::number(hours, 'f', hours < 9.95 ? 1 : 0), "h"};
}

std::array<double, purpose_count> partsOf(const RunRecord& record) {
    std::array<double, purpose_count> parts{};
    for (std::size_t i = 0; i < parts.size(); ++i)
        parts[i] = value_of(record, peak_metric(Purpose(i))).value_or(0);
    return parts;
}

} // namespace

PlanPreview::PlanPreview(QWidget* parent) : QWidget(parent) {
    points_ = new Figure;
    fit_ = new Figure;
    time_ = new Figure;
    memory_ = new Figure;
    auto* figures = row({points_, fit_, time_, memory_}, 12);

    map_ = new MemoryCard;
    connect(map_, &MemoryCard::currentChanged, this, &PlanPreview::showCell);
    cell_ = new Card({}, {}, 12);
    cell_name_ = heading({});
    cell_variant_ = new ElidedLabel({}, 12, QFont::Normal, Ink::text3);
    cell_bytes_ = numberLabel({}, 12, Ink::text);
    auto* head = row({cell_name_, cell_variant_, cell_bytes_});
    head->setStretch(1, 1);
    parts_ = new StackedBar;
    cell_->body()->addLayout(head);
    cell_->body()->addWidget(parts_);
    reasons_ = new Card({}, {}, 12);
    reasons_->body()->setSpacing(4);
    reasons_->hide();

    run_ = button({}, Icon::play, ButtonKind::primary);
    run_->setProperty("tall", "large");
    run_->setFont(uiFont(15, QFont::DemiBold));
    run_->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(run_, &QPushButton::clicked, this, &PlanPreview::runRequested);
    again_ = new OptionPill(tr("measure again"));
    again_->setToolTip(tr("Points that have a finished run with the same configuration are taken "
                          "from it, unless this is ticked"));
    connect(again_, &OptionPill::toggleRequested, this, [this] {
        again_->setChecked(!again_->isChecked());
        again_->updateGeometry();
        showRun();
    });
    run_note_ = caption({});
    run_note_->setWordWrap(true);

    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(20, 14, 24, 14);
    layout->setSpacing(12);
    layout->addLayout(figures);
    layout->addWidget(map_);
    layout->addWidget(cell_);
    layout->addWidget(reasons_);
    layout->addLayout(row({run_, again_}));
    layout->addWidget(run_note_);
    layout->addStretch(1);
    showFigures();
    showCell();
    showRun();
}

const HeatMap& PlanPreview::heatMap() const {
    return map_->map();
}

bool PlanPreview::again() const {
    return again_->isChecked();
}

std::vector<RunConfig> PlanPreview::possible() const {
    std::vector<RunConfig> configs;
    for (const PlannedRun& run : plan_->runs)
        if (run.impossible.empty()) configs.push_back(run.config);
    return configs;
}

void PlanPreview::setPlan(Plan plan) {
    plan_ = std::move(plan);
    measured_ = 0;
    setPredictions(nullptr);
}

void PlanPreview::setMeasured(int count) {
    measured_ = count;
    showRun();
}

void PlanPreview::setPredictions(const Runs& records) {
    records_ = records;
    predictions_.assign(plan_->runs.size(), nullptr);
    std::size_t next = 0;
    for (std::size_t i = 0; records && i < predictions_.size() && next < records->size(); ++i)
        if (plan_->runs[i].impossible.empty()) predictions_[i] = &(*records)[next++];
    const double limit =
        plan_->runs.empty() ? 0 : memory_limit(plan_->runs.front().config, freeMemory());
    map_->present(plan_, predictions_, limit);
    showFigures();
    showCell();
    showReasons();
    showRun();
}

void PlanPreview::setHost(const Host& host) {
    host_ = host;
    showFigures();
    showRun();
}

void PlanPreview::setDevices(const std::vector<DeviceInfo>& devices) {
    devices_ = devices;
    setPredictions(records_);
}

void PlanPreview::setEstimate(const TimeEstimate& estimate) {
    estimate_ = estimate;
    showFigures();
}

void PlanPreview::setMeasuring(bool measuring) {
    waits_ = measuring;
    showFigures();
    showRun();
}

std::map<std::string, std::string> PlanPreview::misfits() const {
    std::map<std::string, std::string> reasons;
    for (std::size_t i = 0; i < plan_->runs.size(); ++i) {
        const RunConfig& config = plan_->runs[i].config;
        if (!misfits(i)) continue;
        reasons[plan_->runs[i].hash] =
            tr("predicted to need %1, and %2 may be taken")
                .arg(bytesText(*value_of(*predictions_[i], "peak_bytes")),
                     bytesText(memory_limit(config, freeMemory())))
                .toStdString();
    }
    return reasons;
}

/// It is predicted, computes, and needs more than it may take.
bool PlanPreview::misfits(std::size_t place) const {
    const PlannedRun& run = plan_->runs[place];
    if (!run.impossible.empty() || !predictions_[place]) return false;
    const auto peak = value_of(*predictions_[place], "peak_bytes");
    return peak && run.config.device != DeviceKind::plan && !fits(*peak, run.config, freeMemory());
}

void PlanPreview::setBlocked(const QString& reason) {
    blocked_ = reason;
    showRun();
}

void PlanPreview::showFigures() {
    int known = 0, fit = 0, timed = 0;
    double seconds = 0;
    bool measures = false; // anything at all
    for (std::size_t i = 0; i < plan_->runs.size(); ++i) {
        const RunConfig& config = plan_->runs[i].config;
        const RunRecord* record = predictions_[i];
        measures |= config.device != DeviceKind::plan;
        const auto peak = record ? value_of(*record, "peak_bytes") : std::nullopt;
        if (!peak) continue;
        ++known;
        const bool here = fits(*peak, config, freeMemory());
        fit += here;
        const auto flops = value_of(*record, "flops");
        const auto took = flops && here ? estimate_.run_seconds(config, *flops) : std::nullopt;
        timed += took.has_value();
        seconds += took.value_or(0);
    }
    const auto possible =
        std::count_if(plan_->runs.begin(), plan_->runs.end(),
                      [](const PlannedRun& run) { return run.impossible.empty(); });
    if (plan_->points < 1 && plan_->problems.isEmpty())
        points_->set(QChar(0x2013), tr("points"), tr("being planned"));
    else
        points_->set(whole(plan_->points), plan_->points == 1 ? tr("point") : tr("points"),
                     productText(plan_->spec) +
                         (plan_->runs.empty() || double(plan_->runs.size()) == plan_->points
                              ? QString()
                              : tr(", %1 differ").arg(plan_->runs.size())));
    if (plan_->points > planner_points)
        fit_->set(QChar(0x2013), tr("fit"), tr("too many points to predict"));
    else if (waits_ && known < possible)
        fit_->set(QChar(0x2013), tr("fit"), tr("predicted when the sweep has ended"));
    else if (known < possible && (!records_ || int(records_->size()) < possible))
        fit_->set(known ? QString::number(fit) : QString(QChar(0x2013)), tr("fit"),
                  tr("predicting, %1 of %2").arg(known).arg(possible));
    else if (known > 0 && lacksGpu())
        fit_->set(QChar(0x2013), tr("fit"), tr("no GPU to fit into"));
    else if (known == 0)
        fit_->set(QChar(0x2013), tr("fit"), tr("none can be predicted"));
    else
        fit_->set(QString::number(fit), tr("fit"),
                  fit == known ? tr("all of them")
                               : tr("%1 will not, kept as such").arg(known - fit));
    if (!measures && !plan_->runs.empty())
        time_->set("< 1", "s", tr("predictions only"));
    else if (timed > 0) {
        const auto [number, unit] = durationParts(seconds * double(fit) / timed);
        time_->set(number, unit, tr("by past runs"));
    } else
        time_->set(QChar(0x2013), tr("time"), tr("no runs yet to judge by"));
    showMemory();
}

/// It runs on a GPU that is not here, or of which nothing is known yet.
bool PlanPreview::lacksGpu() const {
    if (plan_->runs.empty()) return false;
    const RunConfig& config = plan_->runs.front().config;
    return config.on_gpu() && !find_gpu(devices_, config.gpu);
}

/// What is free where the plan runs: on the host, or on the GPU.
void PlanPreview::showMemory() {
    if (lacksGpu()) return memory_->set(QChar(0x2013), tr("free"), tr("no such GPU here"));
    double free = host_.available_bytes, all = host_.memory_bytes;
    QString of = tr("of %1");
    if (!plan_->runs.empty() && plan_->runs.front().config.on_gpu()) {
        const DeviceInfo& gpu = *find_gpu(devices_, plan_->runs.front().config.gpu);
        free = gpu.free_bytes;
        all = gpu.memory_bytes;
        of = tr("of %1 on the GPU");
    }
    const QStringList memory = bytesText(free).split(' ');
    memory_->set(memory.value(0), tr("%1 free").arg(memory.value(1)), of.arg(bytesText(all)));
}

QString PlanPreview::figuresText() const {
    QStringList words;
    for (const Figure* figure : {points_, fit_, time_, memory_}) {
        QStringList parts;
        for (const QLabel* part : figure->findChildren<QLabel*>())
            if (!part->text().isEmpty()) parts << part->text();
        words << parts.join(' ');
    }
    return words.join("; ");
}

void PlanPreview::showCell() {
    const int at = map_->current();
    const RunRecord* record = at < 0 ? nullptr : predictions_[std::size_t(at)];
    const double peak = record ? value_of(*record, "peak_bytes").value_or(0) : 0;
    parts_->setVisible(peak > 0);
    if (at < 0) {
        cell_name_->setText(tr("No cell chosen"));
        cell_variant_->setText(tr("point at a cell to see what its memory is for"));
        cell_bytes_->clear();
        return;
    }
    const PlannedRun& run = plan_->runs[std::size_t(at)];
    const PlanGrid& grid = plan_->grid;
    QStringList place;
    for (const PlanGrid::Side* side : {&grid.rows(), &grid.columns()})
        place << fieldWords(side->field) + ' ' +
                     QString::fromStdString(get_field(run.config, side->field));
    cell_name_->setText(place.join(", "));
    QString about = map_->variant();
    if (!run.impossible.empty())
        about = QString::fromStdString(run.impossible);
    else if (record && !record->reason.empty())
        about = QString::fromStdString(record->reason);
    cell_variant_->setText(about);
    cell_bytes_->setText(peak > 0 ? bytesText(peak) : QString());
    if (peak <= 0) return;
    const double limit = memory_limit(run.config, freeMemory());
    parts_->setBytes(partsOf(*record), peak > limit / 2 ? limit : 0);
}

void PlanPreview::showReasons() {
    std::map<QString, int> counts;
    for (std::size_t i = 0; i < plan_->runs.size(); ++i) {
        if (!plan_->runs[i].impossible.empty())
            ++counts[QString::fromStdString(plan_->runs[i].impossible)];
        else if (predictions_[i] && predictions_[i]->status == RunStatus::failed)
            ++counts[QString::fromStdString(predictions_[i]->reason)];
    }
    for (QWidget* old : reasons_->findChildren<QWidget*>("reason")) delete old;
    int shown = 0;
    QStringList rest;
    for (const auto& [reason, count] : counts) {
        const QString sentence = tr("%1 cannot be: %2").arg(counted(count, tr("point")), reason);
        if (shown == most_reasons) {
            rest << sentence;
            continue;
        }
        ++shown;
        auto* line = new QWidget;
        line->setObjectName("reason");
        auto* words = new ElidedLabel(sentence, 12, QFont::Normal, Ink::text2);
        auto* layout = row({new IconLabel(Icon::alert, Ink::warn, 14), words}, 6);
        layout->setStretch(1, 1);
        line->setLayout(layout);
        reasons_->body()->addWidget(line);
    }
    if (!rest.isEmpty()) {
        auto* more = caption(tr("and %1").arg(counted(rest.size(), tr("more reason"))));
        more->setObjectName("reason");
        more->setToolTip(rest.join('\n'));
        reasons_->body()->addWidget(more);
    }
    reasons_->setVisible(!counts.empty());
}

void PlanPreview::showRun() {
    const auto possible =
        std::count_if(plan_->runs.begin(), plan_->runs.end(),
                      [](const PlannedRun& run) { return run.impossible.empty(); });
    std::ptrdiff_t misfit = 0;
    for (std::size_t i = 0; i < plan_->runs.size(); ++i) misfit += misfits(i);
    QString reason = blocked_;
    if (reason.isEmpty()) reason = plan_->problems.join("; ");
    if (reason.isEmpty() && plan_->runs.empty())
        reason = plan_->points > planner_points
                     ? tr("More than %1 points are a slip of the pen.").arg(planner_points)
                     : tr("Being planned.");
    else if (reason.isEmpty() && possible == 0)
        reason = tr("None of these points can be run; the reasons stand above.");
    else if (reason.isEmpty() && possible == misfit)
        reason = tr("None of these points fits into the memory that is free.");
    const QString what = counted(possible - misfit, tr("point"));
    const bool some_exist = measured_ > 0 && !again();
    run_->setText((plan_->points < 1 ? tr("Run")
                   : waits_          ? tr("Queue %1").arg(what)
                                     : tr("Run %1").arg(what)) +
                  (some_exist ? tr(", %1 measured already").arg(measured_) : QString()));
    setReason(run_, reason);
    run_note_->setText(
        reason.isEmpty()
            ? (misfit ? tr("%1 will not fit and are not run. ").arg(counted(misfit, tr("point")))
                      : QString()) +
                  (some_exist ? tr("What was measured is taken over. ") : QString()) +
                  (waits_ ? tr("Begins when what runs now has ended.")
                          : tr("Ctrl+Return runs. Each round takes the points in an order that the "
                               "seed draws."))
            : reason);
    const bool wrong = !blocked_.isEmpty() || !plan_->problems.isEmpty();
    setInk(run_note_, wrong ? Ink::bad : Ink::text3);
}

} // namespace sweetspot::gui
