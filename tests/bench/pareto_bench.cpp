#include "app/analysis/pareto.h"
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

// How long the front of many points takes: of points at random, of points that all lie on it, and
// of points whose bounds are wide.
//
//     pareto_bench [POINTS]

using namespace sweetspot;

namespace {

double milliseconds_of(const std::vector<Objectives>& points) {
    double best = 1e9;
    for (int repeat = 0; repeat < 7; ++repeat) {
        const auto start = std::chrono::steady_clock::now();
        const auto placed = pareto(points);
        const std::chrono::duration<double, std::milli> took =
            std::chrono::steady_clock::now() - start;
        if (placed.size() == points.size()) best = std::min(best, took.count());
    }
    return best;
}

void report(const char* what, std::size_t count, auto&& point) {
    std::vector<Objectives> points;
    for (std::size_t i = 0; i < count; ++i) points.push_back(point(double(i) / double(count)));
    std::printf("%-40s %zu points  %6.1f ms\n", what, count, milliseconds_of(points));
}

} // namespace

int main(int argc, char** argv) {
    const auto count = std::size_t(argc > 1 ? std::atol(argv[1]) : 100'000);
    std::mt19937_64 draw(1);
    std::uniform_real_distribution<double> uniform(0.1, 1);
    const auto bounded = [&](double value, double width) {
        return Bounded{value, value * (1 - width), value * (1 + width)};
    };
    report("two objectives, at random", count, [&](double) {
        return Objectives{bounded(uniform(draw), 0), bounded(uniform(draw), 0.02)};
    });
    report("three objectives, at random", count, [&](double) {
        return Objectives{bounded(uniform(draw), 0), bounded(uniform(draw), 0.02),
                          bounded(uniform(draw), 0.001)};
    });
    report("two objectives, all on the front", count, [&](double at) {
        return Objectives{bounded(1 + at, 0), bounded(2 - at, 0.02)};
    });
    report("three objectives, all on the front", count, [&](double) {
        const double x = uniform(draw), y = uniform(draw);
        return Objectives{bounded(x, 0), bounded(y, 0.02), bounded(4 - x - y, 0.001)};
    });
    report("three objectives, all but one in ten", count, [&](double) {
        const double x = uniform(draw), y = uniform(draw);
        const double above = uniform(draw) < 0.19 ? 0.1 : 0;
        return Objectives{bounded(x, 0), bounded(y, 0.02), bounded(4 - x - y + above, 0.001)};
    });
    report("three objectives, wide bounds", count, [&](double) {
        return Objectives{bounded(uniform(draw), 0.5), bounded(uniform(draw), 0.5),
                          bounded(uniform(draw), 0.5)};
    });
    return 0;
}
