#pragma once

namespace sweetspot {

/// What a training is asked for between two of its steps, by signals of job control: SIGTSTP to
/// wait, SIGCONT to go on, SIGUSR1 to end with a checkpoint. Other tasks do not heed them, so a
/// runner sends them to a training that is under way only.
void heed_wishes();

bool is_to_wait();
bool is_to_end();
/// What was asked for holds for one run.
void forget_wishes();

} // namespace sweetspot
