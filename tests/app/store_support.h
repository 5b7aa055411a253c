#pragma once
#include "app/experiment/key.h"
#include "app/store/schema.h"
#include "app/store/store.h"
#include "kernels/core/error.h"
#include <QTemporaryDir>
#include <QTest>
#include <fstream>
#include <functional>

// What the tests of the store have in common: points, finished runs, and a folder for each test.

namespace sweetspot::stored {

inline Environment machine() {
    return {{{"host", "here"},
             {"cpu", "some"},
             {"cores", "2"},
             {"isa", "AVX2"},
             {"threads", "2"},
             {"build_id", "one"},
             {"onednn", "2.6"}}};
}

inline PlannedRun point(int batch, const std::string& impossible = "") {
    RunConfig config;
    config.batch = batch;
    config.rounds = 1;
    const Contents contents{{"model", "1234"}};
    return {config, hash_of(config, contents), impossible, contents, place_of(machine())};
}

inline Spec named(const std::string& name) {
    return {.name = name, .description = "what it shows"};
}

inline void finish(Store& store, std::int64_t run, double value = 0.5,
                   const Environment& where = machine()) {
    store.append(run, Started{"", {}, 100});
    store.append(run, where);
    store.append(run, Measured{"step_seconds", 0, value, false});
    store.append(run, Metric{"peak_bytes", 1000 * value});
    store.append(run, Round{0, 100, 200});
    store.append(run, Finished{200});
}

/// What the Error(file) says that something throws; "" if it throws nothing.
inline std::string failure_of(const std::function<void()>& something) {
    try {
        something();
    } catch (const Error& error) {
        return error.kind == Failure::file ? error.what() : "another failure";
    }
    return {};
}

inline std::string opening(const std::string& path, Store::Mode mode = Store::Mode::write) {
    return failure_of([&] { Store(path, mode); });
}

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != text.npos;
}

inline void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

/// Runs SQL on a database that is not open as a store.
inline void alter(const std::string& path, const std::string& sql) {
    Database(path, Database::Open::write).execute(sql);
}

/// Each test has a folder of its own, and a path in it.
class StoreFixture : public QObject {
protected:
    void renew() {
        folder_ = std::make_unique<QTemporaryDir>();
        path_ = folder_->filePath("runs.sweetspot").toStdString();
    }
    std::unique_ptr<QTemporaryDir> folder_;
    std::string path_;
};

} // namespace sweetspot::stored
