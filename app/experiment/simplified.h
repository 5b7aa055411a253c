#pragma once
#include "app/experiment/words.h"

namespace sweetspot {

/// How well a text simplifies its source, beside a reference: SARI (Xu et al., 2016), from 0 to 1.
double sari(const icu::UnicodeString& source, const icu::UnicodeString& text,
            const icu::UnicodeString& reference);

} // namespace sweetspot
