#include "app/analysis/pareto.h"
#include "tests/suite.h"
#include <QtTest>
#include <limits>
#include <random>

using namespace sweetspot;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

Bounded exact(double value) {
    return {value, value, value};
}
Objectives exact(double x, double y, double z = 0) {
    return {exact(x), exact(y), exact(z)};
}

/// No worse in every objective and better in one, by the two numbers that are compared.
bool dominates(const Objectives& a, const Objectives& b, double Bounded::*of_a,
               double Bounded::*of_b) {
    bool better = false;
    for (std::size_t i = 0; i < most_objectives; ++i) {
        if (a[i].*of_a > b[i].*of_b) return false;
        better |= a[i].*of_a < b[i].*of_b;
    }
    return better;
}

std::vector<Standing> by_brute_force(const std::vector<Objectives>& points) {
    std::vector<Standing> standings;
    for (const auto& b : points) {
        const auto any = [&](double Bounded::*of_a, double Bounded::*of_b) {
            return std::any_of(points.begin(), points.end(),
                               [&](const Objectives& a) { return dominates(a, b, of_a, of_b); });
        };
        standings.push_back(any(&Bounded::high, &Bounded::low)      ? Standing::dominated
                            : any(&Bounded::value, &Bounded::value) ? Standing::tied
                                                                    : Standing::front);
    }
    return standings;
}

/// Few different numbers, so that points share them; bounds of any width, exact and unknown ones.
Bounded drawn(std::mt19937_64& draw, int numbers) {
    const double value = double(draw() % std::uint64_t(numbers));
    switch (draw() % 4) {
    case 0: return exact(value);
    case 1: return {value, -infinite, infinite};
    default: return {value, value - double(draw() % 3), value + double(draw() % 3)};
    }
}

} // namespace

class ParetoTest : public QObject {
    Q_OBJECT
private slots:
    void it_agrees_with_brute_force() {
        std::mt19937_64 draw(7);
        for (int round = 0; round < 2000; ++round) {
            const int objectives = 1 + int(draw() % 3), numbers = 2 + int(draw() % 20);
            std::vector<Objectives> points(1 + draw() % 40);
            for (auto& point : points)
                for (int i = 0; i < objectives; ++i) point[std::size_t(i)] = drawn(draw, numbers);
            const auto placed = pareto(points);
            const auto expected = by_brute_force(points);
            for (std::size_t i = 0; i < points.size(); ++i) {
                QCOMPARE(placed[i].standing, expected[i]);
                const auto leader = placed[i].leader;
                QCOMPARE(placed[leader].standing, Standing::front);
                QCOMPARE(placed[leader].leader, leader);
                if (placed[i].standing == Standing::front)
                    for (std::size_t k = 0; k < most_objectives; ++k)
                        QCOMPARE(points[leader][k].value, points[i][k].value);
                else
                    QVERIFY(dominates(points[leader], points[i], &Bounded::value, &Bounded::value));
            }
        }
    }

    void a_point_that_may_owe_it_to_chance_is_tied_not_dominated() {
        std::vector<Objectives> points{{Bounded{10, 9, 11}, exact(5)},
                                       {Bounded{12, 10.5, 13}, exact(5)}};
        QCOMPARE(pareto(points)[1].standing, Standing::tied);
        QCOMPARE(pareto(points)[1].leader, std::size_t(0));
        points[1][0] = {12, 11, 13}; // bounds that touch, and memory no less: still no certainty
        QCOMPARE(pareto(points)[1].standing, Standing::tied);
        points[1][0] = {12, 11.5, 13};
        QCOMPARE(pareto(points)[1].standing, Standing::dominated);
        points[1][1] = exact(4);
        QCOMPARE(pareto(points)[1].standing, Standing::front);
    }

    void equal_points_are_one_plateau() {
        const std::vector<Objectives> points{exact(1, 2), exact(2, 1), exact(1, 2), exact(3, 3)};
        const auto placed = pareto(points);
        QCOMPARE(placed[2].standing, Standing::front);
        QCOMPARE(placed[2].leader, std::size_t(0));
        QCOMPARE(placed[3].standing, Standing::dominated);
        QVERIFY(pareto({}).empty());
    }
};

SWEETSPOT_TEST(ParetoTest)
#include "pareto_test.moc"
