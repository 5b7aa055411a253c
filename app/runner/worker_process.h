#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace sweetspot {

/// A file descriptor that closes with its scope.
class Descriptor {
public:
    explicit Descriptor(int number = -1) : number_(number) {}
    ~Descriptor() { close(); }
    Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept;

    int get() const { return number_; }
    bool is_open() const { return number_ >= 0; }
    void close();

private:
    int release();

    int number_;
};

/// A child process that reads lines and writes lines. It is in a process group of its own, so that
/// Ctrl-C on the terminal does not reach it. Used by one thread at a time.
class WorkerProcess {
public:
    /// Throws Error(file) that names the program if it cannot be started.
    explicit WorkerProcess(const std::filesystem::path& program,
                           std::vector<std::string> arguments = {});
    ~WorkerProcess(); ///< ends and reaps it
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;

    /// Writes a line to its standard input. False if it no longer reads.
    bool send(std::string_view line);

    void tell(int signal); ///< to it alone, not what it started

    enum class Got { line, nothing, end };
    /// Waits up to `seconds` for its next line of standard output, which comes without the break.
    /// A line of more than 16 MiB comes in pieces.
    Got read_line(std::string& line, double seconds);

    /// Waits up to `seconds` for it to end by itself.
    bool wait(double seconds);
    /// Closes its input and asks it to end; kills it and all it started after `seconds`.
    void end(double seconds);

    bool alive() { return !wait(0); }
    int status() const { return status_; } ///< as waitpid gives it, once it has ended
    /// The end of what it wrote to standard error, on one line, printable().
    std::string last_words();

private:
    bool take_line(std::string& line);
    void read_output();
    void read_errors();

    pid_t pid_ = -1; ///< -1 once reaped
    int status_ = 0;
    Descriptor input_, output_, errors_;
    std::string buffer_, error_tail_;
    std::size_t searched_ = 0; ///< so much of buffer_ has no line break
};

/// The worker program: $SWEETSPOT_WORKER, or sweetspot-worker beside this executable or where the
/// build puts it. Throws Error(file) if there is none.
std::filesystem::path find_worker();

} // namespace sweetspot
