#include "app/analysis/quality.h"
#include "app/analysis/statistics.h"
#include <algorithm>
#include <cmath>
#include <random>

// What was paid in quality, from what the quality pass recorded: whether two runs scored the same
// tokens, what one lost against the other, and where a run leaves its reference.

namespace sweetspot {

namespace {

/// Of runs that say nothing of their tokens, which older versions measured.
std::string why_other_settings(const RunRecord& a, const RunRecord& b) {
    if (value_of(a, "scored_tokens") != value_of(b, "scored_tokens"))
        return "the runs scored different numbers of tokens";
    for (const auto field : {"task", "data", "column", "tokenizer", "lengths", "unknown_letters",
                             "quality_data", "quality_window"})
        if (get_field(a.config, field) != get_field(b.config, field))
            return "the runs differ in " + std::string(field) + ", so they scored different tokens";
    return {};
}

bool is_of_reference(std::string_view metric) {
    return metric.starts_with("kl_") || metric.starts_with("logit_difference") ||
           metric == "top1_agreement";
}

constexpr std::size_t most_blocks = 1000;
constexpr int resamples = 4000;

/// Losses of a stretch of tokens, added up.
struct Block {
    double a = 0, b = 0, tokens = 0;
};

std::vector<Block> blocks_of(std::span<const float> a, std::span<const float> b) {
    const std::size_t blocks = std::min(most_blocks, a.size());
    std::vector<Block> all(blocks);
    for (std::size_t i = 0; i < a.size(); ++i) {
        auto& block = all[i * blocks / a.size()];
        block.a += double(a[i]);
        block.b += double(b[i]);
        ++block.tokens;
    }
    return all;
}

} // namespace

std::string why_scored_apart(const RunRecord& a, const RunRecord& b, std::string_view metric) {
    if (!a.scored || !b.scored) return why_other_settings(a, b);
    const Scored &x = *a.scored, &y = *b.scored;
    if (is_of_reference(metric) && x.reference_sha256 != y.reference_sha256)
        return "the runs were held against different references";
    if (x.tokens_sha256 == y.tokens_sha256) return {};
    const auto differ = [](const std::string& in) {
        return "the runs differ in " + in + ", so they scored different tokens";
    };
    const auto number = [](std::int64_t v) { return std::to_string(v); };
    if (x.tokenizer != y.tokenizer)
        return differ("their tokenizers (" + x.tokenizer + ", " + y.tokenizer + ")");
    if (x.vocabulary != y.vocabulary)
        return differ("their vocabularies (" + number(x.vocabulary) + ", " + number(y.vocabulary) +
                      ")");
    if (x.data_sha256 != y.data_sha256) return differ("the data that they scored");
    if (x.window != y.window)
        return differ("their windows (" + number(x.window) + ", " + number(y.window) + " tokens)");
    if (x.marks != y.marks)
        return differ("how sequences are marked (" + x.marks + "; " + y.marks + ")");
    return "the runs scored different tokens of the same data (max_tokens, seed, or masks)";
}

std::optional<PairedLoss> paired_loss(std::span<const float> a, std::span<const float> b) {
    if (a.empty() || a.size() != b.size()) return {};
    const auto blocks = blocks_of(a, b);
    Block all;
    for (const auto& block : blocks) {
        all.a += block.a;
        all.b += block.b;
        all.tokens += block.tokens;
    }
    const auto perplexity = [](double sum, double tokens) { return std::exp(sum / tokens); };
    PairedLoss y{.tokens = std::int64_t(a.size()),
                 .a = perplexity(all.a, all.tokens),
                 .b = perplexity(all.b, all.tokens)};
    y.difference = y.difference_low = y.difference_high = y.b - y.a;
    y.ratio = y.ratio_low = y.ratio_high = perplexity(all.b - all.a, all.tokens);
    if (!std::isfinite(y.difference)) return y; // of what is not a number nothing is drawn
    std::mt19937_64 draw(1);
    std::vector<double> differences, ratios;
    for (int i = 0; i < resamples; ++i) {
        Block drawn;
        for (std::size_t j = 0; j < blocks.size(); ++j) {
            const auto& block = blocks[draw() % blocks.size()];
            drawn.a += block.a;
            drawn.b += block.b;
            drawn.tokens += block.tokens;
        }
        differences.push_back(perplexity(drawn.b, drawn.tokens) -
                              perplexity(drawn.a, drawn.tokens));
        ratios.push_back(perplexity(drawn.b - drawn.a, drawn.tokens));
    }
    for (auto* values : {&differences, &ratios}) std::sort(values->begin(), values->end());
    y.difference_low = quantile(differences, 0.025);
    y.difference_high = quantile(differences, 0.975);
    y.ratio_low = quantile(ratios, 0.025);
    y.ratio_high = quantile(ratios, 0.975);
    return y;
}

std::optional<PairedLoss> paired_loss(const RunRecord& a, const RunRecord& b) {
    if (!a.scored || !b.scored || !why_scored_apart(a, b, "perplexity").empty()) return {};
    return paired_loss(a.token_losses, b.token_losses);
}

double share_over(std::span<const DifferenceBin> bins, double tolerance) {
    const double least = std::log10(tolerance);
    std::int64_t over = 0, all = 0;
    for (const auto& bin : bins) {
        all += bin.count;
        if (bin.to > least + 1e-9) over += std::isinf(bin.from) ? 0 : bin.count;
    }
    return all ? double(over) / double(all) : 0;
}

const LayerDifference* first_divergence(std::span<const LayerDifference> places, double tolerance) {
    const auto found = std::find_if(places.begin(), places.end(), [&](const auto& place) {
        return !(place.relative <= tolerance); // what is not a number is no agreement
    });
    return found == places.end() ? nullptr : &*found;
}

} // namespace sweetspot
