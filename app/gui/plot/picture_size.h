#pragma once
#include <QDialog>
#include <QSize>

class QLabel;
class QSpinBox;

namespace sweetspot::gui {

/// How large pictures of plots are; kept with the window's settings.
struct PictureSize {
    QSize size{};  ///< in points of a screen, 96 to an inch; empty = what the plots need
    int dpi = 192; ///< of PNG
    bool operator==(const PictureSize&) const = default;
};
PictureSize pictureSize();
void setPictureSize(const PictureSize&);

/// Asks for it: width, height and resolution, with what they come to.
class PictureSizeDialog : public QDialog {
    Q_OBJECT
public:
    /// `needed`: what the plots need.
    PictureSizeDialog(QSize needed, QWidget* parent);
    PictureSize chosen() const;
    QString comesTo() const;

private:
    QSize needed_;
    QSpinBox *width_, *height_, *dpi_;
    QLabel* says_;
};

} // namespace sweetspot::gui
