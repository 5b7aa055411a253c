#include "app/experiment/version.h"
#include "commit.h" // written by commit.cmake at each build

namespace sweetspot {

std::string_view version() {
    return SWEETSPOT_VERSION;
}

std::string_view commit() {
    return SWEETSPOT_COMMIT;
}

std::string_view build_description() {
    return SWEETSPOT_BUILD;
}

} // namespace sweetspot
