#include "app/gui/pages/model_control.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/text.h"
#include "engine/config/catalogue.h"
#include "kernels/core/error.h"
#include <QAbstractItemView>
#include <QAction>
#include <QCompleter>
#include <QDir>
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
QStandardItemModel* ModelControl::catalogue() {
    if (!catalogue_) catalogue_ = new QStandardItemModel(this);
    if (catalogue_->rowCount() > 0) return catalogue_;
    for (const auto& [folder, run] : trained_)
        addItem(*catalogue_, folder, tr(", trained by run %1").arg(run));
    for (const std::string& name : model_names())
        addItem(*catalogue_, QString::fromStdString(name), {});
    return catalogue_;
}

void ModelControl::addItem(QStandardItemModel& model, const QString& name, const QString& words) {
    const ModelFacts& facts = factsOf(name);
    if (!facts.problem.isEmpty()) return; // its files are broken
    const QString shown = words.isEmpty() ? name : QFileInfo(name).fileName();
    auto* item = new QStandardItem(
        QString("%1    %2, %3%4").arg(shown, countText(facts.parameters), shapeText(facts), words));
    item->setData(name, name_role);
    model.appendRow(item);
}

void ModelControl::offerTrained(const QList<std::pair<QString, qint64>>& trained) {
    if (trained == trained_) return;
    trained_ = trained;
    if (catalogue_) catalogue_->clear(); // filled anew when a list is opened
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

/// A folder or a file that brings its own, unless it is random ones that are asked for.
static bool bringsWeights(const QString& model) {
    if (!model.contains('/') || model.endsWith(".json")) return false;
    return !QFileInfo(model).isDir() ||
           !QDir(model).entryList({"*.safetensors", "*.bin"}).isEmpty();
}

void ModelControl::setProvenance(const QStringList& weights, const QStringList& seeds) {
    delete provenance_;
    QStringList files = weights;
    const bool own = files.removeAll("auto") > 0, random = files.removeAll("random") > 0;
    for (const QString& model : values())
        if (own && bringsWeights(model)) files << model;
    if (files.isEmpty()) {
        provenance_ = provenanceChip(false, seeds.join(", "));
    } else {
        QString words = QFileInfo(files.front()).fileName();
        for (const auto& [folder, run] : trained_)
            if (folder == files.front()) words += tr(", trained by run %1").arg(run);
        const qsizetype more = files.size() - 1 + (random ? 1 : 0);
        if (more > 0) words += tr(" and %1 more").arg(more);
        provenance_ = provenanceChip(true, words);
        provenance_->setToolTip(files.join('\n'));
    }
    chips_->layout()->addWidget(provenance_);
    provenance_->show();
}

} // namespace sweetspot::gui
