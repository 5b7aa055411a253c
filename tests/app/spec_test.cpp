#include "app/experiment/schema.h"
#include "app/experiment/spec.h"
#include "kernels/core/error.h"
#include "tests/suite.h"
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>

using namespace sweetspot;
using Values = std::vector<std::string>;

namespace {

std::string expand_refusal(std::string_view text) {
    try {
        expand_values(text);
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

std::string refusal(std::string_view json) {
    try {
        spec_from_json(json, "a.json");
    } catch (const Error& error) {
        return error.kind == Failure::bad_input ? error.what() : "another failure";
    }
    return {};
}

std::string only_problem(const Spec& spec) {
    const auto all = problems(spec);
    return all.size() == 1 ? all.front() : to_text(all.size()) + " problems";
}

QJsonObject schema() {
    return QJsonDocument::fromJson(QByteArray::fromStdString(spec_schema())).object();
}

/// What the schema should say of a field; numbers are compared as doubles.
template <class T>
QJsonObject expected(const Field& field, const T& value) {
    QJsonObject json{{"description", QString::fromStdString(std::string(field.meaning))}};
    if constexpr (std::is_same_v<T, bool>) {
        json["type"] = "boolean";
        json["default"] = value;
    } else if constexpr (std::is_arithmetic_v<T>) {
        json["type"] = std::is_integral_v<T> ? "integer" : "number";
        json["default"] = double(value);
        if (field.range.least > Range{}.least)
            json[field.range.above ? "exclusiveMinimum" : "minimum"] = field.range.least;
        if (field.range.most < Range{}.most) json["maximum"] = field.range.most;
    } else {
        json["default"] = QString::fromStdString(to_text(value));
        json["type"] = "string";
        QJsonArray names;
        for (const auto& name : choices(value)) names.append(QString::fromStdString(name));
        if (!names.isEmpty()) json["enum"] = names;
    }
    return json;
}

} // namespace

class SpecTest : public QObject {
    Q_OBJECT

private slots:
    void values_are_lists_ranges_and_names() {
        QCOMPARE(expand_values("1,2,4"), (Values{"1", "2", "4"}));
        QCOMPARE(expand_values("flash"), (Values{"flash"}));
        QCOMPARE(expand_values("1-5"), (Values{"1", "2", "3", "4", "5"}));
        QCOMPARE(expand_values("1-64*2"), (Values{"1", "2", "4", "8", "16", "32", "64"}));
        QCOMPARE(expand_values("1-100*10"), (Values{"1", "10", "100"}));
        QCOMPARE(expand_values("3-20*2"), (Values{"3", "6", "12"}));
        QCOMPARE(expand_values("128-512+128"), (Values{"128", "256", "384", "512"}));
        QCOMPARE(expand_values("0-5+2"), (Values{"0", "2", "4"}));
        QCOMPARE(expand_values("[pow2]=[7:11]"), (Values{"128", "256", "512", "1024", "2048"}));
        QCOMPARE(expand_values("[pow2]=[0:4:2]"), (Values{"1", "4", "16"}));
        QCOMPARE(expand_values("[1:7:3]"), (Values{"1", "4", "7"}));
        QCOMPARE(expand_values("[1,2]"), (Values{"1", "2"}));
        QCOMPARE(expand_values("1, 8-32*2 ,flash"), (Values{"1", "8", "16", "32", "flash"}));
        QCOMPARE(expand_values("7-7"), (Values{"7"}));
        QCOMPARE(expand_values("9223372036854775806-9223372036854775807").size(), 2u);
    }

    void names_with_dashes_are_names() {
        QCOMPARE(expand_values("esm2-8m"), (Values{"esm2-8m"}));
        QCOMPARE(expand_values("2024-01-data.fasta"), (Values{"2024-01-data.fasta"}));
        QCOMPARE(expand_values("uniform:10:20"), (Values{"uniform:10:20"}));
        QCOMPARE(expand_values("-1"), (Values{"-1"}));
        QCOMPARE(expand_values("0.5,1e-3"), (Values{"0.5", "1e-3"}));
    }

    void what_cannot_be_expanded_is_quoted() {
        QCOMPARE(expand_refusal("64-1"), R"("64-1" ends before it begins)");
        QCOMPARE(expand_refusal("1-64*1"),
                 R"("1-64*1" never ends: it does not grow from value to value)");
        QCOMPARE(expand_refusal("0-64*2"),
                 R"("0-64*2" never ends: it does not grow from value to value)");
        QCOMPARE(expand_refusal("1-64+0"),
                 R"("1-64+0" never ends: it does not grow from value to value)");
        QCOMPARE(expand_refusal("1-64*x"),
                 R"("1-64*x" is not a range: after * or + comes one whole number)");
        QCOMPARE(expand_refusal("1-1000000000"), R"("1-1000000000" makes more than 100000 values)");
        QCOMPARE(expand_refusal("[1:2"), "\"[1:2\" is not a range: write [FIRST:LAST], "
                                         "[FIRST:LAST:STEP] or [pow2]=[FIRST:LAST]");
        QCOMPARE(expand_refusal("[pow2]=[60:63]"),
                 R"("[pow2]=[60:63]" has powers of two above 2^62)");
        for (const char* text : {"", "1,", ",1", "1,,2", "[]", "[pow2]=[]", "[pow2]=[7]", "[a:b]"})
            QVERIFY2(!expand_refusal(text).empty(), text);
    }

    void a_spec_file_reads_in_its_order() {
        const auto spec = spec_from_json(R"({
            "$schema": "spec.schema.json", "name": "n", "description": "d",
            "base": {"model": "esm2-35m", "noise": 0.05, "trace": false, "batch": 2},
            "axes": {"sequence": "128-512*2", "batch": [1, 2], "attention": ["naive", "flash"]},
            "zip": false, "points": [{"batch": 64, "precision": "bf16"}]})",
                                         "a.json");
        QCOMPARE(spec.name, std::string("n"));
        QCOMPARE(spec.description, std::string("d"));
        QCOMPARE(spec.base.model, std::string("esm2-35m"));
        QCOMPARE(spec.base.noise, 0.05);
        QCOMPARE(spec.base.trace, false);
        QVERIFY((spec.axes == std::vector<Axis>{{"sequence", {"128", "256", "512"}},
                                                {"batch", {"1", "2"}},
                                                {"attention", {"naive", "flash"}}}));
        QVERIFY(!spec.zip);
        QCOMPARE(spec.points.size(), 1u);
        QCOMPARE(spec.points[0].at("batch"), std::string("64"));
    }

    void a_spec_written_reads_back_the_same() {
        Spec spec;
        spec.name = "ä \"quoted\" name";
        spec.base.model = "esm2-35m";
        spec.base.memory_limit_bytes = 2e9;
        spec.base.prompt = "a, b";
        spec.axes = {{"sequence", {"128", "256"}}, {"noise", {"0.05", "0.1"}}, {"trace", {"true"}}};
        spec.points = {{{"batch", "4"}, {"layout", "ragged"}}};
        const auto text = to_json(spec);
        const auto back = spec_from_json(text, "back");
        QCOMPARE(back.name, spec.name);
        QVERIFY(back.base == spec.base);
        QVERIFY(back.axes == spec.axes);
        QVERIFY(back.points == spec.points);
        QCOMPARE(to_json(back), text);
        QVERIFY2(text.find("timeout_seconds") == text.npos, "usual values are left out");
        QVERIFY2(text.find("\"batch\": 4") != text.npos, "numbers are numbers");
    }

    void a_value_has_one_spelling() {
        const auto read = [](const char* value) {
            const std::string text = value;
            return spec_from_json(R"({"axes": {"dropout": [)" + text + R"(], "batch": "1,02"},
                                      "points": [{"dropout": )" +
                                      text + "}]}",
                                  "a.json");
        };
        const Spec spec = read("0.5");
        for (const char* other : {"0.50", "5e-1", "\"0.5\"", "\"00.5\""}) {
            QVERIFY2(read(other).points == spec.points, other);
            QVERIFY2(read(other).axes == spec.axes, other);
        }
        QCOMPARE(read("0.0").points[0].at("dropout"), std::string("0"));
        QCOMPARE(read("0").points[0].at("dropout"), read("0.0").points[0].at("dropout"));
        QCOMPARE(spec.axes[1].values, (std::vector<std::string>{"1", "2"}));
        const Spec back = spec_from_json(to_json(read("0.0")), "back");
        QVERIFY(back.points == read("0").points);
    }

    void unknown_names_come_with_the_nearest() {
        QCOMPARE(refusal(R"({"base":{"atention":"naive"}})"),
                 R"(a.json: base: there is no field "atention"; did you mean "attention"?)");
        QCOMPARE(refusal(R"({"bases":{}})"),
                 R"(a.json: there is no "bases" in an experiment; did you mean "base"?)");
        QCOMPARE(refusal(R"({"axes":{"batches_":[1]}})"),
                 R"(a.json: axes: there is no field "batches_"; did you mean "batches"?)");
        QCOMPARE(
            refusal(R"({"axes":{"attention":["naive","flsh"]}})"),
            R"(a.json: axis "attention": "attention" cannot be "flsh"; did you mean "flash"?)");
        QCOMPARE(
            refusal(R"({"axes":{"attention":["what"]}})"),
            R"(a.json: axis "attention": "attention" cannot be "what" (naive, flash, vendor))");
        QCOMPARE(refusal(R"({"points":[{},{"bacth":1}]})"),
                 R"(a.json: point 2: there is no field "bacth"; did you mean "batch"?)");
        const auto model = refusal(R"({"base":{"model":"esm2-8n"}})");
        QVERIFY2(model.find("esm2-8n") != model.npos, model.c_str());
        QVERIFY2(model.find("\"esm2-8m\"") != model.npos, model.c_str());
    }

    void all_problems_are_said_at_once() {
        QCOMPARE(refusal(R"({"base":{"batch":0,"layout":"raged"},"axes":{"noise":[0]},"zap":1})"),
                 "a.json: base: \"batch\" is a whole number from 1 to 1000000, not \"0\"\n"
                 "a.json: base: \"layout\" cannot be \"raged\"; did you mean \"ragged\"?\n"
                 "a.json: there is no \"zap\" in an experiment; did you mean \"zip\"?\n"
                 "a.json: axis \"noise\": \"noise\" is a number above 0, not \"0\"");
    }

    void values_out_of_range_are_said_with_the_range() {
        QCOMPARE(problem_of("sequence", "0"),
                 R"("sequence" is a whole number from 1 to 10000000, not "0")");
        QCOMPARE(problem_of("batch", "-4"),
                 R"("batch" is a whole number from 1 to 1000000, not "-4")");
        QCOMPARE(problem_of("batch", "99999999999"),
                 R"("batch" is a whole number from 1 to 1000000, not "99999999999")");
        QCOMPARE(problem_of("batch", "two"),
                 R"("batch" is a whole number from 1 to 1000000, not "two")");
        QCOMPARE(problem_of("top_p", "1.5"),
                 R"("top_p" is a number above 0 and at most 1, not "1.5")");
        QCOMPARE(problem_of("temperature", "nan"),
                 R"("temperature" is a number of at least 0, not "nan")");
        QCOMPARE(problem_of("trace", "maybe"), R"("trace" cannot be "maybe" (false, true))");
        QCOMPARE(problem_of("noise", "0.01"), "");
        QCOMPARE(problem_of("timeout_seconds", "0"), "");
        QCOMPARE(problem_of("prompt", "anything"), "");
    }

    void the_usual_configuration_has_no_problem() { QCOMPARE(problems(Spec{}).size(), 0u); }

    void the_shape_of_axes_is_checked() {
        QCOMPARE(only_problem({.axes = {{"batch", {}}}}), R"(axis "batch": it has no values)");
        QCOMPARE(only_problem({.axes = {{"batch", {"1"}}, {"noise", {"1"}}, {"batch", {"2"}}}}),
                 R"(axis "batch": the field is an axis twice)");
        QCOMPARE(only_problem(
                     {.axes = {{"batch", {"1", "2", "3"}}, {"sequence", {"1", "2"}}}, .zip = true}),
                 "axes: to go in step (zip) they need equally many values, but \"batch\" has 3 and "
                 "\"sequence\" has 2");
        const auto thousands = expand_values("1-2000");
        QCOMPARE(only_problem({.axes = {{"batch", thousands}, {"sequence", thousands}}}),
                 "axes: they make 4000000 points, which is more than 1000000");
    }

    void what_is_not_json_is_said_with_line_and_column() {
        QCOMPARE(refusal("{\n  \"name\": \"x\",\n  oops\n}").find("a.json: line 3, column 3: "),
                 0u);
        QCOMPARE(refusal("").find("a.json: line 1, column 1: "), 0u);
        QCOMPARE(refusal("{\"axes\": {\"batch\": [1, 2").find("a.json: line 1, column "), 0u);
        QVERIFY(!refusal(std::string(100'000, '[')).empty());
    }

    void things_of_the_wrong_kind_are_said() {
        QCOMPARE(refusal("[1]"),
                 "a.json: an experiment is a JSON object with \"base\" and \"axes\"");
        QCOMPARE(refusal(R"({"zip":1})"), "a.json: \"zip\" is true or false, not 1");
        QCOMPARE(refusal(R"({"name":1})"), "a.json: \"name\" is a text, not 1");
        QCOMPARE(refusal(R"({"points":{}})"),
                 "a.json: \"points\" is a list of objects, not an object");
        QCOMPARE(refusal(R"({"axes":[]})"), "a.json: \"axes\" is an object of fields and their "
                                            "values, {\"batch\": [1, 2, 4]}, not a list");
        QCOMPARE(refusal(R"({"axes":{"batch":"1-"}})").find("a.json: axis \"batch\": "), 0u);
        QCOMPARE(refusal(R"({"axes":{"batch":"9-1"}})"),
                 R"(a.json: axis "batch": "9-1" ends before it begins)");
        QCOMPARE(refusal(R"({"axes":{"batch":[1],"batch":[2]}})"),
                 R"(a.json: "batch" is given twice)");
        QVERIFY(!refusal(R"({"base":{"model":null}})").empty());
    }

    void files_that_cannot_be_read_are_named() {
        for (const std::filesystem::path path : {"/nowhere/a.json", "/"}) {
            QVERIFY_EXCEPTION_THROWN(load_spec(path), Error);
            try {
                load_spec(path);
            } catch (const Error& error) {
                QCOMPARE(error.kind, Failure::file);
                const std::string why = path == "/" ? "this is a folder" : "there is no such file";
                QCOMPARE(std::string(error.what()).find(path.string() + ": " + why), 0u);
            }
        }
        const QTemporaryDir folder;
        const auto path = folder.filePath("a.json").toStdString();
        QFile file(QString::fromStdString(path));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(R"({"name":"from a file"})");
        file.close();
        QCOMPARE(load_spec(path).name, std::string("from a file"));
    }

    void the_schema_lists_every_field_as_the_field_list_does() {
        const auto fields = schema()["$defs"].toObject()["fields"].toObject();
        const auto axes = schema()["properties"].toObject()["axes"].toObject();
        QCOMPARE(fields["additionalProperties"].toBool(true), false);
        RunConfig usual;
        int count = 0;
        each_field(usual, [&](const Field& field, auto& value) {
            const auto name = QString::fromStdString(std::string(field.name));
            QCOMPARE(fields["properties"].toObject()[name].toObject(), expected(field, value));
            const auto values = axes["properties"].toObject()[name].toObject()["anyOf"].toArray();
            QCOMPARE(values.size(), 3);
            QCOMPARE(values[0].toObject()["$ref"].toString(), "#/$defs/fields/properties/" + name);
            ++count;
        });
        QCOMPARE(fields["properties"].toObject().size(), count);
        QCOMPARE(axes["properties"].toObject().size(), count);
    }

    void the_schema_names_what_a_spec_has() {
        QCOMPARE(schema()["$schema"].toString(), "https://json-schema.org/draft/2020-12/schema");
        auto keys = schema()["properties"].toObject().keys();
        QCOMPARE(keys,
                 (QStringList{"$schema", "axes", "base", "description", "name", "points", "zip"}));
        QCOMPARE(schema()["additionalProperties"].toBool(true), false);
    }
};

SWEETSPOT_TEST(SpecTest)
#include "spec_test.moc"
