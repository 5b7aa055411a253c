#include "app/worker/hang_up.h"
#include "app/experiment/standard_output.h"
#include <cerrno>
#include <poll.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace sweetspot {

namespace {

bool is_socket(int file) {
    struct stat about {};
    return fstat(file, &about) == 0 && S_ISSOCK(about.st_mode);
}

} // namespace

void end_when_unheard() {
    // No events are asked for: what then comes is POLLHUP, POLLERR or POLLNVAL. -1 is left out.
    pollfd input{is_socket(STDIN_FILENO) ? STDIN_FILENO : -1, 0, 0};
    std::thread([input] {
        pollfd watched[] = {input, {STDOUT_FILENO, 0, 0}};
        while (poll(watched, 2, -1) < 0 && errno == EINTR) {}
        if (watched[0].revents == 0) // a person may have closed the other end
            write_all(STDERR_FILENO, "sweetspot-worker: " + output_problem(EPIPE) + '\n');
        _exit(1);
    }).detach();
}

} // namespace sweetspot
