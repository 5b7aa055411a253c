#pragma once
#include <QStringList>
#include <QWidget>
#include <functional>

class QLabel;
class QLineEdit;

namespace sweetspot::gui {

class Chip;
class FlowLayout;

/// What a text like "1-64*2" stands for, or a sentence that says what is wrong with it.
struct ParsedValues {
    QStringList values;
    QString problem;
};
/// Understands one value or range: "4", "1-64*2", "128-1024+128". Never throws.
using ValueParser = std::function<ParsedValues(const QString& text)>;

/// A named field of sweep values, each a chip; a range stays one chip, and what it stands for is
/// written above right. Return, a comma or leaving the field adds what was typed; Backspace at the
/// start and Delete on a chip remove. What is wrong is said below, and stays to be corrected.
class ValueChipsField : public QWidget {
    Q_OBJECT
public:
    ValueChipsField(const QString& name, const QString& unit, const QString& hint,
                    ValueParser parser);

    QStringList texts() const { return texts_; } ///< as typed: "1", "128-2048*2"
    /// Replaces all chips. Texts the parser refuses are left out, and the first is shown as wrong.
    void setTexts(const QStringList& texts);
    QStringList values() const; ///< what the chips stand for, in order, each once
    QString problem() const;    ///< empty if nothing is wrong with what was typed
    QLineEdit* edit() { return edit_; }

signals:
    /// The chips are others than before.
    void changed();
    /// What is wrong with the typed text, or that nothing is any more.
    void problemChanged(const QString& problem);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    bool add(const QString& text);
    void commit();
    void remove(const QString& text);
    void rebuild();
    void say(const QString& problem);

    ValueParser parser_;
    QStringList texts_;
    QLabel *expansion_, *problem_;
    QWidget* frame_;
    FlowLayout* flow_;
    QLineEdit* edit_;
    QList<Chip*> chips_;
};

} // namespace sweetspot::gui
