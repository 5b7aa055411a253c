#pragma once

namespace sweetspot {

/// From now on this process ends, with status 1 and at once, whatever it computes, when nobody can
/// hear it any more: when the other end of its standard output has gone, or that of its standard
/// input where this is a socket, as the runner makes it. (The end of a pipe or file of
/// configurations only means that there are no more.) A thread waits for the kernel to say so,
/// which it does however a process ends, SIGKILL included. PR_SET_PDEATHSIG would not do: it tells
/// of the end of the thread that started a worker, while its program may go on, as a window does.
void end_when_unheard();

} // namespace sweetspot
