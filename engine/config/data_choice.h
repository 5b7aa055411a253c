#pragma once
#include "engine/config/scopes.h"
#include "engine/config/variants.h"
#include <cstdint>

namespace sweetspot {

/// What goes through the model.
struct DataChoice {
    int batch = 1;
    int sequence = 128;
    std::int64_t token_budget = 0;
    int batches = 1;
    std::string lengths = "fixed";
    std::string data = "random";
    std::string column = "sequence";
    std::string tokenizer = "auto";
    UnknownLetters unknown_letters = UnknownLetters::unk;

    bool operator==(const DataChoice&) const = default;

    static constexpr std::string_view group = "data";
    template <class Visit>
    static void each_field(Visit&& visit) {
        using C = DataChoice;
        visit(Field{.name = "batch",
                    .unit = "sequences",
                    .meaning = "sequences a step",
                    .range = between(1, 1e6),
                    .scope = scope::counted_in_sequences,
                    .also = "-b",
                    .front_line = 4,
                    .headline = Headline::named,
                    .side = GridSide::rows},
              &C::batch);
        visit(Field{.name = "sequence",
                    .unit = "tokens",
                    .meaning = "length of a sequence, or where longer ones are cut",
                    .range = between(1, 1e7),
                    .scope = scope::unprompted,
                    .also = "-s,-p",
                    .front_line = 5,
                    .headline = Headline::named,
                    .side = GridSide::columns},
              &C::sequence);
        visit(Field{.name = "token_budget",
                    .unit = "tokens",
                    .meaning =
                        "fill batches up to this many tokens instead of `batch` sequences, 0 = off",
                    .range = between(0, 1e12),
                    .scope = scope::unprompted},
              &C::token_budget);
        visit(Field{.name = "batches",
                    .meaning = "different batches a step runs through",
                    .range = between(1, 1e6),
                    .scope = scope::counted_batches},
              &C::batches);
        visit(Field{.name = "lengths",
                    .meaning =
                        "fixed, uniform:LOW:HIGH, lognormal:MEDIAN:SIGMA, file:PATH, or esm2-study",
                    .scope = scope::random_data,
                    .text = TextKind::path,
                    .front_line = 3,
                    .headline = Headline::named},
              &C::lengths);
        visit(Field{.name = "data",
                    .meaning =
                        "random (tokens), or a file, plain or gzip: FASTA, FASTQ, CSV, TSV, JSON "
                        "Lines, text, or .lines with a sequence a line",
                    .scope = scope::unprompted,
                    .text = TextKind::path,
                    .front_line = 3},
              &C::data);
        visit(Field{.name = "column",
                    .meaning =
                        "column of a CSV or TSV file, or member of JSON Lines, that holds the "
                        "sequences",
                    .scope = scope::read_data},
              &C::column);
        visit(Field{.name = "tokenizer",
                    .meaning =
                        "auto (the model's own), esm, bytes, bytes+bos, a file (tokenizer.json, "
                        "SentencePiece's .model, vocab.json beside merges.txt, llama2.c's "
                        ".bin), or a folder that holds one",
                    .scope = scope::read_text,
                    .text = TextKind::path},
              &C::tokenizer);
        visit(Field{.name = "unknown_letters",
                    .meaning = "what becomes of letters the alphabet lacks",
                    .scope = scope::encoded_text},
              &C::unknown_letters);
    }
};

} // namespace sweetspot
