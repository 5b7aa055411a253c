#include "app/gui/pages/welcome_page.h"
#include "app/gui/pages/experiment_page.h"
#include "app/gui/pages/machine_column.h"
#include "app/gui/pages/welcome_cards.h"
#include "app/gui/session/recent_databases.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/message.h"
#include "engine/config/resources.h"
#include "kernels/core/error.h"
#include <QDir>
#include <QMenu>
#include <QShowEvent>
#include <algorithm>

// Where the window opens: presets to begin with, what was measured last and what came of it, and
// what this machine can measure.

namespace sweetspot::gui {

std::vector<Preset> presets() {
    std::vector<Preset> all;
    for (const QString& folder :
         {QString::fromStdString(resource_path("experiments")), ownSpecsFolder()}) {
        const std::size_t first = all.size();
        for (const QFileInfo& file : QDir(folder).entryInfoList({"*.json"}, QDir::Files)) {
            Preset preset{file.absoluteFilePath(), file.completeBaseName(), {}, 0};
            try {
                const Spec spec = load_spec(preset.path.toStdString());
                if (!spec.name.empty()) preset.name = QString::fromStdString(spec.name);
                preset.purpose = QString::fromStdString(spec.description);
                preset.points = pointCount(spec);
            } catch (const Error& e) { // one bad file does not hide the others
                preset.purpose = QString::fromStdString(e.what());
            }
            const bool begin = preset.name == "quickstart";
            all.insert(begin ? all.begin() + std::ptrdiff_t(first) : all.end(), preset);
        }
    }
    return all;
}

WelcomePage::WelcomePage(Session& session, RecentSweeps& recent)
    : session_(session), recent_(recent), machine_(new MachineColumn) {
    auto* content = new QWidget;
    auto* layout = row({makeLeft()}, 24);
    layout->setStretch(0, 1);
    layout->addWidget(machine_, 0, Qt::AlignTop);
    layout->setContentsMargins(24, 20, 24, 16);
    content->setLayout(layout);
    setLayout(column({scrolled(content)}, 0));

    machine_->showDevices(session.devices());
    connect(&session, &Session::devicesChanged, this,
            [this] { machine_->showDevices(session_.devices()); });
    connect(&recent, &RecentSweeps::changed, this, &WelcomePage::showRecent);
    connect(&session, &Session::sweepStarted, this, &WelcomePage::showRecent);
    connect(&session, &Session::sweepEnded, this, &WelcomePage::showRecent);
    connect(&machine_timer_, &QTimer::timeout, this, [this] {
        if (isVisible()) showMachine();
    });
    machine_timer_.start(2000);
}

QWidget* WelcomePage::makeLeft() {
    auto* start = button(tr("New experiment"), Icon::plus, ButtonKind::primary);
    auto* results = button(tr("Open results"), Icon::folder);
    auto* spec = button(tr("Open spec"), Icon::file, ButtonKind::ghost);
    for (QPushButton* each : {start, results, spec}) each->setProperty("tall", "medium");
    connect(start, &QPushButton::clicked, this, [this] { emit viewRequested(ViewId::experiment); });
    connect(results, &QPushButton::clicked, this, &WelcomePage::openResultsRequested);
    connect(spec, &QPushButton::clicked, this, &WelcomePage::openSpecRequested);
    auto* recent = button(tr("Recent databases"), Icon::history, ButtonKind::ghost);
    recent->setProperty("tall", "medium");
    auto* databases = new QMenu(recent);
    recent->setMenu(databases);
    connect(databases, &QMenu::aboutToShow, this, [this, databases] {
        databases->clear();
        for (const QString& path : recentDatabases())
            connect(databases->addAction(path), &QAction::triggered, this,
                    [this, path] { emit databaseChosen(path); });
        if (databases->isEmpty()) databases->addAction(tr("none yet"))->setEnabled(false);
    });
    auto* about =
        label(tr("Choose a model and what to sweep, or drop a spec or a database anywhere. Every "
                 "point is measured for memory, speed and quality, and kept."),
              13, QFont::Normal, Ink::text2);
    about->setWordWrap(true);
    presets_ = column({}, 0);
    recent_cards_ = column({}, 8);
    auto* all_runs = button(tr("All runs"), Icon::none, ButtonKind::ghost);
    connect(all_runs, &QPushButton::clicked, this, [this] { emit viewRequested(ViewId::runs); });

    QLabel* question = heading(tr("Which configuration is best on this machine, and why?"), 22);
    question->setWordWrap(true);
    auto* layout = column({question, about}, 8);
    layout->addSpacing(4);
    layout->addLayout(row({start, results, recent, spec, nullptr}));
    layout->addSpacing(16);
    more_ = button({}, Icon::none, ButtonKind::ghost);
    connect(more_, &QPushButton::clicked, this, [this] {
        all_ = !all_;
        showPresets();
    });
    layout->addLayout(row({heading(tr("Start from a preset")), nullptr, more_}));
    layout->addLayout(presets_);
    layout->addSpacing(16);
    layout->addLayout(row({heading(tr("Recent experiments")), nullptr, all_runs}));
    layout->addLayout(recent_cards_);
    layout->addStretch(1);
    auto* left = new QWidget;
    left->setLayout(layout);
    return left;
}

void WelcomePage::showEvent(QShowEvent* event) {
    Page::showEvent(event);
    if (event->spontaneous()) return;
    showPresets(); // one may have been saved since
    showRecent();
}

/// The quickstart and one's own come first: of more than two rows the others are asked for, so that
/// what was measured last is seen.
void WelcomePage::showPresets() {
    constexpr std::size_t most_shown = 6;
    auto found = presets();
    std::stable_partition(found.begin(), found.end(), [](const Preset& preset) {
        return preset.name == "quickstart" || preset.path.startsWith(ownSpecsFolder());
    });
    more_->setVisible(found.size() > most_shown);
    more_->setText(all_ ? tr("Fewer presets") : tr("All %1 presets").arg(found.size()));
    if (!all_ && found.size() > most_shown) found.resize(most_shown);
    QList<QWidget*> cards;
    for (const Preset& preset : found) {
        Card* card = presetCard(preset);
        connect(card, &Card::clicked, this,
                [this, path = preset.path] { emit presetChosen(path); });
        cards << card;
    }
    delete preset_grid_;
    preset_grid_ = new CardGrid(cards, 4);
    presets_->addWidget(preset_grid_);
}

void WelcomePage::showRecent() {
    if (!isVisible()) return; // it is shown when it comes up
    std::map<std::int64_t, Finding> known = std::exchange(findings_, {});
    while (QLayoutItem* item = recent_cards_->takeAt(0)) {
        if (item->widget()) item->widget()->deleteLater();
        delete item;
    }
    for (const RecentSweeps::Entry& entry : recent_.entries()) {
        Finding& finding = findings_[entry.info.id] = std::move(known[entry.info.id]);
        if (entry.runs != finding.runs) finding = findingOf(entry);
        Card* card = sweepCard(entry, finding, session_.progress());
        connect(card, &Card::clicked, this, [this, id = entry.info.id] { emit sweepChosen(id); });
        recent_cards_->addWidget(card);
    }
    if (recent_.entries().empty()) {
        auto* card = new Card;
        card->body()->addWidget(
            new EmptyState(Icon::history, tr("No experiments yet"),
                           tr("Begin with the quickstart, or with one of your own.")));
        card->setMinimumHeight(160);
        recent_cards_->addWidget(card);
    }
    machine_->showRecords(recent_);
    showMachine();
}

void WelcomePage::showMachine() {
    machine_->present(readHost(), session_.progress().active);
}

} // namespace sweetspot::gui
