#include "app/gui/pages/plot_choice_bar.h"
#include "app/experiment/metrics.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/text.h"
#include <QActionGroup>
#include <QMenu>
#include <QSignalBlocker>
#include <algorithm>

// What a plot shows, as four lists: x, y, colour, facet, and a menu of the rest. They offer what
// varies and what was measured, and nothing else.

namespace sweetspot::gui {
namespace {

QString words(const std::string& name) {
    if (const MetricInfo* metric = find_metric(name))
        return QString::fromUtf8(metric->title.data(), qsizetype(metric->title.size()));
    return QString::fromStdString(name).replace('_', ' ');
}

/// Items carry the names behind their words: several for a colour, none for "none".
void add(Select* select, const std::vector<std::string>& names, const QString& text = {}) {
    QStringList list, title;
    for (const auto& name : names) {
        list << QString::fromStdString(name);
        title << words(name);
    }
    if (select->findData(list) < 0) select->addItem(text.isEmpty() ? title.join(", ") : text, list);
}

void choose(Select* select, const std::vector<std::string>& names) {
    add(select, names);
    QStringList list;
    for (const auto& name : names) list << QString::fromStdString(name);
    select->setCurrentIndex(select->findData(list));
}

std::vector<std::string> all(const Select* select) {
    std::vector<std::string> names;
    for (const QString& name : select->currentData().toStringList())
        names.push_back(name.toStdString());
    return names;
}

std::string first(const Select* select) {
    return select->currentData().toStringList().value(0).toStdString();
}

} // namespace

PlotChoiceBar::PlotChoiceBar(bool with_y)
    : x_(new Select({}, "x")), y_(new Select({}, "y")), colour_(new Select({}, tr("colour"))),
      facet_(new Select({}, tr("facet"))) {
    auto* more = button(tr("Axes"), Icon::sliders);
    auto* menu = new QMenu(more);
    marker_ = menu->addMenu(tr("Marker"));
    connect(marker_, &QMenu::aboutToShow, this, &PlotChoiceBar::offerMarkers);
    if (with_y) {
        addScales(*menu, tr("x axis"), &PlotChoice::log_x);
        addScales(*menu, tr("y axis"), &PlotChoice::log_y);
    }
    more->setMenu(menu);
    more->setToolTip(tr("Markers by a field, and which axes are logarithmic"));
    setLayout(row({x_, y_, colour_, facet_, more}));
    y_->setVisible(with_y);
    for (Select* select : {x_, y_, colour_, facet_}) {
        select->setSizeAdjustPolicy(QComboBox::AdjustToContents);
        connect(select, &QComboBox::activated, this, &PlotChoiceBar::chosen);
    }
    x_->setAccessibleName(tr("x axis"));
    y_->setAccessibleName(tr("y axis"));
    colour_->setAccessibleName(tr("Colour"));
    facet_->setAccessibleName(tr("Facet"));
}

void PlotChoiceBar::addScales(QMenu& menu, const QString& axis, Log log) {
    auto* scales = menu.addMenu(axis);
    auto* group = new QActionGroup(scales);
    for (const auto& [name, value] : {std::pair(tr("As the values need"), std::optional<bool>()),
                                      {tr("Linear"), false},
                                      {tr("Logarithmic"), true}}) {
        QAction* action = scales->addAction(name);
        action->setCheckable(true);
        action->setActionGroup(group);
        action->setChecked(!value);
        connect(action, &QAction::triggered, this, [this, log, value = value] {
            more_.*log = value;
            emit chosen();
        });
    }
}

void PlotChoiceBar::offerMarkers() {
    marker_->clear();
    const auto add = [&](const std::vector<std::string>& fields, const QString& name) {
        QAction* action = marker_->addAction(name);
        action->setCheckable(true);
        action->setChecked(more_.marker == fields);
        connect(action, &QAction::triggered, this, [this, fields] {
            more_.marker = fields;
            emit chosen();
        });
    };
    add({}, tr("As the colour"));
    for (const auto& field : varying_) add({field}, words(field));
}

void PlotChoiceBar::offer(const std::vector<std::string>& varying,
                          const std::vector<std::string>& metrics, const PlotChoice& choice) {
    const QSignalBlocker blocks[] = {QSignalBlocker(x_), QSignalBlocker(y_),
                                     QSignalBlocker(colour_), QSignalBlocker(facet_)};
    for (Select* select : {x_, y_, colour_, facet_}) select->clear();
    add(colour_, {}, tr("none"));
    add(facet_, {}, tr("none"));
    if (varying != varying_) colours_.clear(), facets_.clear();
    varying_ = varying;
    remember(colours_, choice.colour);
    remember(facets_, choice.facet);
    for (const auto& fields : colours_) add(colour_, fields);
    for (const auto& fields : facets_) add(facet_, fields);
    for (const auto& field : varying) {
        add(x_, {field});
        add(colour_, {field});
        add(facet_, {field});
    }
    for (const auto& metric : metrics) {
        add(x_, {metric});
        add(y_, {metric});
    }
    choose(x_, {choice.x});
    choose(y_, {choice.y});
    choose(colour_, choice.colour);
    choose(facet_, choice.facet);
    more_ = choice;
}

/// A combination stays on offer when another value was chosen.
void PlotChoiceBar::remember(Combinations& chosen, const std::vector<std::string>& fields) {
    if (fields.size() > 1 && std::find(chosen.begin(), chosen.end(), fields) == chosen.end())
        chosen.push_back(fields);
}

PlotChoice PlotChoiceBar::choice() const {
    return {.x = first(x_),
            .y = first(y_),
            .colour = all(colour_),
            .facet = all(facet_),
            .marker = more_.marker,
            .log_x = more_.log_x,
            .log_y = more_.log_y};
}

} // namespace sweetspot::gui
