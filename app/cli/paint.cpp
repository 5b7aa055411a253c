#include "app/cli/paint.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cairo-svg.h>
#include <cmath>
#include <memory>
#include <numbers>

namespace sweetspot {

const Palette light_palette{0xFFFFFF,
                            0x14171C,
                            0x5B6472,
                            0xE8EBF0,
                            0xB9C0CB,
                            0xB3261E,
                            {0x0072B2, 0xBF4600, 0x008F66, 0xC0649A, 0xBC8600, 0x3A9BD4}};
const Palette dark_palette{0x171A20,
                           0xE9ECF1,
                           0x929BAA,
                           0x242933,
                           0x4A5261,
                           0xFF8A80,
                           {0x4DA3E6, 0xF07E3C, 0x2DBE8D, 0xDD8FBE, 0xE6B33A, 0x8ED2F5}};

namespace {

constexpr double width = 960, padding = 16, gap = 28, facet_height = 200;
constexpr double head = 28, legend_row = 24, facet_head = 52, facet_foot = 44, left_room = 44;
constexpr double marker = 7;

struct SurfaceDeleter {
    void operator()(cairo_surface_t* s) const { cairo_surface_destroy(s); }
};
struct ContextDeleter {
    void operator()(cairo_t* c) const { cairo_destroy(c); }
};
using Surface = std::unique_ptr<cairo_surface_t, SurfaceDeleter>;
using Pen = std::unique_ptr<cairo_t, ContextDeleter>;

void set_colour(cairo_t* c, unsigned rgb) {
    cairo_set_source_rgb(c, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0,
                         (rgb & 255) / 255.0);
}

void line(cairo_t* c, double x0, double y0, double x1, double y1) {
    cairo_move_to(c, x0, y0);
    cairo_line_to(c, x1, y1);
    cairo_stroke(c);
}

/// The shape of a slot, filled, with a rim in the surface's colour.
void paint_marker(cairo_t* c, double x, double y, int slot, const Palette& palette) {
    const double r = marker / 2;
    cairo_new_path(c);
    const auto polygon = [&](std::initializer_list<std::pair<double, double>> corners) {
        for (const auto& [dx, dy] : corners) cairo_line_to(c, x + dx * r, y + dy * r);
        cairo_close_path(c);
    };
    switch (slot) {
    case 0: polygon({{0, -1.2}, {1.15, 0.9}, {-1.15, 0.9}}); break;
    case 1: cairo_arc(c, x, y, r, 0, 2 * std::numbers::pi); break;
    case 2: polygon({{0, -1.3}, {1.3, 0}, {0, 1.3}, {-1.3, 0}}); break;
    case 3: polygon({{0, 1.2}, {1.15, -0.9}, {-1.15, -0.9}}); break;
    case 4: polygon({{-0.95, -0.95}, {0.95, -0.95}, {0.95, 0.95}, {-0.95, 0.95}}); break;
    default: polygon({{-1, -0.6}, {0, -1.2}, {1, -0.6}, {1, 0.6}, {0, 1.2}, {-1, 0.6}}); break;
    }
    set_colour(c, palette.surface);
    cairo_set_line_width(c, 2);
    cairo_stroke_preserve(c);
    set_colour(c, palette.series[slot]);
    cairo_fill(c);
}

void paint_cross(cairo_t* c, double x, double y, const Palette& palette) {
    set_colour(c, palette.bad);
    cairo_set_line_width(c, 2);
    line(c, x - 4, y - 4, x + 4, y + 4);
    line(c, x - 4, y + 4, x + 4, y - 4);
}

double paint_legend(cairo_t* c, const Plot& plot, const Palette& palette, double y, bool failures) {
    double x = padding;
    for (const auto& entry : plot.legend) {
        if (entry.name.empty()) continue;
        set_colour(c, palette.series[entry.slot]);
        cairo_set_line_width(c, 2);
        if (plot.lines) line(c, x, y - 4, x + 22, y - 4);
        paint_marker(c, x + 11, y - 4, entry.slot, palette);
        x += 28 + paint_text(c, entry.name, x + 28, y, 12, palette.text) + 20;
    }
    if (failures) {
        paint_cross(c, x + 11, y - 4, palette);
        x += 28 + paint_text(c, "failed", x + 28, y, 12, palette.text) + 20;
    }
    return x;
}

bool has_failures(const Plot& plot) {
    for (const auto& facet : plot.facets)
        for (const auto& series : facet.series)
            for (const auto& p : series.points)
                if (p.failed) return true;
    return false;
}

bool has_legend(const Plot& plot) {
    return has_failures(plot) || plot.legend.size() > 1 ||
           (plot.legend.size() == 1 && !plot.legend.front().name.empty());
}

/// The drawing of one facet within its rectangle.
class FacetPainter {
public:
    FacetPainter(cairo_t* c, const Plot& plot, const Palette& palette, double x, double y, double w)
        : c_(c), plot_(plot), palette_(palette), left_(x + left_room), top_(y + facet_head),
          width_(w - left_room), bottom_(y + facet_head + facet_height) {}

    void paint(const Facet& facet, bool with_title) {
        if (!facet.name.empty())
            paint_text(c_, facet.name, left_ - left_room, top_ - 31, 12, palette_.text, 0, true);
        if (with_title)
            paint_text(c_, plot_.y.title, left_ - left_room, top_ - 14, 11, palette_.text_quiet);
        paint_axes();
        for (std::size_t i = 0; i < facet.series.size(); ++i)
            paint_lines(facet.series[i], i, facet.series.size());
        for (std::size_t i = 0; i < facet.series.size(); ++i)
            paint_points(facet.series[i], i, facet.series.size());
    }

private:
    double x_of(double v) const { return left_ + width_ * plot_.x.place(v); }
    double y_of(double v) const { return bottom_ - (bottom_ - top_) * plot_.y.place(v); }

    /// Names on x: series stand side by side.
    double shift(std::size_t i, std::size_t count) const {
        return plot_.lines ? 0 : (double(i) - double(count - 1) / 2) * 12;
    }

    void paint_axes() {
        cairo_set_line_width(c_, 1);
        for (const auto& tick : plot_.y.ticks) {
            const double y = std::round(y_of(tick.value)) + 0.5;
            set_colour(c_, palette_.grid);
            line(c_, left_, y, left_ + width_, y);
            paint_text(c_, tick.label, left_ - 8, y + 4, 11, palette_.text_quiet, 1);
        }
        set_colour(c_, palette_.axis);
        line(c_, left_, std::round(bottom_) + 0.5, left_ + width_, std::round(bottom_) + 0.5);
        double taken = -1e9;
        for (const auto& tick : plot_.x.ticks) {
            const double x = std::round(x_of(tick.value)) + 0.5;
            set_colour(c_, palette_.axis);
            cairo_set_line_width(c_, 1);
            line(c_, x, bottom_, x, bottom_ + 4);
            const double half = 3.5 * double(tick.label.size());
            if (x - half < taken + 4) continue; // no room for this label
            paint_text(c_, tick.label, x, bottom_ + 18, 11, palette_.text_quiet, 0.5);
            taken = x + half;
        }
        paint_text(c_, plot_.x.title, left_ + width_ / 2, bottom_ + 36, 11, palette_.text_quiet,
                   0.5);
    }

    int slot_of(const Series& series) const {
        for (const auto& entry : plot_.legend)
            if (entry.name == series.name) return entry.slot;
        return 0;
    }

    void paint_lines(const Series& series, std::size_t i, std::size_t count) {
        if (!plot_.lines) return;
        const SeriesPoint* before = nullptr;
        for (const auto& p : series.points) {
            set_colour(c_, palette_.series[slot_of(series)]);
            if (before) {
                const double dash[] = {4, 3};
                cairo_set_line_width(c_, p.failed ? 1.2 : 2);
                cairo_set_dash(c_, dash, p.failed ? 2 : 0, 0);
                line(c_, x_of(before->x) + shift(i, count), y_of(before->y), x_of(p.x),
                     p.failed ? top_ : y_of(p.y));
                cairo_set_dash(c_, dash, 0, 0);
            }
            if (!p.failed) before = &p;
        }
    }

    void paint_points(const Series& series, std::size_t i, std::size_t count) {
        const int slot = slot_of(series);
        for (const auto& p : series.points) {
            const double x = x_of(p.x) + shift(i, count);
            if (p.failed) {
                paint_cross(c_, x, top_, palette_);
                continue;
            }
            const double low = y_of(p.low), high = y_of(p.high);
            set_colour(c_, palette_.series[slot]);
            cairo_set_line_width(c_, 1.2);
            if (low - high > 1) {
                line(c_, x, low, x, high);
                line(c_, x - 3.5, low, x + 3.5, low);
                line(c_, x - 3.5, high, x + 3.5, high);
            }
            if (series.points.size() <= 60) paint_marker(c_, x, y_of(p.y), slot, palette_);
        }
    }

    cairo_t* c_;
    const Plot& plot_;
    const Palette& palette_;
    double left_, top_, width_, bottom_;
};

int rows_of(const Plot& plot) {
    return int((plot.facets.size() + plot.columns - 1) / plot.columns);
}

cairo_status_t append(void* text, const unsigned char* data, unsigned count) {
    static_cast<std::string*>(text)->append(reinterpret_cast<const char*>(data), count);
    return CAIRO_STATUS_SUCCESS;
}

} // namespace

double paint_text(cairo_t* c, const std::string& text, double x, double y, double pixels,
                  unsigned colour, double align, bool bold) {
    cairo_select_font_face(c, "Inter", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c, pixels);
    cairo_text_extents_t extents;
    cairo_text_extents(c, text.c_str(), &extents);
    set_colour(c, colour);
    cairo_move_to(c, x - align * extents.x_advance, y);
    cairo_show_text(c, text.c_str());
    return extents.x_advance;
}

PlotSize size_of(const Plot& plot) {
    return {width, padding + head + (has_legend(plot) ? legend_row : 0) +
                       rows_of(plot) * (facet_head + facet_height + facet_foot) + padding / 2};
}

void paint(cairo_t* c, const Plot& plot, const Palette& palette) {
    const auto size = size_of(plot);
    set_colour(c, palette.surface);
    cairo_rectangle(c, 0, 0, size.width, size.height);
    cairo_fill(c);
    cairo_set_line_join(c, CAIRO_LINE_JOIN_ROUND);
    const double title =
        paint_text(c, plot.title, padding, padding + 12, 14, palette.text, 0, true);
    paint_text(c, plot.note, padding + title + 12, padding + 12, 12, palette.text_quiet);
    double y = padding + head;
    if (has_legend(plot)) {
        paint_legend(c, plot, palette, y + 12, has_failures(plot));
        y += legend_row;
    }
    const double facet_width = (width - 2 * padding - (plot.columns - 1) * gap) / plot.columns;
    for (std::size_t i = 0; i < plot.facets.size(); ++i) {
        const int row = int(i) / plot.columns, column = int(i) % plot.columns;
        FacetPainter(c, plot, palette, padding + column * (facet_width + gap),
                     y + row * (facet_head + facet_height + facet_foot), facet_width)
            .paint(plot.facets[i], column == 0);
    }
}

std::string svg_of(const Plot& plot, const Palette& palette) {
    std::string text;
    const auto size = size_of(plot);
    const Surface surface(
        cairo_svg_surface_create_for_stream(append, &text, size.width, size.height));
    {
        const Pen pen(cairo_create(surface.get()));
        paint(pen.get(), plot, palette);
    }
    cairo_surface_finish(surface.get());
    return text;
}

void write_png(const Plot& plot, const Palette& palette, const std::filesystem::path& path) {
    const auto size = size_of(plot);
    const Surface surface(
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, int(2 * size.width), int(2 * size.height)));
    const Pen pen(cairo_create(surface.get()));
    cairo_scale(pen.get(), 2, 2);
    paint(pen.get(), plot, palette);
    const auto status = cairo_surface_write_to_png(surface.get(), path.c_str());
    if (status != CAIRO_STATUS_SUCCESS)
        throw Error(Failure::file,
                    "cannot write " + path.string() + ": " + cairo_status_to_string(status));
}

} // namespace sweetspot
