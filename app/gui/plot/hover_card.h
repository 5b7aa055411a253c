#pragma once
#include "app/gui/plot/plot_style.h"
#include <QList>
#include <QWidget>

namespace sweetspot::gui {

/// The read-out under the mouse: a title, every series, sorted as in the plot, and a sentence.
class HoverCard : public QWidget {
    Q_OBJECT
public:
    struct Line {
        QString name, value;
        QColor colour;
        Marker marker;
    };
    explicit HoverCard(QWidget* parent);
    /// Resizes to its words and shows them; the note is wrapped.
    void tell(const QString& title, const QList<Line>& lines, const QString& note = {});
    QString title() const { return title_; }
    const QList<Line>& lines() const { return lines_; }
    QString note() const { return note_; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QString title_, note_;
    QList<Line> lines_;
};

} // namespace sweetspot::gui
