#pragma once
#include "app/gui/theme/icons.h"
#include <QKeySequence>
#include <QWidget>
#include <functional>
#include <optional>
#include <vector>

namespace sweetspot::gui {

class EmptyState;

/// What a view is asked for and remembered by; its name is what people read, in their language.
enum class ViewId {
    welcome,
    experiment,
    live,
    results,
    sweet_spot,
    compare,
    timeline,
    quality,
    runs
};
/// As settings and files spell it: "sweet-spot".
QString viewKey(ViewId id);
/// Nothing where no view is spelled so.
std::optional<ViewId> viewOfKey(const QString& key);

/// What stands in the window for a view. A page shows what it is given; it calls no other page.
class Page : public QWidget {
    Q_OBJECT
public:
    using QWidget::QWidget;

    /// Stands after the title in the top bar: the experiment and its size. Emits contextChanged().
    void setContext(const QString& context);
    const QString& context() const { return context_; }
    /// Stands at the right of the top bar while the page is shown. The page's until it is added.
    void addTopWidget(QWidget* widget) { top_widgets_ << widget; }
    const QList<QWidget*>& topWidgets() const { return top_widgets_; }

signals:
    void contextChanged();
    /// Another view is to be shown.
    void viewRequested(ViewId view);

private:
    QString context_;
    QList<QWidget*> top_widgets_;
};

/// One line of the table of views. To add a view, add a line.
struct View {
    ViewId id;
    Icon icon;
    QString name;  ///< in the rail and in the top bar
    QString group; ///< heading in the rail; empty for none
    QKeySequence shortcut;
    std::function<Page*()> make; ///< called when the view is first shown or asked for
};

/// The card that stands alone where a page has nothing to show.
QWidget* emptyPage(EmptyState* state);

/// A page that says what it will show, for views that are not built yet.
Page* comingPage(Icon icon, const QString& missing, const QString& how);

/// All views with a comingPage() each; a caller replaces `make` where there is more.
std::vector<View> defaultViews();

} // namespace sweetspot::gui
