// sweetspot-worker with the emulated GPU. If the file that $EMULATED_FAULT names exists, it is
// removed and the GPU has met an illegal access: so does one worker of a sweep, and the next does
// not.
#include "kernels/emulation/runtime.h"
#include <cstdlib>
#include <filesystem>

int worker_main(int count, char** arguments);

int main(int count, char** arguments) {
    const char* fault = std::getenv("EMULATED_FAULT");
    if (fault && std::filesystem::remove(fault)) emulation::break_device(cudaErrorIllegalAddress);
    return worker_main(count, arguments);
}
