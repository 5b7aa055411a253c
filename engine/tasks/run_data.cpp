#include "engine/tasks/run_data.h"
#include "engine/config/catalogue.h"
#include "engine/config/resources.h"
#include "engine/config/sha256.h"
#include "engine/data/data_note.h"
#include "engine/data/gguf_tokenizer.h"
#include "engine/data/tokenizers.h"
#include <algorithm>
#include <filesystem>
#include <functional>

// What a run computes on: tokens drawn or read, only as many as it needs, cut into batches.

namespace sweetspot {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t longest_token = 256;    ///< bytes; GPT-2's longest has 128
constexpr std::size_t piece_letters = 1 << 18; ///< of a document whose rows are taken as they come

/// What a .gguf has in itself, and llama2.c puts beside a .bin: tok512.bin for a vocabulary of 512,
/// else tokenizer.bin.
std::string tokenizer_beside(const std::string& path, int vocabulary) {
    if (fs::is_directory(path)) return path;
    if (path.ends_with(".gguf") && has_tokenizer(path)) return path;
    const fs::path folder = fs::path(path).parent_path();
    if (fs::path(path).extension() != ".bin") return folder.string();
    const fs::path own = folder / ("tok" + std::to_string(vocabulary) + ".bin");
    return (fs::exists(own) ? own : folder / "tokenizer.bin").string();
}

RandomTokens random_tokens(const ModelConfig& model) {
    if (model.family == Family::esm2) return random_residues();
    constexpr int llama_specials = 3; // <unk>, <s>, </s>
    if (model.family == Family::llama && model.vocabulary > llama_specials)
        return random_ids(model.vocabulary, llama_specials, 1);
    return random_ids(model.vocabulary);
}

/// How much of a file a run needs; reading ends there.
class Needed {
public:
    /// The first batches of a forward step.
    static Needed batches(const RunConfig& run) {
        Needed needed;
        const std::int64_t batches = run.batches;
        if (run.token_budget)
            // A batch holds at most its budget, a longer row alone: so many letters need as many.
            needed.letters_ = batches * (needed.budget_ = run.token_budget);
        else
            needed.rows_ = batches * run.batch;
        return needed;
    }
    /// The first tokens that are scored, 0 for all.
    static Needed tokens(std::int64_t count) {
        Needed needed;
        if (count) needed.tokens_ = count;
        return needed;
    }

    /// Letters of one sequence that can be needed.
    std::size_t letters_of_one() const {
        return tokens_ == all ? std::size_t(-1) : std::size_t(tokens_ * longest_token);
    }
    /// Counts rows that were not yet counted; whether there are enough.
    bool enough(const Batch& batch) {
        for (; counted_ < batch.rows.size(); ++counted_) {
            const auto tokens = std::int64_t(batch.rows[counted_].size());
            --rows_;
            tokens_ -= tokens;
            letters_ -= std::min(tokens - batch.specials_per_row, budget_);
        }
        return rows_ <= 0 || letters_ <= 0 || tokens_ <= 0;
    }

private:
    static constexpr std::int64_t all = std::int64_t(1) << 62;
    std::int64_t rows_ = all, letters_ = all, tokens_ = all, budget_ = all;
    std::size_t counted_ = 0;
};

/// Reads as much of the data as is needed into `data`, which has a tokenizer. `seen` is called
/// after each sequence, and may take the rows.
EncodedRows read_rows(const RunConfig& run, const ModelConfig& model, Needed needed, RunData& data,
                      const std::function<void(RowEncoder&, const SequenceReader&)>& seen = {}) {
    const bool windows = model.causal && run.task != Task::generate && !scope::is_labelled(run);
    const auto kind = data.tokenizer->residues() ? LetterKind::residues : LetterKind::automatic;
    SequenceReader reader(run.data, {.kind = kind,
                                     .column = run.column,
                                     .fields = scope::is_labelled(run),
                                     .enough = needed.letters_of_one(),
                                     .piece = seen && windows ? piece_letters : std::size_t(-1)});
    RowEncoder encoder(*data.tokenizer, run.sequence, windows ? Overlong::split : Overlong::cut);
    DataSource source{.path = run.data};
    for (Sequence sequence; !needed.enough(encoder.rows().all) && reader.next(sequence);) {
        source.sequences += !sequence.goes_on;
        source.letters += std::int64_t(sequence.letters.size());
        encoder.add(sequence);
        if (scope::is_labelled(run)) data.fields.push_back(std::move(sequence.fields));
        if (seen) seen(encoder, reader);
    }
    data.columns = reader.columns();
    source.sha256 = sha256_of_file(located(run.data)); // of what could be read
    data.source = std::move(source);
    EncodedRows rows = encoder.finish(run.data);
    data.replaced_letters = total(rows.replaced);
    data.note = data_note(reader.counts(), rows.replaced);
    return rows;
}

/// Takes tokens out before the last `marks`.
void shorten(Tokens& row, std::int64_t tokens, int marks) {
    if (std::int64_t(row.size()) > tokens)
        row.erase(row.begin() + (tokens - marks), row.end() - marks);
}
void shorten(std::int32_t& row, std::int64_t tokens, int) {
    row = std::int32_t(std::min<std::int64_t>(row, tokens));
}
std::int64_t tokens_in(const Tokens& row) {
    return std::int64_t(row.size());
}
std::int64_t tokens_in(std::int32_t row) {
    return row;
}

/// Drops what comes after so many tokens. A text just ends there. What is masked keeps its marks,
/// as it does where `sequence` cuts it; a last row without room for a letter goes, too.
template <class Row>
void keep_first(BatchOf<Row>& all, std::int64_t tokens, bool causal, Specials specials) {
    const int marks = causal ? 0 : specials.end;
    const std::int64_t least = causal ? 1 : 1 + specials.begin + specials.end;
    std::size_t kept = 0;
    for (; kept < all.rows.size() && tokens >= least; ++kept) {
        shorten(all.rows[kept], tokens, marks);
        tokens -= tokens_in(all.rows[kept]);
    }
    if (kept == 0 && !all.rows.empty())
        throw Error(Failure::bad_input, "max_tokens leaves no letter to be scored: a sequence has "
                                        "at least " +
                                            std::to_string(least) + " tokens");
    all.rows.resize(kept);
}

/// All rows that are scored as batches, however many they are.
template <class Row>
std::vector<BatchOf<Row>> scored_batches(const RunConfig& run, const ModelConfig& model,
                                         Specials specials, BatchOf<Row> rows, RunData& data) {
    if (run.max_tokens) keep_first(rows, run.max_tokens, model.causal, specials);
    data.places = places_in(run.layout, rows);
    RunConfig whole = run;
    whole.batches = int(std::max<std::size_t>(1, rows.rows.size()));
    return batches_of(whole, rows);
}

template <class Row>
BatchOf<Row> joined(const std::vector<BatchOf<Row>>& batches) {
    BatchOf<Row> all;
    for (const auto& batch : batches) {
        all.specials_per_row = batch.specials_per_row;
        all.rows.insert(all.rows.end(), batch.rows.begin(), batch.rows.end());
    }
    return all;
}

bool is_planned(const RunConfig& run) {
    return run.device == DeviceKind::plan;
}

void take_tokenizer(const RunConfig& run, const ModelConfig& model, RunData& data) {
    data.tokenizer = tokenizer_for(run, model);
    data.ids = data.tokenizer->ids();
}

void keep(std::vector<Batch> batches, bool by_shapes, RunData& data) {
    for (const Batch& batch : batches) data.shapes.push_back(shape_of(batch));
    if (!by_shapes) data.batches = std::move(batches);
}

/// What follows the first tokens of each row is its continuation.
void split_off(int tokens, RunData& data) {
    for (BatchShape& shape : data.shapes)
        for (std::int32_t& row : shape.rows) row = std::min(row, tokens);
    for (Batch& batch : data.batches)
        for (Tokens& row : batch.rows) {
            const auto kept = std::min(row.size(), std::size_t(tokens));
            data.continuations.emplace_back(row.begin() + std::ptrdiff_t(kept), row.end());
            row.resize(kept);
        }
}

void note_cuts(const EncodedRows& rows, const RunConfig& run, RunData& data) {
    if (rows.overlong)
        data.note += (data.note.empty() ? "" : "; ") + to_text(rows.overlong) +
                     " sequences were cut to " + to_text(run.sequence) + " tokens";
}

} // namespace

int RunData::longest() const {
    std::size_t longest = 0;
    for (const BatchShape& shape : shapes) longest = std::max(longest, shape.longest());
    return int(std::max(longest, rows.longest()));
}

/// Where a model's tokenizer may lie; nowhere for one that resources/models only describe: that
/// folder is no model's own.
static std::string home_of(const std::string& model) {
    std::string place = model_place(model);
    return place == model || fs::is_directory(place) ? place : "";
}

std::string tokenizer_name(const RunConfig& run, const ModelConfig& model) {
    if (run.tokenizer != "auto") return run.tokenizer;
    if (model.family == Family::esm2) {
        for (const std::string& path : {run.weights, model_place(run.model)})
            if (const auto beside = fs::path(path) / "vocab.txt"; fs::exists(beside))
                require_esm_vocabulary(beside.string());
        return "esm";
    }
    for (const std::string& path : {run.weights, home_of(run.model)})
        if (fs::exists(path))
            if (const auto beside = tokenizer_beside(path, model.vocabulary); fs::exists(beside))
                return beside;
    if (model.vocabulary == 256) return "bytes";
    throw Error(Failure::bad_input,
                "tokenizer: none lies beside the weights of " + model.name +
                    "; name a SentencePiece .model, llama2.c's tok*.bin, or a folder with "
                    "vocab.json and merges.txt, or tokenizer.json");
}

std::unique_ptr<Tokenizer> tokenizer_for(const RunConfig& run, const ModelConfig& model) {
    auto tokenizer = load_tokenizer(tokenizer_name(run, model), run.unknown_letters);
    if (tokenizer->vocabulary() > model.vocabulary)
        throw Error(Failure::bad_input, "tokenizer: " + tokenizer->name() + " has " +
                                            std::to_string(tokenizer->vocabulary()) + " ids, but " +
                                            model.name + " has a vocabulary of " +
                                            std::to_string(model.vocabulary));
    return tokenizer;
}

RunData forward_data(const RunConfig& run, const ModelConfig& model) {
    const bool random = run.data == "random";
    if (random && is_planned(run)) return {.shapes = random_shapes(run, random_tokens(model))};
    RunData data;
    if (random) {
        const RandomTokens tokens = random_tokens(model);
        data.ids = tokens.ids;
        keep(random_batches(run, tokens), is_planned(run), data);
        return data;
    }
    take_tokenizer(run, model, data);
    const EncodedRows rows = read_rows(run, model, Needed::batches(run), data);
    keep(batches_of(run, rows.all), is_planned(run), data);
    return data;
}

RunData scored_data(const RunConfig& run, const ModelConfig& model) {
    RunData data;
    if (run.data == "random") {
        const RandomTokens tokens = random_tokens(model);
        const auto scored = [&](auto batches) {
            return scored_batches(run, model, tokens.specials, joined(batches), data);
        };
        RunConfig unsorted = run; // every layout scores the same rows of those that are drawn
        if (run.layout == Layout::bucketed) unsorted.layout = Layout::padded;
        data.ids = tokens.ids;
        if (is_planned(run))
            data.shapes = scored(random_shapes(unsorted, tokens));
        else
            keep(scored(random_batches(unsorted, tokens)), false, data);
        return data;
    }
    take_tokenizer(run, model, data);
    EncodedRows rows = read_rows(run, model, Needed::tokens(run.max_tokens), data);
    keep(scored_batches(run, model, data.tokenizer->usual_specials(), std::move(rows.all), data),
         is_planned(run), data);
    return data;
}

RunData probe_data(const RunConfig& run, const ModelConfig& model) {
    RunData data;
    take_tokenizer(run, model, data);
    EncodedRows rows = read_rows(run, model, Needed::tokens(0), data);
    note_cuts(rows, run, data);
    data.places = places_in(run.layout, rows.all);
    RunConfig whole = run;
    whole.batches = int(rows.all.rows.size());
    keep(batches_of(whole, rows.all), is_planned(run), data);
    return data;
}

RunData training_data(const RunConfig& run, const ModelConfig& model, const Progress& progress) {
    RunData data;
    if (run.data == "random" && is_planned(run))
        return {.shapes = {joined(random_shapes(run, random_tokens(model)))}};
    BatchShape shape;
    if (!is_planned(run)) data.spilled = std::make_unique<SpilledRows>(run.data);
    const auto keep_row = [&](const Tokens& row) {
        if (data.spilled)
            data.spilled->add(row);
        else
            shape.rows.push_back(std::int32_t(row.size()));
    };
    if (run.data == "random") {
        const RandomTokens tokens = random_tokens(model);
        data.ids = tokens.ids;
        const Batch all = joined(random_batches(run, tokens));
        shape.specials_per_row = all.specials_per_row;
        for (const Tokens& row : all.rows) keep_row(row);
    } else {
        take_tokenizer(run, model, data);
        const auto seen = [&](RowEncoder& encoder, const SequenceReader& reader) {
            for (const Tokens& row : encoder.take()) keep_row(row);
            if (progress) progress(reader.share());
        };
        const EncodedRows rows = read_rows(run, model, Needed::tokens(0), data, seen);
        if (scope::is_labelled(run)) note_cuts(rows, run, data);
        shape.specials_per_row = rows.all.specials_per_row;
    }
    if (data.spilled)
        data.rows = {data.spilled->rows(), shape.specials_per_row};
    else
        data.shapes = {std::move(shape)};
    return data;
}

RunData prompt_data(const RunConfig& run, const ModelConfig& model) {
    RunConfig one = run;
    one.batches = 1;
    RunData data;
    if (run.prompt.empty()) {
        // How many tokens a batch holds, and what marks an end, goes by rows that are cut.
        const bool goes_on = run.data != "random" && run.token_budget == 0 &&
                             !tokenizer_for(run, model)->usual_specials().end;
        if (goes_on) one.sequence += run.new_tokens;
        data = forward_data(one, model);
        if (goes_on) split_off(run.sequence, data);
        if (!data.tokenizer && run.tokenizer != "auto") data.tokenizer = tokenizer_for(run, model);
        return data;
    }
    take_tokenizer(run, model, data);
    const bool begin = data.tokenizer->usual_specials().begin;
    const Tokens ids = data.tokenizer->encode(run.prompt, {.begin = begin}, "the prompt");
    data.shapes = {{.rows = std::vector(std::size_t(run.batch), std::int32_t(ids.size())),
                    .specials_per_row = begin}};
    if (!is_planned(run))
        data.batches = {
            {.rows = std::vector<Tokens>(std::size_t(run.batch), ids), .specials_per_row = begin}};
    const LetterCounts replaced = data.tokenizer->unknown_letters(run.prompt);
    data.replaced_letters = total(replaced);
    data.note = data_note({}, replaced);
    return data;
}

TokenCounts count_tokens(std::span<const BatchShape> shapes, Layout layout) {
    const BatchTokens counts = count_tokens(shapes);
    return {counts.real, counts.padded, counts.computed(layout)};
}

} // namespace sweetspot
