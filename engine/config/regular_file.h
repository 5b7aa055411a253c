#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace sweetspot {

/// Whether something may lie there: also where it cannot be known, so that opening says why.
bool is_there(const std::filesystem::path&);
/// Whether a folder is known to lie there.
bool is_folder(const std::filesystem::path&);

/// A file that is open for reading and known to end: folders, pipes and devices are refused without
/// waiting for them, and a pointer of Git LFS by its name. Every file that a person names is opened
/// here.
class RegularFile {
public:
    /// Throws Error(file), a sentence that begins with the path.
    explicit RegularFile(const std::string& path);
    ~RegularFile();
    RegularFile(const RegularFile&) = delete;
    RegularFile& operator=(const RegularFile&) = delete;

    const std::string& path() const { return path_; }
    int descriptor() const { return descriptor_; }
    /// Bytes when it was opened.
    std::size_t size() const { return size_; }
    /// The next bytes, as many as fit; fewer only at the end. Throws Error(file).
    std::size_t read(std::span<char>);
    /// The last bytes, at most so many; reading goes on where it was.
    std::string tail(std::size_t bytes) const;
    /// Throws Error(file), a sentence that begins with the path.
    [[noreturn]] void refuse(const std::string& why) const;

private:
    void refuse_pointer() const;

    std::string path_;
    int descriptor_ = -1;
    std::size_t size_ = 0;
};

/// The contents of a regular file. Throws Error(file), also as soon as there are more bytes than
/// `most_bytes`, whatever its size was said to be.
std::string read_regular_file(const std::string& path, std::size_t most_bytes);

} // namespace sweetspot
