#pragma once
#include "engine/config/regular_file.h"
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sweetspot {

/// How much is read of one file at most, as it comes unpacked: more would not fit beside its tokens
/// (four bytes each) on most machines, and a few packed megabytes can unpack to it.
constexpr std::size_t data_limit_bytes = std::size_t(1) << 30;

/// How many times its packed size data may unpack to, once it is more than so many bytes: proteins
/// and text pack to a third or a tenth, and what packs to a thousandth fills memory from nothing.
constexpr std::size_t most_unpacked_times = 200, surely_unpacked_bytes = std::size_t(64) << 20;

/// The bytes of a file in pieces, from first to last. What begins as gzip does comes unpacked,
/// whatever the file's name: one member or many, as bgzip writes them. bgzip's data must have its
/// end mark, without which a cut between two members could not be seen.
class ByteSource {
public:
    explicit ByteSource(const std::string& path_or_resource,
                        std::size_t limit_bytes = data_limit_bytes);
    ~ByteSource();

    /// The next piece, good until the next call; empty at the end. Throws Error(file): unreadable,
    /// damaged, cut short, more than `limit_bytes` in all, or out of all proportion to its
    /// packed size (`most_unpacked_times`).
    std::string_view next();
    const std::string& path() const { return file_.path(); }
    /// Of the file's bytes as it lies, those that were read.
    double share() const { return file_.size() ? double(read_) / double(file_.size()) : 1; }

private:
    struct Inflater;
    bool refill();
    void open_gzip();
    std::string_view next_unpacked();
    std::string_view counted(std::string_view piece);

    RegularFile file_;
    std::size_t limit_bytes_, given_ = 0;
    std::vector<char> packed_;
    std::span<char> rest_{}; ///< of packed_: not yet given
    std::uint64_t read_ = 0; ///< bytes of the file
    std::unique_ptr<Inflater> gzip_{};
};

} // namespace sweetspot
