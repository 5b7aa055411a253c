#include "engine/probe/boosted.h"
#include "engine/config/fields.h"
#include "kernels/core/shared_library.h"
#include <algorithm>
#include <cmath>
#include <limits>

// XGBoost by its C interface, whose few functions are declared here as its documentation has them:
// the library is opened where it is asked for, and nothing is built against it.

namespace sweetspot {

namespace {

using Handle = void*;

struct Xgboost {
    SharedLibrary library{{"libxgboost.so.0", "libxgboost.so"},
                          "probe_head xgboost has nothing to grow its trees"};
    const char* (*last_error)();
    int (*create_matrix)(const float* x, std::uint64_t rows, std::uint64_t columns, float missing,
                         Handle*);
    int (*set_floats)(Handle, const char* field, const float*, std::uint64_t count);
    int (*free_matrix)(Handle);
    int (*create)(const Handle* matrices, std::uint64_t count, Handle*);
    int (*set)(Handle, const char* name, const char* value);
    int (*step)(Handle, int number, Handle train);
    int (*predict)(Handle, Handle matrix, const char* config, const std::uint64_t** shape,
                   std::uint64_t* rank, const float** y);
    int (*free)(Handle);

    Xgboost() {
        library.find(last_error, "XGBGetLastError");
        library.find(create_matrix, "XGDMatrixCreateFromMat");
        library.find(set_floats, "XGDMatrixSetFloatInfo");
        library.find(free_matrix, "XGDMatrixFree");
        library.find(create, "XGBoosterCreate");
        library.find(set, "XGBoosterSetParam");
        library.find(step, "XGBoosterUpdateOneIter");
        library.find(predict, "XGBoosterPredictFromDMatrix");
        library.find(free, "XGBoosterFree");
    }
    void require_done(int status) const {
        if (status)
            throw Error(Failure::unsupported, library.file() + ": " + std::string(last_error()));
    }
};

const Xgboost& xgboost() {
    static const Xgboost opened;
    return opened;
}

/// Rows as the library has them.
class Matrix {
public:
    Matrix(const std::vector<float>& x, std::int64_t width) : rows_(x.size() / std::size_t(width)) {
        const float missing = std::numeric_limits<float>::quiet_NaN(); // none is
        xgboost().require_done(
            xgboost().create_matrix(x.data(), rows_, std::uint64_t(width), missing, &handle_));
    }
    ~Matrix() { xgboost().free_matrix(handle_); }
    Matrix(const Matrix&) = delete;
    Matrix& operator=(const Matrix&) = delete;

    void label(const std::vector<float>& y) const {
        xgboost().require_done(xgboost().set_floats(handle_, "label", y.data(), y.size()));
    }
    Handle handle() const { return handle_; }
    std::size_t rows() const { return rows_; }

private:
    std::size_t rows_;
    Handle handle_ = nullptr;
};

class Trees {
public:
    explicit Trees(const Matrix& train) : train_(train) {
        const Handle handle = train.handle();
        xgboost().require_done(xgboost().create(&handle, 1, &handle_));
    }
    ~Trees() { xgboost().free(handle_); }
    Trees(const Trees&) = delete;
    Trees& operator=(const Trees&) = delete;

    void set(const char* name, const std::string& value) {
        xgboost().require_done(xgboost().set(handle_, name, value.c_str()));
    }
    void step(int number) {
        xgboost().require_done(xgboost().step(handle_, number, train_.handle()));
    }
    /// Of the first so many steps; 0 = all.
    std::vector<double> answers(const Matrix& rows, int steps, std::int64_t outputs) const {
        const std::string config =
            R"({"type": 0, "training": false, "iteration_begin": 0, "strict_shape": false, )"
            R"("iteration_end": )" +
            to_text(steps) + "}";
        const std::uint64_t* shape = nullptr;
        std::uint64_t rank = 0;
        const float* y = nullptr;
        xgboost().require_done(
            xgboost().predict(handle_, rows.handle(), config.c_str(), &shape, &rank, &y));
        return {y, y + rows.rows() * std::size_t(outputs)};
    }

private:
    const Matrix& train_;
    Handle handle_ = nullptr;
};

/// Place of the right class in a row of y.
std::size_t class_of(const std::vector<double>& y, std::size_t row, std::size_t outputs) {
    const auto first = y.begin() + std::ptrdiff_t(row * outputs);
    return std::size_t(std::max_element(first, first + std::ptrdiff_t(outputs)) - first);
}

double loss_of(const std::vector<double>& answers, const std::vector<double>& y, bool classes,
               std::size_t outputs) {
    double sum = 0;
    for (std::size_t row = 0; row * outputs < y.size(); ++row)
        if (classes)
            sum -= std::log(answers[row * outputs + class_of(y, row, outputs)]);
        else
            sum += std::pow(answers[row] - y[row], 2);
    return sum;
}

} // namespace

void require_xgboost() {
    xgboost();
}

BoostedFit fit_boosted(const HeadProblem& problem, bool classes, int steps, std::uint64_t seed,
                       int threads) {
    const auto outputs = std::size_t(problem.outputs);
    const Matrix train(problem.train.x, problem.width),
        validation(problem.validation.x, problem.width), test(problem.test.x, problem.width);
    std::vector<float> labels;
    for (std::size_t row = 0; row < train.rows(); ++row)
        labels.push_back(classes ? float(class_of(problem.train.y, row, outputs))
                                 : float(problem.train.y[row]));
    train.label(labels);
    Trees trees(train);
    trees.set("verbosity", "0");
    trees.set("nthread", to_text(threads));
    trees.set("seed", to_text(std::int64_t(seed)));
    trees.set("objective", classes ? "multi:softprob" : "reg:squarederror");
    if (classes) trees.set("num_class", to_text(problem.outputs));
    BoostedFit fit;
    double least = 0;
    for (int number = 0; number < steps; ++number) {
        trees.step(number);
        const double loss = loss_of(trees.answers(validation, 0, problem.outputs),
                                    problem.validation.y, classes, outputs);
        if (fit.trees && !(loss < least)) continue;
        fit.trees = number + 1, least = loss;
    }
    fit.test = trees.answers(test, fit.trees, problem.outputs);
    return fit;
}

} // namespace sweetspot
