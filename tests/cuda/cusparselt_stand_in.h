#pragma once
#include <cstddef>
#include <string>

/// A libcusparseLt.so.0 on the emulated GPU: it compresses, searches and multiplies as the
/// library's documentation says, by plain loops that are queued on the emulated streams. What it
/// cannot do, it refuses as the library does. Programs that open it export their symbols to it.
namespace stand_in {

struct CusparseLt {
    // what asks find
    std::string failing{};         ///< the function that gives `result`
    int result = 0;                ///< cusparseStatus_t
    int algorithms = 4;            ///< of these a search finds
    int fastest = 2;               ///< this one
    std::size_t its_workspace = 0; ///< which wants so much
    bool erf = false;              ///< its GELU: of that form, or of tanh
    bool computes = true;          ///< or products are done at once, with any result
    int microseconds = 0;          ///< that each product takes longer
    std::size_t more_bytes = 0;    ///< that it compresses to, beyond 9/16
    // what was asked
    int searches = 0, compressions = 0, products = 0;
    int algorithm = -1;              ///< of the last product
    bool bias = false, gelu = false; ///< it did these
    long long rows = 0;              ///< of x it had
    bool lost = false;               ///< numbers were compressed that are not 2:4
    int objects = 0;                 ///< that were made and not ended
};

} // namespace stand_in

extern "C" stand_in::CusparseLt* cusparselt_stand_in();
