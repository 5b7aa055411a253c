#pragma once
#include "engine/data/batches.h"

namespace sweetspot {

/// A row of ids that lies elsewhere.
using TokenRow = std::span<const std::int32_t>;

/// Rows of ids in a temporary file without a name, which goes with this, however the program ends.
/// Memory has no more of them than where each lies; those that are looked at are in the system's
/// cache of files, which gives way where memory is short.
class SpilledRows {
public:
    /// In the folder that TMPDIR names, else /var/tmp. `what` names the data in errors. Throws
    /// Error(file), as all of it does: a sentence that names the folder.
    explicit SpilledRows(std::string what);
    ~SpilledRows();
    SpilledRows(const SpilledRows&) = delete;
    SpilledRows& operator=(const SpilledRows&) = delete;

    void add(TokenRow row);
    /// All of them, for as long as this is there; none is added after that.
    std::vector<TokenRow> rows();

private:
    void write_buffer();
    [[noreturn]] void fail() const;

    std::string what_, folder_;
    int file_;
    std::vector<std::int32_t> buffer_{}, lengths_{};
    std::size_t written_ = 0; ///< ids
    TokenRow mapped_{};
};

/// The rows with their ids.
Batch copy_of(const BatchOf<TokenRow>&);

} // namespace sweetspot
