#pragma once
#include "app/store/database.h"
#include "app/store/line_writer.h"
#include "app/store/store.h"
#include "app/store/writer_lock.h"
#include <chrono>
#include <mutex>

namespace sweetspot {

/// What an open store holds. `mutex` is taken by each public method.
struct Store::State {
    State(const std::filesystem::path&, Mode);
    ~State();

    /// Begins to gather changes unless that has begun.
    void begin();
    /// Makes all changes so far durable and visible to others.
    void commit();
    /// Forgets the changes since the last commit; after a failure.
    void roll_back();
    /// Does something that changes the database, at once or not at all.
    template <class Change>
    void change(Change&& change);
    void require_writer() const;

    std::mutex mutex;
    std::optional<WriterLock> lock;   ///< in Mode::write
    std::optional<Database> database; ///< never empty once constructed
    std::optional<LineWriter> lines;  ///< in Mode::write
    std::int64_t changes = 0;         ///< the writer's count
    std::chrono::steady_clock::time_point committed{};
};

template <class Change>
void Store::State::change(Change&& change) {
    require_writer();
    try {
        begin();
        change();
        ++changes;
        commit();
    } catch (...) { // whatever it was, half a change must not stay
        roll_back();
        throw;
    }
}

} // namespace sweetspot
