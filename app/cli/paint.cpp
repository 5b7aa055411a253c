#include "app/cli/paint.h"
#include "app/analysis/format.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cairo-svg.h>
#include <cmath>
#include <memory>
#include <numbers>

// Draws the plots of a report with cairo: nothing is decided here but where on the page a value of
// app/analysis/plot.h goes.

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
    switch (slot) { // as the window draws them
    case 0: polygon({{0, -1.2}, {1.15, 0.9}, {-1.15, 0.9}}); break;
    case 1: cairo_arc(c, x, y, r, 0, 2 * std::numbers::pi); break;
    case 2: polygon({{0, -1.3}, {1.3, 0}, {0, 1.3}, {-1.3, 0}}); break;
    case 3: // a ring
        cairo_arc(c, x, y, r, 0, 2 * std::numbers::pi);
        set_colour(c, palette.surface);
        cairo_fill_preserve(c);
        set_colour(c, palette.series[3]);
        cairo_set_line_width(c, 1.6);
        cairo_stroke(c);
        return;
    case 4: polygon({{-0.95, -0.95}, {0.95, -0.95}, {0.95, 0.95}, {-0.95, 0.95}}); break;
    default: polygon({{0, 1.2}, {1.15, -0.9}, {-1.15, -0.9}}); break;
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

void paint_ringed_cross(cairo_t* c, double x, double y, const Palette& palette) {
    set_colour(c, palette.text_quiet);
    cairo_set_line_width(c, 1.4);
    line(c, x - 2.8, y - 2.8, x + 2.8, y + 2.8);
    line(c, x - 2.8, y + 2.8, x + 2.8, y - 2.8);
    cairo_arc(c, x, y, 4, 0, 2 * std::numbers::pi);
    cairo_stroke(c);
}

bool is_bar(PlotKind kind) {
    return kind == PlotKind::bars || kind == PlotKind::floating;
}

bool has_line(PlotKind kind) {
    return kind == PlotKind::lines || kind == PlotKind::steps;
}

/// What stands among series that have values, and so has no entry of its own.
struct WithoutValue {
    bool failed = false, impossible = false;
};

WithoutValue without_value(const Plot& plot) {
    WithoutValue found;
    for (const auto& facet : plot.facets)
        for (const auto& series : facet.series) {
            const bool own = !series.name.empty() && series.x.empty();
            found.failed = found.failed || (!own && !series.misfit_x.empty());
            found.impossible = found.impossible || (!own && !series.impossible_x.empty());
        }
    return found;
}

void paint_legend(cairo_t* c, const std::vector<LegendEntry>& entries, const Palette& palette,
                  double y, const WithoutValue& without) {
    double x = padding;
    for (const auto& entry : entries) {
        if (entry.name.empty()) continue;
        if (entry.key != LegendEntry::Key::marker) {
            if (entry.key == LegendEntry::Key::cross)
                paint_cross(c, x + 11, y - 4, palette);
            else
                paint_ringed_cross(c, x + 11, y - 4, palette);
            x += 28 + paint_text(c, entry.name, x + 28, y, 12, palette.text) + 20;
            continue;
        }
        set_colour(c, palette.series[std::max(0, entry.slot)]);
        cairo_set_line_width(c, 2);
        if (is_bar(entry.kind)) {
            cairo_rectangle(c, x + 6, y - 9, 10, 10);
            cairo_fill(c);
        } else {
            if (has_line(entry.kind)) line(c, x, y - 4, x + 22, y - 4);
            paint_marker(c, x + 11, y - 4, entry.slot, palette);
        }
        x += 28 + paint_text(c, entry.name, x + 28, y, 12, palette.text) + 20;
    }
    if (without.failed) {
        paint_cross(c, x + 11, y - 4, palette);
        x += 28 + paint_text(c, "failed", x + 28, y, 12, palette.text) + 20;
    }
    if (without.impossible) {
        paint_ringed_cross(c, x + 11, y - 4, palette);
        paint_text(c, "impossible", x + 28, y, 12, palette.text);
    }
}

bool has_legend(const Plot& plot) {
    const auto entries = legend_of(plot.facets);
    const auto without = without_value(plot);
    return without.failed || without.impossible || entries.size() > 1 ||
           (entries.size() == 1 && !entries.front().name.empty());
}

/// The drawing of one facet within its rectangle.
class FacetPainter {
public:
    FacetPainter(cairo_t* c, const PlotSpec& spec, const PlotRange& range, const Palette& palette,
                 double x, double y, double w)
        : c_(c), spec_(spec), range_(range), palette_(palette), left_(x + left_room),
          top_(y + facet_head), width_(w - left_room), bottom_(y + facet_head + facet_height) {}

    /// visit(x, y, words) for each point and bar; nothing is painted.
    void each_point(const auto& visit) const {
        for (std::size_t i = 0; i < spec_.series.size(); ++i) {
            const auto& series = spec_.series[i];
            if (series.predicted || series.joined) continue;
            for (std::size_t p = 0; p < series.x.size(); ++p) {
                const bool floating = spec_.kind == PlotKind::floating;
                const double y = floating ? series.hi[p] : series.y[p];
                const double x = is_bar(spec_.kind)
                                     ? x_of(series.x[p] - 0.32 + each_bar() * (double(i) + 0.5))
                                     : x_of(series.x[p]) + shift(i);
                visit(x, y_of(y), words_of(series, p));
            }
            for (const auto& [places, what] : {std::pair(&series.misfit_x, "failed"),
                                               std::pair(&series.impossible_x, "impossible")})
                for (const double x : *places)
                    visit(x_of(cross_place(spec_, x, places == &series.misfit_x)) + shift(i),
                          y_of(cross_height(spec_)),
                          series.name + (series.name.empty() ? "" : "\n") +
                              (std::isnan(x) ? "" : value_on(spec_.x, x) + "\n") + what);
        }
    }

    /// `values_of_x` are those of all facets, so that these have the same ticks.
    void paint(std::span<const double> values_of_x, bool with_title) {
        if (!spec_.title.empty())
            paint_text(c_, spec_.title, left_ - left_room, top_ - 31, 12, palette_.text, 0, true);
        if (with_title)
            paint_text(c_, axis_title(spec_.y), left_ - left_room, top_ - 14, 11,
                       palette_.text_quiet);
        paint_axes(values_of_x);
        cairo_save(c_);
        cairo_rectangle(c_, left_ - 6, top_ - 8, width_ + 12, bottom_ - top_ + 12);
        cairo_clip(c_);
        for (const auto& limit : spec_.limits) paint_limit(limit);
        for (std::size_t i = 0; i < spec_.series.size(); ++i) paint_lines(spec_.series[i], i);
        for (std::size_t i = 0; i < spec_.series.size(); ++i) paint_points(spec_.series[i], i);
        cairo_restore(c_);
    }

private:
    double x_of(double v) const {
        return left_ + width_ * place_on(spec_.x.scale, range_.x_low, range_.x_high, v);
    }
    double y_of(double v) const {
        return bottom_ - (bottom_ - top_) * place_on(spec_.y.scale, range_.y_low, range_.y_high, v);
    }

    /// Names on x: series stand side by side.
    double shift(std::size_t i) const {
        if (spec_.x.categories.empty()) return 0;
        return (double(i) - double(spec_.series.size() - 1) / 2) * 12;
    }

    /// How wide a bar is, on the axis.
    double each_bar() const { return 0.64 / double(spec_.series.size()); }

    static std::string value_on(const PlotAxis& axis, double value) {
        const std::string number =
            axis.categories.empty() ? format_number(value, 4) : axis.categories[std::size_t(value)];
        return axis.title + ": " + number + (axis.unit.empty() ? "" : " " + axis.unit);
    }

    std::string words_of(const PlotSeries& series, std::size_t p) const {
        std::string words = series.name + (series.name.empty() ? "" : "\n") +
                            value_on(spec_.x, series.x[p]) + "\n" + value_on(spec_.y, series.y[p]);
        if (!series.lo.empty() && spec_.kind != PlotKind::floating)
            words += " (" + format_number(series.lo[p], 4) + " to " +
                     format_number(series.hi[p], 4) + ")";
        if (!series.ids.empty() && series.ids[p]) words += "\nrun " + std::to_string(series.ids[p]);
        return words;
    }

    void paint_axes(std::span<const double> values) {
        cairo_set_line_width(c_, 1);
        for (const auto& tick :
             ticks_of(spec_.y, PlotSide::y, range_.y_low, range_.y_high, {}, bottom_ - top_)) {
            const double y = std::round(y_of(tick.value)) + 0.5;
            set_colour(c_, palette_.grid);
            line(c_, left_, y, left_ + width_, y);
            paint_text(c_, tick.label, left_ - 8, y + 4, 11, palette_.text_quiet, 1);
        }
        set_colour(c_, palette_.axis);
        line(c_, left_, std::round(bottom_) + 0.5, left_ + width_, std::round(bottom_) + 0.5);
        for (const auto& tick :
             ticks_of(spec_.x, PlotSide::x, range_.x_low, range_.x_high, values, width_)) {
            const double x = std::round(x_of(tick.value)) + 0.5;
            set_colour(c_, palette_.axis);
            cairo_set_line_width(c_, 1);
            line(c_, x, bottom_, x, bottom_ + 4);
            paint_text(c_, tick.label, x, bottom_ + 18, 11, palette_.text_quiet, 0.5);
        }
        paint_text(c_, axis_title(spec_.x), left_ + width_ / 2, bottom_ + 36, 11,
                   palette_.text_quiet, 0.5);
    }

    void paint_limit(const PlotLimit& limit) {
        const double dash[] = {4, 3};
        set_colour(c_, palette_.bad);
        cairo_set_line_width(c_, 1.2);
        cairo_set_dash(c_, dash, 2, 0);
        const bool level = limit.side == PlotSide::y;
        const double at = level ? y_of(limit.value) : x_of(limit.value);
        level ? line(c_, left_, at, left_ + width_, at) : line(c_, at, top_, at, bottom_);
        cairo_set_dash(c_, dash, 0, 0);
        paint_text(c_, limit.name, level ? left_ + 4 : at + 4, level ? at - 4 : top_ + 10, 11,
                   palette_.bad);
    }

    void paint_lines(const PlotSeries& series, std::size_t i) {
        if (!has_line(spec_.kind)) return;
        const double dash[] = {4, 3};
        set_colour(c_, palette_.series[series.slot]);
        cairo_set_line_width(c_, series.predicted ? 1.4 : 2);
        cairo_set_dash(c_, dash, series.predicted ? 2 : 0, 0);
        for (std::size_t p = 0; p + 1 < series.x.size(); ++p) {
            const double x0 = x_of(series.x[p]) + shift(i), x1 = x_of(series.x[p + 1]) + shift(i);
            const double y0 = y_of(series.y[p]), y1 = y_of(series.y[p + 1]);
            if (spec_.kind == PlotKind::steps) {
                line(c_, x0, y0, x1, y0);
                line(c_, x1, y0, x1, y1);
            } else {
                line(c_, x0, y0, x1, y1);
            }
        }
        // To the first point that has no value.
        double first = INFINITY;
        for (const auto* places : {&series.misfit_x, &series.impossible_x})
            for (const double x : *places) first = std::min(first, x);
        if (std::isfinite(first) && !series.x.empty() && series.x.back() < first) {
            cairo_set_line_width(c_, 1.2);
            cairo_set_dash(c_, dash, 2, 0);
            line(c_, x_of(series.x.back()) + shift(i), y_of(series.y.back()),
                 x_of(first) + shift(i), y_of(cross_height(spec_)));
        }
        cairo_set_dash(c_, dash, 0, 0);
    }

    void paint_bar(const PlotSeries& series, std::size_t i, std::size_t p) {
        const double each = each_bar();
        const double left = series.x[p] - 0.32 + each * double(i);
        const bool floating = spec_.kind == PlotKind::floating;
        const double from = y_of(floating ? series.lo[p] : 0),
                     to = y_of(floating ? series.hi[p] : series.y[p]);
        set_colour(c_, palette_.series[series.slot]);
        cairo_rectangle(c_, x_of(left), std::min(from, to), x_of(left + each) - x_of(left),
                        std::abs(from - to));
        cairo_fill(c_);
    }

    void paint_points(const PlotSeries& series, std::size_t i) {
        for (std::size_t p = 0; p < series.x.size(); ++p) {
            const double x = x_of(series.x[p]) + shift(i);
            if (is_bar(spec_.kind)) {
                paint_bar(series, i, p);
            } else if (!series.predicted && series.x.size() <= 60) {
                paint_whisker(series, p, x);
                paint_marker(c_, x, y_of(series.y[p]), series.slot, palette_);
            }
        }
        for (const double x : series.misfit_x)
            paint_cross(c_, x_of(cross_place(spec_, x, true)) + shift(i), y_of(cross_height(spec_)),
                        palette_);
        for (const double x : series.impossible_x)
            paint_ringed_cross(c_, x_of(cross_place(spec_, x, false)) + shift(i),
                               y_of(cross_height(spec_)), palette_);
    }

    void paint_whisker(const PlotSeries& series, std::size_t p, double x) {
        if (series.lo.empty()) return;
        const double low = y_of(series.lo[p]), high = y_of(series.hi[p]);
        if (low - high <= 1) return;
        set_colour(c_, palette_.series[series.slot]);
        cairo_set_line_width(c_, 1.2);
        line(c_, x, low, x, high);
        line(c_, x - 3.5, low, x + 3.5, low);
        line(c_, x - 3.5, high, x + 3.5, high);
    }

    cairo_t* c_;
    const PlotSpec& spec_;
    const PlotRange& range_;
    const Palette& palette_;
    double left_, top_, width_, bottom_;
};

/// visit(spec, range, x, y, width, whether it is the first of its row) for each facet.
void each_facet(const Plot& plot, const auto& visit) {
    const double top = padding + head + (has_legend(plot) ? legend_row : 0);
    const auto range = full_range(plot.facets);
    const double facet_width = (width - 2 * padding - (plot.columns - 1) * gap) / plot.columns;
    for (std::size_t i = 0; i < plot.facets.size(); ++i) {
        const int row = int(i) / plot.columns, column = int(i) % plot.columns;
        visit(plot.facets[i], range, padding + column * (facet_width + gap),
              top + row * (facet_head + facet_height + facet_foot), facet_width, column == 0);
    }
}

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
    if (has_legend(plot))
        paint_legend(c, legend_of(plot.facets), palette, padding + head + 12, without_value(plot));
    const auto values = values_of_x(plot.facets);
    each_facet(plot, [&](const PlotSpec& spec, const PlotRange& range, double x, double y, double w,
                         bool first) {
        FacetPainter(c, spec, range, palette, x, y, w).paint(values, first);
    });
}

std::vector<PointedAt> points_of(const Plot& plot) {
    const auto size = size_of(plot);
    std::vector<PointedAt> points;
    each_facet(plot, [&](const PlotSpec& spec, const PlotRange& range, double x, double y, double w,
                         bool) {
        const FacetPainter facet(nullptr, spec, range, light_palette, x, y, w);
        facet.each_point([&](double at_x, double at_y, std::string words) {
            points.push_back({at_x / size.width, at_y / size.height, std::move(words)});
        });
    });
    return points;
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
