#include "app/gui/plot/plot_group.h"
#include "app/gui/plot/legend.h"
#include "app/gui/plot/picture_size.h"
#include "app/gui/plot/plot_values.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/run_mime.h"
#include "app/gui/widgets/text.h"
#include <QClipboard>
#include <QFileDialog>
#include <QGuiApplication>
#include <QMenu>
#include <QSaveFile>
#include <QSettings>

// Facets side by side, kept together: one legend, one range, one title of y, one file when they are
// exported.

namespace sweetspot::gui {

PlotGroup::PlotGroup(QWidget* parent) : QWidget(parent) {
    layout_ = new QHBoxLayout(this);
    layout_->setContentsMargins(0, 0, 0, 0);
    layout_->setSpacing(16);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    legend_ = new Legend(this);
    legend_->hide(); // until a page gives it a place
    follow(legend_);
}

void PlotGroup::follow(Legend* legend) {
    if (followed_) disconnect(followed_, &Legend::hiddenChanged, this, nullptr);
    followed_ = legend;
    connect(legend, &Legend::hiddenChanged, this, [this](const QSet<QString>& names) {
        for (PlotView* view : views_) view->setHidden(names);
    });
    for (PlotView* view : views_) view->setHidden(legend->hidden());
}

void PlotGroup::makeViews(size_t count) {
    qDeleteAll(facets_);
    facets_.clear();
    views_.clear();
    titles_.clear();
    for (size_t i = 0; i < count; ++i) {
        auto* view = new PlotView;
        QLabel* title = label({}, 12, QFont::DemiBold, Ink::text2);
        auto* facet = new QWidget;
        auto* box = column({title}, 0);
        box->addWidget(view, 1);
        facet->setLayout(box);
        layout_->addWidget(facet, 1);
        facets_ << facet;
        titles_ << title;
        views_ << view;
        if (followed_) view->setHidden(followed_->hidden());
        connect(view, &PlotView::pointClicked, this, &PlotGroup::pointClicked);
        connect(view, &PlotView::limitMoved, this, &PlotGroup::limitMoved);
        // Queued, since the view may go while the run is on its way.
        connect(
            view, &PlotView::pointDragged, this, [this](qint64 id) { dragRun(this, id); },
            Qt::QueuedConnection);
        view->setContextMenuPolicy(Qt::CustomContextMenu);
        connect(view, &QWidget::customContextMenuRequested, this, [this, view](QPoint place) {
            auto* menu = new QMenu(view);
            menu->setAttribute(Qt::WA_DeleteOnClose);
            connect(menu->addAction(themedIcon(Icon::file), tr("Copy the values")),
                    &QAction::triggered, this,
                    [this] { QGuiApplication::clipboard()->setText(values()); });
            connect(menu->addAction(themedIcon(Icon::refresh), tr("Show all points")),
                    &QAction::triggered, view, [view] { view->showAll(); });
            menu->addSeparator();
            addExports(*menu);
            menu->popup(view->mapToGlobal(place));
        });
        connect(view, &PlotView::rangeChosen, this, [this, view](const PlotRange& range) {
            for (PlotView* other : views_)
                if (other != view) other->setRange(range);
        });
        connect(view, &PlotView::rangeReset, this, [this, view] {
            for (PlotView* other : views_)
                if (other != view) other->setRange(std::nullopt);
        });
    }
}

void PlotGroup::setSpecs(std::vector<PlotSpec> specs) {
    if (specs.size() != size_t(views_.size())) makeViews(specs.size());
    legend_->setEntries(legend_of(specs));
    for (size_t i = 0; i < specs.size(); ++i) {
        titles_[qsizetype(i)]->setText(QString::fromStdString(specs[i].title));
        titles_[qsizetype(i)]->setVisible(!specs[i].title.empty());
        PlotSpec spec = std::move(specs[i]);
        if (i > 0) spec.y.title = " ", spec.y.unit.clear(), spec.y.detail.clear();
        views_[qsizetype(i)]->setSpec(std::move(spec));
    }
    shareHome();
}

void PlotGroup::append(int facet, int series, const PlotPoint& point) {
    views_.at(facet)->append(series, point);
    shareHome();
}

// The same range in all facets, wide enough for each.
void PlotGroup::shareHome() {
    if (views_.size() < 2) return;
    std::vector<PlotSpec> specs;
    for (const PlotView* view : views_) specs.push_back(view->spec());
    std::set<std::string> hidden;
    for (const QString& name : views_.front()->hidden()) hidden.insert(name.toStdString());
    const PlotRange all = full_range(specs, hidden);
    for (PlotView* view : views_) view->setHomeRange(all);
}

void PlotGroup::setSelected(const QSet<qint64>& ids) {
    for (PlotView* view : views_) view->setSelected(ids);
}

void PlotGroup::setExportWords(const QString& title, const QString& footer) {
    title_ = title;
    footer_ = footer;
}

QSize PlotGroup::neededSize() const {
    return {views_.size() < 2 ? 800 : 400 * int(views_.size()), PlotSheet().size.height()};
}

PlotSheet PlotGroup::sheet(bool light) const {
    PlotSheet sheet;
    sheet.title = title_;
    sheet.footer = footer_;
    sheet.light = light;
    const PictureSize picture = pictureSize();
    sheet.size = neededSize();
    if (picture.size.width() > 0) sheet.size.setWidth(picture.size.width());
    if (picture.size.height() > 0) sheet.size.setHeight(picture.size.height());
    sheet.dpi = picture.dpi;
    for (const PlotView* view : views_) sheet.plots.push_back({view->spec(), view->range()});
    if (!views_.isEmpty()) sheet.hidden = views_.front()->hidden();
    return sheet;
}

QPushButton* PlotGroup::makeExportButton() {
    QPushButton* result = iconButton(Icon::download, tr("Export the plot"));
    auto* menu = new QMenu(result);
    addExports(*menu);
    result->setMenu(menu);
    return result;
}

void PlotGroup::addExports(QMenu& menu) {
    for (const char* suffix : {"png", "svg", "pdf", "csv"})
        connect(menu.addAction(tr("Export as %1…").arg(QString(suffix).toUpper())),
                &QAction::triggered, this, [this, suffix] { askAndExport(suffix, in_light_); });
    menu.addSeparator();
    connect(menu.addAction(tr("Size and resolution…")), &QAction::triggered, this, [this] {
        auto* ask = new PictureSizeDialog(neededSize(), this);
        ask->setAttribute(Qt::WA_DeleteOnClose);
        connect(ask, &QDialog::accepted, this, [ask] { setPictureSize(ask->chosen()); });
        ask->open();
    });
    QAction* light = menu.addAction(tr("In the light theme"));
    light->setCheckable(true);
    light->setChecked(in_light_);
    connect(light, &QAction::toggled, this, [this](bool on) { in_light_ = on; });
}

QString PlotGroup::values() const {
    std::vector<PlotSpec> specs;
    for (const PlotView* view : views_) specs.push_back(view->spec());
    for (std::size_t i = 1; i < specs.size(); ++i) specs[i].y = specs.front().y;
    return valuesOf(specs);
}

void PlotGroup::askAndExport(const QString& suffix, bool light) {
    QSettings settings;
    const QString folder = settings.value("export/folder", QDir::homePath()).toString();
    QString name = title_.isEmpty() ? tr("plot") : title_;
    name.replace('/', '-');
    const QString path = QFileDialog::getSaveFileName(
        this, tr("Export the plot"), QString("%1/%2.%3").arg(folder, name, suffix), "*." + suffix);
    if (path.isEmpty()) return;
    settings.setValue("export/folder", QFileInfo(path).absolutePath());
    const QString full = path.endsWith('.' + suffix) ? path : path + '.' + suffix;
    QString problem;
    if (suffix == "csv") {
        QSaveFile file(full);
        const QByteArray text = values().toUtf8();
        if (!file.open(QIODevice::WriteOnly) || file.write(text) != text.size() || !file.commit())
            problem = tr("%1 could not be written: %2.").arg(full, file.errorString());
    } else {
        problem = exportPlots(sheet(light), full);
    }
    emit exported(problem.isEmpty() ? tr("The plot was written to %1.").arg(full) : problem,
                  problem.isEmpty());
}

} // namespace sweetspot::gui
