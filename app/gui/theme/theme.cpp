#include "app/gui/theme/theme.h"
#include "app/analysis/plot.h"
#include "app/gui/theme/stylesheet.h"
#include <QApplication>
#include <QFontDatabase>
#include <QFontMetricsF>
#include <QPalette>
#include <QStyleFactory>
#include <cmath>

// The colours and fonts of both themes: tokens by what they mean, not by what they are.

namespace sweetspot::gui {
namespace {

Theme& current() {
    static Theme theme = lightTheme();
    return theme;
}

QVector<QColor> colours(std::initializer_list<const char*> names) {
    QVector<QColor> result;
    for (const char* name : names) result << QColor(name);
    return result;
}

bool digitsAreEquallyWide(const QFont& font) {
    const QFontMetricsF metrics(font);
    const double width = metrics.horizontalAdvance('0');
    for (char digit = '1'; digit <= '9'; ++digit)
        if (std::abs(metrics.horizontalAdvance(digit) - width) > 0.01) return false;
    return true;
}

const QString& uiFamily() {
    static const QString family = [] {
        const QStringList installed = QFontDatabase::families();
        for (const char* wanted : {"Inter", "Noto Sans", "Cantarell", "Ubuntu", "DejaVu Sans"})
            if (installed.contains(wanted)) return QString(wanted);
        return QFontDatabase::systemFont(QFontDatabase::GeneralFont).family();
    }();
    return family;
}

// Inter's digits are proportional, and Qt before 6.7 cannot ask for its tabular ones.
const QString& numberFamily() {
    static const QString family = [] {
        const QStringList installed = QFontDatabase::families();
        for (const char* wanted :
             {"JetBrains Mono", "IBM Plex Mono", "Noto Sans Mono", "DejaVu Sans Mono"})
            if (installed.contains(wanted) && digitsAreEquallyWide(QFont(wanted, 12)))
                return QString(wanted);
        return QFontDatabase::systemFont(QFontDatabase::FixedFont).family();
    }();
    return family;
}

QFont font(const QString& family, int pixels, int weight) {
    QFont result(family);
    result.setPixelSize(pixels);
    result.setWeight(QFont::Weight(weight));
    result.setHintingPreference(QFont::PreferNoHinting);
    return result;
}

// AlternateBase is left to the system on purpose: nothing of ours paints with it, and through it
// ThemeControl sees whether the system is light or dark.
QPalette palette(const Theme& t) {
    QPalette p;
    const std::pair<QPalette::ColorRole, QColor> roles[] = {
        {QPalette::Window, t.window},
        {QPalette::WindowText, t.text},
        {QPalette::Base, t.field},
        {QPalette::Text, t.text},
        {QPalette::Button, t.surface},
        {QPalette::ButtonText, t.text},
        {QPalette::BrightText, t.bad},
        {QPalette::Highlight, t.accent_fill},
        {QPalette::HighlightedText, t.on_accent},
        {QPalette::ToolTipBase, t.inset},
        {QPalette::ToolTipText, t.text},
        {QPalette::PlaceholderText, t.text3},
        {QPalette::Link, t.accent},
        {QPalette::LinkVisited, t.accent},
        {QPalette::Light, t.surface},
        {QPalette::Midlight, t.inset},
        {QPalette::Mid, t.border},
        {QPalette::Dark, t.border_strong},
        {QPalette::Shadow, t.dark ? QColor(Qt::black) : t.border_strong},
    };
    for (const auto& [role, colour] : roles) p.setColor(role, colour);
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        p.setColor(QPalette::Disabled, role, t.text3);
    return p;
}

} // namespace

Theme lightTheme() {
    Theme t;
    t.window = "#F5F6F8", t.rail = "#ECEEF2", t.surface = "#FFFFFF";
    t.inset = "#F1F3F6", t.hover = "#E9ECF1", t.field = "#FFFFFF", t.scroll = "#C6CCD5";
    t.border = "#DEE2E8", t.border_mid = "#B8BFCA", t.border_strong = "#868F9D";
    t.text = "#14171C", t.text2 = "#434B58", t.text3 = "#5B6472";
    t.accent = "#5145CD", t.accent_fill = "#5145CD", t.accent_fill_hover = "#4338B5";
    t.on_accent = "#FFFFFF", t.accent_soft = "#ECEBFB";
    t.good = "#0B6B4A", t.good_soft = "#E0F3EB", t.warn = "#8A5200", t.warn_soft = "#FBF0DA";
    t.bad = "#B3261E", t.bad_soft = "#FBE9E7", t.info = "#1B5E9B", t.info_soft = "#E3EFFA";
    t.grid = "#E8EBF0", t.axis = "#B9C0CB", t.neutral = "#7A8494", t.done = "#3DA585";
    t.series = colours({"#0072B2", "#BF4600", "#008F66", "#C0649A", "#BC8600", "#3A9BD4"});
    t.heat = colours({"#F0F5FB", "#CFE0F2", "#9FC3E4", "#5F9BCC", "#2B70AC", "#0E447A"});
    t.ramp = colours({"#16306E", "#1D5C93", "#1F8088", "#5B8E3C", "#A88A12"});
    t.purpose = colours({"#7C8798", "#0072B2", "#008F66", "#C0649A", "#BC8600", "#BF4600"});
    return t;
}

Theme darkTheme() {
    Theme t;
    t.dark = true;
    t.window = "#101216", t.rail = "#0B0D10", t.surface = "#171A20";
    t.inset = "#1F232B", t.hover = "#262B34", t.field = "#12151A", t.scroll = "#3D4451";
    t.border = "#2A2F39", t.border_mid = "#454D5B", t.border_strong = "#707A8A";
    t.text = "#E9ECF1", t.text2 = "#B6BDC9", t.text3 = "#929BAA";
    t.accent = "#A79CFF", t.accent_fill = "#6656E8", t.accent_fill_hover = "#6F5FEC";
    t.on_accent = "#FFFFFF", t.accent_soft = "#28264A";
    t.good = "#4CC79A", t.good_soft = "#15302A", t.warn = "#E8B04A", t.warn_soft = "#352A14";
    t.bad = "#FF8A80", t.bad_soft = "#3A1D1E", t.info = "#7CBBF2", t.info_soft = "#172B40";
    t.grid = "#242933", t.axis = "#4A5261", t.neutral = "#8C95A4", t.done = "#25805F";
    t.series = colours({"#4DA3E6", "#F07E3C", "#2DBE8D", "#DD8FBE", "#E6B33A", "#8ED2F5"});
    t.heat = colours({"#1B222C", "#1E3A56", "#25577F", "#357DAE", "#62A9D3", "#B5DDF2"});
    t.ramp = colours({"#4F7DE8", "#3A9FD0", "#3DB9A6", "#9ACB62", "#F3DF63"});
    t.purpose = colours({"#8C95A4", "#4DA3E6", "#2DBE8D", "#DD8FBE", "#E6B33A", "#F07E3C"});
    return t;
}

const Theme& theme() {
    return current();
}

// The order matters to Qt: a style resets the palette, and a stylesheet reads palette and font.
void applyTheme(const Theme& theme) {
    current() = theme;
    if (qApp->styleSheet().isEmpty()) QApplication::setStyle(QStyleFactory::create("Fusion"));
    QApplication::setPalette(palette(theme));
    QApplication::setFont(uiFont());
    qApp->setStyleSheet(stylesheet(theme));
}

QColor inkColour(Ink ink) {
    const Theme& t = theme();
    switch (ink) {
    case Ink::text: return t.text;
    case Ink::text2: return t.text2;
    case Ink::text3: return t.text3;
    case Ink::accent: return t.accent;
    case Ink::on_accent: return t.on_accent;
    case Ink::good: return t.good;
    case Ink::warn: return t.warn;
    case Ink::bad: return t.bad;
    case Ink::info: return t.info;
    }
    return t.text;
}

const char* inkName(Ink ink) {
    static constexpr const char* names[] = {"text", "text2", "text3", "accent", "on_accent",
                                            "good", "warn",  "bad",   "info"};
    return names[int(ink)];
}

Ink toneInk(Tone tone) {
    static constexpr Ink inks[] = {Ink::text2, Ink::accent, Ink::good,
                                   Ink::warn,  Ink::bad,    Ink::info};
    return inks[int(tone)];
}

QColor toneFill(Tone tone) {
    const Theme& t = theme();
    const QColor fills[] = {t.inset,     t.accent_soft, t.good_soft,
                            t.warn_soft, t.bad_soft,    t.info_soft};
    return fills[int(tone)];
}

QColor seriesColour(int slot, const Theme& theme) {
    if (slot < 0) return theme.neutral;
    return theme.series[((slot % series_slots) + series_slots) % series_slots];
}

QFont uiFont(int pixels, int weight) {
    QFont result = font(uiFamily(), pixels, weight);
    if (pixels >= 18) result.setLetterSpacing(QFont::PercentageSpacing, 98.5);
    return result;
}

QFont numberFont(int pixels, int weight) {
    QFont result = font(numberFamily(), pixels, weight);
    if (numberFamily() == "JetBrains Mono") result.setLetterSpacing(QFont::PercentageSpacing, 96);
    return result;
}

} // namespace sweetspot::gui
