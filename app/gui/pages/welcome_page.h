#pragma once
#include "app/gui/frame/page.h"
#include "app/gui/pages/sweep_sentence.h"
#include <QTimer>
#include <map>

class QPushButton;
class QVBoxLayout;

namespace sweetspot::gui {

class Card;
class CardGrid;
class MachineColumn;

/// A spec that can be begun with.
struct Preset {
    QString path{}, name{};
    QString purpose{}; ///< or why the file cannot be read
    double points = 0; ///< 0 if it cannot be read
};
/// Those that come with the program, the quickstart first, then one's own.
std::vector<Preset> presets();

/// Where one begins: what to do, presets, what was found lately, and this machine.
class WelcomePage : public Page {
    Q_OBJECT
public:
    /// Both must outlive the page.
    WelcomePage(Session& session, RecentSweeps& recent);
    MachineColumn& machine() { return *machine_; }
    QPushButton* morePresets() { return more_; }

signals:
    void openSpecRequested();
    void openResultsRequested();
    void presetChosen(const QString& path);
    void databaseChosen(const QString& path);
    void sweepChosen(qint64 id);

protected:
    void showEvent(QShowEvent* event) override;

private:
    QWidget* makeLeft();
    void showPresets();
    void showRecent();
    void showMachine();

    Session& session_;
    RecentSweeps& recent_;
    QVBoxLayout *presets_, *recent_cards_;
    CardGrid* preset_grid_ = nullptr;
    QPushButton* more_; ///< presets than the first two rows
    bool all_ = false;  ///< are shown
    MachineColumn* machine_;
    QTimer machine_timer_;
    std::map<std::int64_t, Finding> findings_; ///< of the sweeps shown, by id
};

} // namespace sweetspot::gui
