#pragma once
#include "profiler/trace/trace.h"
#include <functional>
#include <memory>

namespace sweetspot {

/// Finds a name's place in a list and adds it where it is new.
class Names {
public:
    explicit Names(std::vector<std::string>& names) : names_(names) {}
    Index operator()(std::string_view name);

private:
    std::vector<std::string>& names_;
    std::map<std::string, Index, std::less<>> known_{};
};

/// A number as facts of a trace have it: with a point, whatever the locale.
std::string fact_of(double value);

/// Nanoseconds of the host's steady clock, which all instruments count by.
Nanoseconds now();

/// Something that watches a machine while a pass runs, and fills its part of a trace. Used by the
/// engine's thread. What cannot be there says why when it is opened: Error(unsupported), a
/// sentence.
class Instrument {
public:
    virtual ~Instrument() = default;
    virtual std::string_view name() const = 0; ///< as in Trace::absent
    virtual void start() = 0;                  ///< throws Error(unsupported)
    virtual void stop() = 0;                   ///< when the device has done all that was launched
    /// What was seen from start() to stop(), at times as now() tells them. `names` adds to the
    /// trace's. Regions are those that entered() told of.
    virtual void fill(Trace&, Names& names) = 0;

    /// Whether it tells by itself which region a graph's work belongs to.
    virtual bool follows_graphs() const noexcept { return false; }
    /// The host enters a region of the trace, or leaves the last one that it has not left.
    virtual void entered(Index) noexcept {}
    virtual void left() noexcept {}
};

} // namespace sweetspot
