#pragma once
#include <cstdint>

/// The threads that share the work of an op on a CPU: started when they are first asked for, kept,
/// and used by one op at a time.
///
/// They give way. A thread that has nothing to do looks out for work for microseconds, as long as
/// the gap between two ops lasts, and sleeps then; nobody waits for one that the system has not let
/// begin, since the others take its pieces. Beside other programs threads that wait by turning, or
/// for each other, lose most of their time: OpenMP's did.
namespace sweetspot {

/// work(context, i, thread) for each i in [0, pieces), on up to `threads` threads, the caller's
/// being number 0; over when all are done. A thread goes through a contiguous share and then helps
/// the others, so which of them does a piece is open. Where the team has work already, the caller
/// does everything. What `work` throws ends the program.
void share_pieces(std::int64_t pieces, int threads,
                  void (*work)(const void* context, std::int64_t piece, int thread),
                  const void* context);

/// f(i, thread) for each i in [0, pieces), as share_pieces().
template <class F>
void for_pieces(std::int64_t pieces, int threads, const F& f) {
    share_pieces(
        pieces, threads,
        [](const void* context, std::int64_t piece, int thread) {
            (*static_cast<const F*>(context))(piece, thread);
        },
        &f);
}

} // namespace sweetspot
