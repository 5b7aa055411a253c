#pragma once
#include "engine/config/run_config.h"
#include <QStringList>
#include <QWidget>

class QLabel;
class QVBoxLayout;

namespace sweetspot::gui {

/// A field of RunConfig as the form needs it: the facts of its entry, in Qt's words.
struct FormField {
    const RunField* facts = nullptr; ///< its entry
    std::string name{}, group{};
    QString title{}, unit{}, meaning{}; ///< "Token budget", "tokens"
    QStringList choices{};              ///< of a choice, as specs write them
    std::string usual{};                ///< its value in RunConfig{}

    bool isChoice() const { return !choices.isEmpty(); }
};
/// All fields of RunConfig, in their order.
const std::vector<FormField>& formFields();
/// "token budget" as words; the title without its capital.
QString fieldWords(const std::string& name);

/// How a field is filled in. What it holds is text as specs write it: one value, or several that
/// are swept.
class FieldControl : public QWidget {
    Q_OBJECT
public:
    explicit FieldControl(const FormField& field);

    const FormField& field() const { return field_; }
    virtual QStringList values() const = 0; ///< in order, each once; empty if there is none yet
    virtual void setValues(const QStringList& values) = 0;
    /// Why a value cannot be had on this machine, a sentence; empty if it can. A control that holds
    /// it keeps it and says so.
    virtual void setUnavailable(const QString& value, const QString& reason);
    /// `unused`: what the field is for, if no point of the plan uses it; then it is grey, unless it
    /// holds more than its usual value, which one must be able to take back. `note`: what else is
    /// to be said of it. Both in words without a full stop.
    void setUse(const QString& unused, const QString& note);
    /// What is wrong, a sentence; empty if nothing is. It stands below the control too.
    virtual QString problem() const { return problem_; }

signals:
    /// The values or the problem are others.
    void changed();

protected:
    /// Shows that the field changes nothing, with the reason in words; empty: it does.
    virtual void setGrey(const QString& reason);
    QVBoxLayout* body() { return body_; } ///< above the problem
    void setProblem(const QString& sentence);
    /// A sentence that need not be acted upon, in the problem's place.
    void setNote(const QString& sentence);

private:
    FormField field_;
    QString problem_, use_note_;
    QVBoxLayout* body_;
    QLabel* below_;
};

/// The control that suits a field: cards for choices, chips for numbers, a line for text, and a
/// search for models.
FieldControl* makeControl(const FormField& field);

} // namespace sweetspot::gui
