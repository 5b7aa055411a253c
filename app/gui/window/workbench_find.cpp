#include "app/analysis/series.h"
#include "app/gui/models/run_text.h"
#include "app/gui/pages/experiment_form.h"
#include "app/gui/pages/experiment_page.h"
#include "app/gui/pages/field_control.h"
#include "app/gui/session/recent_databases.h"
#include "app/gui/window/workbench.h"
#include "engine/config/catalogue.h"
#include <QFileInfo>

// What Ctrl+K finds beside views and commands.

namespace sweetspot::gui {

/// Experiments, databases, models, and the runs of the experiment selected.
QList<SearchEntry> Workbench::moreToFind() {
    QList<SearchEntry> found;
    for (const QString& path : recentDatabases())
        if (path != QFileInfo(session_.path()).absoluteFilePath())
            found << SearchEntry{themedIcon(Icon::folder), QFileInfo(path).fileName(),
                                 tr("database, %1").arg(QFileInfo(path).path()),
                                 [this, path] { openFile(path); }};
    for (const SweepInfo& sweep : *session_.sweeps())
        found << SearchEntry{themedIcon(Icon::history), QString::fromStdString(sweep.name),
                             tr("experiment, %1").arg(dateText(sweep.created_unix_seconds)),
                             [this, id = sweep.id] {
                                 session_.selection().setSweep(id);
                                 window_->showView(ViewId::results);
                             }};
    for (const std::string& name : model_names()) {
        const QString model = QString::fromStdString(name);
        found << SearchEntry{themedIcon(Icon::cpu), model, tr("model"), [this, model] {
                                 experiment().form().control("model")->setValues({model});
                                 window_->showView(ViewId::experiment);
                             }};
    }
    for (const SavedModel& saved : session_.savedModels()) {
        const QString folder = QString::fromStdString(saved.folder);
        found << SearchEntry{themedIcon(Icon::cpu), QFileInfo(folder).fileName(),
                             tr("model, trained by run %1").arg(saved.run_id), [this, folder] {
                                 experiment().form().control("model")->setValues({folder});
                                 window_->showView(ViewId::experiment);
                             }};
    }
    const Runs runs = session_.runs();
    const auto varying = varying_fields(*runs);
    for (const RunRecord& run : *runs)
        found << SearchEntry{themedIcon(Icon::table),
                             QString("#%1 %2").arg(run.id).arg(runLabel(run.config, varying)),
                             tr("run"), [this, id = run.id] {
                                 session_.selection().setRuns({id});
                                 window_->showView(ViewId::results);
                             }};
    return found;
}

} // namespace sweetspot::gui
