#pragma once
#include "app/gui/theme/theme.h"
#include <QList>
#include <QWidget>

namespace sweetspot::gui {

/// Parts of a whole as bars below each other, each with its name, a remark and its share.
class ShareBars : public QWidget {
    Q_OBJECT
public:
    struct Bar {
        QString name, remark;
        double share = 0; ///< of the whole; below 0 it went the other way
        QString number;
        Tone tone = Tone::good;
    };
    explicit ShareBars(QWidget* parent = nullptr);
    void setBars(const QList<Bar>& bars);
    const QList<Bar>& bars() const { return bars_; }
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {160, sizeHint().height()}; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QList<Bar> bars_;
};

} // namespace sweetspot::gui
