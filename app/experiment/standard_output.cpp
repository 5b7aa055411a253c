#include "app/experiment/standard_output.h"
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <unistd.h>

namespace sweetspot {

int write_all(int file, std::string_view text) {
    while (!text.empty()) {
        const auto count = write(file, text.data(), text.size());
        if (count < 0 && errno != EINTR) return errno;
        if (count > 0) text.remove_prefix(std::size_t(count));
    }
    return 0;
}

std::string output_problem(int error) {
    return std::string("cannot write to standard output: ") +
           (error == EPIPE ? "its reader has gone (Broken pipe)" : std::strerror(error));
}

StandardOutput::StandardOutput() : before_(std::cout.rdbuf()) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) // open() takes the lowest
        if (fcntl(file, F_GETFD) < 0 && errno == EBADF) [[maybe_unused]]
            const int filled = open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    setp(buffer_.data(), buffer_.data() + buffer_.size());
    std::cout.rdbuf(this);
}

StandardOutput::~StandardOutput() {
    sync();
    std::cout.rdbuf(before_);
}

std::string StandardOutput::problem() {
    sync();
    return error_ ? output_problem(error_) : std::string();
}

StandardOutput::int_type StandardOutput::overflow(int_type c) {
    if (sync() != 0) return traits_type::eof();
    if (!traits_type::eq_int_type(c, traits_type::eof())) sputc(traits_type::to_char_type(c));
    return traits_type::not_eof(c);
}

int StandardOutput::sync() {
    if (error_ == 0) error_ = write_all(STDOUT_FILENO, {pbase(), std::size_t(pptr() - pbase())});
    setp(buffer_.data(), buffer_.data() + buffer_.size());
    return error_ ? -1 : 0;
}

} // namespace sweetspot
