#pragma once
#include "app/analysis/series.h"
#include <map>

namespace sweetspot {

/// An axis with its range and labels; where values are shown divided by `factor`.
struct PlotAxis {
    struct Tick {
        double value = 0;
        std::string label{};
    };
    std::string title{}; ///< with the unit
    double low = 0, high = 1;
    bool logarithmic = false;
    std::vector<Tick> ticks{};

    /// Where a value lies, 0 at `low` and 1 at `high`.
    double place(double value) const;
};

/// A drawing of runs: facets in rows of `columns`, all with the same axes, and the series in the
/// order of the legend.
struct Plot {
    struct Entry {
        std::string name{};
        int slot = 0; ///< of colour and marker, 0 to 5
    };
    std::string name{}; ///< of files: memory, runtime, throughput, perplexity
    std::string title{}, note{};
    PlotAxis x{}, y{};
    bool lines = true; ///< false where x is names
    int columns = 1;
    std::vector<Facet> facets{};
    std::vector<Entry> legend{};
};

/// Memory, runtime, throughput and, where there is one, perplexity of the runs. A metric without
/// values has no plot. Fields that find no place as x, colour or facet become rows of facets.
std::vector<Plot> plots_of(std::span<const RunRecord>);

} // namespace sweetspot
