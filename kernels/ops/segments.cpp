#include "kernels/ops/segments.h"
#include <algorithm>

namespace sweetspot {

int Segments::longest() const {
    int most = 0;
    for (int s = 0; s < count(); ++s) most = std::max(most, rows_of(s));
    return most;
}

} // namespace sweetspot
