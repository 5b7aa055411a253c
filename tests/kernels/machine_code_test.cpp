// What the compiler made of the inner loops, for each instruction set. A kernel whose sums are kept
// in memory computes the right numbers, at a fifth of the speed: no other test sees that, and most
// machines that run the tests choose another instruction set than the one that went wrong.
#include "tests/suite.h"
#include <QtTest>
#include <regex>
#include <sstream>

namespace {

struct Instruction {
    std::uint64_t address = 0;
    std::string text;
};
struct Function {
    std::string name;
    std::vector<Instruction> code;
};
/// An innermost loop: how many of its instructions use vector registers, and how many of these read
/// or write the stack.
struct Loop {
    std::string function;
    int vectors = 0, arithmetic = 0, reads = 0, writes = 0;
};

std::vector<Function> parsed(const std::string& text) {
    static const std::regex head("^[0-9a-f]+ <(.*)>:$"), line(R"(^\s+([0-9a-f]+):\s+(.*)$)");
    std::vector<Function> functions;
    std::istringstream stream(text);
    std::smatch found;
    for (std::string each; std::getline(stream, each);)
        if (std::regex_match(each, found, head))
            functions.push_back({found[1], {}});
        else if (!functions.empty() && std::regex_match(each, found, line))
            functions.back().code.push_back({std::stoull(found[1], nullptr, 16), found[2]});
    return functions;
}

bool on_stack(const std::string& text) {
    return text.find("(%rsp") != std::string::npos || text.find("(%rbp") != std::string::npos;
}

Loop counted(const Function& function, std::size_t first, std::size_t last) {
    static const std::regex sums("^v?(fn?m(add|sub)|mul|add|sub|dpbf16).*ps ");
    Loop loop{function.name};
    for (std::size_t i = first; i <= last; ++i) {
        const std::string& text = function.code[i].text;
        if (text.find("mm") == std::string::npos) continue;
        ++loop.vectors;
        loop.arithmetic += std::regex_search(text, sums);
        if (!on_stack(text)) continue;
        // AT&T's order: a store names the memory last.
        const bool stored = text.back() == ')';
        ++(stored ? loop.writes : loop.reads);
    }
    return loop;
}

/// Loops that end in a conditional jump back and hold no other: what the compiler moved out of the
/// way, tails of rows among it, comes back by an unconditional one, or from behind a return.
std::vector<Loop> inner_loops(const Function& function) {
    static const std::regex jump("^j(?!mp)[a-z]+ +([0-9a-f]+)");
    std::vector<std::pair<std::size_t, std::size_t>> loops;
    std::smatch found;
    for (std::size_t i = 0; i < function.code.size(); ++i) {
        if (!std::regex_search(function.code[i].text, found, jump)) continue;
        const std::uint64_t to = std::stoull(found[1], nullptr, 16);
        const auto place = std::lower_bound(
            function.code.begin(), function.code.begin() + std::ptrdiff_t(i) + 1, to,
            [](const Instruction& one, std::uint64_t address) { return one.address < address; });
        const bool returns =
            std::any_of(place, function.code.begin() + std::ptrdiff_t(i) + 1,
                        [](const Instruction& one) { return one.text.starts_with("ret"); });
        if (place->address == to && !returns)
            loops.emplace_back(std::size_t(place - function.code.begin()), i);
    }
    std::vector<Loop> inner;
    for (const auto& loop : loops)
        if (std::none_of(loops.begin(), loops.end(), [&](const auto& other) {
                return other != loop && loop.first <= other.first && other.second <= loop.second;
            }))
            inner.push_back(counted(function, loop.first, loop.second));
    return inner;
}

std::vector<Loop> loops_of_text(const std::string& text) {
    std::vector<Loop> loops;
    for (const Function& function : parsed(text))
        for (Loop& loop : inner_loops(function)) loops.push_back(std::move(loop));
    return loops;
}

std::vector<Loop> loops_of(const QString& object) {
    QProcess objdump;
    objdump.start("objdump", {"--disassemble", "--demangle", "--no-show-raw-insn", object});
    if (!objdump.waitForFinished(120000) || objdump.exitCode() != 0)
        qFatal("objdump: %s", objdump.readAllStandardError().constData());
    return loops_of_text(objdump.readAllStandardOutput().toStdString());
}

std::string said(const Loop& loop) {
    return loop.function + ": " + std::to_string(loop.vectors) + " vector instructions, " +
           std::to_string(loop.arithmetic) + " of them arithmetic, " + std::to_string(loop.reads) +
           " read and " + std::to_string(loop.writes) + " write the stack";
}

} // namespace

class MachineCodeTest : public QObject {
    Q_OBJECT
private slots:
    void a_sum_kept_on_the_stack_is_seen();
    void products_keep_sums_and_weights_in_registers_data();
    void products_keep_sums_and_weights_in_registers();
    void no_loop_sends_its_vectors_through_the_stack_data();
    void no_loop_sends_its_vectors_through_the_stack();
};

static void each_instruction_set() {
    QTest::addColumn<QString>("objects");
    QTest::newRow("baseline") << QStringLiteral(OBJECTS_baseline);
    QTest::newRow("avx2") << QStringLiteral(OBJECTS_avx2);
    QTest::newRow("avx512") << QStringLiteral(OBJECTS_avx512);
    QTest::newRow("avx512_bf16") << QStringLiteral(OBJECTS_avx512_bf16);
}

void MachineCodeTest::a_sum_kept_on_the_stack_is_seen() {
    const auto loops = loops_of_text("0000000000000010 <sum(float const*)>:\n"
                                     "  10:\tvmovups (%rdi),%ymm1\n"
                                     "  14:\tvaddps -0x20(%rsp),%ymm1,%ymm0\n"
                                     "  1a:\tvmovaps %ymm0,-0x20(%rsp)\n"
                                     "  20:\tadd    $0x20,%rdi\n"
                                     "  24:\tjne    10 <sum(float const*)>\n"
                                     "  26:\tret\n");
    QCOMPARE(loops.size(), 1);
    QCOMPARE(loops[0].vectors, 3);
    QCOMPARE(loops[0].arithmetic, 1);
    QCOMPARE(loops[0].reads, 1);
    QCOMPARE(loops[0].writes, 1);
}

void MachineCodeTest::products_keep_sums_and_weights_in_registers_data() {
    each_instruction_set();
}

/// The loops of multiply_rows and multiply_strip, for f32 and bf16 and each number of rows: nothing
/// goes to the stack.
void MachineCodeTest::products_keep_sums_and_weights_in_registers() {
    QFETCH(QString, objects);
    const QStringList matmul = objects.split(',').filter("/matmul.cpp");
    QCOMPARE(matmul.size(), 1);
    int seen = 0;
    for (const Loop& loop : loops_of(matmul[0])) {
        const bool product = loop.function.find("multiply_rows<") != std::string::npos ||
                             loop.function.find("multiply_strip<") != std::string::npos;
        if (!product || !loop.arithmetic) continue;
        ++seen;
        QVERIFY2(loop.reads + loop.writes == 0, said(loop).c_str());
    }
    QVERIFY2(seen >= 3, "the products' loops are not where they were");
}

void MachineCodeTest::no_loop_sends_its_vectors_through_the_stack_data() {
    each_instruction_set();
}

/// In every op: where sixteen registers are too few some values wait on the stack, but a loop that
/// writes there in more than every sixth vector instruction has lost its sums, or copies in
/// pieces.
void MachineCodeTest::no_loop_sends_its_vectors_through_the_stack() {
    QFETCH(QString, objects);
    constexpr int least_arithmetic = 12; // fewer are a row's tail, or bound by memory anyway
    int seen = 0;
    QStringList wrong;
    for (const QString& object : objects.split(','))
        for (const Loop& loop : loops_of(object)) {
            if (loop.arithmetic < least_arithmetic ||
                loop.function.find("FirstLanes") != std::string::npos)
                continue;
            ++seen;
            if (loop.writes * 6 > loop.vectors) wrong << QString::fromStdString(said(loop));
        }
    QVERIFY2(seen > 20, "few loops of vectors were found");
    QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join('\n')));
}

SWEETSPOT_TEST(MachineCodeTest)
#include "machine_code_test.moc"
