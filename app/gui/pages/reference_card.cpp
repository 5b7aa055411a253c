#include "app/gui/pages/reference_card.h"
#include "app/gui/models/run_text.h"
#include "app/gui/plot/legend.h"
#include "app/gui/plot/plot_group.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/choice.h"
#include <QLineEdit>
#include <cmath>

// One run against its reference, seen from four sides; which differences count is one number, typed
// or dragged, that the sentences of the page go by, too.

namespace sweetspot::gui {

ReferenceCard::ReferenceCard() : Card(tr("Against the reference")) {
    plot_ = new PlotGroup;
    plot_->setMinimumHeight(150);
    head()->addWidget(plot_->legend(), 0, Qt::AlignVCenter);
    plot_->legend()->show();
    head()->addWidget(plot_->makeExportButton());
    views_ = new PillGroup({tr("Logits"), tr("Batches"), tr("Distribution"), tr("Layers")});
    views_->setAccessibleName(tr("What is held against the reference"));
    field_ = textField({});
    field_->setFont(numberFont(12));
    field_->setFixedWidth(84);
    field_->setText(tableNumber(tolerance_, 3));
    field_->setAccessibleName(tr("Tolerance"));
    field_->setToolTip(tr("What counts as a difference: of a logit in size, of a layer's output "
                          "relative to it. Drag the line in the plot, or type."));
    auto* line = row({views_, nullptr, caption(tr("tolerance")), field_});
    body()->addLayout(line);
    body()->addWidget(plot_, 1);
    hide();
    connect(views_, &PillGroup::chosen, this, [this](int view) { showView(View(view)); });
    connect(field_, &QLineEdit::textEdited, this, &ReferenceCard::readTolerance);
    connect(plot_, &PlotGroup::exported, this, &ReferenceCard::exported);
    connect(plot_, &PlotGroup::limitMoved, this, [this](int limit, double value) {
        const PlotSpec& spec = plot_->views()[0]->spec();
        const PlotAxis& axis = spec.limits[size_t(limit)].side == PlotSide::x ? spec.x : spec.y;
        if (!(value > 0)) return;
        tolerance_ = value * axis.factor;
        field_->setText(tableNumber(tolerance_, 3));
        setWrong(field_, false);
        emit toleranceChanged();
    });
}

void ReferenceCard::readTolerance() {
    double typed = 0;
    const bool right = from_text(field_->text().trimmed().toStdString(), typed) && typed > 0 &&
                       std::isfinite(typed);
    setWrong(field_, !right);
    if (!right || typed == tolerance_) return;
    tolerance_ = typed;
    showView(View(views_->current()));
    emit toleranceChanged();
}

void ReferenceCard::present(const std::shared_ptr<const RunRecord>& run) {
    const bool compared = run && run->scored && !run->difference_bins.empty();
    run_ = compared ? run : nullptr;
    setVisible(compared);
    if (!compared) return;
    setNote(tr("#%1 against %2").arg(run->id).arg(QString::fromStdString(run->scored->reference)));
    showView(View(views_->current()));
}

void ReferenceCard::showView(View view) {
    if (!run_) return;
    PlotSpec spec = view == differences ? difference_plot(*run_, tolerance_)
                    : view == batches   ? batch_plot(*run_, tolerance_)
                    : view == logits    ? logit_plot(*run_)
                                        : layer_plot(*run_, tolerance_);
    for (PlotLimit& limit : spec.limits) limit.movable = true;
    plot_->legend()->setVisible(spec.series.size() > 1);
    plot_->setExportWords(
        tr("#%1 against %2").arg(run_->id).arg(QString::fromStdString(run_->scored->reference)),
        QString::fromStdString(spec.y.title));
    plot_->setSpecs({std::move(spec)});
}

} // namespace sweetspot::gui
