// sweetspot score: how near written texts, predicted numbers or classes come to what was expected,
// as a table, and, if a run is named, beside what the run cost.
#include "app/analysis/format.h"
#include "app/cli/commands.h"
#include "app/cli/exit_code.h"
#include "app/cli/run_table.h"
#include "app/experiment/label_scores.h"
#include "app/experiment/printable.h"
#include "app/experiment/text_scores.h"
#include "app/store/store.h"
#include "engine/config/json.h"
#include "engine/config/regular_file.h"
#include <cmath>
#include <iostream>
#include <set>

namespace sweetspot {

namespace {

struct ScoreOptions {
    std::string predictions, references, sources, as = "texts", column = "text", run, output = "md";
    std::string store = default_store_path().string();
};

/// A text a line; of JSON Lines the member of that name.
std::vector<std::string> texts_of(const std::string& path, const std::string& column) {
    constexpr std::size_t most = std::size_t(1) << 30;
    const std::string all = read_regular_file(path, most);
    std::vector<std::string> texts;
    for (std::size_t at = 0; at < all.size();) {
        const std::size_t end = std::min(all.find('\n', at), all.size());
        std::string line = all.substr(at, end - at);
        at = end + 1;
        if (line.ends_with('\r')) line.pop_back();
        if (path.ends_with(".jsonl")) {
            const std::string where = path + ", line " + std::to_string(texts.size() + 1);
            const Json object = parse_json(line, where);
            const Json* text = object.is_object() ? object.find(column) : nullptr;
            if (!text || !text->is_string())
                throw Error(Failure::bad_input, where + ": it has no text \"" + column +
                                                    "\"; --column names another member");
            line = text->get<std::string>();
        }
        texts.push_back(std::move(line));
    }
    return texts;
}

std::string counted(std::size_t texts) {
    return std::to_string(texts) + (texts == 1 ? " text" : " texts");
}

/// What came out: numbers by their names in metrics.h, and of classes how often which was taken for
/// which.
struct Scores {
    std::vector<Metric> metrics{};
    Confusion confusion{};
};

std::vector<double> numbers_of(const std::vector<std::string>& texts, const std::string& path) {
    std::vector<double> numbers;
    for (const std::string& text : texts)
        if (!from_text(text, numbers.emplace_back()) || !std::isfinite(numbers.back()))
            throw Error(Failure::bad_input, path + ", line " + std::to_string(numbers.size()) +
                                                ": \"" + text + "\" is no number");
    return numbers;
}

Scores of_numbers(const std::vector<double>& predictions, const std::vector<double>& expected) {
    const NumberScores found = score_numbers(predictions, expected);
    Scores y;
    if (found.pearson) y.metrics.push_back({"pearson", *found.pearson});
    if (found.spearman) y.metrics.push_back({"spearman", *found.spearman});
    y.metrics.push_back({"rmse", found.rmse});
    return y;
}

Scores of_classes(const std::vector<std::string>& predictions,
                  const std::vector<std::string>& expected) {
    ClassScores found = score_classes(predictions, expected);
    return {.metrics = {{"accuracy", found.accuracy}, {"macro_f1", found.macro_f1}},
            .confusion = std::move(found.confusion)};
}

void show(std::size_t texts, const Scores& scores, const std::string& output) {
    if (output == "json") {
        Json all = Json::object();
        all["texts"] = texts;
        for (const Metric& metric : scores.metrics) all[metric.name] = metric.value;
        if (!scores.confusion.empty()) all["confusion"] = confusion_json(scores.confusion);
        std::cout << dump(all) << '\n';
        return;
    }
    RunTable table{.columns = {{"score", false}, {"of " + counted(texts)}}};
    for (const Metric& metric : scores.metrics)
        table.rows.push_back(
            {std::string(find_metric(metric.name)->title), format_number(metric.value, 4)});
    write_markdown_table(std::cout, table);
    if (scores.confusion.empty()) return;
    std::set<std::string> names;
    for (const auto& [pair, _] : scores.confusion) names.insert({pair.first, pair.second});
    RunTable matrix{.columns = {{"expected, predicted as", false}}};
    for (const std::string& name : names) matrix.columns.push_back({printable(name)});
    for (const std::string& expected : names) {
        auto& row = matrix.rows.emplace_back(std::vector{printable(expected)});
        for (const std::string& predicted : names) {
            const auto found = scores.confusion.find({expected, predicted});
            row.push_back(std::to_string(found == scores.confusion.end() ? 0 : found->second));
        }
    }
    std::cout << '\n';
    write_markdown_table(std::cout, matrix);
}

void keep(const Scores& scores, const ScoreOptions& options) {
    open_for_reading(options.store); // says so if there is none
    Store store(options.store);
    const RunRecord run = find_one_run(store, options.run, "A score");
    for (const Metric& metric : scores.metrics) store.append(run.id, metric);
    if (!scores.confusion.empty())
        store.append(run.id, Text{"confusion", dump(confusion_json(scores.confusion))});
}

int score(const ScoreOptions& options) {
    if (options.output != "md" && options.output != "json")
        throw Error(Failure::bad_input,
                    "--output takes md or json, not \"" + options.output + "\".");
    const auto predictions = texts_of(options.predictions, options.column),
               references = texts_of(options.references, options.column);
    if (predictions.size() != references.size() || predictions.empty())
        throw Error(Failure::bad_input,
                    options.predictions + " has " + counted(predictions.size()) + ", and " +
                        options.references + " has " + counted(references.size()) +
                        ": each prediction needs the reference in its place.");
    const auto sources = options.sources.empty() ? std::vector<std::string>()
                                                 : texts_of(options.sources, options.column);
    if (!options.sources.empty() && sources.size() != predictions.size())
        throw Error(Failure::bad_input, options.sources + " has " + counted(sources.size()) +
                                            ", and " + options.predictions + " has " +
                                            counted(predictions.size()) +
                                            ": each text needs what it simplifies.");
    Scores scores;
    if (!options.sources.empty() && options.as != "texts")
        throw Error(Failure::bad_input, "--sources are of texts, not of " + options.as + ".");
    if (options.as == "texts")
        scores.metrics = metrics_of(score_texts(predictions, references, sources));
    else if (options.as == "numbers") {
        const auto predicted = numbers_of(predictions, options.predictions);
        scores = of_numbers(predicted, numbers_of(references, options.references));
    } else if (options.as == "classes")
        scores = of_classes(predictions, references);
    else
        throw Error(Failure::bad_input,
                    "--as takes texts, numbers or classes, not \"" + options.as + "\".");
    if (!options.run.empty()) keep(scores, options);
    show(predictions.size(), scores, options.output);
    return exit_done;
}

} // namespace

void add_score_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "score", "how near texts, numbers or classes come to what was expected");
    const auto options = std::make_shared<ScoreOptions>();
    command->add_option("PREDICTIONS", options->predictions, "a text a line, or .jsonl")
        ->required();
    command->add_option("REFERENCES", options->references, "likewise, each in its place")
        ->required();
    command->add_option("--sources", options->sources, "likewise, what texts simplify: adds SARI");
    command->add_option("--as", options->as, "texts, numbers or classes (texts)");
    command->add_option("--column", options->column, "member of JSON Lines with the text (text)");
    command->add_option("--run", options->run, "keep the scores in the row of this run")
        ->type_name("RUN");
    command->add_option("--store", options->store, "the database of runs")->type_name("FILE");
    command->add_option("-o,--output", options->output, "md or json (md)")->type_name("FORMAT");
    command->footer(
        "Texts: BLEU-1 to 4, each text's own, without smoothing, its tokens separated by white\n"
        "space and full stops; ROUGE-L, F1 of the longest common subsequence; token F1 and exact\n"
        "match, without case, punctuation and articles; the fuzzy ratio, of letters; with\n"
        "--sources SARI, of what was kept, deleted and added. All are means over texts, from 0\n"
        "to 1.\n"
        "Numbers: Pearson's and Spearman's correlation, root mean square of the differences.\n"
        "Classes: accuracy, macro-F1, and how often which was taken for which.\n\n"
        "  sweetspot score written.txt expected.txt\n"
        "  sweetspot score written.jsonl expected.jsonl --column answer --run 12\n"
        "  sweetspot score predicted.txt expected.txt --as classes");
    command->callback([options, &action] { action = [options] { return score(*options); }; });
}

} // namespace sweetspot
