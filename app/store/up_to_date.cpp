#include "app/store/up_to_date.h"
#include "app/store/store.h"
#include "app/store/writer_lock.h"
#include <thread>

namespace sweetspot {

void bring_up_to_date(const std::filesystem::path& database, std::chrono::milliseconds patience) {
    constexpr std::chrono::milliseconds pause{50};
    const auto until = std::chrono::steady_clock::now() + patience;
    while (true) {
        try {
            Store(database, Store::Mode::write); // all there is to do
            return;
        } catch (const BeingWritten& held) {
            try {
                Store(database, Store::Mode::read);
                return;
            } catch (const OlderSchema&) {
                if (std::chrono::steady_clock::now() < until) {
                    std::this_thread::sleep_for(pause);
                    continue;
                }
                throw Error(Failure::file,
                            std::string(held.what()) +
                                ". It has an older schema, which that one has not brought up to "
                                "date yet: try again when it has, or has ended");
            }
        }
    }
}

} // namespace sweetspot
