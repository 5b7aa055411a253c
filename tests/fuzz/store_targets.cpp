#include "app/experiment/key.h"
#include "app/store/store.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"
#include <sqlite3.h>

namespace sweetspot::fuzz {

namespace {

namespace fs = std::filesystem;

/// A database with one run of everything, as one file without its log.
std::string whole_database(const Folder& folder) {
    const auto path = folder.path("whole.sweetspot");
    Spec spec;
    spec.name = "whole";
    const PlannedRun run{.config = spec.base, .hash = hash_of(spec.base)};
    Store store(path);
    const auto id = store.add_sweep(spec, {run}).run_ids.front();
    store.append(id, Started{.hash = run.hash, .config = run.config, .unix_seconds = 1});
    store.append(id, Environment{{{"host", "here"}}});
    store.append(id, Measured{.metric = "step_seconds", .value = 1});
    store.append(id, Metric{.name = "loss", .value = 2});
    store.append(id, RegionSum{.path = "step", .calls = 1});
    store.append(id, MemoryPoint{.seconds = 1, .bytes = 4});
    store.append(id, Round{.index = 0, .started_unix_seconds = 1, .ended_unix_seconds = 2});
    store.append(id, Finished{2});
    return path;
}

/// Somebody else's database, read and imported: a sound one in which SQL has changed what the
/// input says, `table.column=value`, a line each; `?` begins the words that runs are searched by.
void database(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    static const std::string whole = whole_database(folder), empty = [] {
        const auto path = folder.path("empty.sweetspot");
        Store make(path);
        return path;
    }();
    const auto theirs = folder.path("theirs.sweetspot"), ours = folder.path("ours.sweetspot");
    fs::copy_file(whole, theirs, fs::copy_options::overwrite_existing);
    fs::copy_file(empty, ours, fs::copy_options::overwrite_existing);
    sqlite3* handle = nullptr;
    sqlite3_open(theirs.c_str(), &handle);
    std::string words;
    std::string_view text = text_of(data, size);
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with('?')) words = line.substr(1);
        const auto dot = line.find('.'), equals = line.find('=');
        if (dot == line.npos || equals == line.npos || equals < dot) continue;
        const std::string sql = "UPDATE \"" + std::string(line.substr(0, dot)) + "\" SET \"" +
                                std::string(line.substr(dot + 1, equals - dot - 1)) + "\" = ?";
        sqlite3_stmt* statement = nullptr;
        if (sqlite3_prepare_v2(handle, sql.data(), int(sql.size()), &statement, nullptr) == 0) {
            const auto value = line.substr(equals + 1);
            sqlite3_bind_text(statement, 1, value.data(), int(value.size()), SQLITE_TRANSIENT);
            sqlite3_step(statement);
        }
        sqlite3_finalize(statement);
    }
    sqlite3_close(handle);
    refusable([&] {
        Store store(theirs, Store::Mode::read);
        store.sweeps();
        store.runs({.text = words});
        store.runs({.with_details = true});
    });
    refusable([&] {
        Store store(ours);
        store.import(theirs);
        store.sweeps();
        store.runs({.with_details = true});
    });
}

/// The same with bytes of the file changed: two for the place, one for what is there.
void database_bytes(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    static const std::string whole = whole_database(folder), sound = [] {
        std::ifstream file(whole, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    }();
    std::string bytes = sound;
    for (std::size_t i = 0; i + 2 < size; i += 3)
        bytes[(std::size_t(data[i]) << 8 | data[i + 1]) * 2 % bytes.size()] = char(data[i + 2]);
    const auto path = folder.write("theirs.sweetspot", bytes);
    refusable([&] {
        Store store(path, Store::Mode::read);
        store.sweeps();
        store.runs({.with_details = true});
    });
    fs::remove(path + "-wal");
    fs::remove(path + "-shm");
}

constexpr Target targets[] = {{"database", database}, {"database_bytes", database_bytes}};

} // namespace

std::span<const Target> store_targets() {
    return targets;
}

} // namespace sweetspot::fuzz
