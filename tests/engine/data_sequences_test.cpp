#include "data_support.h"
#include "engine/data/csv.h"
#include "engine/data/lengths.h"
#include "engine/data/sequences.h"
#include "tests/suite.h"
#include <numeric>

using namespace sweetspot;

class DataSequencesTest : public QObject {
    Q_OBJECT
private slots:
    void a_fasta_record_has_a_name_a_description_and_joined_lines() {
        const Folder folder;
        const auto set = read_sequences(
            folder.write("two.fasta", "\n>first of two\r\nMKV\r\nLA \n\n>second\nGG"));
        QCOMPARE(set.items.size(), std::size_t(2));
        QVERIFY(set.items[0] == (Sequence{"first", "of two", "MKVLA"}));
        QVERIFY(set.items[1] == (Sequence{"second", "", "GG"}));
        QCOMPARE(set.mean_length(), 3.5);
        QCOMPARE(set.longest(), std::size_t(5));
    }

    void lower_case_stops_empty_and_repeated_records_are_counted() {
        const Folder folder;
        const auto set =
            read_sequences(folder.write("odd.fa", ">a\nmkV*\n>b\n>a\nGG\n>\nA*A\n>c\n*\n"));
        QCOMPARE(set.items.size(), std::size_t(3));
        QVERIFY(set.items[0] == (Sequence{"a", "", "MKV"}));
        QVERIFY(set.items[1] == (Sequence{"a", "", "GG"}));
        QVERIFY(set.items[2] == (Sequence{"record 4", "", "A*A"}));
        QCOMPARE(set.counts.sequences, 3);
        QCOMPARE(set.counts.empty, 2);
        QCOMPARE(set.counts.duplicates, 1);
        QCOMPARE(set.counts.lower_case, 2);
        QCOMPARE(set.counts.stops, 2);
    }

    void stops_are_dropped_cut_at_or_kept_as_asked() {
        const Folder folder;
        const auto path = folder.write("stop.faa", ">a\nMK*V*\n");
        QCOMPARE(read_sequences(path).items[0].letters.c_str(), "MK*V");
        QCOMPARE(read_sequences(path, {.stops = Stops::cut}).items[0].letters.c_str(), "MK");
        QCOMPARE(read_sequences(path, {.stops = Stops::keep}).items[0].letters.c_str(), "MK*V*");
    }

    void malformed_fasta_is_refused_with_its_line() {
        const Folder folder;
        const auto headless = folder.write("headless.fasta", "\n\nMKV\n>a\nMK\n");
        COMPARE_ERROR(read_sequences(headless), folder,
                      "file: headless.fasta, line 3: a record of FASTA must begin with \">\"");
        const auto digit = folder.write("digit.fasta", ">a\nMK\nM1K\n");
        COMPARE_ERROR(read_sequences(digit), folder,
                      "file: digit.fasta, line 3: a residue was expected, not \"1\"");
        const auto binary = folder.write("binary.fasta", std::string(">a\nM\0K\n", 7));
        COMPARE_ERROR(read_sequences(binary), folder,
                      "file: binary.fasta, line 2: a residue was expected, not byte 0");
        const auto empty = folder.write("empty.fasta", "");
        COMPARE_ERROR(read_sequences(empty), folder, "file: empty.fasta: is empty");
        const auto headers = folder.write("headers.fasta", ">a\n>b\n");
        COMPARE_ERROR(read_sequences(headers), folder,
                      "file: headers.fasta: has only empty sequences");
        COMPARE_ERROR(read_sequences(folder.path("gone.fasta")), folder,
                      "file: gone.fasta: there is no such file");
    }

    void csv_fields_in_quotes_may_hold_commas_quotes_and_line_ends() {
        const Folder folder;
        const auto table = read_csv(folder.write(
            "quotes.csv", "\xef\xbb\xbfname,\"note\"\r\na,\"x, y\"\r\n\r\nb,\"say \"\"hi\"\"\n"
                          "twice\"\nc,\"\"\nd,"));
        QCOMPARE(table.header, (std::vector<std::string>{"name", "note"}));
        QCOMPARE(table.rows.size(), std::size_t(4));
        QCOMPARE(table.rows[0], (std::vector<std::string>{"a", "x, y"}));
        QCOMPARE(table.rows[1], (std::vector<std::string>{"b", "say \"hi\"\ntwice"}));
        QCOMPARE(table.rows[2], (std::vector<std::string>{"c", ""}));
        QCOMPARE(table.rows[3], (std::vector<std::string>{"d", ""}));
        QCOMPARE(table.lines, (std::vector<std::size_t>{2, 4, 6, 7}));
    }

    void malformed_csv_is_refused_with_its_line() {
        const Folder folder;
        const auto fields = folder.write("fields.csv", "a,b\n1,2\n\n3\n");
        COMPARE_ERROR(read_csv(fields), folder,
                      "file: fields.csv, line 4: 1 fields where the header has 2");
        const auto open = folder.write("open.csv", "a,b\n1,\"two\nthree\n");
        COMPARE_ERROR(read_csv(open), folder,
                      "file: open.csv, line 2: the quote that begins here is never closed");
        const auto after = folder.write("after.csv", "a,b\n\"1\"x,2\n");
        COMPARE_ERROR(read_csv(after), folder,
                      "file: after.csv, line 2: a quoted field must be followed by a comma or the "
                      "line's end");
        const auto inside = folder.write("inside.csv", "a,b\n1,t\"wo\n");
        COMPARE_ERROR(read_csv(inside), folder,
                      "file: inside.csv, line 2: a quote inside a field that does not begin with "
                      "one");
        const auto empty = folder.write("empty.csv", "\n\n");
        COMPARE_ERROR(read_csv(empty), folder,
                      "file: empty.csv: is empty; a header line was expected");
    }

    void a_csv_column_is_chosen_by_name() {
        const Folder folder;
        const auto path = folder.write("p.csv.gz", gzipped("id,sequence,target\nx,MKv,1\ny,,2\n"));
        const auto set = read_sequences(path);
        QCOMPARE(set.items.size(), std::size_t(1));
        QVERIFY(set.items[0] == (Sequence{"row 1", "", "MKv"}));
        QCOMPARE(set.counts.empty, 1);
        const auto named =
            read_sequences(path, {.kind = LetterKind::residues, .name_column = "id"});
        QVERIFY(named.items[0] == (Sequence{"x", "", "MKV"}));
        COMPARE_ERROR(read_sequences(path, {.column = "sequense"}), folder,
                      "bad_input: p.csv.gz has no column \"sequense\"; did you mean \"sequence\"?");
        COMPARE_ERROR(read_sequences(path, {.column = "letters"}), folder,
                      "bad_input: p.csv.gz has no column \"letters\" (id, sequence, target)");
    }

    void text_is_one_document_or_a_sequence_a_line() {
        const Folder folder;
        const auto text = folder.write("poem.txt", "one line\n\nanother\n");
        const auto document = read_sequences(text);
        QCOMPARE(document.items.size(), std::size_t(1));
        QVERIFY(document.items[0] == (Sequence{"poem.txt", "", "one line\n\nanother\n"}));
        const auto lines = read_sequences(text, {.format = SequenceFormat::lines});
        QCOMPARE(lines.items.size(), std::size_t(2));
        QVERIFY(lines.items[1] == (Sequence{"line 3", "", "another"}));
        QCOMPARE(lines.counts.empty, 1);
        const auto packed = folder.write("poem.lines.gz", gzipped("one\r\ntwo"));
        QCOMPARE(read_sequences(packed).items[1].letters.c_str(), "two");
        const auto residues =
            read_sequences(folder.write("p.txt", "\nmk va\n"), {.kind = LetterKind::residues});
        QCOMPARE(residues.items[0].letters.c_str(), "MKVA");
    }

    void lengths_are_read_from_numbers_or_counted_in_sequences() {
        const Folder folder;
        QCOMPARE(read_lengths(folder.write("l.txt", "# of proteins\n12\n\n 7 # short\r\n300\n")),
                 (std::vector<int>{12, 7, 300}));
        QCOMPARE(read_lengths(folder.write("l.fasta", ">a\nMKV\n>b\nM\n")),
                 (std::vector<int>{3, 1}));
        const auto bad = folder.write("bad.txt", "12\n0\n");
        COMPARE_ERROR(read_lengths(bad), folder,
                      "file: bad.txt, line 2: a length from 1 was expected, not \"0\"");
        const auto big = folder.write("big.txt", "12\n99999999999\n");
        COMPARE_ERROR(read_lengths(big), folder,
                      "file: big.txt, line 2: a length from 1 was expected, not \"99999999999\"");
        const auto none = folder.write("none.txt", "# nothing\n");
        COMPARE_ERROR(read_lengths(none), folder, "file: none.txt: holds no lengths");
    }

    void the_yeast_proteome_has_5881_proteins() {
        SKIP_WITHOUT_SHARED_DATA("yeast-proteome.fasta.gz");
        const auto set = read_sequences(shared_data("yeast-proteome.fasta.gz"));
        QCOMPARE(set.items.size(), std::size_t(5881));
        QCOMPARE(set.longest(), std::size_t(4910));
        QCOMPARE(set.mean_length() * 5881, 2914937.0);
        QCOMPARE(set.items[0].name.c_str(), "gi|119524037|ref|NP_001073292.1|");
        QCOMPARE(set.items[0].letters.size(), std::size_t(160));
        const auto [sequences, empty, duplicates, lower_case, stops] = set.counts;
        QCOMPARE(sequences, 5881);
        QCOMPARE(empty + duplicates + lower_case + stops, 0);
    }

    void our_own_lengths_are_every_11th_of_the_yeast_proteome() {
        const auto lengths =
            read_lengths(SWEETSPOT_SOURCE_DIR "/resources/data/protein-lengths.txt");
        QCOMPARE(lengths.size(), std::size_t(512));
        QCOMPARE(std::accumulate(lengths.begin(), lengths.end(), 0), 234068);
        SKIP_WITHOUT_SHARED_DATA("yeast-proteome.fasta.gz");
        const auto all = read_lengths(shared_data("yeast-proteome.fasta.gz"));
        for (std::size_t i = 0; i < lengths.size(); ++i) QCOMPARE(lengths[i], all[11 * i]);
    }

    void the_localization_files_have_5959_proteins_of_11_classes() {
        SKIP_WITHOUT_SHARED_DATA("localization/ER.fasta.gz");
        const QDir folder(QString::fromStdString(shared_data("localization")));
        const auto files = folder.entryList({"*.fasta.gz"});
        QCOMPARE(files.size(), 11);
        std::size_t proteins = 0;
        for (const auto& file : files)
            proteins += read_sequences(folder.filePath(file).toStdString()).items.size();
        QCOMPARE(proteins, std::size_t(5959));
    }

    void a_flip_split_has_8733_rows_of_which_509_validate() {
        SKIP_WITHOUT_SHARED_DATA("flip-gb1/low_vs_high.csv.gz");
        const auto table = read_csv(shared_data("flip-gb1/low_vs_high.csv.gz"));
        QCOMPARE(table.header,
                 (std::vector<std::string>{"sequence", "target", "set", "validation"}));
        QCOMPARE(table.rows.size(), std::size_t(8733));
        const auto validation = table.column("validation"), target = table.column("target");
        QCOMPARE(std::count_if(table.rows.begin(), table.rows.end(),
                               [&](const auto& row) { return row[validation] == "True"; }),
                 std::ptrdiff_t(509));
        QCOMPARE(table.rows[0][target].c_str(), "1.0");
        QCOMPARE(read_sequences(table.path).items[0].letters.size(), std::size_t(265));
    }
};

SWEETSPOT_TEST(DataSequencesTest)
#include "data_sequences_test.moc"
