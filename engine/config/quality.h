#pragma once
#include "engine/config/scopes.h"
#include "engine/config/variants.h"
#include <cstdint>
#include <string>

namespace sweetspot {

/// What is found out about a model's answers, and how perplexity is computed.
struct Quality {
    QualityPass quality = QualityPass::none;
    std::string quality_data = "";
    int quality_window = 256;
    std::string reference = "";
    double mask_fraction = 0.15;
    Masking masking = Masking::exact;
    bool pseudo_perplexity = false;
    std::int64_t max_tokens = 0;

    bool operator==(const Quality&) const = default;

    static constexpr std::string_view group = "quality";
    template <class Visit>
    static void each_field(Visit&& visit) {
        using C = Quality;
        visit(Field{.name = "quality",
                    .meaning = "one more pass, untimed, on real text: none, its perplexity, or "
                               "also how far logits are from those of a reference run; of a "
                               "training, by the weights it saved",
                    .scope = scope::assessable,
                    .headline = Headline::named},
              &C::quality);
        visit(Field{.name = "quality_data",
                    .meaning = "the file of that pass, as `data` has it; empty = the run's own",
                    .scope = scope::assessed,
                    .text = TextKind::path},
              &C::quality_data);
        visit(Field{.name = "quality_window",
                    .unit = "tokens",
                    .meaning = "length of that pass's sequences, whatever `sequence` is; of random "
                               "data they are the run's own",
                    .range = between(2, 1e7),
                    .scope = scope::assessed},
              &C::quality_window);
        visit(Field{.name = "reference",
                    .meaning = "a run that `sweetspot reference` kept the logits of, by its "
                               "number, or their file; dense: the same with nothing rounded; "
                               "padded: the same in padded batches, also of random data",
                    .scope = scope::referred,
                    .text = TextKind::path},
              &C::reference);
        visit(Field{.name = "mask_fraction",
                    .meaning = "share of tokens that are masked and predicted",
                    .range = Range{.least = 0, .most = 1, .above = true},
                    .scope = scope::masked},
              &C::mask_fraction);
        visit(Field{.name = "masking",
                    .meaning = "how they are chosen in training: so many of each sequence, or each "
                               "token by itself",
                    .scope = scope::train},
              &C::masking);
        visit(Field{.name = "pseudo_perplexity",
                    .meaning = "mask one token at a time: exact, and slow",
                    .scope = scope::scored},
              &C::pseudo_perplexity);
        visit(Field{.name = "max_tokens",
                    .unit = "tokens",
                    .meaning = "score only the first so many tokens, 0 = all",
                    .range = at_least(0),
                    .scope = scope::scored},
              &C::max_tokens);
    }
};

} // namespace sweetspot
