#pragma once
#include "app/gui/pages/sweep_sentence.h"
#include "app/gui/pages/welcome_page.h"
#include "app/gui/widgets/card.h"

namespace sweetspot::gui {

/// A few lines of words, the last one cut with an ellipsis; the tooltip has them whole.
class ClampedLabel : public QWidget {
    Q_OBJECT
public:
    ClampedLabel(const QString& text, int lines);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {80, sizeHint().height()}; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QString text_;
    int lines_;
};

/// A preset as a button: its name, what it is for, how many points it has.
Card* presetCard(const Preset& preset);

/// A sweep as a button: its shape, its name, what it found, when it was.
Card* sweepCard(const RecentSweeps::Entry& entry, const Finding& finding,
                const SweepProgress& progress);

} // namespace sweetspot::gui
