#pragma once
#include "app/experiment/record.h"
#include "app/store/database.h"
#include <unordered_map>

namespace sweetspot {

/// Puts lines of runs into the tables, in whatever transaction is open.
class LineWriter {
public:
    explicit LineWriter(const Database&);

    void write(std::int64_t run_id, const Line&);
    void count_changes(std::int64_t count) { changed_.run(count); }
    /// To be called after a roll-back: what is in the tables is no longer known.
    void forget() { ordinals_.clear(); }

private:
    void add(std::int64_t run, const Started&);
    void add(std::int64_t run, const Environment&);
    void add(std::int64_t, const Phase&) {} // progress is not kept
    void add(std::int64_t run, const Finished&);
    void add(std::int64_t run, const Failed&);
    template <class Kind>
    void insert(Statement&, std::int64_t run, const Kind&);
    std::int64_t ordinal(std::int64_t run); ///< the next row's among those of a run

    Statement started_, environment_, environment_of_, finished_, failed_, next_ordinal_, changed_;
    std::array<std::optional<Statement>, std::variant_size_v<Line>> inserts_; ///< by kind
    std::unordered_map<std::int64_t, std::int64_t> ordinals_;                 ///< of runs under way
};

} // namespace sweetspot
