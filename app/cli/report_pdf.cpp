#include "app/analysis/quality.h"
#include "app/analysis/run_plots.h"
#include "app/cli/paint.h"
#include "app/cli/report.h"
#include "app/cli/run_table.h"
#include "app/cli/spot_report.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cairo-pdf.h>
#include <memory>
#include <sstream>

// A report as A4 pages: text that is broken into lines, drawings that are kept whole, tables whose
// columns fit.

namespace sweetspot {

namespace {

constexpr double page_width = 595, page_height = 842, margin = 40; // A4 in points
constexpr double text_width = page_width - 2 * margin;

/// Fills pages from top to bottom.
class Pages {
public:
    explicit Pages(const std::filesystem::path& path)
        : path_(path), surface_(cairo_pdf_surface_create(path.c_str(), page_width, page_height)),
          pen_(cairo_create(surface_.get())) {}

    ~Pages() = default;
    Pages(const Pages&) = delete;

    cairo_t* pen() { return pen_.get(); }
    double y() const { return y_; }
    void move(double height) { y_ += height; }

    /// Goes to the next page unless so much still fits on this one.
    void need(double height) {
        if (y_ + height <= page_height - margin) return;
        cairo_show_page(pen());
        y_ = margin;
    }

    void text(const std::string& words, double pixels, unsigned colour, bool bold = false) {
        for (const auto& row : wrapped(words, pixels, bold)) line(row, pixels, colour, bold);
    }

    void line(const std::string& words, double pixels, unsigned colour, bool bold = false) {
        need(pixels * 1.5);
        move(pixels * 1.5);
        paint_text(pen(), words, margin, y_, pixels, colour, 0, bold);
    }

    void finish() {
        cairo_show_page(pen());
        cairo_surface_finish(surface_.get());
        const auto status = cairo_surface_status(surface_.get());
        if (status != CAIRO_STATUS_SUCCESS)
            throw Error(Failure::file,
                        "cannot write " + path_.string() + ": " + cairo_status_to_string(status));
    }

private:
    double width_of(const std::string& text, double pixels, bool bold) {
        cairo_select_font_face(pen(), "Inter", CAIRO_FONT_SLANT_NORMAL,
                               bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
        cairo_set_font_size(pen(), pixels);
        cairo_text_extents_t extents;
        cairo_text_extents(pen(), text.c_str(), &extents);
        return extents.x_advance;
    }

    std::vector<std::string> wrapped(const std::string& words, double pixels, bool bold) {
        std::vector<std::string> lines(1);
        for (std::size_t at = 0; at < words.size();) {
            const auto end = std::min(words.find(' ', at), words.size());
            const auto word = words.substr(at, end - at);
            const auto longer = lines.back().empty() ? word : lines.back() + " " + word;
            if (!lines.back().empty() && width_of(longer, pixels, bold) > text_width)
                lines.push_back(word);
            else
                lines.back() = longer;
            at = end + 1;
        }
        return lines;
    }

    struct Close {
        void operator()(cairo_surface_t* s) const { cairo_surface_destroy(s); }
        void operator()(cairo_t* c) const { cairo_destroy(c); }
    };
    std::filesystem::path path_;
    std::unique_ptr<cairo_surface_t, Close> surface_;
    std::unique_ptr<cairo_t, Close> pen_;
    double y_ = margin;
};

void add_plot(Pages& pages, const Plot& plot) {
    const auto size = size_of(plot);
    const double scale =
        std::min(text_width / size.width, (page_height - 2 * margin) / size.height);
    pages.need(size.height * scale);
    cairo_save(pages.pen());
    cairo_translate(pages.pen(), margin, pages.y());
    cairo_scale(pages.pen(), scale, scale);
    paint(pages.pen(), plot, light_palette);
    cairo_restore(pages.pen());
    pages.move(size.height * scale + 10);
}

void add_row(Pages& pages, const RunTable& table, const std::vector<std::string>& cells,
             const std::vector<double>& widths, double pixels, unsigned colour) {
    pages.move(pixels * 1.6);
    double x = margin;
    for (std::size_t c = 0; c < cells.size(); ++c) {
        const bool number = table.columns[c].number;
        cairo_save(pages.pen());
        cairo_rectangle(pages.pen(), x - 0.5 * pixels, pages.y() - 2 * pixels, widths[c] + pixels,
                        3 * pixels);
        cairo_clip(pages.pen());
        paint_text(pages.pen(), cells[c], number ? x + widths[c] : x, pages.y(), pixels, colour,
                   number ? 1 : 0);
        cairo_restore(pages.pen());
        x += widths[c] + pixels;
    }
}

/// The words of a head, one below the other; a unit in brackets is one word.
std::vector<std::string> words_of(const std::string& head) {
    std::vector<std::string> words(1);
    bool unit = false;
    for (const char c : head) {
        unit |= c == '[';
        if (c == ' ' && !unit)
            words.emplace_back();
        else
            words.back() += c;
    }
    return words;
}

/// The heads as rows, the last word of each at the bottom.
std::vector<std::vector<std::string>> head_rows(const RunTable& table) {
    std::size_t height = 1;
    for (const auto& column : table.columns)
        height = std::max(height, words_of(column.head).size());
    std::vector<std::vector<std::string>> rows(height,
                                               std::vector<std::string>(table.columns.size()));
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
        const auto words = words_of(table.columns[c].head);
        for (std::size_t i = 0; i < words.size(); ++i)
            rows[height - words.size() + i][c] = words[i];
    }
    return rows;
}

/// As large as its columns allow; heads again on each page.
void add_table(Pages& pages, const RunTable& table) {
    const auto heads = head_rows(table);
    std::vector<double> widths(table.columns.size());
    double total = 0;
    for (std::size_t c = 0; c < widths.size(); ++c) {
        std::size_t letters = 0;
        for (const auto* rows : {&heads, &table.rows})
            for (const auto& row : *rows) letters = std::max(letters, row[c].size());
        widths[c] = double(std::min<std::size_t>(letters, 30)) * 0.6;
        total += widths[c] + 1;
    }
    const double pixels = std::min(8.0, text_width / total);
    for (double& width : widths) width *= pixels;
    bool head = true;
    for (const auto& row : table.rows) {
        const double before = pages.y();
        pages.need(pixels * 1.6 * (head ? double(heads.size()) + 1 : 1));
        if (head || pages.y() < before)
            for (const auto& line : heads)
                add_row(pages, table, line, widths, pixels, light_palette.text_quiet);
        head = false;
        add_row(pages, table, row, widths, pixels, light_palette.text);
    }
}

} // namespace

void write_report_pdf(const ReportInput& input, const std::filesystem::path& path) {
    Pages pages(path);
    pages.text(input.title, 18, light_palette.text, true);
    if (!input.description.empty()) pages.text(input.description, 10, light_palette.text_quiet);
    pages.move(6);
    for (const auto& sentence : findings(input.runs)) pages.text(sentence, 10, light_palette.text);
    pages.move(12);
    const auto section = [&](const char* title, const RunTable& table) {
        if (table.rows.empty()) return;
        pages.need(60);
        pages.text(title, 12, light_palette.text, true);
        add_table(pages, table);
        pages.move(12);
    };
    if (const auto spot = spot_of_report(input.runs)) {
        pages.text("Sweet spot", 12, light_palette.text, true);
        for (const auto& sentence : sentences_of(*spot))
            pages.text(sentence, 10, light_palette.text);
        for (const auto& note : notes_of(*spot)) pages.text(note, 8, light_palette.text_quiet);
        pages.move(6);
        add_plot(pages, spot_plot(spot->runs, spot->spots, spot->found, spot->budgets));
        section("The front", spot_table(*spot));
        section("Against the baseline", gains_table(*spot));
    }
    section("Quality", quality_table(input.runs));
    if (const Plot curves = loss_curves(input.runs, input.earlier); !curves.facets.empty())
        add_plot(pages, curves);
    if (input.furthest) {
        for (const auto& sentence : explain_reference(*input.furthest, input.tolerance))
            pages.text(sentence, 10, light_palette.text);
        pages.move(6);
        for (const auto& plot : reference_plots(*input.furthest, input.tolerance))
            add_plot(pages, plot);
    }
    section("What each optimization did", effect_table(input.runs));
    for (const auto& plot : plots_of(input.runs)) add_plot(pages, plot);
    for (const auto& plot : detail_plots(input.detailed)) add_plot(pages, plot);
    pages.need(80);
    pages.text("All runs", 12, light_palette.text, true);
    pages.text(common_facts(input.runs), 8, light_palette.text_quiet);
    add_table(pages, run_table(input.runs));
    pages.need(60);
    pages.move(12);
    pages.text("Run it again", 12, light_palette.text, true);
    pages.text(how_to_reproduce(input), 8, light_palette.text);
    if (!input.spec_hash.empty())
        pages.text("spec " + input.spec_hash +
                       (input.store.empty() ? "" : ", runs in " + input.store),
                   8, light_palette.text_quiet);
    std::istringstream spec(input.spec_json);
    for (std::string line; std::getline(spec, line);) pages.line(line, 7, light_palette.text);
    pages.finish();
}

} // namespace sweetspot
