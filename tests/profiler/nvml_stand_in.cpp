// A libnvidia-ml.so.1 of one GPU, whose power limit holds it back in every second reading.
#include <cstring>

namespace {
int readings = 0;
}

extern "C" {
int nvmlInit_v2() {
    return 0;
}
int nvmlShutdown() {
    return 0;
}
const char* nvmlErrorString(int code) {
    return code == 6 ? "Not Found" : "another error";
}
int nvmlDeviceGetHandleByPciBusId_v2(const char* pci, void** device) {
    *device = &readings;
    return std::strcmp(pci, "0000:1B:00.0") == 0 ? 0 : 6;
}
int nvmlSystemGetDriverVersion(char* text, unsigned bytes) {
    return std::strncpy(text, "580.65.06", bytes), 0;
}
int nvmlDeviceGetClockInfo(void*, int which, unsigned* mhz) {
    return *mhz = which == 1 ? 1980 : 3201, 0;
}
int nvmlDeviceGetPowerUsage(void*, unsigned* milliwatts) {
    return *milliwatts = 612'500, 0;
}
int nvmlDeviceGetEnforcedPowerLimit(void*, unsigned* milliwatts) {
    return *milliwatts = 700'000, 0;
}
int nvmlDeviceGetTotalEnergyConsumption(void*, unsigned long long* millijoules) {
    return *millijoules = 1'000'000ull + 500ull * unsigned(readings++), 0;
}
int nvmlDeviceGetTemperature(void*, int, unsigned* degrees) {
    return *degrees = 41, 3; // not supported
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* reasons) {
    return *reasons = readings % 2 ? 0x4 : 0x1, 0;
}
int nvmlDeviceGetMemoryInfo(void*, unsigned long long* total_free_used) {
    return total_free_used[2] = 1ull << 30, 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void*, unsigned* count, void*) {
    return *count = 0, 0;
}
int nvmlDeviceGetEccMode(void*, unsigned* now, unsigned*) {
    return *now = 1, 0;
}
int nvmlDeviceGetMigMode(void*, unsigned*, unsigned*) {
    return 3;
}
}
