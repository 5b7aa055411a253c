#include "engine/probe/head.h"
#include "engine/probe/boosted.h"
#include "engine/probe/dot.h"
#include "engine/probe/mlp.h"
#include "kernels/core/team.h"
#include <algorithm>
#include <cmath>

// Heads of a probe: features become standardised, targets become columns (a number, or 1 and -1 for
// each class), a head is fitted to rows of train, and what validation rows like best of its
// penalties or epochs predicts the rows of test.

namespace sweetspot {

namespace {

std::vector<float> transposed(const std::vector<float>& x, std::int64_t columns) {
    const auto rows = std::int64_t(x.size()) / columns;
    std::vector<float> y(x.size());
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < columns; ++c)
            y[std::size_t(c * rows + r)] = x[std::size_t(r * columns + c)];
    return y;
}

/// The lower half of a · aᵀ for rows a [rows, columns].
std::vector<double> gram_of(const std::vector<float>& a, std::int64_t columns, int threads) {
    const auto rows = std::int64_t(a.size()) / columns;
    std::vector<double> y(std::size_t(rows * rows), 0.0);
    for_pieces(rows, threads, [&](std::int64_t i, int) {
        for (std::int64_t j = 0; j <= i; ++j)
            y[std::size_t(i * rows + j)] =
                dot<double>(&a[std::size_t(i * columns)], &a[std::size_t(j * columns)], columns);
    });
    return y;
}

/// x of (h + penalty · 1) · x = b, by Cholesky's factor of h's lower half; b [size, outputs].
std::vector<double> solved(std::vector<double> h, std::vector<double> b, std::int64_t outputs,
                           double penalty, int threads) {
    const auto size = std::int64_t(b.size()) / outputs;
    const auto row = [&](std::int64_t i) { return h.data() + i * size; };
    for (std::int64_t j = 0; j < size; ++j) {
        row(j)[j] = std::sqrt(row(j)[j] + penalty - dot<double>(row(j), row(j), j));
        for_pieces(size - j - 1, threads, [&](std::int64_t piece, int) {
            double* below = row(j + 1 + piece);
            below[j] = (below[j] - dot<double>(below, row(j), j)) / row(j)[j];
        });
    }
    const auto at = [&](std::int64_t i, std::int64_t o) -> double& {
        return b[std::size_t(i * outputs + o)];
    };
    for (std::int64_t o = 0; o < outputs; ++o) {
        for (std::int64_t i = 0; i < size; ++i) {
            for (std::int64_t k = 0; k < i; ++k) at(i, o) -= row(i)[k] * at(k, o);
            at(i, o) /= row(i)[i];
        }
        for (std::int64_t i = size; i-- > 0;) {
            for (std::int64_t k = i + 1; k < size; ++k) at(i, o) -= row(k)[i] * at(k, o);
            at(i, o) /= row(i)[i];
        }
    }
    return b;
}

/// a · y for rows a [rows, columns] and y [columns, outputs].
std::vector<double> product(const std::vector<float>& a, const std::vector<double>& y,
                            std::int64_t outputs) {
    const auto columns = std::int64_t(y.size()) / outputs, rows = std::int64_t(a.size()) / columns;
    std::vector<double> z(std::size_t(rows * outputs), 0.0);
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < columns; ++c)
            for (std::int64_t o = 0; o < outputs; ++o)
                z[std::size_t(r * outputs + o)] +=
                    double(a[std::size_t(r * columns + c)]) * y[std::size_t(c * outputs + o)];
    return z;
}

/// A ridge problem before its penalty is known. Of rows and columns the fewer are solved for.
class Ridge {
public:
    Ridge(const std::vector<float>& x, const std::vector<double>& y, std::int64_t width,
          std::int64_t outputs, int threads)
        : turned_(transposed(x, width)), by_rows_(std::int64_t(y.size()) / outputs < width),
          outputs_(outputs), threads_(threads),
          gram_(by_rows_ ? gram_of(x, width, threads)
                         : gram_of(turned_, std::int64_t(y.size()) / outputs, threads)),
          right_(by_rows_ ? y : product(turned_, y, outputs)) {}

    std::vector<double> weights(double penalty) const {
        auto found = solved(gram_, right_, outputs_, penalty, threads_);
        return by_rows_ ? product(turned_, found, outputs_) : found;
    }

private:
    std::vector<float> turned_; ///< [width, rows]
    bool by_rows_;
    std::int64_t outputs_;
    int threads_;
    std::vector<double> gram_, right_;
};

double mean_square(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum / double(a.size());
}

std::string rows_text(const ProbeRows& rows, std::int64_t outputs) {
    const auto count = std::int64_t(rows.y.size()) / outputs;
    return to_text(count) + (count == 1 ? " row" : " rows") + " of validation";
}

/// What the head gives for rows of test, [rows, outputs].
std::vector<double> by_ridge(const HeadProblem& problem, int threads, std::string& note) {
    constexpr int first = -2, last = 6; // powers of ten
    const auto& [train, validation, test, width, outputs] = problem;
    const Ridge ridge(train.x, train.y, width, outputs, threads);
    std::vector<double> best;
    double least = 0, penalty = 0;
    for (int power = first; power <= last; ++power) {
        auto weights = ridge.weights(std::pow(10.0, power));
        const double error = mean_square(product(validation.x, weights, outputs), validation.y);
        if (!best.empty() && !(error < least)) continue;
        best = std::move(weights), least = error, penalty = std::pow(10.0, power);
    }
    note = "ridge with penalty " + to_text(penalty) + ", the best of " + to_text(last - first + 1) +
           " for " + rows_text(validation, outputs);
    return product(test.x, best, outputs);
}

/// Rows of one split: their features, and a number or 1 and -1 for each class.
ProbeRows rows_of(In features, const Labels& labels, Split split, std::int64_t outputs) {
    const std::int64_t width = features.shape[1];
    ProbeRows y;
    for (std::size_t row = 0; row < labels.splits.size(); ++row) {
        if (labels.splits[row] != split) continue;
        const float* from = features.as<float>() + std::int64_t(row) * width;
        y.x.insert(y.x.end(), from, from + width);
        if (!labels.numbers.empty())
            y.y.push_back(labels.numbers[row]);
        else
            for (std::int64_t o = 0; o < outputs; ++o)
                y.y.push_back(labels.classes[row] == o ? 1 : -1);
    }
    return y;
}

/// Mean and deviation of each column of rows of train.
struct Standard {
    std::vector<double> mean, scale;

    template <class T>
    Standard(const std::vector<T>& x, std::size_t width) : mean(width, 0.0), scale(width, 0.0) {
        const double rows = double(x.size() / width);
        for (std::size_t i = 0; i < x.size(); ++i) mean[i % width] += double(x[i]) / rows;
        for (std::size_t i = 0; i < x.size(); ++i)
            scale[i % width] += std::pow(double(x[i]) - mean[i % width], 2) / rows;
        for (double& s : scale) s = s > 0 ? std::sqrt(s) : 1;
    }
    template <class T>
    void apply(std::vector<T>& x) const {
        for (std::size_t i = 0; i < x.size(); ++i)
            x[i] = T((double(x[i]) - mean[i % mean.size()]) / scale[i % mean.size()]);
    }
    void undo(std::vector<double>& x) const {
        for (std::size_t i = 0; i < x.size(); ++i)
            x[i] = x[i] * scale[i % mean.size()] + mean[i % mean.size()];
    }
};

} // namespace

std::vector<double> ridge(const std::vector<float>& x, const std::vector<double>& y,
                          std::int64_t width, std::int64_t outputs, double penalty, int threads) {
    return Ridge(x, y, width, outputs, threads).weights(penalty);
}

HeadPredictions fit_head(In features, const Labels& labels, const RunConfig& run, int threads) {
    for (const float x : std::span(features.as<float>(), std::size_t(features.shape.count())))
        if (!std::isfinite(x))
            throw Error(Failure::bad_input, "task probe: a feature is no number, so that no head "
                                            "can be fitted");
    const bool classes = labels.numbers.empty();
    HeadProblem problem{.width = features.shape[1],
                        .outputs = classes ? std::int64_t(labels.names.size()) : 1};
    auto& [train, validation, test, width, outputs] = problem;
    train = rows_of(features, labels, Split::train, outputs);
    validation = rows_of(features, labels, Split::validation, outputs);
    test = rows_of(features, labels, Split::test, outputs);
    const Standard of_features(train.x, std::size_t(width)),
        of_targets(train.y, std::size_t(outputs));
    for (ProbeRows* rows : {&train, &validation, &test}) {
        of_features.apply(rows->x);
        if (!classes || run.probe_head == ProbeHead::ridge) of_targets.apply(rows->y);
    }
    HeadPredictions y;
    std::vector<double> found;
    if (run.probe_head == ProbeHead::ridge) {
        found = by_ridge(problem, threads, y.note);
    } else if (run.probe_head == ProbeHead::xgboost) {
        const BoostedFit fit =
            fit_boosted(problem, classes, run.head_epochs, std::uint64_t(run.seed), threads);
        found = fit.test;
        y.note = "xgboost with " + to_text(fit.trees) + (fit.trees == 1 ? " step" : " steps") +
                 ", the best of " + to_text(run.head_epochs) + " for " +
                 rows_text(validation, outputs);
    } else {
        const MlpFit fit =
            fit_mlp(problem, classes, run.head_width, run.head_epochs, std::uint64_t(run.seed));
        found = fit.test;
        y.note = "mlp of " + to_text(run.head_width) + " units, the best of " +
                 to_text(fit.epochs) + " epochs for " + rows_text(validation, outputs);
    }
    if (!classes || run.probe_head == ProbeHead::ridge) of_targets.undo(found);
    if (!classes) {
        y.numbers = std::move(found);
        return y;
    }
    for (std::size_t first = 0; first < found.size(); first += std::size_t(outputs))
        y.classes.push_back(int(std::max_element(found.begin() + std::int64_t(first),
                                                 found.begin() + std::int64_t(first) + outputs) -
                                (found.begin() + std::int64_t(first))));
    return y;
}

} // namespace sweetspot
