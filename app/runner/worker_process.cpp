#include "app/runner/worker_process.h"
#include "app/experiment/printable.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

// A worker as a process: started with nothing of ours but its pipes, read without blocking, ended
// in time.

extern char** environ;

namespace sweetspot {

namespace {

constexpr std::size_t longest_line = 16 << 20, longest_last_words = 600;

[[noreturn]] void cannot_start(const std::filesystem::path& program, int error) {
    throw Error(Failure::file, "the worker program " + program.string() +
                                   " cannot be started: " + std::strerror(error));
}

/// What a child is started with.
struct SpawnSettings {
    SpawnSettings(int input, int output, int errors) {
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&files, errors, STDERR_FILENO);
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                  POSIX_SPAWN_SETSIGDEF);
    }
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attributes);
    }

    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
};

/// Reads what is there; false at the end.
bool read_some(int descriptor, std::string& text) {
    char block[1 << 16];
    const auto count = read(descriptor, block, sizeof block);
    if (count > 0) text.append(block, count);
    return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
}

} // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
}

void Descriptor::close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
}

int Descriptor::release() {
    return std::exchange(number_, -1);
}

WorkerProcess::WorkerProcess(const std::filesystem::path& program,
                             std::vector<std::string> arguments) {
    // A socket for its input: writing to a worker that has gone is then an error, not a SIGPIPE.
    int in[2], out[2], err[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0) cannot_start(program, errno);
    input_ = Descriptor(in[1]);
    const Descriptor child_input(in[0]);
    if (pipe2(out, O_CLOEXEC) != 0) cannot_start(program, errno);
    output_ = Descriptor(out[0]);
    const Descriptor child_output(out[1]);
    if (pipe2(err, O_CLOEXEC) != 0) cannot_start(program, errno);
    errors_ = Descriptor(err[0]);
    const Descriptor child_errors(err[1]);

    const SpawnSettings settings(child_input.get(), child_output.get(), child_errors.get());
    arguments.insert(arguments.begin(), program.string());
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    const int error = posix_spawn(&pid_, words.front(), &settings.files, &settings.attributes,
                                  words.data(), environ);
    if (error != 0) {
        pid_ = -1;
        cannot_start(program, error);
    }
}

WorkerProcess::~WorkerProcess() {
    end(0.5);
}

bool WorkerProcess::send(std::string_view line) {
    std::string text(line);
    text += '\n';
    for (std::size_t done = 0; done < text.size();) {
        const auto count =
            ::send(input_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        done += count;
    }
    return true;
}

void WorkerProcess::tell(int signal) {
    if (pid_ > 0) kill(pid_, signal);
}

bool WorkerProcess::take_line(std::string& line) {
    const auto length = buffer_.find('\n', searched_);
    const bool whole = length != buffer_.npos;
    searched_ = buffer_.size();
    if (!whole && buffer_.size() < longest_line) return false;
    line = buffer_.substr(0, length);
    buffer_.erase(0, whole ? length + 1 : buffer_.size());
    searched_ = 0;
    return true;
}

void WorkerProcess::read_output() {
    if (!read_some(output_.get(), buffer_)) output_.close();
}

void WorkerProcess::read_errors() {
    if (!read_some(errors_.get(), error_tail_)) errors_.close();
    if (error_tail_.size() > longest_last_words)
        error_tail_.erase(0, error_tail_.size() - longest_last_words);
}

WorkerProcess::Got WorkerProcess::read_line(std::string& line, double seconds) {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::duration<double>(seconds);
    for (;;) {
        if (take_line(line)) return Got::line;
        if (!output_.is_open()) {
            if (buffer_.empty()) return Got::end;
            line = std::exchange(buffer_, {}); // the last line lacks its break
            searched_ = 0;
            return Got::line;
        }
        const bool ended = wait(0); // then what is left in the pipes is all there is
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        pollfd watched[] = {{output_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}};
        const int ready = poll(watched, 2, ended ? 0 : std::max<int>(0, left));
        if (ready < 0 && errno != EINTR) return Got::end;
        if (ready > 0 && watched[1].revents != 0) read_errors();
        if (ready > 0 && watched[0].revents != 0) read_output();
        if (ready == 0 && ended) output_.close();
        if (ready == 0 && !ended && left <= 0) return Got::nothing;
    }
}

bool WorkerProcess::wait(double seconds) {
    using namespace std::chrono_literals;
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    for (auto pause = 1ms;; pause = std::min(2 * pause, 20ms)) {
        if (pid_ < 0) return true;
        const auto got = waitpid(pid_, &status_, WNOHANG);
        if (got == pid_ || (got < 0 && errno == ECHILD)) {
            pid_ = -1;
            return true;
        }
        if (std::chrono::steady_clock::now() >= until) return false;
        std::this_thread::sleep_for(pause);
    }
}

void WorkerProcess::end(double seconds) {
    input_.close();
    if (pid_ < 0) return;
    const auto group = pid_;
    kill(-group, SIGTERM);
    const bool ended = wait(seconds);
    kill(-group, SIGKILL); // what it started, too
    if (!ended) wait(60);
}

std::string WorkerProcess::last_words() {
    for (pollfd watched{errors_.get(), POLLIN, 0};
         errors_.is_open() && poll(&watched, 1, 0) > 0 && watched.revents != 0;)
        read_errors();
    std::string words = error_tail_;
    while (!words.empty() && std::isspace(static_cast<unsigned char>(words.back())))
        words.pop_back();
    words.erase(0, words.find_first_not_of(" \n\r\t"));
    std::replace(words.begin(), words.end(), '\n', ' ');
    return printable(words);
}

std::filesystem::path find_worker() {
    if (const char* named = std::getenv("SWEETSPOT_WORKER"); named && *named) return named;
    const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    for (const char* folder : {".", "../bin", "../app/worker", "../worker", "../../app/worker"}) {
        const auto path = (here / folder / "sweetspot-worker").lexically_normal();
        if (std::filesystem::exists(path)) return path;
    }
    throw Error(Failure::file, "there is no worker program sweetspot-worker in " + here.string() +
                                   "; set SWEETSPOT_WORKER to where it is");
}

} // namespace sweetspot
