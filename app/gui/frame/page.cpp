#include "app/gui/frame/page.h"
#include "app/gui/widgets/card.h"
#include "app/gui/widgets/message.h"
#include "app/gui/widgets/text.h"
#include <algorithm>

// The table of views. What fills them is said elsewhere (workbench.cpp); here stand their names,
// places and shortcuts, and what they show before they are built.

namespace sweetspot::gui {

namespace {

constexpr const char* view_keys[] = {"welcome", "experiment", "live",    "results", "sweet-spot",
                                     "compare", "timeline",   "quality", "runs"};

}

QString viewKey(ViewId id) {
    return view_keys[std::size_t(id)];
}

std::optional<ViewId> viewOfKey(const QString& key) {
    const auto found = std::find(std::begin(view_keys), std::end(view_keys), key);
    if (found == std::end(view_keys)) return {};
    return ViewId(found - std::begin(view_keys));
}

void Page::setContext(const QString& context) {
    if (context == context_) return;
    context_ = context;
    emit contextChanged();
}

QWidget* emptyPage(EmptyState* state) {
    auto* card = new Card;
    card->body()->addWidget(state);
    auto* page = new QWidget;
    auto* layout = new QVBoxLayout(page);
    layout->setContentsMargins(24, 16, 24, 16);
    layout->addWidget(card);
    return page;
}

Page* comingPage(Icon icon, const QString& missing, const QString& how) {
    auto* page = new Page;
    page->setLayout(column({emptyPage(new EmptyState(icon, missing, how))}, 0));
    return page;
}

std::vector<View> defaultViews() {
    const auto key = [](int digit) { return QKeySequence(QString("Ctrl+%1").arg(digit)); };
    const auto view = [](ViewId id, Icon icon, const QString& name, const QString& group,
                         const QKeySequence& shortcut, const QString& missing, const QString& how) {
        return View{id,    icon,     name,
                    group, shortcut, [=] { return comingPage(icon, missing, how); }};
    };
    const QString run = QObject::tr("Run"), decide = QObject::tr("Decide"),
                  explain = QObject::tr("Explain"), history = QObject::tr("History");
    return {
        view(ViewId::welcome, Icon::home, QObject::tr("Welcome"), {}, key(1),
             QObject::tr("Nothing here yet"),
             QObject::tr("Presets, recent experiments and what this machine can measure.")),
        view(ViewId::experiment, Icon::sliders, QObject::tr("Experiment"), run, key(2),
             QObject::tr("No experiment yet"),
             QObject::tr("Choose a model and what to sweep, and see what fits before it runs.")),
        view(ViewId::live, Icon::live, QObject::tr("Live"), run, key(3),
             QObject::tr("Nothing is running"),
             QObject::tr("Memory, runtime and perplexity grow here while a sweep runs.")),
        view(ViewId::results, Icon::table, QObject::tr("Results"), decide, key(4),
             QObject::tr("No results yet"),
             QObject::tr("Every run with its spread and flags, and plots of what you choose.")),
        view(ViewId::sweet_spot, Icon::target, QObject::tr("Sweet spot"), decide, key(5),
             QObject::tr("No runs to choose among"),
             QObject::tr("The front of memory, time and quality, limits to drag, and a "
                         "recommendation with its reasons.")),
        view(ViewId::compare, Icon::compare, QObject::tr("Compare"), explain, key(6),
             QObject::tr("Nothing to compare"),
             QObject::tr("Two runs side by side: verdicts, differing fields and a waterfall from "
                         "one to the other.")),
        view(ViewId::timeline, Icon::timeline, QObject::tr("Timeline"), explain, key(7),
             QObject::tr("No timeline yet"),
             QObject::tr("Regions, streams, memory by purpose and clocks of one step of a run.")),
        view(ViewId::quality, Icon::quality, QObject::tr("Quality"), explain, key(8),
             QObject::tr("No run has a quality"),
             QObject::tr("Perplexity and loss of every run against a reference.")),
        view(ViewId::runs, Icon::history, QObject::tr("Runs"), history, key(9),
             QObject::tr("No runs yet"),
             QObject::tr("Everything ever measured: search, tags, notes and baselines.")),
    };
}

} // namespace sweetspot::gui
