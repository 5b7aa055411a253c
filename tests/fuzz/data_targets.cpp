#include "engine/data/byte_source.h"
#include "engine/data/lengths.h"
#include "engine/data/sequences.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/targets.h"
#include <algorithm>

namespace sweetspot::fuzz {

namespace {

/// FASTA, FASTQ, tables, JSON Lines, text, plain or packed, under the name and with the options
/// that the first byte chooses.
void sequences(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return;
    static const Folder folder;
    constexpr const char* names[] = {"data",     "data.fasta", "data.fastq", "data.csv",
                                     "data.tsv", "data.jsonl", "data.lines", "data.txt.gz"};
    constexpr LetterKind kinds[] = {LetterKind::automatic, LetterKind::residues, LetterKind::text};
    constexpr Stops stops[] = {Stops::drop_final, Stops::cut, Stops::keep};
    const unsigned choice = data[0];
    ReadOptions options{.kind = kinds[choice / 8 % 3], .stops = stops[choice / 24 % 3]};
    if (choice >= 128) options.name_column = "name";
    const auto path = folder.write(names[choice % 8], text_of(data + 1, size - 1));
    refusable([&] {
        const auto read = read_sequences(path, options);
        expect(read.counts.sequences == std::int64_t(read.items.size()), "all are counted");
        expect(!read.items.empty(), "a file without sequences is refused");
        options.enough = 5;
        const auto begun = read_sequences(path, options);
        expect(begun.items.size() == read.items.size(), "as many are begun as there are");
        for (std::size_t i = 0; i < read.items.size(); ++i) {
            expect(!read.items[i].letters.empty(), "a sequence has letters");
            expect(read.items[i].letters.starts_with(begun.items[i].letters),
                   begun.items[i].letters + " begins " + read.items[i].letters);
        }
    });
}

/// gzip and bgzip, down to the last byte.
void packed(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto path = folder.write("data.gz", text_of(data, size));
    constexpr std::size_t limit = 1 << 20;
    refusable([&] {
        ByteSource source(path, limit);
        std::size_t bytes = 0;
        for (auto piece = source.next(); !piece.empty(); piece = source.next())
            bytes += piece.size();
        expect(bytes <= limit, "no more than was asked for");
    });
}

void lengths(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    const auto path = folder.write("lengths.txt", text_of(data, size));
    refusable([&] {
        for (const int length : read_lengths(path)) expect(length > 0, "a length is above 0");
    });
}

/// A rule as people type it: "lognormal:300:0.5".
void length_rule(const std::uint8_t* data, std::size_t size) {
    const std::string rule(text_of(data, size));
    if (rule.starts_with("file:")) return; // reads whatever lies there
    refusable([&] {
        LengthSource source(rule, 100, 1);
        for (int i = 0; i < 20; ++i) {
            const int length = source.next();
            expect(length >= 1 && length <= 100, std::to_string(length));
        }
    });
}

constexpr Target targets[] = {{"sequences", sequences},
                              {"packed", packed},
                              {"lengths", lengths},
                              {"length_rule", length_rule}};

} // namespace

std::span<const Target> data_targets() {
    return targets;
}

} // namespace sweetspot::fuzz
