#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Files that are there only when all of them is: what ends a program, or fills a disk, in the
/// middle leaves what was there before.
namespace sweetspot {

/// A file under its name from commit() on. Throws Error(file), a sentence with the path.
class NewFile {
public:
    explicit NewFile(std::string path);
    ~NewFile(); ///< what was not committed is gone
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    void write(const void* bytes, std::size_t count);
    void write(std::string_view text) { write(text.data(), text.size()); }
    void commit(); ///< on the disk, and named

private:
    [[noreturn]] void fail() const;

    std::string path_, partial_;
    int file_;
};

/// What a file of tensors has by name.
struct TensorShape {
    std::string name{};
    std::vector<std::int64_t> shape{}; ///< slowest-moving first
};

/// A safetensors file of f32, whose tensors come one by one, in the order of its list.
class NewTensorFile {
public:
    NewTensorFile(const std::string& path, const std::vector<TensorShape>&);
    void add(std::span<const float> numbers) { file_.write(numbers.data(), numbers.size_bytes()); }
    void commit() { file_.commit(); }

private:
    NewFile file_;
};

/// Makes a folder, and those above it. Throws Error(file).
void make_folder(const std::string& path);
/// Makes a file or folder known to the disk: what is in it, which names it has. Throws Error(file).
void sync_folder(const std::string& path);
/// Gives a file or folder another name, where nothing else has it, for good. Throws Error(file).
void rename_for_good(const std::string& from, const std::string& to);

} // namespace sweetspot
