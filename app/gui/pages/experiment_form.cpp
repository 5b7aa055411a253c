#include "app/gui/pages/experiment_form.h"
#include "app/gui/pages/counted.h"
#include "app/gui/pages/model_control.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/chip.h"
#include "app/gui/widgets/choice.h"
#include "app/gui/widgets/text.h"
#include "app/runner/devices.h"
#include <QGridLayout>
#include <algorithm>
#include <utility>

// The form of a spec, made from the field list: what is swept and what is fixed, in the groups of
// the list, with what does not apply left aside.

namespace sweetspot::gui {
namespace {

const char* const open_group = "optimizations";
/// What matters on a GPU alone stands together, and open while one is asked for.
const char* const gpu_group = "gpu";

/// What people ask first has a line in the front; all other fields stand in folded groups.
bool isFront(const FormField& field) {
    return field.facts->front_line > 0;
}

std::string groupOf(const FormField& field) {
    return field.facts->scope.gpu_only ? gpu_group : field.group;
}

/// A group of which people saw some fields already has more of them.
QString foldTitle(const std::string& group) {
    for (const FormField& field : formFields())
        if (field.group == group && isFront(field))
            return QObject::tr("More on the %1").arg(fieldWords(group));
    QString title = fieldWords(group);
    title[0] = title[0].toUpper();
    return title;
}

} // namespace

ExperimentForm::ExperimentForm(QWidget* parent) : QWidget(parent) {
    for (const FormField& field : formFields()) {
        FieldControl* control = makeControl(field);
        control->setParent(this); // until it is laid out
        controls_ << control;
        if (auto* model = qobject_cast<ModelControl*>(control)) model_ = model;
        connect(control, &FieldControl::changed, this, [this, control] {
            if (filling_) return;
            if (control == model_) followModel();
            refresh();
        });
    }
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(24, 14, 20, 16);
    layout->setSpacing(12);
    addName(*layout);
    addFront(*layout);
    addOptimizations(*layout);
    addFolds(*layout);
    layout->addStretch(1);
    refresh();
}

FieldControl* ExperimentForm::control(const std::string& field) const {
    for (FieldControl* control : controls_)
        if (control->field().name == field) return control;
    return nullptr;
}

// Cards fall to one column where it is narrow; lines and chips stand in two. What the first field
// is comes first.
QWidget* ExperimentForm::grid(const std::vector<std::string>& fields) {
    QList<QWidget*> cards, lines;
    for (const std::string& field : fields) {
        FieldControl* control = this->control(field);
        (control->field().isChoice() ? cards : lines) << control;
    }
    auto* all = new QWidget;
    auto* layout = column({}, 8);
    all->setLayout(layout);
    if (!lines.isEmpty()) {
        auto* two = new QGridLayout;
        two->setContentsMargins(0, 0, 0, 0);
        two->setHorizontalSpacing(8);
        two->setVerticalSpacing(8);
        const int columns = lines.size() > 1 ? 2 : 1;
        for (int i = 0; i < lines.size(); ++i)
            two->addWidget(lines[i], i / columns, i % columns, Qt::AlignTop);
        for (int i = 0; i < columns; ++i) two->setColumnStretch(i, 1);
        layout->addLayout(two);
    }
    const bool cards_first = control(fields.front())->field().isChoice();
    if (!cards.isEmpty()) layout->insertWidget(cards_first ? 0 : -1, new CardGrid(cards));
    return all;
}

void ExperimentForm::addFront(QVBoxLayout& layout) {
    std::map<int, std::vector<std::string>> lines;
    for (const FormField& field : formFields())
        if (isFront(field)) lines[field.facts->front_line].push_back(field.name);
    for (const auto& [number, fields] : lines) layout.addWidget(grid(fields));
}

void ExperimentForm::addOptimizations(QVBoxLayout& layout) {
    layout.addLayout(row({heading(tr("Optimizations")), nullptr,
                          caption(tr("tick two or more values to sweep them"))}));
    std::vector<std::string> fields;
    for (const FieldControl* control : controls_)
        if (groupOf(control->field()) == open_group && !isFront(control->field()))
            fields.push_back(control->field().name);
    layout.addWidget(grid(fields));

    step_ = new PillGroup({tr("every combination"), tr("in step")});
    step_->setToolTip(tr("In step, the first values of all swept fields make one point, the second "
                         "values another, and so on"));
    connect(step_, &PillGroup::chosen, this, [this] {
        if (!filling_) refresh();
    });
    extra_ = new Chip({});
    extra_->setRemovable(true);
    connect(extra_, &Chip::removed, this, [this] {
        points_.clear();
        refresh();
    });
    shape_ = new QWidget;
    shape_->setLayout(row({caption(tr("Swept values make")), step_, nullptr, extra_}));
    layout.addWidget(shape_);
}

/// That of a group, made if there is none yet.
ExperimentForm::Fold& ExperimentForm::fold(const std::string& group) {
    for (Fold& fold : folds_)
        if (fold.group == group) return fold;
    folds_ << Fold{group, new Disclosure(foldTitle(group), {}), {}};
    return folds_.back();
}

void ExperimentForm::addFolds(QVBoxLayout& layout) {
    auto* folds = column({}, 2);
    fold(gpu_group); // comes first
    for (FieldControl* control : controls_) {
        const std::string group = groupOf(control->field());
        if (group == open_group || isFront(control->field())) continue;
        fold(group).controls << control;
    }
    for (const Fold& fold : folds_) {
        std::vector<std::string> fields;
        for (const FieldControl* control : fold.controls) fields.push_back(control->field().name);
        QWidget* content = grid(fields);
        content->layout()->setContentsMargins(0, 4, 0, 10);
        fold.head->folds(content);
        folds->addWidget(fold.head);
        folds->addWidget(content);
    }
    layout.addLayout(folds);
}

void ExperimentForm::addName(QVBoxLayout& layout) {
    name_ = textField(tr("a name, such as flash-ragged"));
    description_ = textField(tr("what it is to find out"));
    for (QLineEdit* edit : {name_, description_})
        connect(edit, &QLineEdit::textEdited, this, [this] { refresh(); });
    // In front of all: what is called like its preset cannot be told from the next one later.
    auto* line = row({}, 8);
    for (const auto& [edit, words] :
         {std::pair(name_, tr("Name")), std::pair(description_, tr("Purpose"))}) {
        edit->setAccessibleName(words);
        line->addLayout(column({label(words, 12, QFont::DemiBold, Ink::text2), edit}, 6), 1);
    }
    layout.addLayout(line);
}

Spec ExperimentForm::spec() const {
    Spec spec;
    for (const FieldControl* control : controls_) {
        const std::string& field = control->field().name;
        const QStringList values = control->values();
        if (values.size() == 1) set_field(spec.base, field, values.front().toStdString());
        if (values.size() < 2) continue;
        Axis axis{field};
        for (const QString& value : values) axis.values.push_back(value.toStdString());
        spec.axes.push_back(std::move(axis));
    }
    spec.zip = spec.axes.size() > 1 && step_->current() == 1;
    spec.points = points_;
    spec.description = description_->text().trimmed().toStdString();
    spec.name = name_->text().trimmed().toStdString();
    if (spec.name.empty()) spec.name = spec.base.model;
    return spec;
}

void ExperimentForm::setSpec(const Spec& spec) {
    filling_ = true;
    for (FieldControl* control : controls_) {
        QStringList values{QString::fromStdString(get_field(spec.base, control->field().name))};
        for (const Axis& axis : spec.axes) {
            if (axis.field != control->field().name) continue;
            values.clear();
            for (const std::string& value : axis.values) values << QString::fromStdString(value);
        }
        control->setValues(values);
    }
    step_->setCurrent(spec.zip ? 1 : 0);
    points_ = spec.points;
    name_->setText(QString::fromStdString(spec.name));
    description_->setText(QString::fromStdString(spec.description));
    for (QLineEdit* edit : {name_, description_}) edit->setCursorPosition(0);
    filling_ = false;
    models_ = model_->values();
    refresh();
}

QStringList ExperimentForm::problems() const {
    QStringList all;
    for (const FieldControl* control : controls_)
        if (!control->problem().isEmpty())
            all << tr("%1: %2").arg(control->field().title, control->problem());
    return all;
}

void ExperimentForm::offerTrained(const QList<std::pair<QString, qint64>>& trained) {
    model_->offerTrained(trained);
    model_->setProvenance(control("weights")->values(), control("seed")->values());
}

void ExperimentForm::setDevices(const std::vector<DeviceInfo>& devices) {
    const bool missing = !devices.empty() && !find_gpu(devices);
    control("device")->setUnavailable("cuda", missing ? sentence(why_no_gpu(devices)) : QString());
}

bool ExperimentForm::onGpu() const {
    const QStringList devices = control("device")->values();
    return devices.contains("cuda") ||
           (devices.contains("plan") && control("plan_for")->values().contains("cuda"));
}

/// Another model has other weights: a file that was chosen for the one before is not its own, and
/// one that brings its own is not to keep random ones.
void ExperimentForm::followModel() {
    const QStringList models = model_->values();
    if (models == models_) return;
    models_ = models;
    FieldControl* weights = control("weights");
    const QStringList chosen = weights->values();
    const bool own = std::any_of(models.begin(), models.end(),
                                 [](const QString& model) { return model.contains('/'); });
    const bool random = chosen == QStringList{"random"};
    if (random ? !own : chosen == QStringList{"auto"}) return;
    filling_ = true;
    weights->setValues({"auto"});
    filling_ = false;
}

void ExperimentForm::refresh() {
    control("plan_for")->setVisible(control("device")->values().contains("plan"));
    if (const bool now = onGpu(); std::exchange(on_gpu_, now) != now)
        fold(gpu_group).head->setChecked(now);
    if (model_) model_->setProvenance(control("weights")->values(), control("seed")->values());
    for (const Fold& fold : folds_) {
        fold.head->setSummary(summaryOf(fold));
        const bool looks = std::any_of(
            fold.controls.begin(), fold.controls.end(), [](const FieldControl* control) {
                return !control->problem().isEmpty() || control->values().size() > 1;
            });
        if (looks) fold.head->setChecked(true);
    }
    const Spec spec = this->spec();
    step_->setVisible(spec.axes.size() > 1);
    extra_->setVisible(!points_.empty());
    extra_->setText(tr("and %1").arg(counted(qint64(points_.size()), tr("explicit point"))));
    extra_->updateGeometry();
    shape_->setVisible(spec.axes.size() > 1 || !points_.empty());
    emit changed();
}

/// What differs from the usual first, then the rest, in one line.
QString ExperimentForm::summaryOf(const Fold& fold) const {
    QStringList own, usual;
    for (const FieldControl* control : fold.controls) {
        const QStringList values = control->values();
        const bool is_usual = values == QStringList(QString::fromStdString(control->field().usual));
        QString words = fieldWords(control->field().name);
        if (values.size() > 1)
            words += tr(" × %1").arg(values.size());
        else if (values.value(0).isEmpty())
            words = tr("no %1").arg(words);
        else
            words += ' ' + values.value(0);
        (is_usual ? usual : own) << words;
    }
    // Of several things that its fields are for, the shortest names what they have in common.
    std::string use;
    for (const FieldControl* control : fold.controls) {
        const auto unused = notes_.unused.find(control->field().name);
        if (unused == notes_.unused.end()) return (own + usual).join(", ");
        if (use.empty() || unused->second.size() < use.size()) use = unused->second;
    }
    return tr("only for %1").arg(QString::fromStdString(use));
}

void ExperimentForm::setNotes(const SpecNotes& notes) {
    notes_ = notes;
    for (FieldControl* control : controls_) {
        const auto find = [&](const auto& words) {
            const auto found = words.find(control->field().name);
            return found == words.end() ? QString() : QString::fromStdString(found->second);
        };
        control->setUse(find(notes.unused), find(notes.sentences));
    }
    for (const Fold& fold : folds_) fold.head->setSummary(summaryOf(fold));
}

} // namespace sweetspot::gui
