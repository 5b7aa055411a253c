#include "app/gui/pages/machine_column.h"
#include "app/analysis/columns.h"
#include "app/gui/models/run_text.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/facts.h"
#include "app/gui/widgets/progress.h"
#include "app/gui/widgets/text.h"
#include "app/runner/devices.h"
#include <cmath>

// What this machine can measure, and what would disturb it: from the system, the devices, and the
// noise of past runs.

namespace sweetspot::gui {
namespace {

constexpr double quiet_load = 0.3; // of one thread: more disturbs what is measured

Card* machineCard(const QString& title) {
    auto* card = new Card(title);
    card->body()->setSpacing(6);
    return card;
}

} // namespace

MachineColumn::MachineColumn(QWidget* parent) : QWidget(parent) {
    setFixedWidth(300); // so that all of the page is seen in the smallest window
    auto* cpu = machineCard(tr("CPU"));
    state_ = new Chip(tr("ready"), Tone::good, Icon::check);
    cpu->head()->addWidget(state_);
    cpu_ = heading({}, 14);
    cpu_->setWordWrap(true);
    threads_ = new FactRow(tr("Threads"), {}, true);
    isa_ = new FactRow(tr("Instructions"));
    memory_ = new FactRow(tr("Memory used"), {}, true);
    used_ = new UsageBar;
    clock_ = new FactRow(tr("Clock"));
    for (QWidget* each :
         std::initializer_list<QWidget*>{cpu_, threads_, isa_, memory_, used_, clock_})
        cpu->body()->addWidget(each);

    gpu_card_ = machineCard(tr("GPU"));
    showDevices({});

    auto* measure = machineCard(tr("Can this machine measure?"));
    measure->body()->setSpacing(12);
    counters_ = new StatusLine(Icon::info, Tone::info, {}, {});
    noise_ = new StatusLine(Icon::info, Tone::info, tr("Noise not known yet"),
                            tr("It is judged by the spread of the first runs."));
    others_ = new StatusLine(Icon::info, Tone::info, {}, {});
    for (QWidget* each : {counters_, noise_, others_}) measure->body()->addWidget(each);

    auto* layout = column({cpu, gpu_card_, measure, nullptr}, 12);
    setLayout(layout);
}

void MachineColumn::present(const Host& host, bool measuring) {
    const bool busy = !measuring && host.load > std::max(1, host.threads) * quiet_load;
    if (measuring)
        state_->setTone(Tone::accent, Icon::live);
    else
        state_->setTone(busy ? Tone::warn : Tone::good, busy ? Icon::alert : Icon::check);
    state_->setText(measuring ? tr("in use by this sweep") : busy ? tr("busy") : tr("ready"));
    state_->updateGeometry();
    cpu_->setText(host.cpu.isEmpty() ? tr("unknown processor") : shortCpuName(host.cpu));
    threads_->setValue(QString::number(host.threads));
    const QString isa = recorded_isa_.isEmpty() ? host.isa : recorded_isa_;
    isa_->setValue(isa.isEmpty() ? tr("not told") : isa);
    const double used = host.memory_bytes - host.available_bytes;
    memory_->setValue(QString("%1 / %2").arg(bytesText(used), bytesText(host.memory_bytes)));
    used_->setUsed(host.memory_bytes > 0 ? used / host.memory_bytes : 0);
    clock_->setValue(
        (host.mhz > 0 ? tr("%1 GHz now, ").arg(host.mhz / 1000, 0, 'f', 2) : QString()) +
        (host.governor.isEmpty() ? tr("governor not told") : host.governor));

    if (!host.has_counters)
        counters_->set(Icon::info, Tone::info, tr("No hardware counters"),
                       tr("The system offers none, as in many virtual machines. Nothing here needs "
                          "them: FLOPs and bytes come from the operations themselves."));
    else if (host.counters_forbidden > 2)
        counters_->set(Icon::lock, Tone::warn, tr("Hardware counters not allowed"),
                       tr("Nothing here needs them: FLOPs and bytes come from the operations "
                          "themselves."));
    else
        counters_->set(Icon::check, Tone::good, tr("Hardware counters allowed"),
                       tr("No measurement uses them yet: FLOPs and bytes come from the operations "
                          "themselves."));
    const QString load = QString::number(host.load, 'f', 1);
    if (measuring)
        others_->set(
            Icon::live, Tone::info, tr("A sweep is under way"),
            tr("Load %1 on %2 threads, this sweep's own included.").arg(load).arg(host.threads));
    else if (busy)
        others_->set(Icon::alert, Tone::warn, tr("Other programs are busy"),
                     tr("Load %1 on %2 threads: they take time from what is measured.")
                         .arg(load)
                         .arg(host.threads));
    else
        others_->set(Icon::check, Tone::good, tr("Nothing else is busy"),
                     tr("Load %1 on %2 threads.").arg(load).arg(host.threads));
}

void MachineColumn::showDevices(const std::vector<DeviceInfo>& devices) {
    delete gpus_;
    gpus_ = new QWidget;
    auto* layout = column({}, 6);
    gpus_->setLayout(layout);
    gpu_card_->body()->addWidget(gpus_);
    const auto say = [&](const QString& name, const QString& note) {
        for (QLabel* each : {heading(name, 14), caption(note)}) {
            each->setWordWrap(true);
            layout->addWidget(each);
        }
    };
    for (const DeviceInfo& device : devices) {
        if (device.name != "cuda" || !device.available) continue;
        const QString meaning = QString::fromStdString(device.meaning); // its name comes first
        say(meaning.section(", ", 0, 0), sentence(meaning.section(", ", 1).toStdString()));
        const double used = device.memory_bytes - device.free_bytes;
        layout->addWidget(new FactRow(
            tr("Memory used"),
            QString("%1 / %2").arg(bytesText(used), bytesText(device.memory_bytes)), true));
        layout->addWidget(new UsageBar(used / std::max(1.0, device.memory_bytes)));
    }
    if (devices.empty())
        say(tr("Not known yet"), tr("The worker is asked what there is."));
    else if (!find_gpu(devices))
        say(tr("None found"), sentence(why_no_gpu(devices)));
}

void MachineColumn::showRecords(const RecentSweeps& recent) {
    recorded_isa_.clear();
    std::vector<double> noises;
    for (const RecentSweeps::Entry& entry : recent.entries()) {
        if (!entry.runs) continue;
        for (const RunRecord& run : *entry.runs) {
            if (run.status != RunStatus::done) continue;
            const auto isa = run.environment.find("isa");
            if (recorded_isa_.isEmpty() && isa != run.environment.end())
                recorded_isa_ = QString::fromStdString(isa->second);
            if (const auto noise = noise_of(run)) noises.push_back(*noise);
        }
    }
    if (noises.empty()) return;
    const double noise = median(noises);
    const bool quiet = noise < 0.02;
    noise_->set(
        quiet ? Icon::check : Icon::alert, quiet ? Tone::good : Tone::warn,
        tr("Noise %1 %").arg(100 * noise, 0, 'f', 1),
        tr("Half the width of a median's 95 % interval, in the middle of the %1 newest runs.")
            .arg(noises.size()));
}

QString MachineColumn::text() const {
    QStringList words;
    for (const QLabel* each : findChildren<QLabel*>()) words << each->text();
    return words.join('\n');
}

} // namespace sweetspot::gui
