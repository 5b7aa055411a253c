#include "data_support.h"
#include "engine/config/sha256.h"
#include "engine/data/data_note.h"
#include "engine/data/sequences.h"
#include "engine/data/text_reader.h"
#include "tests/suite.h"
#include <filesystem>
#include <sys/stat.h>

using namespace sweetspot;

namespace {
const ReadOptions as_residues{.kind = LetterKind::residues};
using Texts = std::vector<std::string>;

Texts letters_of(const std::string& path, const ReadOptions& options = as_residues) {
    Texts letters;
    for (const auto& item : read_sequences(path, options).items) letters.push_back(item.letters);
    return letters;
}

/// The same as bgzip writes it: members with their sizes, the last one empty.
std::string bgzipped(const std::string& text) {
    const auto member = [](const std::string& text) {
        const auto plain = gzipped(text);
        const auto size = plain.size() + 8 - 1;
        const std::string field{6, 0, 'B', 'C', 2, 0, char(size & 0xff), char(size >> 8)};
        return plain.substr(0, 3) + '\4' + plain.substr(4, 6) + field + plain.substr(10);
    };
    const std::string end("\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0\x1b\0\x03\0\0\0\0\0\0\0"
                          "\0\0",
                          28);
    return member(text.substr(0, text.size() / 2)) + member(text.substr(text.size() / 2)) + end;
}

const Texts three{"MKTAYIAKQRQ", "GAVLIMF", "MSX"};
const std::string fasta = ">p0 one\nMKTAYIA\nKQRQ\n>p1\nGAVLIMF\n>p2\nMSX\n";
} // namespace

class DataContentsTest : public QObject {
    Q_OBJECT
private slots:
    void the_name_of_a_file_decides_nothing_that_its_contents_say() {
        const Folder folder;
        for (const auto* name : {"p.fasta", "p.FASTA", "p.pep", "p.fna", "p.mpfa", "p.txt", "p.csv",
                                 "p.tsv", "p.fq", "p.jsonl", "p.fasta.old", "p"}) {
            QCOMPARE(letters_of(folder.write(name, fasta)), three);
            QCOMPARE(letters_of(folder.write(name, fasta), {}), three);
        }
    }

    void each_container_gives_the_same_residues() {
        const Folder folder;
        const Texts containers{
            fasta,
            ";old comments\n>p0\nMKTAYIAKQRQ\n;and more\n>p1\nGAVLIMF\n>p2\nMSX",
            "@p0\nMKTAYIA\nKQRQ\n+p0\n@IIIIII\nIII+\n@p1\nGAVLIMF\n+\nIIIIIII\n@p2\nMSX\n+\n@@@\n",
            "id,sequence\n0,MKTAYIAKQRQ\n1,GAVLIMF\n2,MSX\n",
            "id\tsequence\n0\tMKTAYIAKQRQ\n1\tGAVLIMF\n2\tMSX\n",
            "id;sequence;target\n0;MKTAYIAKQRQ;0,5\n1;GAVLIMF;0,5\n2;MSX;1\n",
            "{\"id\": 0, \"sequence\": \"MKTAYIAKQRQ\"}\n{\"sequence\": \"GAVLIMF\", \"of\": "
            "{\"sequence\": 1}}\n\n{\"sequence\": \"MSX\"}\n"};
        for (const auto& text : containers)
            for (const std::string mark : {"", "\xef\xbb\xbf"})
                for (const std::string line_end : {"\n", "\r\n", "\r"}) {
                    std::string whole = mark;
                    for (const char letter : text)
                        whole += letter == '\n' ? line_end : std::string(1, letter);
                    QCOMPARE(letters_of(folder.write("data", whole)), three);
                    QCOMPARE(letters_of(folder.write("data", gzipped(whole))), three);
                    QCOMPARE(letters_of(folder.write("data.bgz", bgzipped(whole))), three);
                }
    }

    void residues_are_cleaned_alike_whatever_holds_them() {
        const Folder folder;
        const Texts clean{"MKV", "LA"};
        for (const auto* text : {">a\nmkV*\n>b\nl a\n", "id,sequence\n0,mkV*\n1,\"l\r\na\"\n",
                                 "id\tsequence\n0\tmkV*\n1\tl a\n",
                                 "{\"sequence\":\"mkV*\"}\n{\"sequence\":\"l\\na\"}\n"}) {
            const auto set = read_sequences(folder.write("data", text), as_residues);
            QCOMPARE(set.items[0].letters, clean[0]);
            QCOMPARE(set.items[1].letters, clean[1]);
            QCOMPARE(set.counts.lower_case, 4);
            QCOMPARE(set.counts.stops, 1);
        }
        const auto wrong = folder.write("wrong.csv", "id,sequence\n0,MK\n1,M1K\n");
        COMPARE_ERROR(letters_of(wrong), folder,
                      "file: wrong.csv, line 3: a residue was expected, not \"1\"");
    }

    void text_that_only_begins_like_data_stays_text() {
        const Folder folder;
        for (const auto* text :
             {"> A quotation.\n\nAnd what follows, with commas.\n", ">>> print(1)\n1\n",
              "In short, sequence, and order\nwith one comma, here\n", "{\n  \"a\": 1\n}\n",
              "@someone\nHello!\n", "A line\rand another\r"})
            QCOMPARE(letters_of(folder.write("text.txt", text), {}), Texts{text});
        QCOMPARE(letters_of(folder.write("marked.txt", "\xef\xbb\xbftext"), {}), Texts{"text"});
    }

    void residues_on_several_lines_must_say_how_many_sequences_they_are() {
        const Folder folder;
        const auto path = folder.write("bare.txt", "MKV\nLAG\n");
        COMPARE_ERROR(letters_of(path), folder,
                      "file: bare.txt, line 2: residues on several lines may be one sequence or "
                      "many; FASTA says it (a line with \">\" before each), or the ending .lines "
                      "(a sequence a line)");
        QCOMPARE(letters_of(folder.write("bare.lines", "MKV\nLAG\n")), (Texts{"MKV", "LAG"}));
    }

    void other_formats_are_called_by_their_names() {
        const Folder folder;
        const auto sentence = [&](const std::string& data) {
            const auto path = folder.write("data", data);
            return QString::fromStdString(error_of([&] { read_sequences(path); }, folder));
        };
        QCOMPARE(sentence("\xff\xfe>\0a"), "file: data: is text in UTF-16; save it as UTF-8");
        QCOMPARE(sentence("\xfd" + std::string("7zXZ")),
                 "file: data: is packed by xz; unpack it first, or pack it by gzip");
        QCOMPARE(sentence(gzipped(gzipped(fasta))),
                 "file: data: is packed by gzip twice; unpack it first, or pack it by gzip");
        QCOMPARE(sentence("PK\x03\x04"),
                 "file: data: is a zip archive; unpack it first, or pack it by gzip");
    }

    void malformed_fastq_and_json_lines_are_refused_with_their_line() {
        const Folder folder;
        const auto cut = folder.write("cut.fq", "@a\nMK\n+\nII\n\n@b\nMKV\n+\nII\n");
        COMPARE_ERROR(read_sequences(cut), folder,
                      "file: cut.fq, line 6: the record of FASTQ that begins here has 3 letters "
                      "and 2 qualities");
        const auto open = folder.write("open.jsonl", "{\"sequence\":\"MK\"}\n{\"sequence\":\"M\n");
        COMPARE_ERROR(read_sequences(open), folder,
                      "file: open.jsonl, line 2: its JSON: line 1, column 15: syntax error while "
                      "parsing value - invalid string: missing closing quote; last read: '\"M'");
        const auto other = folder.write("other.jsonl", "{\"text\":\"MK\",\"id\":[{}]}\n");
        COMPARE_ERROR(
            read_sequences(other), folder,
            "file: other.jsonl, line 1: the object has no member \"sequence\" (text, id)");
        const auto twice = folder.write("twice.jsonl", "{\"sequence\":\"M\",\"sequence\":\"K\"}");
        COMPARE_ERROR(read_sequences(twice), folder,
                      "file: twice.jsonl, line 1: its JSON: \"sequence\" is given twice");
        const auto number = folder.write("number.jsonl", "{\"sequence\":1}");
        COMPARE_ERROR(read_sequences(number), folder,
                      "file: number.jsonl, line 1: the member \"sequence\" is no text");
        const auto deep = folder.write("deep.jsonl", "{\"a\":" + std::string(1000000, '['));
        COMPARE_ERROR(read_sequences(deep), folder,
                      "file: deep.jsonl, line 1: its JSON: nested deeper than 100 levels");
        const auto columns = folder.write("two.csv", "sequence,sequence\nM,K\n");
        COMPARE_ERROR(read_sequences(columns), folder,
                      "bad_input: two.csv has several columns \"sequence\"");
    }

    void bgzip_data_without_their_end_mark_are_cut_short() {
        const Folder folder;
        const auto whole = bgzipped(fasta);
        const auto path = folder.write("cut.bgz", whole.substr(0, whole.size() - 28));
        COMPARE_ERROR(read_sequences(path), folder,
                      "file: cut.bgz: the bgzip data is cut short: its end mark is missing");
    }

    void what_may_never_end_is_refused_at_once() {
        const Folder folder;
        const auto pipe = folder.path("pipe");
        QCOMPARE(mkfifo(pipe.c_str(), 0600), 0);
        const auto* sentence =
            "file: %1: this is a pipe or a device, which may never end; a regular "
            "file is needed";
        COMPARE_ERROR(read_sequences(pipe), folder, QString(sentence).arg("pipe"));
        COMPARE_ERROR(read_file("/dev/zero"), folder, QString(sentence).arg("/dev/zero"));
        COMPARE_ERROR(sha256_of_file("/dev/zero"), folder, QString(sentence).arg("/dev/zero"));
    }

    void a_few_kilobytes_that_unpack_to_gigabytes_are_refused_before_they_have() {
        const Folder folder;
        const auto member = gzipped(std::string(32 << 20, 'A'));
        std::string bomb;
        for (int i = 0; i < 40; ++i) bomb += member;
        ByteSource source(folder.write("bomb.gz", bomb));
        std::size_t unpacked = 0;
        const auto read_all = [&] {
            for (auto piece = source.next(); !piece.empty(); piece = source.next())
                unpacked += piece.size();
        };
        COMPARE_ERROR(read_all(), folder,
                      "file: bomb.gz: unpacks to more than 200 times its size, which no data does "
                      "and a bomb does; if it is meant, unpack it first");
        QCOMPARE(unpacked, surely_unpacked_bytes);
        // As much is read of what is small, however well it packs.
        QCOMPARE(read_file(folder.write("zeros.gz", member + member)).size(), unpacked);
    }

    void a_line_without_an_end_is_refused_before_it_fills_memory() {
        const Folder folder;
        const auto endless = folder.path("endless.fasta"), table = folder.path("endless.csv");
        write_file(endless, ">p\n");
        write_file(table, "sequence\n\"A");
        for (const auto& path : {endless, table}) // sparse: nothing is on the disk
            std::filesystem::resize_file(path, longest_line_bytes + 1000);
        COMPARE_ERROR(read_sequences(endless, as_residues), folder,
                      "file: endless.fasta, line 2: is longer than 256 MiB, and more is not read "
                      "of one line");
        COMPARE_ERROR(read_sequences(table, as_residues), folder,
                      "file: endless.csv, line 2: a field is longer than 256 MiB, and more is not "
                      "read of one");
        const auto commas = folder.write("commas.csv", "sequence" + std::string(1 << 21, ','));
        COMPARE_ERROR(read_sequences(commas, as_residues), folder,
                      "file: commas.csv, line 1: more than 1048576 fields");
    }

    void a_path_is_bytes() {
        const Folder folder;
        const auto path = folder.path("gr") + "\xfc" + "n.fasta"; // Latin-1, which is not UTF-8
        write_file(path, fasta);
        QCOMPARE(letters_of(path), three);
        QCOMPARE(std::remove(path.c_str()), 0); // Qt cannot name it
    }

    void only_so_many_letters_of_a_sequence_are_kept() {
        const Folder folder;
        auto options = as_residues;
        options.enough = 5;
        QCOMPARE(letters_of(folder.write("p.fasta", fasta), options),
                 (Texts{"MKTAY", "GAVLI", "MSX"}));
        QCOMPARE(letters_of(folder.write("t.txt", "some text"), {.enough = 4}), Texts{"some"});
    }

    void what_was_done_to_data_is_said_by_letter() {
        QCOMPARE(data_note({}, {}).c_str(), "");
        QCOMPARE(data_note({.empty = 1, .lower_case = 51, .stops = 2},
                           {{"J", 2}, {"*", 1}, {"\n", 3}, {"\xc3\xa9", 1}})
                     .c_str(),
                 "7 letters replaced (3 byte 10, 2 J, 1 *, 1 \xc3\xa9), 51 letters made upper "
                 "case, 2 stops (*) dropped, 1 empty record left out");
    }
};

SWEETSPOT_TEST(DataContentsTest)
#include "data_contents_test.moc"
