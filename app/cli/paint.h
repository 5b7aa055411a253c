#pragma once
#include "app/analysis/run_plots.h"
#include <array>
#include <cairo.h>
#include <filesystem>

namespace sweetspot {

/// Colours of a drawing, as 0xRRGGBB.
struct Palette {
    unsigned surface, text, text_quiet, grid, axis, bad;
    std::array<unsigned, series_slots> series;
};
extern const Palette light_palette, dark_palette;

struct PlotSize {
    double width = 0, height = 0;
};
/// In logical pixels, by the facets.
PlotSize size_of(const Plot&);

/// Draws with its top left corner at the origin.
void paint(cairo_t*, const Plot&, const Palette&);

std::string svg_of(const Plot&, const Palette&);
/// Twice as many pixels as logical ones. Throws Error(file).
void write_png(const Plot&, const Palette&, const std::filesystem::path&);

/// A point of a drawing with what it says in words, a fact a line.
struct PointedAt {
    double x = 0, y = 0; ///< shares of the drawing's width and height
    std::string words{};
};
/// Every point and bar that is drawn.
std::vector<PointedAt> points_of(const Plot&);

/// Text at a baseline; gives its width. `align`: 0 left, 0.5 centred, 1 right.
double paint_text(cairo_t*, const std::string&, double x, double y, double pixels, unsigned colour,
                  double align = 0, bool bold = false);

} // namespace sweetspot
