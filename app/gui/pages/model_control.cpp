#include "app/gui/pages/model_control.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/text.h"
#include "engine/config/catalogue.h"
#include "kernels/core/error.h"
#include <QAbstractItemView>
#include <QAction>
#include <QCompleter>
#include <QFileInfo>
#include <QStandardItemModel>

// The choice of models: those that come with the program, or a folder of one's own, with what they
// are made of beside each.

namespace sweetspot::gui {
namespace {

constexpr int name_role = Qt::UserRole;

QString shapeText(const ModelFacts& facts) {
    return QObject::tr("%1 layers, width %2").arg(facts.layers).arg(facts.width);
}

} // namespace

QString countText(qint64 count) {
    static constexpr std::pair<double, const char*> units[] = {
        {1e9, " B"}, {1e6, " M"}, {1e3, " k"}};
    for (const auto& [factor, unit] : units) {
        if (double(count) < 0.9995 * factor) continue;
        const double scaled = double(count) / factor;
        return QString::number(scaled, 'f', scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0) + unit;
    }
    return QString::number(count);
}

ModelFacts modelFacts(const QString& name) {
    try {
        const ModelConfig model = load_model_config(name.toStdString());
        return {{}, parameter_count(model), model.layers, model.width};
    } catch (const Error& e) { // what a person wrote is answered, not thrown
        QString sentence = QString::fromStdString(e.what());
        return {sentence.endsWith('?') || sentence.endsWith('.') ? sentence : sentence + '.'};
    }
}

ModelControl::ModelControl(const FormField& field) : FieldControl(field) {
    count_ = label({}, 11, QFont::DemiBold, Ink::accent);
    auto* more = button(tr("Another model"), Icon::plus, ButtonKind::ghost);
    more->setToolTip(tr("Sweep several models"));
    connect(more, &QPushButton::clicked, this, [this] {
        addLine({});
        lines_.back().edit->setFocus();
        read();
    });
    body()->setSpacing(6);
    body()->addLayout(
        row({label(field.title, 12, QFont::DemiBold, Ink::text2), nullptr, count_, more}, 6));
    lines_layout_ = column({}, 6);
    body()->addLayout(lines_layout_);
    parameters_ = new Chip({});
    shape_ = new Chip({});
    auto* flow = new FlowLayout(6, 4);
    flow->addWidget(parameters_);
    flow->addWidget(shape_);
    chips_ = new QWidget;
    chips_->setLayout(flow);
    body()->addWidget(chips_);
    setValues({QString::fromStdString(field.usual)});
}

// Read when a list is first opened: two dozen files that the first paint need not wait for.
QAbstractItemModel* ModelControl::catalogue() {
    if (catalogue_) return catalogue_;
    auto* model = new QStandardItemModel(this);
    for (const std::string& name : model_names()) {
        const QString text = QString::fromStdString(name);
        const ModelFacts& facts = factsOf(text);
        auto* item = new QStandardItem(
            QString("%1    %2, %3").arg(text, countText(facts.parameters), shapeText(facts)));
        item->setData(text, name_role);
        model->appendRow(item);
    }
    return catalogue_ = model;
}

const ModelFacts& ModelControl::factsOf(const QString& name) {
    const auto known = facts_.constFind(name);
    return known != facts_.constEnd() ? *known : *facts_.insert(name, modelFacts(name));
}

void ModelControl::addLine(const QString& name) {
    Line line;
    line.edit = textField(tr("Search models, or the path of a JSON file"));
    line.edit->setAccessibleName(field().title);
    line.edit->setText(name);
    auto* completer = new QCompleter(line.edit);
    completer->setCompletionRole(name_role);
    completer->setFilterMode(Qt::MatchContains);
    completer->setCaseSensitivity(Qt::CaseInsensitive);
    completer->setMaxVisibleItems(14);
    const auto fill = [this, completer] {
        if (!completer->model() || completer->model()->rowCount() == 0)
            completer->setModel(catalogue());
    };
    line.edit->setCompleter(completer);
    QAction* open =
        line.edit->addAction(themedIcon(Icon::down, Ink::text3), QLineEdit::TrailingPosition);
    open->setToolTip(tr("All models"));
    connect(open, &QAction::triggered, completer, [completer, fill, edit = line.edit] {
        fill();
        edit->setFocus();
        completer->setCompletionPrefix({});
        completer->complete();
    });
    line.facts = caption({});
    line.remove = iconButton(Icon::close, tr("Leave this model out"));
    line.widget = new QWidget;
    auto* layout = row({line.edit, line.facts, line.remove}, 6);
    layout->setStretch(0, 1);
    line.widget->setLayout(layout);
    lines_layout_->addWidget(line.widget);
    connect(line.edit, &QLineEdit::textEdited, this, [this, fill] {
        fill();
        read();
    });
    connect(
        completer, QOverload<const QString&>::of(&QCompleter::activated), this, [this] { read(); },
        Qt::QueuedConnection); // after the line has taken it
    connect(line.remove, &QPushButton::clicked, this, [this, w = line.widget] { removeLine(w); });
    lines_ << line;
}

void ModelControl::removeLine(QWidget* widget) {
    lines_.removeIf([widget](const Line& line) { return line.widget == widget; });
    widget->hide();
    widget->deleteLater();
    read();
}

QStringList ModelControl::values() const {
    QStringList names;
    for (const Line& line : lines_)
        if (const QString name = line.edit->text().trimmed(); !name.isEmpty()) names << name;
    names.removeDuplicates();
    return names;
}

void ModelControl::setValues(const QStringList& values) {
    while (lines_.size() < std::max<qsizetype>(1, values.size())) addLine({});
    while (lines_.size() > std::max<qsizetype>(1, values.size())) {
        lines_.back().widget->deleteLater();
        lines_.back().widget->hide();
        lines_.removeLast();
    }
    for (int i = 0; i < values.size(); ++i) {
        lines_[i].edit->setText(values[i]);
        lines_[i].edit->setCursorPosition(0);
    }
    read();
}

void ModelControl::read() {
    QString problem;
    for (const Line& line : lines_) {
        const QString name = line.edit->text().trimmed();
        const QString wrong =
            name.isEmpty() ? tr("Choose a model, or leave the line out.") : factsOf(name).problem;
        setWrong(line.edit, !wrong.isEmpty());
        if (problem.isEmpty()) problem = wrong;
    }
    setProblem(problem);
    showFacts();
    emit changed();
}

void ModelControl::showFacts() {
    const bool several = lines_.size() > 1;
    for (const Line& line : lines_) {
        const QString name = line.edit->text().trimmed();
        const ModelFacts facts = name.isEmpty() ? ModelFacts{} : factsOf(name);
        const bool known = facts.parameters > 0;
        line.facts->setText(
            known ? QString("%1, %2").arg(countText(facts.parameters), shapeText(facts))
                  : QString());
        line.facts->setVisible(several && known);
        line.remove->setVisible(several);
        parameters_->setText(tr("%1 parameters").arg(countText(facts.parameters)));
        shape_->setText(shapeText(facts));
        parameters_->setVisible(!several && known);
        shape_->setVisible(!several && known);
    }
    count_->setText(several ? tr("sweep × %1").arg(values().size()) : QString());
    for (Chip* chip : {parameters_, shape_}) chip->updateGeometry();
}

void ModelControl::setProvenance(const QStringList& weights, const QStringList& seeds) {
    delete provenance_;
    QStringList files = weights;
    for (const char* word : {"auto", "random"}) files.removeAll(word);
    provenance_ = files.isEmpty()
                      ? provenanceChip(false, seeds.join(", "))
                      : provenanceChip(true, QFileInfo(files.front()).fileName() +
                                                 (files.size() < weights.size() || files.size() > 1
                                                      ? tr(" and %1 more").arg(weights.size() - 1)
                                                      : QString()));
    if (!files.isEmpty()) provenance_->setToolTip(files.join('\n'));
    chips_->layout()->addWidget(provenance_);
    provenance_->show();
}

} // namespace sweetspot::gui
