#include "app/gui/theme/icons.h"
#include <QIconEngine>
#include <QPainter>
#include <QPainterPath>
#include <array>

// Icons as paths, drawn in the theme's colours at any size, so that neither theme nor scale needs
// files of its own.

namespace sweetspot::gui {
namespace {

// Paths: M x y moves, L x y draws a line, C a cubic curve, O cx cy r a circle, R x y w h r a
// rounded rectangle, A cx cy r start sweep an arc in degrees, Z closes.
constexpr std::array<const char*, icon_count> shapes = {
    "",
    "M 4 11 L 12 4 L 20 11 M 6 9.5 L 6 20 L 18 20 L 18 9.5 M 10 20 L 10 14 L 14 14 L 14 20",
    "M 4 7 L 11 7 M 17 7 L 20 7 O 14 7 2.6 M 4 17 L 7 17 M 13 17 L 20 17 O 10 17 2.6",
    "M 3 12 L 7 12 L 10 5 L 14 19 L 17 12 L 21 12",
    "R 4 5 16 14 2 M 4 10 L 20 10 M 10 10 L 10 19",
    "O 12 12 8 O 12 12 4 O 12 12 0.6",
    "M 5 20 L 5 9 M 10 20 L 10 4 M 15 20 L 15 13 M 20 20 L 20 16",
    "M 4 6 L 12 6 M 8 12 L 18 12 M 12 18 L 20 18",
    "M 4 4 L 4 20 L 20 20 M 7 7 C 9 14 12 16 20 16.5",
    "A 12 12 8 150 -300 M 4 4.5 L 4.6 8.6 L 8.8 8 M 12 8 L 12 12 L 15 14",
    "M 8 5 L 18.5 12 L 8 19 Z",
    "M 9 6 L 9 18 M 15 6 L 15 18",
    "R 7 7 10 10 1.5",
    "M 12 5 L 12 19 M 5 12 L 19 12",
    "M 7 7 L 17 17 M 17 7 L 7 17",
    "M 9.5 6 L 15.5 12 L 9.5 18",
    "M 6 9.5 L 12 15.5 L 18 9.5",
    "M 12 19 L 12 6 M 6.5 11.5 L 12 6 L 17.5 11.5",
    "M 12 5 L 12 18 M 6.5 12.5 L 12 18 L 17.5 12.5",
    "O 11 11 6 M 15.5 15.5 L 20 20",
    "M 4 6 L 20 6 M 7 12 L 17 12 M 10 18 L 14 18",
    "O 12 12 3.6 M 12 3 L 12 5 M 12 19 L 12 21 M 3 12 L 5 12 M 19 12 L 21 12 M 5.6 5.6 L 7 7 "
    "M 17 17 L 18.4 18.4 M 18.4 5.6 L 17 7 M 7 17 L 5.6 18.4",
    "M 19 14.5 C 12 17 7 11.5 9.8 4.6 C 3.5 7 3 14.6 7.8 18.2 C 12 21.2 17.6 19 19 14.5 Z",
    "M 12 4.5 L 20.5 19 L 3.5 19 Z M 12 10 L 12 14 M 12 16.4 L 12 16.6",
    "M 5 12.5 L 10 17.5 L 19.5 7",
    "O 12 12 8.2 M 12 11.2 L 12 16 M 12 8 L 12 8.2",
    "R 6 11 12 9 2 M 8.5 11 L 8.5 8 C 8.5 3.5 15.5 3.5 15.5 8 L 15.5 11",
    "R 7 7 10 10 1.5 M 10 4 L 10 7 M 14 4 L 14 7 M 10 17 L 10 20 M 14 17 L 14 20 M 4 10 L 7 10 "
    "M 4 14 L 7 14 M 17 10 L 20 10 M 17 14 L 20 14",
    "M 3 5 L 3 20 M 3 7 L 21 7 L 21 16 L 3 16 O 14 11.5 2.4 M 7 16 L 7 19 L 14 19 L 14 16",
    "R 4 8 16 8 1.5 M 8 8 L 8 12 M 12 8 L 12 12 M 16 8 L 16 12 M 7 16 L 7 18.5 M 12 16 L 12 18.5 "
    "M 17 16 L 17 18.5",
    "M 4 18.5 L 4 6 L 10 6 L 12 8.5 L 20 8.5 L 20 18.5 Z",
    "M 12 4 L 12 15 M 7 10.5 L 12 15.5 L 17 10.5 M 5 19.5 L 19 19.5",
    "M 12 21 L 12 14 M 7 14 L 17 14 L 15 10.5 L 15 4 L 9 4 L 9 10.5 Z",
    "A 12 12 7 30 -300 M 18.6 4.4 L 18.2 8.6 L 14 8.2",
    "M 4 7 L 20 7 M 4 12 L 20 12 M 4 17 L 20 17",
    "R 4 5 16 14 2 M 7.5 9.5 L 10 12 L 7.5 14.5 M 12 14.5 L 16 14.5",
    "O 12 12 8 M 12 7.5 L 12 12 L 15 14",
    "R 5 5 14 14 3 O 9.2 9.2 0.5 O 14.8 14.8 0.5 O 12 12 0.5",
    "M 6 4 L 14 4 L 18 8 L 18 20 L 6 20 Z M 14 4 L 14 8 L 18 8",
    "M 4 9 L 19 9 M 15.5 5.5 L 19 9 M 20 15 L 5 15 M 8.5 18.5 L 5 15",
    "M 6 9.5 L 18 9.5 M 6 14.5 L 18 14.5",
    "M 10 14 L 14 10 M 11 8 L 13.5 5.5 C 16 3 21 8 18.5 10.5 L 16 13 "
    "M 13 16 L 10.5 18.5 C 8 21 3 16 5.5 13.5 L 8 11",
    "M 13 3 L 5.5 13.5 L 11.5 13.5 L 11 21 L 18.5 10.5 L 12.5 10.5 Z",
    "M 6 6 L 18 18 M 18 6 L 6 18",
    "O 12 12 4",
    "R 3 6 18 12 2 M 7 10 L 7.1 10 M 11 10 L 11.1 10 M 15 10 L 15.1 10 M 8 14 L 16 14",
    "M 4 4.5 L 12 4.5 L 20 12.5 L 12.5 20 L 4 11.5 Z O 8.3 8.6 0.9",
    "R 5 4 14 16 2 M 8.5 9 L 15.5 9 M 8.5 13 L 13.5 13",
    "M 5 7 L 19 7 M 9.5 7 L 9.5 4.5 L 14.5 4.5 L 14.5 7 M 7 7 L 8 20 L 16 20 L 17 7",
    "R 4 5 16 14 2 M 9.3 5 L 9.3 19 M 14.6 5 L 14.6 19",
};

QPainterPath parse(const char* text) {
    QPainterPath path;
    const QStringList words = QString::fromLatin1(text).split(' ', Qt::SkipEmptyParts);
    qsizetype at = 0;
    const auto number = [&] { return words[at++].toDouble(); };
    const auto point = [&] {
        const double x = number();
        return QPointF(x, number());
    };
    while (at < words.size()) {
        const char command = words[at++][0].toLatin1();
        if (command == 'Z') {
            path.closeSubpath();
            continue;
        }
        const QPointF p = point();
        if (command == 'M') path.moveTo(p);
        if (command == 'L') path.lineTo(p);
        if (command == 'C') {
            const QPointF second = point();
            path.cubicTo(p, second, point());
        }
        if (command == 'O') {
            const double r = number();
            path.addEllipse(p, r, r);
        }
        if (command == 'R') {
            const QPointF size = point();
            const double r = number();
            path.addRoundedRect(QRectF(p, QSizeF(size.x(), size.y())), r, r);
        }
        if (command == 'A') {
            const double r = number();
            const QRectF circle(p.x() - r, p.y() - r, 2 * r, 2 * r);
            const QPointF angles = point();
            path.arcMoveTo(circle, angles.x());
            path.arcTo(circle, angles.x(), angles.y());
        }
    }
    return path;
}

const QPainterPath& shape(Icon icon) {
    static const std::array<QPainterPath, icon_count> paths = [] {
        std::array<QPainterPath, icon_count> result;
        for (int i = 0; i < icon_count; ++i) result[size_t(i)] = parse(shapes[size_t(i)]);
        return result;
    }();
    return paths[size_t(icon)];
}

class ThemedIconEngine : public QIconEngine {
public:
    ThemedIconEngine(Icon icon, Ink ink) : icon_(icon), ink_(ink) {}
    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override {
        const Ink ink = mode == QIcon::Disabled ? Ink::text3 : ink_;
        drawIcon(*painter, icon_, rect, inkColour(ink), 1.5 * rect.width() / 16.0);
    }
    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
        QPixmap result(size);
        result.fill(Qt::transparent);
        QPainter painter(&result);
        paint(&painter, QRect(QPoint(), size), mode, state);
        return result;
    }
    QIconEngine* clone() const override { return new ThemedIconEngine(*this); }

private:
    Icon icon_;
    Ink ink_;
};

} // namespace

void drawIcon(QPainter& painter, Icon icon, const QRectF& box, const QColor& colour,
              double stroke) {
    if (icon == Icon::none) return;
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.translate(box.topLeft());
    const double scale = box.width() / 24;
    painter.scale(scale, scale);
    const double width = stroke / scale * (box.width() < 18 ? 0.9 : 1.0);
    painter.setPen(QPen(colour, width, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
    painter.setBrush(icon == Icon::dot ? QBrush(colour) : QBrush(Qt::NoBrush));
    painter.drawPath(shape(icon));
    painter.restore();
}

QIcon themedIcon(Icon icon, Ink ink) {
    return QIcon(new ThemedIconEngine(icon, ink));
}

} // namespace sweetspot::gui
