#pragma once
#include "engine/config/model_config.h"
#include "engine/data/spilled_rows.h"
#include "engine/tasks/workload.h"

namespace sweetspot {

/// What a run works on.
struct RunData {
    std::vector<BatchShape> shapes{}; ///< of the batches
    std::vector<Batch> batches{};     ///< empty where the run is planned: nothing reads their ids
    std::unique_ptr<SpilledRows> spilled{}; ///< of a training that is not planned, and then
    BatchOf<TokenRow> rows{};               ///< all its rows, in the place of shapes and batches
    SpecialIds ids{};                       ///< among theirs
    std::vector<std::size_t> places{};   ///< of scored data: of each row, batch by batch, among the
                                         ///< rows as they were read
    std::vector<Tokens> continuations{}; ///< of prompts: how the data go on behind each, or nothing
    std::vector<std::string> columns{};  ///< of a table with targets
    std::vector<std::vector<std::string>> fields{}; ///< likewise of each row, as they were read
    std::int64_t replaced_letters = 0;
    std::string note{};                 ///< what was done to them, see data_note(); "" if nothing
    std::optional<DataSource> source{}; ///< nothing for random tokens and prompts
    std::unique_ptr<Tokenizer> tokenizer{}; ///< null for random tokens without a vocabulary

    int longest() const; ///< tokens of the longest row
};

/// What load_tokenizer() takes for the configuration. "auto": ESM's alphabet for ESM-2; else what
/// lies beside the weights or the model's files. Throws Error(bad_input) if there is none.
std::string tokenizer_name(const RunConfig&, const ModelConfig&);
/// The tokenizer of that name. Throws likewise, and if it has ids that the model has not.
std::unique_ptr<Tokenizer> tokenizer_for(const RunConfig&, const ModelConfig&);

/// The batches that a forward step runs through.
RunData forward_data(const RunConfig&, const ModelConfig&);

/// All batches that are scored: the whole file (or so many random batches), cut after max_tokens.
/// What is masked keeps the end marks of its last row, before which it is cut.
/// A causal model gets long texts in windows of `sequence` tokens, each with its own beginning.
RunData scored_data(const RunConfig&, const ModelConfig&);

/// All sequences of a table, each cut to one row, with its other columns.
RunData probe_data(const RunConfig&, const ModelConfig&);

/// All rows that a model is trained on, which are not held in memory: as one batch of shapes if
/// nothing reads them, else spilled. A causal model gets long texts in windows, as scored_data()
/// cuts them; of random tokens there are `batches` batches.
RunData training_data(const RunConfig&, const ModelConfig&, const Progress& = {});

/// What is gone on from: `batch` times the prompt; without a prompt, one batch of the data.
RunData prompt_data(const RunConfig&, const ModelConfig&);

/// Token counts of a step that runs through these batches once.
TokenCounts count_tokens(std::span<const BatchShape>, Layout);

} // namespace sweetspot
