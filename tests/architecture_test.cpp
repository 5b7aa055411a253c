// Holds the includes of every source file against the layers drawn in README.md.
#include <QtTest>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace fs = std::filesystem;

/// Folder -> folders it may include, itself aside. The longest prefix of a path decides its folder.
const std::map<std::string, std::set<std::string>> allowed{
    {"kernels/core", {}},
    {"kernels", {"kernels/core"}},
    {"engine/config", {"kernels/core"}}, // Error
    {"engine", {"engine/config", "kernels", "kernels/core"}},
    {"profiler/trace", {"kernels/core"}},
    {"profiler", {"profiler/trace", "kernels/core"}},
    {"app/experiment", {"engine/config", "kernels/core"}},
    {"app/worker",
     {"app/experiment", "engine/config", "engine", "profiler", "profiler/trace", "kernels",
      "kernels/core"}},
    {"app/runner", {"app/experiment", "engine/config", "kernels/core"}},
    {"app/store", {"app/experiment", "engine/config", "kernels/core"}},
    {"app/analysis", {"app/experiment", "engine/config", "profiler/trace", "kernels/core"}},
    {"app/cli",
     {"app/experiment", "app/runner", "app/store", "app/analysis", "engine/config",
      "profiler/trace", "kernels/core"}},
    {"app/gui",
     {"app/experiment", "app/runner", "app/store", "app/analysis", "engine/config",
      "profiler/trace", "kernels/core"}},
};

static std::string layer_of(const std::string& path) {
    std::string best;
    for (const auto& [folder, _] : allowed)
        if (path.rfind(folder + "/", 0) == 0 && folder.size() > best.size()) best = folder;
    return best;
}

/// What is wrong with one include, a sentence; empty if nothing is.
static std::string problem(const std::string& file, const std::string& include) {
    const std::string from = layer_of(file), to = layer_of(include);
    if (from.empty()) return {};
    if (!to.empty() && to != from && !allowed.at(from).contains(to))
        return file + ": " + from + " may not include " + include;
    static const std::regex qt("^(Q[A-Z]|Qt|qcustomplot)");
    if (from != "app/gui" && std::regex_search(include, qt))
        return file + ": only app/gui may include Qt, here " + include;
    if (from != "app/store" && include == "sqlite3.h")
        return file + ": only app/store may include SQLite";
    if (file != "engine/config/json.cpp" && include.rfind("nlohmann/", 0) == 0)
        return file + ": JSON is read and written through engine/config/json.h";
    return {};
}

class ArchitectureTest : public QObject {
    Q_OBJECT
private slots:
    void every_include_follows_an_arrow();
    void a_planted_violation_is_found();
    void no_number_is_read_or_written_by_locale();
    void a_long_source_of_what_people_see_says_what_it_is_for();
    void every_type_has_one_home();
    void a_second_home_of_a_type_is_found();
    void every_op_is_listed_and_has_all_its_pieces();
    void a_forgotten_piece_of_an_op_is_found();
    void nothing_is_left_to_do();
};

void ArchitectureTest::every_include_follows_an_arrow() {
    const std::regex include(R"(^\s*#\s*include\s*["<]([^">]+)[">])");
    const std::regex source(R"(\.(h|cpp|cuh|cu)$)");
    int files = 0;
    QStringList problems;
    for (const char* top : {"app", "engine", "kernels", "profiler"})
        for (const auto& entry :
             fs::recursive_directory_iterator(fs::path(SWEETSPOT_SOURCE_DIR) / top)) {
            const auto file = fs::relative(entry.path(), SWEETSPOT_SOURCE_DIR).generic_string();
            if (!std::regex_search(file, source)) continue;
            ++files;
            std::ifstream stream(entry.path());
            std::smatch found;
            for (std::string line; std::getline(stream, line);)
                if (std::regex_search(line, found, include))
                    if (const auto wrong = problem(file, found[1]); !wrong.empty())
                        problems << QString::fromStdString(wrong);
        }
    QVERIFY(files > 20);
    QVERIFY2(problems.isEmpty(), qPrintable(problems.join('\n')));
}

void ArchitectureTest::a_planted_violation_is_found() {
    QVERIFY(!problem("profiler/oops.h", "engine/tasks/workload.h").empty());
    QVERIFY(!problem("app/cli/oops.cpp", "QString").empty());
    QVERIFY(!problem("app/gui/oops.cpp", "engine/models/model.h").empty());
    QVERIFY(!problem("app/store/oops.cpp", "nlohmann/json.hpp").empty());
    QVERIFY(problem("app/gui/fine.cpp", "app/store/store.h").empty());
}

/// What reads or writes a number as the locale does: "0,25", or "0" of "0.25".
static bool asks_the_locale(const std::string& line) {
    static const std::regex asking(
        R"(\b(strto(d|f|ld)|sto(d|f|ld)|atof|v?s?n?f?printf|s?n?scanf)\()"
        R"(|\bsetlocale\b|\bstd::locale\b|%L\d|\bQLocale\(\))"
        R"(|\bQLocale::system\b)");
    return std::regex_search(line, asking);
}

void ArchitectureTest::no_number_is_read_or_written_by_locale() {
    QVERIFY(asks_the_locale("x = std::strtod(text, nullptr);"));
    QVERIFY(asks_the_locale("std::snprintf(text, sizeof text, \"%.3g\", x);"));
    QVERIFY(asks_the_locale("tr(\"%L1 ms\").arg(x)"));
    QVERIFY(!asks_the_locale("std::from_chars(text, end, x)"));
    QStringList problems;
    for (const char* top : {"app", "engine", "kernels", "profiler"})
        for (const auto& entry :
             fs::recursive_directory_iterator(fs::path(SWEETSPOT_SOURCE_DIR) / top)) {
            const auto file = fs::relative(entry.path(), SWEETSPOT_SOURCE_DIR).generic_string();
            // Fractions are no business of the emulated device's, which prints masks of threads.
            if (!entry.is_regular_file() || file.starts_with("kernels/emulation")) continue;
            std::ifstream stream(entry.path());
            int number = 0;
            for (std::string line; std::getline(stream, line);) {
                ++number;
                if (asks_the_locale(line))
                    problems
                        << QString("%1:%2: %3").arg(file.c_str()).arg(number).arg(line.c_str());
            }
        }
    QVERIFY2(problems.isEmpty(), qPrintable(problems.join('\n')));
}

void ArchitectureTest::a_long_source_of_what_people_see_says_what_it_is_for() {
    constexpr int long_lines = 80;
    QStringList mute;
    for (const char* top : {"app/analysis", "app/cli", "app/gui"})
        for (const auto& entry :
             fs::recursive_directory_iterator(fs::path(SWEETSPOT_SOURCE_DIR) / top)) {
            if (entry.path().extension() != ".cpp") continue;
            std::ifstream stream(entry.path());
            int lines = 0, words_at = 0, code_at = 0;
            for (std::string line; std::getline(stream, line);) {
                ++lines;
                if (!words_at && line.starts_with("// ")) words_at = lines;
                if (!code_at && line.starts_with("namespace")) code_at = lines;
            }
            if (lines > long_lines && (words_at == 0 || words_at > code_at))
                mute << QString::fromStdString(entry.path().string());
        }
    QVERIFY2(mute.isEmpty(), qPrintable(mute.join('\n')));
}

static std::string text_of(const fs::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

/// The sources of a folder whose names end like this, one after the other.
static std::string text_of_all(const fs::path& folder, const std::string& ending) {
    std::string all;
    for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().filename().string().ends_with(ending)) all += text_of(entry.path());
    return all;
}

/// What is missing of an op, by its line in kernels/ops/list.h: sentences; empty if nothing is.
static QStringList missing_of(const std::string& op, const std::string& family, bool vectorised) {
    static const fs::path root = SWEETSPOT_SOURCE_DIR, kernels = root / "kernels";
    static const std::string cuda =
        text_of_all(kernels / "cuda", ".cu") + text_of_all(kernels / "cuda", ".cpp");
    static const std::string cases = text_of_all(kernels / "selftest", "_cases.cpp");
    static const std::string tests = text_of_all(root / "tests/kernels", "_test.cpp");
    const std::string cpu = text_of(kernels / "cpu" / (family + ".cpp"));
    QStringList missing;
    const auto need = [&](bool there, const std::string& what) {
        if (!there) missing << QString::fromStdString(op + ": " + what);
    };
    // Searched for by hand: a regex over all sources takes seconds without optimisation.
    const auto has_word = [](const std::string& text, const std::string& word,
                             std::string_view after = "") {
        for (auto at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
            const auto end = at + word.size();
            const bool begins = at == 0 || (!std::isalnum(text[at - 1]) && text[at - 1] != '_');
            const bool ends = end == text.size() || (!std::isalnum(text[end]) && text[end] != '_');
            if (begins && ends && text.compare(end, after.size(), after) == 0) return true;
        }
        return false;
    };
    const std::string launch = "void launch(const " + op;
    need(text_of(kernels / "ops" / (family + ".h")).find("struct " + op + " {") !=
             std::string::npos,
         "kernels/ops/" + family + ".h does not declare it");
    need(has_word(cpu, launch, "&"), "kernels/cpu/" + family + ".cpp does not launch it");
    need((cpu.find("SWEETSPOT_TARGET") != std::string::npos) == vectorised,
         "kernels/cpu/" + family + ".cpp is not compiled as the list says");
    need(has_word(cuda, launch, "&"), "kernels/cuda does not launch it");
    need(has_word(cases, op, "{"), "kernels/selftest has no case of it");
    need(has_word(tests, op), "tests/kernels has no test of it");
    return missing;
}

void ArchitectureTest::every_op_is_listed_and_has_all_its_pieces() {
    const fs::path ops = fs::path(SWEETSPOT_SOURCE_DIR) / "kernels/ops";
    const std::string list = text_of(ops / "list.h");
    const std::regex line(R"(\bX\((\w+), (\w+), (vectorised|plain)\))");
    std::set<std::string> listed;
    QStringList missing;
    for (std::sregex_iterator op(list.begin(), list.end(), line), end; op != end; ++op) {
        QVERIFY2(listed.insert((*op)[1]).second, (*op)[1].str().c_str());
        missing << missing_of((*op)[1], (*op)[2], (*op)[3] == "vectorised");
    }
    QVERIFY(listed.size() > 20);
    const std::regex declared(R"(void launch\(const (\w+)&, C\w+Stream&\);)");
    const std::string headers = text_of_all(ops, ".h");
    for (std::sregex_iterator op(headers.begin(), headers.end(), declared), end; op != end; ++op)
        if (!listed.contains((*op)[1]))
            missing << QString::fromStdString((*op)[1].str() + ": kernels/ops/list.h lacks it");
    QVERIFY2(missing.isEmpty(), qPrintable(missing.join('\n')));
}

void ArchitectureTest::a_forgotten_piece_of_an_op_is_found() {
    QVERIFY(missing_of("Norm", "norm", true).isEmpty());
    QCOMPARE(missing_of("Norm", "norm", false).size(), 1);
    QCOMPARE(missing_of("Norm", "rotary", true).size(), 2); // neither declared nor launched there
    QCOMPARE(missing_of("Forgotten", "norm", true).size(), 5);
}

/// Full names of the types that a source defines at namespace level, those of unnamed namespaces
/// aside. Relies on the format that clang-format keeps: such a line is not indented, and the end of
/// a namespace says so.
static std::vector<std::string> types_in(std::istream& source) {
    static const std::regex opens(R"(^(?:inline )?namespace ?([\w:]*) ?\{$)");
    static const std::regex closes(R"(^\}\s+// namespace)");
    static const std::regex defines(
        R"(^(?:struct|class|union|enum class|enum) (?:alignas\(.*\) )?([\w:]+)(?: [^;]*)?\{.*$)");
    std::vector<std::string> spaces, types;
    std::smatch found;
    for (std::string line; std::getline(source, line);)
        if (std::regex_match(line, found, opens))
            spaces.push_back(found[1]);
        else if (std::regex_search(line, closes))
            spaces.pop_back();
        else if (std::regex_match(line, found, defines) &&
                 std::find(spaces.begin(), spaces.end(), "") == spaces.end()) {
            std::string name;
            for (const auto& space : spaces) name += space + "::";
            types.push_back(name + found[1].str());
        }
    return types;
}

/// Two types of one name that meet in one program share their implicit constructors and
/// destructors (C++20 [basic.def.odr]): the linker keeps one of each, whichever it sees first.
void ArchitectureTest::every_type_has_one_home() {
    // absent.cpp stands in where CUDA is not built.
    const std::set<std::string> alternatives{"sweetspot::CudaDevice::Implementation"};
    std::map<std::string, std::string> homes;
    QStringList problems;
    for (const char* top : {"app", "engine", "kernels", "profiler"})
        for (const auto& entry :
             fs::recursive_directory_iterator(fs::path(SWEETSPOT_SOURCE_DIR) / top)) {
            if (!entry.is_regular_file()) continue;
            const auto file = fs::relative(entry.path(), SWEETSPOT_SOURCE_DIR).generic_string();
            std::ifstream source(entry.path());
            for (const auto& type : types_in(source))
                if (const auto [home, is_new] = homes.emplace(type, file);
                    !is_new && !alternatives.contains(type))
                    problems << QString::fromStdString(type + " is defined in " + home->second +
                                                       " and in " + file);
        }
    QVERIFY(homes.size() > 200);
    QVERIFY2(problems.isEmpty(), qPrintable(problems.join('\n')));
}

void ArchitectureTest::a_second_home_of_a_type_is_found() {
    std::istringstream source("namespace sweetspot {\n"
                              "namespace {\n"
                              "struct Hidden {\n"
                              "} // namespace\n"
                              "struct Announced;\n"
                              "class Weights : public Base {\n"
                              "    struct Inner {};\n"
                              "enum class Kind { a, b };\n"
                              "} // namespace sweetspot\n"
                              "struct Outside {};\n");
    const std::vector<std::string> expected{"sweetspot::Weights", "sweetspot::Kind", "Outside"};
    QCOMPARE(types_in(source), expected);
}

void ArchitectureTest::nothing_is_left_to_do() {
    const std::regex mark("\\b(TO"
                          "DO|FIX"
                          "ME|XX"
                          "X|HA"
                          "CK)\\b");
    for (const char* top : {"app", "engine", "kernels", "profiler", "tests"})
        for (const auto& entry :
             fs::recursive_directory_iterator(fs::path(SWEETSPOT_SOURCE_DIR) / top)) {
            const auto extension = entry.path().extension();
            if (extension != ".h" && extension != ".cpp" && extension != ".cu" &&
                extension != ".cuh")
                continue;
            std::ifstream stream(entry.path());
            for (std::string line; std::getline(stream, line);)
                QVERIFY2(!std::regex_search(line, mark),
                         qPrintable(QString::fromStdString(entry.path().string() + ": " + line)));
        }
}

QTEST_GUILESS_MAIN(ArchitectureTest)
#include "architecture_test.moc"
