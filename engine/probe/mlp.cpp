#include "engine/probe/mlp.h"
#include "engine/data/random.h"
#include "engine/probe/dot.h"
#include <algorithm>
#include <cmath>
#include <numeric>

// A small network on features, row by row on one thread, so that it repeats to the bit.

namespace sweetspot {

namespace {

constexpr std::size_t rows_a_step = 32;
constexpr int patience = 10;

/// Numbers that learn, with what Adam keeps of their gradients.
struct Learned {
    std::vector<float> value, gradient, mean, square;

    explicit Learned(std::size_t count)
        : value(count), gradient(count), mean(count), square(count) {}

    void step(int count, float of_rows) {
        constexpr float rate = 1e-3f, beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
        const float unbias1 = 1 - std::pow(beta1, float(count)),
                    unbias2 = 1 - std::pow(beta2, float(count));
        for (std::size_t i = 0; i < value.size(); ++i) {
            const float g = gradient[i] / of_rows;
            gradient[i] = 0;
            mean[i] = beta1 * mean[i] + (1 - beta1) * g;
            square[i] = beta2 * square[i] + (1 - beta2) * g * g;
            value[i] -= rate * (mean[i] / unbias1) / (std::sqrt(square[i] / unbias2) + epsilon);
        }
    }
};

class Network {
public:
    Network(std::int64_t width, std::int64_t hidden, std::int64_t outputs, bool classes,
            Random& random)
        : width_(std::size_t(width)), hidden_(std::size_t(hidden)), outputs_(std::size_t(outputs)),
          classes_(classes), w1_(hidden_ * width_), b1_(hidden_), w2_(outputs_ * hidden_),
          b2_(outputs_), inner_(hidden_), y_(outputs_) {
        for (float& w : w1_.value) w = float(random.normal() * std::sqrt(2.0 / double(width_)));
        for (float& w : w2_.value) w = float(random.normal() * std::sqrt(1.0 / double(hidden_)));
    }

    const std::vector<float>& answer(const float* x) {
        for (std::size_t h = 0; h < hidden_; ++h)
            inner_[h] =
                std::max(0.0f, b1_.value[h] + dot<float>(&w1_.value[h * width_], x, width_));
        for (std::size_t o = 0; o < outputs_; ++o)
            y_[o] = b2_.value[o] + dot<float>(&w2_.value[o * hidden_], inner_.data(), hidden_);
        return y_;
    }

    /// The loss of a row; its gradient is left in place of the answer.
    double loss(const float* x, const double* expected) {
        answer(x);
        double loss = 0;
        if (!classes_) {
            for (std::size_t o = 0; o < outputs_; ++o) {
                const double off = double(y_[o]) - expected[o];
                loss += off * off;
                y_[o] = float(2 * off);
            }
            return loss;
        }
        const auto right = std::size_t(std::max_element(expected, expected + outputs_) - expected);
        const double most = *std::max_element(y_.begin(), y_.end()), of_right = y_[right];
        double sum = 0;
        for (const float y : y_) sum += std::exp(double(y) - most);
        for (std::size_t o = 0; o < outputs_; ++o)
            y_[o] = float(std::exp(double(y_[o]) - most) / sum - (o == right));
        return std::log(sum) + most - of_right;
    }

    void learn(const float* x, const double* expected) {
        loss(x, expected);
        for (std::size_t o = 0; o < outputs_; ++o) {
            b2_.gradient[o] += y_[o];
            for (std::size_t h = 0; h < hidden_; ++h)
                w2_.gradient[o * hidden_ + h] += y_[o] * inner_[h];
        }
        for (std::size_t h = 0; h < hidden_; ++h) {
            if (inner_[h] <= 0) continue;
            float down = 0;
            for (std::size_t o = 0; o < outputs_; ++o) down += y_[o] * w2_.value[o * hidden_ + h];
            b1_.gradient[h] += down;
            float* to = &w1_.gradient[h * width_];
            for (std::size_t i = 0; i < width_; ++i) to[i] += down * x[i];
        }
    }

    void step(std::size_t rows) {
        ++steps_;
        for (Learned* some : {&w1_, &b1_, &w2_, &b2_}) some->step(steps_, float(rows));
    }

private:
    std::size_t width_, hidden_, outputs_;
    bool classes_;
    Learned w1_, b1_, w2_, b2_; ///< [hidden, width], [hidden], [outputs, hidden], [outputs]
    std::vector<float> inner_, y_;
    int steps_ = 0;
};

} // namespace

MlpFit fit_mlp(const HeadProblem& problem, bool classes, int hidden, int epochs,
               std::uint64_t seed) {
    const auto width = std::size_t(problem.width), outputs = std::size_t(problem.outputs);
    Random random(seed);
    Network network(problem.width, hidden, problem.outputs, classes, random);
    std::vector<std::size_t> order(problem.train.y.size() / outputs);
    std::iota(order.begin(), order.end(), std::size_t(0));
    MlpFit fit;
    double least = 0;
    for (int best = 0; fit.epochs < epochs && fit.epochs - best < patience;) {
        for (std::size_t i = order.size(); i > 1; --i)
            std::swap(order[i - 1], order[random.below(i)]);
        for (std::size_t first = 0; first < order.size(); first += rows_a_step) {
            const std::size_t end = std::min(first + rows_a_step, order.size());
            for (std::size_t i = first; i < end; ++i)
                network.learn(&problem.train.x[order[i] * width],
                              &problem.train.y[order[i] * outputs]);
            network.step(end - first);
        }
        ++fit.epochs;
        double loss = 0;
        for (std::size_t row = 0; row * outputs < problem.validation.y.size(); ++row)
            loss += network.loss(&problem.validation.x[row * width],
                                 &problem.validation.y[row * outputs]);
        if (best && !(loss < least)) continue;
        best = fit.epochs, least = loss;
        fit.test.clear();
        for (std::size_t row = 0; row * outputs < problem.test.y.size(); ++row)
            for (const float y : network.answer(&problem.test.x[row * width]))
                fit.test.push_back(double(y));
    }
    return fit;
}

} // namespace sweetspot
