#include "engine/data/records.h"
#include "engine/data/csv.h"
#include "engine/data/json_lines.h"
#include "engine/data/sniff.h"
#include <algorithm>
#include <filesystem>

// One reader a format. Each only finds where records begin and end; what becomes of their letters
// is the same for all (letters.h).

namespace sweetspot {

namespace {
bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t") == line.npos;
}

class TextRecords : public RecordReader {
public:
    TextRecords(std::unique_ptr<TextReader> text, Letters& letters)
        : text_(std::move(text)), letters_(letters) {}

protected:
    /// Takes the next line into line_; false at the end.
    bool line() {
        number_ = text_->number();
        return text_->line(line_);
    }
    void add(Sequence& record, std::string_view text) {
        letters_.add(record.letters, text, *text_, number_);
    }
    /// Name and description from a header without its first letter.
    void take_header(Sequence& record) {
        ++records_;
        const auto blank = std::min(line_.find_first_of(" \t"), line_.size());
        record.name = line_.substr(1, blank - 1);
        if (record.name.empty()) record.name = "record " + std::to_string(records_);
        record.description = line_.substr(std::min(blank + 1, line_.size()));
    }

    std::unique_ptr<TextReader> text_;
    Letters& letters_;
    std::string line_{};
    std::size_t number_ = 0;  ///< of line_
    std::size_t records_ = 0; ///< so far
};

class Fasta : public TextRecords {
public:
    using TextRecords::TextRecords;

    bool next(Sequence& record) override {
        while (!begun_ && line()) {
            begun_ = line_.starts_with('>');
            if (!begun_ && !is_blank(line_) && !line_.starts_with(';'))
                text_->refuse(number_, "a record of FASTA must begin with \">\"");
        }
        if (!begun_) return false;
        record = {};
        take_header(record);
        begun_ = false;
        while (line()) {
            begun_ = line_.starts_with('>');
            if (begun_) break;
            if (!line_.starts_with(';')) add(record, line_);
        }
        return true;
    }

private:
    bool begun_ = false; ///< line_ is the header of the next record
};

class Fastq : public TextRecords {
public:
    using TextRecords::TextRecords;

    bool next(Sequence& record) override {
        do
            if (!line()) return false;
        while (is_blank(line_));
        if (!line_.starts_with('@'))
            text_->refuse(number_, "a record of FASTQ must begin with \"@\"");
        record = {};
        take_header(record);
        const auto begin = number_;
        std::size_t letters = 0, qualities = 0; // of which there must be as many
        bool separated = false;
        while (!separated && line()) {
            separated = line_.starts_with('+');
            if (separated) break;
            add(record, line_);
            letters += line_.size();
        }
        while (separated && qualities < letters && line()) qualities += line_.size();
        if (!separated || qualities != letters)
            text_->refuse(begin, "the record of FASTQ that begins here has " +
                                     std::to_string(letters) + " letters and " +
                                     std::to_string(qualities) + " qualities");
        return true;
    }
};

class Table : public TextRecords {
public:
    Table(std::unique_ptr<TextReader> text, Letters& letters, const ReadOptions& options,
          SequenceFormat format)
        : TextRecords(std::move(text), letters),
          rows_(*text_, separator_of(*text_, options.column, format)),
          column_(rows_.column(options.column)), named_(!options.name_column.empty()),
          names_(named_ ? rows_.column(options.name_column) : 0), keeps_(options.fields) {}

    bool next(Sequence& record) override {
        if (!rows_.row(fields_)) return false;
        number_ = rows_.line();
        record = {.name = named_ ? fields_[names_] : "row " + std::to_string(++records_)};
        add(record, fields_[column_]);
        if (keeps_) record.fields = fields_;
        return true;
    }
    bool numbers() const override { return !named_; }
    const std::vector<std::string>* columns() const override { return &rows_.header(); }

private:
    CsvReader rows_;
    std::size_t column_;
    bool named_;
    std::size_t names_;
    bool keeps_;
    std::vector<std::string> fields_{};
};

class JsonLines : public TextRecords {
public:
    JsonLines(std::unique_ptr<TextReader> text, Letters& letters, const ReadOptions& options)
        : TextRecords(std::move(text), letters), column_(options.column),
          name_column_(options.name_column) {}

    bool next(Sequence& record) override {
        do
            if (!line()) return false;
        while (is_blank(line_));
        const bool named = !name_column_.empty();
        record = {.name = named ? text_member(line_, name_column_, *text_, number_)
                                : "line " + std::to_string(number_)};
        add(record, text_member(line_, column_, *text_, number_));
        return true;
    }
    bool numbers() const override { return name_column_.empty(); }

private:
    std::string column_, name_column_;
};

class Lines : public TextRecords {
public:
    using TextRecords::TextRecords;

    bool next(Sequence& record) override {
        if (!line()) return false;
        record = {.name = "line " + std::to_string(number_)};
        add(record, line_);
        return true;
    }
    bool numbers() const override { return true; }
};

/// The whole file is one sequence. Of residues only if they stand on one line: several may be one
/// sequence that was wrapped, or one each.
class Document : public TextRecords {
public:
    Document(std::unique_ptr<TextReader> text, Letters& letters, const ReadOptions& options)
        : TextRecords(std::move(text), letters), enough_(options.enough), piece_(options.piece) {}

    bool next(Sequence& record) override {
        if (read_) return false;
        record = {.name = std::filesystem::path(text_->path()).filename().string()};
        if (letters_.residues()) return read_ = read_residues(record);
        const std::size_t most = std::min(enough_, piece_);
        while (!text_->at_end() && record.letters.size() < most) add(record, text_->take_piece());
        record.goes_on = !text_->at_end() && record.letters.size() < enough_;
        read_ = !record.goes_on;
        return true;
    }
    bool numbers() const override { return true; } // there is one

private:
    bool read_residues(Sequence& record) {
        while (line()) {
            if (is_blank(line_)) continue;
            if (!record.letters.empty())
                text_->refuse(number_,
                              "residues on several lines may be one sequence or many; FASTA says "
                              "it (a line with \">\" before each), or the ending .lines (a "
                              "sequence a line)");
            add(record, line_);
        }
        return true;
    }

    std::size_t enough_, piece_;
    bool read_ = false;
};
} // namespace

std::unique_ptr<RecordReader> open_records(std::unique_ptr<TextReader> text, SequenceFormat format,
                                           const ReadOptions& options, Letters& letters) {
    switch (format) {
    case SequenceFormat::fasta: return std::make_unique<Fasta>(std::move(text), letters);
    case SequenceFormat::fastq: return std::make_unique<Fastq>(std::move(text), letters);
    case SequenceFormat::csv:
    case SequenceFormat::tsv:
        return std::make_unique<Table>(std::move(text), letters, options, format);
    case SequenceFormat::json_lines:
        return std::make_unique<JsonLines>(std::move(text), letters, options);
    case SequenceFormat::lines: return std::make_unique<Lines>(std::move(text), letters);
    default: return std::make_unique<Document>(std::move(text), letters, options);
    }
}

} // namespace sweetspot
