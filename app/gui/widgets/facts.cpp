#include "app/gui/widgets/facts.h"
#include "app/gui/widgets/text.h"

namespace sweetspot::gui {

FactRow::FactRow(const QString& name, const QString& value, bool number) {
    value_ = new ElidedLabel(value, 12);
    if (number) value_->setFont(numberFont(12));
    value_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    auto* layout = row({caption(name)});
    layout->addWidget(value_, 1);
    setLayout(layout);
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
}

void FactRow::setValue(const QString& value) {
    value_->setText(value);
}

StatusLine::StatusLine(Icon icon, Tone tone, const QString& fact, const QString& consequence) {
    icon_ = new IconLabel(icon);
    fact_ = label({}, 12, QFont::DemiBold);
    fact_->setWordWrap(true);
    consequence_ = label({}, 12, QFont::Normal, Ink::text2);
    consequence_->setWordWrap(true);
    auto* layout = row({});
    layout->addWidget(icon_, 0, Qt::AlignTop);
    layout->addLayout(column({fact_, consequence_}, 2), 1);
    setLayout(layout);
    set(icon, tone, fact, consequence);
}

void StatusLine::set(Icon icon, Tone tone, const QString& fact, const QString& consequence) {
    icon_->setIcon(icon, toneInk(tone));
    fact_->setText(fact);
    setInk(fact_, tone == Tone::neutral ? Ink::text : toneInk(tone));
    consequence_->setText(consequence);
    consequence_->setVisible(!consequence.isEmpty());
}

} // namespace sweetspot::gui
