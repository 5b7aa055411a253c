#include "app/gui/plot/picture_size.h"
#include "app/gui/widgets/button.h"
#include "app/gui/widgets/text.h"
#include <QFormLayout>
#include <QSettings>
#include <QSpinBox>

namespace sweetspot::gui {
namespace {

constexpr int points_per_inch = 96, least = 200, most = 8000;
constexpr const char *size_key = "export/size", *dpi_key = "export/dpi";

} // namespace

PictureSize pictureSize() {
    const QSettings settings;
    const PictureSize usual;
    return {settings.value(size_key).toSize(), settings.value(dpi_key, usual.dpi).toInt()};
}

void setPictureSize(const PictureSize& picture) {
    QSettings settings;
    settings.setValue(size_key, picture.size);
    settings.setValue(dpi_key, picture.dpi);
}

PictureSizeDialog::PictureSizeDialog(QSize needed, QWidget* parent)
    : QDialog(parent), needed_(needed) {
    setWindowTitle(tr("Size of pictures"));
    const PictureSize now = pictureSize();
    const auto box = [&](int low, int high, int value, const QString& unit) {
        auto* made = new QSpinBox;
        made->setRange(low, high);
        made->setValue(value);
        made->setSuffix(unit);
        made->setSingleStep(10);
        connect(made, &QSpinBox::valueChanged, this, [this] { says_->setText(comesTo()); });
        return made;
    };
    width_ = box(least - 10, most, now.size.width(), tr(" px"));
    height_ = box(least - 10, most, now.size.height(), tr(" px"));
    for (QSpinBox* side : {width_, height_}) side->setSpecialValueText(tr("as the plots need"));
    dpi_ = box(72, 600, now.dpi, tr(" dots per inch"));
    says_ = caption(comesTo());
    auto* form = new QFormLayout;
    form->addRow(tr("Width"), width_);
    form->addRow(tr("Height"), height_);
    form->addRow(tr("Resolution of PNG"), dpi_);
    QPushButton* keep = button(tr("Keep"), Icon::none, ButtonKind::primary);
    QPushButton* cancel = button(tr("Cancel"));
    connect(keep, &QPushButton::clicked, this, &QDialog::accept);
    connect(cancel, &QPushButton::clicked, this, &QDialog::reject);
    auto* all = column({heading(tr("Size of pictures"), 18)}, 12);
    all->addLayout(form);
    all->addWidget(says_);
    all->addLayout(row({nullptr, cancel, keep}));
    all->setContentsMargins(24, 20, 24, 20);
    setLayout(all);
}

PictureSize PictureSizeDialog::chosen() const {
    const auto side = [](const QSpinBox* box) { return box->value() < least ? 0 : box->value(); };
    return {{side(width_), side(height_)}, dpi_->value()};
}

QString PictureSizeDialog::comesTo() const {
    const PictureSize picture = chosen();
    const QSize size(picture.size.width() ? picture.size.width() : needed_.width(),
                     picture.size.height() ? picture.size.height() : needed_.height());
    const double cm = 2.54 / points_per_inch, dots = double(picture.dpi) / points_per_inch;
    return tr("%1 × %2 cm; as PNG %3 × %4 dots")
        .arg(size.width() * cm, 0, 'f', 1)
        .arg(size.height() * cm, 0, 'f', 1)
        .arg(qRound(size.width() * dots))
        .arg(qRound(size.height() * dots));
}

} // namespace sweetspot::gui
