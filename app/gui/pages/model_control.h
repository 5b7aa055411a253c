#pragma once
#include "app/gui/pages/field_control.h"
#include <QHash>

class QLineEdit;
class QPushButton;
class QStandardItemModel;

namespace sweetspot::gui {

class Chip;

/// What the catalogue says of a model; one that cannot be loaded has a problem.
struct ModelFacts {
    QString problem{}; ///< a sentence, with the nearest right name
    qint64 parameters = 0;
    int layers = 0, width = 0;
};
ModelFacts modelFacts(const QString& name_or_path);
/// "7.5 M", "175 B"
QString countText(qint64 count);

/// One model, or several that are swept, each in a line that searches all there are. The facts of
/// a single one, and where its weights come from, stand below it.
class ModelControl : public FieldControl {
    Q_OBJECT
public:
    explicit ModelControl(const FormField& field);

    QStringList values() const override;
    void setValues(const QStringList& values) override;
    /// Models that trainings wrote stand first in the list: folders, and the run that wrote each.
    void offerTrained(const QList<std::pair<QString, qint64>>& trained);
    /// Shown behind the facts: a file, or "random" with the seed.
    void setProvenance(const QStringList& weights, const QStringList& seeds);

private:
    void addLine(const QString& name);
    void removeLine(QWidget* line);
    void read();
    void showFacts();
    QStandardItemModel* catalogue();
    void addItem(QStandardItemModel& model, const QString& name, const QString& words);
    const ModelFacts& factsOf(const QString& name);

    struct Line {
        QWidget* widget;
        QLineEdit* edit;
        QLabel* facts;       ///< beside the name, where there are several
        QPushButton* remove; ///< likewise
    };
    QList<Line> lines_;
    QVBoxLayout* lines_layout_;
    QLabel* count_;
    QWidget* chips_;
    Chip *parameters_, *shape_;
    Chip* provenance_ = nullptr;
    QStandardItemModel* catalogue_ = nullptr;
    QList<std::pair<QString, qint64>> trained_;
    QHash<QString, ModelFacts> facts_;
};

} // namespace sweetspot::gui
