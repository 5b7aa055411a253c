#pragma once
#include <array>
#include <streambuf>
#include <string>

namespace sweetspot {

/// Stands behind std::cout for as long as it lives and remembers the first write that failed, which
/// std::cout alone forgets the reason of. What follows a failure is dropped: what a program does
/// beside printing goes on.
///
/// It also makes signals of writing what they are, failures: SIGPIPE (nobody reads) and SIGXFSZ (a
/// file may not grow any more) end no program; and a standard stream that is closed is filled with
/// one that fails, so that no file which is opened later takes its place.
class StandardOutput : public std::streambuf {
public:
    StandardOutput();
    ~StandardOutput() override; ///< writes what is left
    StandardOutput(const StandardOutput&) = delete;
    StandardOutput& operator=(const StandardOutput&) = delete;

    /// Writes what is left, and says in a sentence why not everything was written; "" if it was.
    std::string problem();

protected:
    int_type overflow(int_type) override;
    int sync() override;

private:
    std::streambuf* before_; ///< not owned
    std::array<char, 1 << 14> buffer_;
    int error_ = 0; ///< errno of the first failure
};

/// Writes all of a text to a file descriptor; 0, or errno of what failed.
int write_all(int file, std::string_view text);

/// "cannot write to standard output: No space left on device", from errno.
std::string output_problem(int error);

} // namespace sweetspot
