#pragma once
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

/// A regular file's bytes as they lie on disk. Pipes, devices and sockets, which may never end, are
/// refused without waiting for them.
class InputFile {
public:
    /// Throws Error(file) with a sentence that begins with the path.
    explicit InputFile(const std::string& path);
    ~InputFile();
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    const std::string& path() const { return path_; }
    std::uint64_t bytes() const { return bytes_; } ///< when it was opened
    /// Fills the beginning of `room`; returns how much of it, 0 at the end. Throws Error(file).
    std::size_t read(std::span<char> room);
    /// The last bytes, at most so many; reading goes on where it was.
    std::string tail(std::size_t bytes) const;
    [[noreturn]] void refuse(const std::string& why) const;

private:
    std::string path_;
    int file_ = -1;
    std::uint64_t bytes_ = 0;
};

/// The bytes of a file in pieces, from first to last. What begins as gzip does comes unpacked,
/// whatever the file's name: one member or many, as bgzip writes them. bgzip's data must have its
/// end mark, without which a cut between two members could not be seen.
class ByteSource {
public:
    explicit ByteSource(const std::string& path_or_resource,
                        std::size_t limit_bytes = data_limit_bytes);
    ~ByteSource();

    /// The next piece, good until the next call; empty at the end. Throws Error(file): unreadable,
    /// damaged, cut short, or more than `limit_bytes` in all.
    std::string_view next();
    const std::string& path() const { return file_.path(); }

private:
    struct Inflater;
    bool refill();
    void open_gzip();
    std::string_view next_unpacked();
    std::string_view counted(std::string_view piece);

    InputFile file_;
    std::size_t limit_bytes_, given_ = 0;
    std::vector<char> packed_;
    std::span<char> rest_{}; ///< of packed_: not yet given
    std::uint64_t read_ = 0; ///< bytes of the file
    std::unique_ptr<Inflater> gzip_{};
};

} // namespace sweetspot
