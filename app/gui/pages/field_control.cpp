#include "app/gui/pages/field_control.h"
#include "app/experiment/spec.h"
#include "app/gui/pages/model_control.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/choice.h"
#include "app/gui/widgets/text.h"
#include "app/gui/widgets/values_field.h"
#include "kernels/core/error.h"
#include <QAction>
#include <QFileDialog>
#include <QMap>
#include <utility>

// The control of one field, by its kind: options, values as chips, a path, a text. Each says at
// once what is wrong with what was typed.

namespace sweetspot::gui {
namespace {

/// Switches read off and on; specs write false and true.
QString shown(const FormField& field, const QString& value) {
    if (field.choices != QStringList{"false", "true"}) return value;
    return value == "true" ? QObject::tr("on") : QObject::tr("off");
}

QList<Option> optionsOf(const FormField& field) {
    QList<Option> options;
    for (const QString& choice : field.choices)
        options << Option{shown(field, choice), choice.toStdString() == field.usual};
    return options;
}

class ChoiceControl : public FieldControl {
public:
    explicit ChoiceControl(const FormField& field)
        : FieldControl(field), card_(new ToggleCard(field.title, field.meaning, optionsOf(field))) {
        body()->addWidget(card_);
        connect(card_, &ToggleCard::changed, this, [this] {
            showMissing();
            emit changed();
        });
    }
    QStringList values() const override {
        QStringList values;
        const QStringList chosen = card_->chosen();
        for (const QString& choice : field().choices)
            if (chosen.contains(shown(field(), choice))) values << choice;
        return values;
    }
    void setValues(const QStringList& values) override {
        QStringList chosen;
        for (const QString& value : values) chosen << shown(field(), value);
        card_->setChosen(chosen);
    }
    void setUnavailable(const QString& value, const QString& reason) override {
        unavailable_[value] = reason;
        card_->setReason(shown(field(), value), reason);
        showMissing();
    }

protected:
    void setGrey(const QString& reason) override { card_->setLocked(reason); }

private:
    void showMissing() {
        QStringList missing;
        for (const QString& value : values())
            if (!unavailable_.value(value).isEmpty())
                missing << tr("%1 is predicted but cannot run here.").arg(value);
        setNote(missing.join(' '));
    }

    ToggleCard* card_;
    QMap<QString, QString> unavailable_; ///< reasons by value, as specs write it
};

ParsedValues parsed(const std::string& field, const QString& text) {
    ParsedValues result;
    try {
        for (const std::string& value : expand_values(text.toStdString())) {
            const std::string problem = problem_of(field, value);
            if (!problem.empty()) return {{}, QString::fromStdString(problem + '.')};
            result.values << QString::fromStdString(value);
        }
    } catch (const Error& e) {
        return {{}, QString::fromStdString(e.what()) + '.'};
    }
    return result;
}

class NumberControl : public FieldControl {
public:
    explicit NumberControl(const FormField& field) : FieldControl(field) {
        const QString hint = field.facts->kind == RunField::Kind::whole ? tr("add, as 8 or 1-64*2")
                                                                        : tr("add a value");
        chips_ = new ValueChipsField(
            field.title, field.unit, hint,
            [name = field.name](const QString& text) { return parsed(name, text); });
        chips_->setTexts({QString::fromStdString(field.usual)});
        body()->addWidget(chips_);
        setFocusProxy(chips_);
        connect(chips_, &ValueChipsField::changed, this, [this] {
            setProblem(chips_->texts().isEmpty()
                           ? tr("It has no value; the usual one is %1.")
                                 .arg(QString::fromStdString(this->field().usual))
                           : QString());
            emit changed();
        });
        connect(chips_, &ValueChipsField::problemChanged, this, &FieldControl::changed);
    }
    QStringList values() const override { return chips_->values(); }
    void setValues(const QStringList& values) override {
        chips_->edit()->clear();
        chips_->setTexts(values);
    }
    QString problem() const override {
        return chips_->problem().isEmpty() ? FieldControl::problem() : chips_->problem();
    }

protected:
    void setGrey(const QString& reason) override {
        chips_->setEnabled(reason.isEmpty());
        setToolTip(reason.isEmpty() ? field().meaning : field().meaning + "; " + reason);
    }

private:
    ValueChipsField* chips_;
};

class TextControl : public FieldControl {
public:
    explicit TextControl(const FormField& field) : FieldControl(field) {
        count_ = label({}, 11, QFont::DemiBold, Ink::accent);
        edit_ = textField(field.meaning);
        edit_->setAccessibleName(field.title);
        auto* column = gui::column({}, 6);
        column->addLayout(
            row({label(field.title, 12, QFont::DemiBold, Ink::text2), nullptr, count_}, 6));
        column->addWidget(edit_);
        body()->addLayout(column);
        setFocusProxy(edit_);
        if (field.facts->text == TextKind::path) addBrowse();
        setValues({QString::fromStdString(field.usual)});
        connect(edit_, &QLineEdit::textEdited, this, [this] { read(); });
    }
    QStringList values() const override { return values_; }
    void setValues(const QStringList& values) override {
        edit_->setText(values.join(", "));
        edit_->setCursorPosition(0);
        take(values, {});
    }

protected:
    void setGrey(const QString& reason) override {
        edit_->setEnabled(reason.isEmpty());
        setToolTip(reason.isEmpty() ? field().meaning : field().meaning + "; " + reason);
    }

private:
    void addBrowse() {
        QAction* browse = edit_->addAction(themedIcon(Icon::folder), QLineEdit::TrailingPosition);
        browse->setToolTip(tr("Choose a file"));
        connect(browse, &QAction::triggered, this, [this] {
            const QString path = QFileDialog::getOpenFileName(this, field().title);
            if (path.isEmpty()) return;
            edit_->setText(path);
            read();
        });
    }
    void read() {
        const QString text = edit_->text().trimmed();
        if (field().facts->text == TextKind::free) return take({edit_->text()}, {});
        if (text.isEmpty())
            return take({}, tr("It is empty; the usual value is %1.")
                                .arg(QString::fromStdString(field().usual)));
        const ParsedValues read = parsed(field().name, text);
        take(read.values, read.problem);
    }
    void take(const QStringList& values, const QString& problem) {
        values_ = values;
        values_.removeDuplicates();
        count_->setText(values_.size() > 1 ? tr("sweep × %1").arg(values_.size()) : QString());
        gui::setWrong(edit_, !problem.isEmpty());
        setProblem(problem);
        emit changed();
    }

    QLineEdit* edit_;
    QLabel* count_;
    QStringList values_;
};

} // namespace

const std::vector<FormField>& formFields() {
    static const std::vector<FormField> all = [] {
        std::vector<FormField> fields;
        for (const RunField& field : run_fields()) {
            FormField made{.facts = &field};
            made.name = field.name;
            made.group = field.group;
            made.unit = QString::fromUtf8(field.unit.data(), qsizetype(field.unit.size()));
            made.title = fieldWords(made.name);
            made.title[0] = made.title[0].toUpper();
            if (made.title.endsWith(' ' + made.unit)) made.title.chop(made.unit.size() + 1);
            made.meaning = QString::fromUtf8(field.meaning.data(), qsizetype(field.meaning.size()));
            made.usual = field.usual;
            for (const std::string& choice : field.choices)
                made.choices << QString::fromStdString(choice);
            fields.push_back(std::move(made));
        }
        return fields;
    }();
    return all;
}

QString fieldWords(const std::string& name) {
    return name == "gpu" ? "GPU" : QString::fromStdString(name).replace('_', ' ');
}

FieldControl::FieldControl(const FormField& field) : field_(field) {
    setObjectName("field " + QString::fromStdString(field.name));
    setToolTip(field.meaning);
    body_ = column({}, 0);
    below_ = label({}, 12, QFont::Normal, Ink::bad);
    below_->setWordWrap(true);
    below_->hide();
    auto* layout = column({}, 4);
    layout->addLayout(body_, 1);
    layout->addWidget(below_);
    setLayout(layout);
}

void FieldControl::setUnavailable(const QString&, const QString&) {}
void FieldControl::setGrey(const QString&) {}

void FieldControl::setUse(const QString& unused, const QString& note) {
    const bool usual = values() == QStringList(QString::fromStdString(field_.usual));
    setGrey(usual && !unused.isEmpty() ? tr("for %1").arg(unused) : QString());
    if (std::exchange(use_note_, note) != note && problem_.isEmpty())
        setNote(note.isEmpty() ? QString() : note + '.');
}

void FieldControl::setProblem(const QString& sentence) {
    problem_ = sentence;
    setNote(sentence);
    setInk(below_, Ink::bad);
}

void FieldControl::setNote(const QString& sentence) {
    below_->setText(sentence);
    below_->setVisible(!sentence.isEmpty());
    setInk(below_, Ink::warn);
}

FieldControl* makeControl(const FormField& field) {
    if (field.name == "model") return new ModelControl(field);
    if (field.isChoice()) return new ChoiceControl(field);
    if (field.facts->is_number()) return new NumberControl(field);
    return new TextControl(field);
}

} // namespace sweetspot::gui
