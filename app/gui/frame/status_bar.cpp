#include "app/gui/frame/status_bar.h"
#include "app/gui/widgets/progress.h"
#include "app/gui/widgets/text.h"

// What holds for every page: device, memory, clock, counters and whether all samples are saved,
// each with the reason where it is not well.

namespace sweetspot::gui {
namespace {

Icon toneIcon(Tone tone) {
    static constexpr Icon icons[] = {Icon::info,  Icon::live,  Icon::check,
                                     Icon::alert, Icon::cross, Icon::info};
    return icons[int(tone)];
}

} // namespace

StatusBar::StatusBar(QWidget* parent) : QFrame(parent) {
    setObjectName("statusbar");
    setFixedHeight(28);
    gpu_ = label({}, 12, QFont::Normal, Ink::text2);
    device_ = label({}, 12, QFont::Normal, Ink::text2);
    memory_ = new UsageBar;
    memory_->setFixedWidth(80);
    memory_text_ = numberLabel({}, 11);
    clock_ = numberLabel({}, 11);
    gpu_box_ = new QWidget;
    auto* gpu = row({new IconLabel(Icon::gpu, Ink::text2, 14), gpu_});
    gpu->setContentsMargins(12, 0, 0, 0);
    gpu_box_->setLayout(gpu);
    counters_icon_ = new IconLabel(Icon::none, Ink::text2, 14);
    counters_ = label({}, 12, QFont::Normal, Ink::text2);
    saved_icon_ = new IconLabel(Icon::none, Ink::good, 14);
    saved_ = new ElidedLabel({}, 12, QFont::Normal, Ink::text2, Qt::ElideMiddle);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(14, 0, 14, 0);
    layout->setSpacing(8);
    for (QWidget* widget : std::initializer_list<QWidget*>{new IconLabel(Icon::cpu, Ink::text2, 14),
                                                           device_, gpu_box_})
        layout->addWidget(widget);
    layout->addSpacing(12);
    layout->addWidget(new IconLabel(Icon::memory, Ink::text2, 14));
    for (QWidget* widget : std::initializer_list<QWidget*>{memory_, memory_text_})
        layout->addWidget(widget);
    layout->addSpacing(12);
    layout->addWidget(clock_);
    layout->addStretch(1);
    layout->addWidget(counters_icon_);
    layout->addWidget(counters_);
    layout->addSpacing(12);
    layout->addWidget(saved_icon_);
    layout->addWidget(saved_);
    setDevice(tr("no device"));
    setGpu({});
    setMemory(0, 0);
    setClock({});
    setCounters({}, Tone::neutral);
    setSaved({});
}

void StatusBar::setDevice(const QString& name) {
    device_->setText(name);
}

void StatusBar::setGpu(const QString& name) {
    gpu_->setText(name);
    gpu_box_->setVisible(!name.isEmpty());
}

void StatusBar::setMemory(double used_bytes, double total_bytes) {
    memory_->setUsed(total_bytes > 0 ? used_bytes / total_bytes : 0);
    memory_text_->setText(
        total_bytes > 0 ? QString("%1 / %2").arg(bytesText(used_bytes), bytesText(total_bytes))
                        : QString(QChar(0x2013)));
}

void StatusBar::setClock(const QString& text) {
    clock_->setText(text);
    clock_->setVisible(!text.isEmpty());
}

void StatusBar::setCounters(const QString& text, Tone tone) {
    counters_icon_->setIcon(tone == Tone::warn ? Icon::lock : toneIcon(tone), toneInk(tone));
    counters_icon_->setVisible(!text.isEmpty());
    counters_->setText(text);
    setInk(counters_, toneInk(tone));
}

void StatusBar::setSaved(const QString& text, Tone tone) {
    saved_icon_->setIcon(toneIcon(tone), toneInk(tone));
    saved_icon_->setVisible(!text.isEmpty());
    saved_->setText(text);
}

} // namespace sweetspot::gui
