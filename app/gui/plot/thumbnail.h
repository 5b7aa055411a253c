#pragma once
#include "app/analysis/plot.h"
#include <QWidget>

namespace sweetspot::gui {

/// The shape of a plot without axes or words, for lists of experiments.
class Thumbnail : public QWidget {
    Q_OBJECT
public:
    explicit Thumbnail(const PlotSpec& spec = {});
    void setSpec(const PlotSpec& spec);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    PlotSpec spec_;
};

} // namespace sweetspot::gui
