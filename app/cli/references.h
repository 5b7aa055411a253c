#pragma once
#include "app/store/store.h"
#include "kernels/core/error.h"

namespace sweetspot {

/// Runs that a person named.
struct RunSet {
    std::string title{};     ///< e.g. "quickstart (sweep 3)" or "run 12"
    std::string spec_json{}; ///< "" unless it is a whole sweep
    std::vector<RunRecord> runs{};
};

/// What a reference stands for: `last` and `last~1` are the newest sweeps, `pinned` the newest that
/// is pinned, a path that ends in .json or .jsonl the runs of such an export, `s3` sweep 3, `12`
/// run 12, eight or more hexadecimal digits the newest run whose hash begins so, anything else the
/// newest sweep of that name. Throws Error(bad_input) that says what there is.
RunSet find_runs(const Store&, const std::string& reference, bool with_details = false);

/// The one run that a reference stands for. Throws Error(bad_input) as find_runs(), and for what
/// has several; `what` begins the sentence, "A trace".
RunRecord find_one_run(const Store&, const std::string& reference, const std::string& what);

/// What `read` gives of a file that a person named: what it cannot be read for is an argument's
/// fault. Throws Error(bad_input).
template <class Read>
auto of_named_file(Read&& read) {
    try {
        return read();
    } catch (const Error& error) {
        throw Error(error.kind == Failure::file ? Failure::bad_input : error.kind, error.what());
    }
}

/// The store that commands read; one that an older program made is brought up to date first. Throws
/// Error(bad_input) if there is none yet, saying how to get one.
Store open_for_reading(const std::string& path);

} // namespace sweetspot
