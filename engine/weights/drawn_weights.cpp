#include "engine/data/random.h"
#include "engine/weights/source.h"
#include "kernels/core/machine.h"
#include "kernels/core/team.h"
#include <cmath>

namespace sweetspot {

namespace {

constexpr std::int64_t block = 1 << 14; ///< numbers that one stream of draws is for

/// The middle of each of 65,536 equally likely slices of the standard normal, so that a draw is 16
/// bits and a look-up. The outermost are at 4.2 deviations.
std::vector<float> normal_quantiles() {
    std::vector<float> quantiles(1 << 16);
    const auto half = quantiles.size() / 2;
    double x = 0;
    for (std::size_t i = 0; i < half; ++i) {
        const double mass = 0.5 + (double(i) + 0.5) / double(quantiles.size());
        for (int step = 0; step < 4; ++step) { // Newton from the neighbour
            const double density = std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
            x += (mass - std::erfc(-x / std::sqrt(2)) / 2) / density;
        }
        quantiles[half + i] = float(x);
        quantiles[half - 1 - i] = float(-x);
    }
    return quantiles;
}

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
    return Random(a ^ (b * 0x9e3779b97f4a7c15)).next();
}

/// Fills numbers block by block, each from its own seed: the result does not depend on who does it.
template <class Fill>
void fill_blocks(float* to, std::int64_t count, std::uint64_t seed, int threads, Fill fill) {
    for_pieces((count + block - 1) / block, threads, [&](std::int64_t i, int) {
        Random random(mixed(seed, std::uint64_t(i)));
        fill(to + i * block, std::min(block, count - i * block), random);
    });
}

} // namespace

DrawnWeights::DrawnWeights(const ModelConfig& model, std::int64_t seed, Context& context)
    : model_(model), seed_(std::uint64_t(seed)), context_(context) {
    if (!context.plans() && model.init == InitStyle::normal) quantiles_ = normal_quantiles();
}

std::vector<In> DrawnWeights::find(const Parameter& parameter) {
    drawn_ = Tensor(); // before the next is made, so that both are never live
    const std::int64_t rows = parameter.total_rows();
    const Shape shape = parameter.columns ? Shape{rows, parameter.columns} : Shape{rows};
    drawn_ = Tensor(context_.host_allocator, shape, DType::f32, Purpose::workspace);
    if (!context_.plans()) draw(parameter);
    return {drawn_};
}

void DrawnWeights::draw(const Parameter& parameter) {
    float* const to = drawn_.as<float>();
    const std::int64_t count = drawn_.shape().count();
    const bool matrix = parameter.columns > 0;
    // Seeds of parts are older than some parts, of which nothing is drawn but gains of 1.
    const auto later = [&](Part part) { return parameter.part > part ? 1u : 0u; };
    constexpr std::uint64_t of_head_mlp = 99; // the youngest, behind all others
    const auto place = parameter.part == Part::head_mlp
                           ? of_head_mlp
                           : std::uint64_t(parameter.part) - later(Part::rotary) -
                                 later(Part::query_norm) - later(Part::key_norm) -
                                 later(Part::head_mlp);
    const auto seed =
        mixed(seed_, place << 32 | std::uint64_t(parameter.layer) << 1 | parameter.bias);
    const int threads = threads_of(context_);
    if (model_.init == InitStyle::kaiming_uniform) {
        const double bound =
            matrix ? std::sqrt(6.0 / double(parameter.columns))
                   : 1 / std::sqrt(double(parameter.rows.front())); // of each that is stacked
        fill_blocks(to, count, seed, threads, [=](float* y, std::int64_t n, Random& random) {
            for (std::int64_t i = 0; i < n; ++i) y[i] = float(bound * (2 * random.uniform() - 1));
        });
    } else if (matrix) {
        const auto scale = float(model_.init_range);
        fill_blocks(to, count, seed, threads, [&](float* y, std::int64_t n, Random& random) {
            std::uint64_t bits = 0;
            for (std::int64_t i = 0; i < n; ++i, bits >>= 16) {
                if (i % 4 == 0) bits = random.next();
                y[i] = scale * quantiles_[bits & 0xffff];
            }
        });
    } else {
        std::fill_n(to, count, parameter.bias ? 0.0f : 1.0f);
    }
}

} // namespace sweetspot
