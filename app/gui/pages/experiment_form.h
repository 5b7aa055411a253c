#pragma once
#include "app/experiment/devices.h"
#include "app/experiment/notes.h"
#include <QList>
#include <QStringList>
#include <QWidget>

class QLabel;
class QLineEdit;
class QVBoxLayout;

namespace sweetspot::gui {

class Chip;
class Disclosure;
class FieldControl;
class ModelControl;
class PillGroup;

/// A spec as a form that is made from the field list: a field that is added to RunConfig has its
/// control here without a word about it.
class ExperimentForm : public QWidget {
    Q_OBJECT
public:
    explicit ExperimentForm(QWidget* parent = nullptr);

    /// What the form says: fields with several values are axes, in the fields' order. A field with
    /// nothing valid in it has its usual value; see problems().
    Spec spec() const;
    void setSpec(const Spec& spec);
    /// What is wrong, a sentence a field, each beginning with the field's title.
    QStringList problems() const;
    /// What this machine can run on; before, all is thought to be there. Nothing that is chosen is
    /// taken away.
    void offerTrained(const QList<std::pair<QString, qint64>>& trained); ///< as ModelControl has it
    void setDevices(const std::vector<DeviceInfo>& devices);
    /// What the plan says of the fields: those that no point uses are grey, with the reason.
    void setNotes(const SpecNotes& notes);
    FieldControl* control(const std::string& field) const; ///< null if there is none

signals:
    void changed();

private:
    struct Fold {
        std::string group;
        Disclosure* head;
        QList<FieldControl*> controls;
    };

    Fold& fold(const std::string& group);
    bool onGpu() const;
    QWidget* grid(const std::vector<std::string>& fields);
    void addFront(QVBoxLayout& layout);
    void addOptimizations(QVBoxLayout& layout);
    void addFolds(QVBoxLayout& layout);
    void addName(QVBoxLayout& layout);
    void followModel();
    void refresh();
    QString summaryOf(const Fold& fold) const;

    QList<FieldControl*> controls_; ///< in the fields' order
    QList<Fold> folds_;
    SpecNotes notes_{};
    ModelControl* model_ = nullptr;
    QStringList models_; ///< that the weights belong to
    QLineEdit *name_ = nullptr, *description_ = nullptr;
    QWidget* shape_ = nullptr; ///< how several axes go together
    PillGroup* step_ = nullptr;
    Chip* extra_ = nullptr;
    std::vector<std::map<std::string, std::string>> points_; ///< explicit ones of a spec file
    bool filling_ = false, on_gpu_ = false;
};

} // namespace sweetspot::gui
