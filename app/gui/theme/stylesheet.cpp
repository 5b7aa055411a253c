#include "app/gui/theme/stylesheet.h"
#include <QHash>
#include <QRegularExpression>

// What Qt's own widgets look like, written once with the names of the theme's colours in it.

namespace sweetspot::gui {
namespace {

// Focus borders of 2 px take one pixel of padding and height away, so that nothing moves.
// No colour for QLineEdit: one set here would make the placeholder half transparent.
const char* const shapes = R"(
QMainWindow, #content { background: @window; }
#rail { background: @rail; border: none; border-right: 1px solid @border; }
#topbar { background: @window; border: none; border-bottom: 1px solid @border; }
#statusbar { background: @rail; border: none; border-top: 1px solid @border; }
#card { background: @surface; border: 1px solid @border; border-radius: 8px; }
#inset { background: @inset; border: none; border-radius: 6px; }
#rule { background: @border; border: none; }
QDialog { background: @surface; }
QLabel[ink="text"] { color: @text; }
QLabel[ink="text2"] { color: @text2; }
QLabel[ink="text3"] { color: @text3; }
QLabel[ink="accent"] { color: @accent; }
QLabel[ink="on_accent"] { color: @on_accent; }
QLabel[ink="good"] { color: @good; }
QLabel[ink="warn"] { color: @warn; }
QLabel[ink="bad"] { color: @bad; }
QLabel[ink="info"] { color: @info; }
QToolTip { background: @inset; color: @text; border: 1px solid @border_strong; padding: 4px 8px; }
QPushButton { background: @surface; color: @text; border: 1px solid @border_mid; border-radius: 6px;
  padding: 0 12px; min-height: 28px; }
QPushButton:hover { background: @hover; }
QPushButton:pressed { background: @inset; }
QPushButton:focus { border: 2px solid @accent; padding: 0 11px; min-height: 26px; }
QPushButton:disabled { color: @text3; border-color: @border; background: @inset; }
QPushButton[kind="primary"] { background: @accent_fill; color: @on_accent;
  border: 1px solid @accent_fill; }
QPushButton[kind="primary"]:hover { background: @accent_fill_hover; }
QPushButton[kind="primary"]:focus { border: 2px solid @text; }
QPushButton[kind="primary"]:disabled { color: @text3; border: 1px solid @border; background: @inset; }
QPushButton[kind="ghost"] { background: transparent; border: 1px solid transparent; padding: 0 8px;
  color: @text2; }
QPushButton[kind="ghost"]:hover { background: @hover; color: @text; }
QPushButton[kind="ghost"]:checked { background: @accent_soft; color: @accent; }
QPushButton[kind="ghost"]:focus { border: 2px solid @accent; padding: 0 7px; }
QPushButton[kind="ghost"]:disabled { color: @text3; background: transparent;
  border: 1px solid transparent; }
QPushButton[kind="danger"] { color: @bad; }
QPushButton[kind="danger"]:disabled { color: @text3; }
QPushButton[kind="search"] { color: @text3; border-color: @border; text-align: left; }
QPushButton[tall="large"] { min-height: 42px; padding: 0 16px; }
QPushButton[tall="large"]:focus { min-height: 40px; padding: 0 15px; }
QPushButton[tall="medium"] { min-height: 32px; }
QPushButton[tall="medium"]:focus { min-height: 30px; }
QPushButton::menu-indicator { image: none; width: 0; }
QLineEdit, QDoubleSpinBox, QSpinBox { background: @field; border: 1px solid @border_strong;
  border-radius: 6px; padding: 0 8px; min-height: 28px;
  selection-background-color: @accent_fill; selection-color: @on_accent; }
QLineEdit:focus, QDoubleSpinBox:focus, QSpinBox:focus { border: 2px solid @accent; padding: 0 7px;
  min-height: 26px; }
QLineEdit[wrong="true"] { border: 1px solid @bad; }
QLineEdit[wrong="true"]:focus { border: 2px solid @bad; }
QLineEdit[bare="true"], QLineEdit[bare="true"]:focus { border: none; background: transparent;
  padding: 0 2px; min-height: 22px; }
QComboBox { background: @field; color: @text; border: 1px solid @border_strong;
  border-radius: 6px; padding: 0 8px; min-height: 28px; }
QComboBox QAbstractItemView { background: @surface; color: @text; border: 1px solid @border_strong;
  selection-background-color: @accent_soft; selection-color: @text; outline: 0; padding: 4px; }
QListView { background: @surface; color: @text; border: none; outline: 0; }
QListView::item { padding: 6px 8px; border-radius: 4px; color: @text; }
QListView::item:selected { background: @accent_soft; color: @text; }
QScrollArea { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @scroll; border-radius: 3px; margin: 2px; min-height: 32px;
  min-width: 32px; }
QScrollBar::handle:hover { background: @text3; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QTableView { background: transparent; border: none; outline: 0; gridline-color: transparent;
  selection-background-color: transparent; }
QHeaderView { background: transparent; border: none; }
QHeaderView::section { background: transparent; color: @text3; border: none;
  border-bottom: 1px solid @border; padding: 0 8px; }
QTableCornerButton::section { background: transparent; border: none; }
QPlainTextEdit, QTextEdit { background: @inset; color: @text2; border: 2px solid @inset; border-radius: 6px;
  padding: 2px; selection-background-color: @accent_fill; selection-color: @on_accent; }
QPlainTextEdit:focus, QTextEdit:focus { border: 2px solid @accent; }
QSlider { min-height: 20px; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: @hover; }
QSlider::sub-page:horizontal { height: 4px; border-radius: 2px; background: @accent_fill; }
QSlider::handle:horizontal { width: 12px; height: 12px; margin: -6px 0; border-radius: 8px;
  background: @surface; border: 2px solid @accent_fill; }
QSlider::handle:horizontal:focus { background: @accent_fill; border: 2px solid @text; }
QMainWindow::separator { background: transparent; width: 6px; height: 6px; }
QMainWindow::separator:hover { background: @border_mid; }
QDockWidget { color: @text; }
QTabBar::tab { background: transparent; color: @text2; border: none; padding: 4px 10px; }
QTabBar::tab:selected { color: @text; border-bottom: 2px solid @accent; }
QTabBar::tab:hover { background: @hover; }
QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: @border_mid; }
QMenu { background: @surface; color: @text; border: 1px solid @border_strong; padding: 4px; }
QMenu::item { padding: 4px 24px 4px 12px; border-radius: 4px; }
QMenu::item:selected { background: @accent_soft; }
QMenu::item:disabled { color: @text3; }
QMenu::separator { height: 1px; background: @border; margin: 4px 8px; }
)";

} // namespace

QString stylesheet(const Theme& t) {
    const QHash<QString, QColor> tokens = {
        {"window", t.window},
        {"rail", t.rail},
        {"surface", t.surface},
        {"inset", t.inset},
        {"hover", t.hover},
        {"field", t.field},
        {"scroll", t.scroll},
        {"border", t.border},
        {"border_mid", t.border_mid},
        {"border_strong", t.border_strong},
        {"text", t.text},
        {"text2", t.text2},
        {"text3", t.text3},
        {"accent", t.accent},
        {"accent_fill", t.accent_fill},
        {"accent_fill_hover", t.accent_fill_hover},
        {"on_accent", t.on_accent},
        {"accent_soft", t.accent_soft},
        {"good", t.good},
        {"warn", t.warn},
        {"bad", t.bad},
        {"info", t.info},
    };
    const QString source(shapes);
    static const QRegularExpression token("@(\\w+)");
    QString sheet;
    qsizetype copied = 0;
    for (auto found = token.globalMatch(source); found.hasNext();) {
        const auto match = found.next();
        sheet += QStringView(source).sliced(copied, match.capturedStart() - copied);
        sheet += tokens[match.captured(1)].name();
        copied = match.capturedEnd();
    }
    return sheet + source.sliced(copied);
}

} // namespace sweetspot::gui
