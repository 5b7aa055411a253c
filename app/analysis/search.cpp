#include "app/analysis/search.h"
#include <algorithm>

// Doubling and halving as a machine of states: each answer leads to the next question.

namespace sweetspot {

LargestSearch::LargestSearch(std::int64_t least, std::int64_t most)
    : least_(least), most_(most), phase_(least > most ? Phase::over : Phase::first) {}

std::optional<LargestSearch::Question> LargestSearch::next() const {
    const auto middle = good_ + (bad_ - good_) / 2;
    switch (phase_) {
    case Phase::first: return Question{least_};
    case Phase::doubling:
        return Question{good_ > most_ / 2 ? most_ : std::max(good_ * 2, good_ + 1)};
    case Phase::halving: return Question{middle};
    case Phase::confirming: return Question{good_, false};
    case Phase::falling_back: return Question{least_, false};
    case Phase::by_runs: return Question{middle, false};
    case Phase::over: break;
    }
    return {};
}

void LargestSearch::tell(std::optional<bool> fits) {
    const auto question = next();
    if (!question) return;
    if (!fits && !question->predicted) { // somebody ended it
        phase_ = Phase::over;
        return;
    }
    result_.steps.push_back({question->value, question->predicted, fits.value_or(true)});
    told(question->value, fits.value_or(true));
}

void LargestSearch::told(std::int64_t value, bool fits) {
    switch (phase_) {
    case Phase::first:
        good_ = least_;
        phase_ = !fits ? Phase::over : least_ < most_ ? Phase::doubling : Phase::confirming;
        break;
    case Phase::doubling:
        (fits ? good_ : bad_) = value;
        if (!fits)
            phase_ = bad_ - good_ > 1 ? Phase::halving : Phase::confirming;
        else if (value == most_)
            phase_ = Phase::confirming;
        break;
    case Phase::halving:
        (fits ? good_ : bad_) = value;
        if (bad_ - good_ <= 1) phase_ = Phase::confirming;
        break;
    case Phase::confirming:
        phase_ = fits || value == least_ ? Phase::over : Phase::falling_back;
        if (fits) result_.largest = value;
        result_.bounded = fits && value == most_;
        break;
    case Phase::falling_back:
        bad_ = good_; // what a run did not bear
        good_ = least_;
        if (fits) result_.largest = value;
        phase_ = fits && bad_ - good_ > 1 ? Phase::by_runs : Phase::over;
        break;
    case Phase::by_runs:
        (fits ? good_ : bad_) = value;
        if (fits) result_.largest = value;
        if (bad_ - good_ <= 1) phase_ = Phase::over;
        break;
    case Phase::over: break;
    }
}

SearchResult search_largest(std::int64_t least, std::int64_t most,
                            const std::function<std::optional<bool>(std::int64_t)>& predict,
                            const std::function<std::optional<bool>(std::int64_t)>& confirm) {
    LargestSearch search(least, most);
    while (const auto question = search.next())
        search.tell(question->predicted ? predict(question->value) : confirm(question->value));
    return search.result();
}

} // namespace sweetspot
