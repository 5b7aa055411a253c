// The one reader of JSON and the one opener of files, on what would end a careless one.
#include "engine/config/json.h"
#include "engine/config/regular_file.h"
#include "files.h"
#include "tests/suite.h"
#include <QtTest>
#include <sys/stat.h>

using namespace sweetspot;
using files::error_of;

class JsonTest : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    std::string path(const char* name) { return folder_.filePath(name).toStdString(); }
    static QString refusal(const std::string& text) {
        return error_of([&] { parse_json(text, "a.json"); });
    }
    static std::string repeated(const std::string& text, int times) {
        std::string all;
        for (int i = 0; i < times; ++i) all += text;
        return all;
    }

private slots:
    void what_is_written_is_read_again() {
        const Json value = {{"text", "a\"\n\xc3\xa9"},
                            {"yes", true},
                            {"nothing", Json()},
                            {"least", std::numeric_limits<std::int64_t>::min()},
                            {"most", std::numeric_limits<std::uint64_t>::max()},
                            {"real", 0.1},
                            {"round", 3.0},
                            {"list", std::vector<int>{1, 2}},
                            {"inner", {{"a", Json::array()}, {"b", Json::object()}}}};
        const std::string line = dump(value);
        const std::string expected =
            "{'text':'a\\'\\n\xc3\xa9','yes':true,'nothing':null,'least':-9223372036854775808,"
            "'most':18446744073709551615,'real':0.1,'round':3.0,'list':[1,2],"
            "'inner':{'a':[],'b':{}}}";
        QCOMPARE(QString::fromStdString(line).replace('"', '\''), QString::fromStdString(expected));
        QVERIFY(parse_json(line, "") == value);
        QVERIFY(parse_json(dump(value, 2), "") == value);
        QCOMPARE(dump(parse_json(R"({"a":[1]})", ""), 2),
                 std::string("{\n  \"a\": [\n    1\n  ]\n}"));
    }

    void bytes_that_are_not_utf_8_are_replaced_in_writing_and_refused_in_reading() {
        QCOMPARE(dump("a\xff"), std::string("\"a\xef\xbf\xbd\""));
        QVERIFY(refusal("\"a\xff\"").startsWith("bad_input: a.json: line 1, column 3: "));
    }

    void a_number_beyond_doubles_is_refused_with_the_way_to_it() {
        QCOMPARE(refusal(R"({"axes":{"batch":[1,1e400]}})"),
                 "bad_input: a.json: axes.batch[1]: 1e400 is beyond the range of a number");
        QCOMPARE(refusal(R"({"axes":[{"a":[2],"b":-1e999}]})"),
                 "bad_input: a.json: axes[0].b: -1e999 is beyond the range of a number");
        QCOMPARE(refusal("1e-999"), "bad_input: a.json: 1e-999 is beyond the range of a number");
        QCOMPARE(parse_json("0e-999", "").get<double>(), 0.0);
        QCOMPARE(parse_json("1e308", "").get<double>(), 1e308);
    }

    void nesting_ends_at_a_hundred_levels() {
        for (const int levels : {101, 100'000}) {
            const auto lists = repeated("[", levels) + repeated("]", levels);
            QCOMPARE(refusal(lists), "bad_input: a.json: nested deeper than 100 levels");
            const auto objects = repeated("{\"a\":", levels) + "1" + repeated("}", levels);
            QCOMPARE(refusal(objects), "bad_input: a.json: nested deeper than 100 levels");
        }
        parse_json(repeated("[", 100) + repeated("]", 100), "");
    }

    void a_name_that_stands_twice_is_refused() {
        QCOMPARE(refusal(R"({"a":{"b":1,"c":2,"b":3}})"),
                 "bad_input: a.json: \"b\" is given twice");
        parse_json(R"({"a":{"b":1},"b":1})", "");
    }

    void whole_numbers_are_exact_or_refused() {
        const auto wrong = [](const char* text) {
            return error_of([&] { parse_json(text, "").get<int>(); });
        };
        QCOMPARE(parse_json("-2147483648", "").get<int>(), std::numeric_limits<int>::min());
        for (const char* text : {"2147483648", "4294967360", "64.9", "64.0", "1e3", "true", "null",
                                 "99999999999999999999", "\"64\""})
            QVERIFY2(
                wrong(text).startsWith("bad_input: ") &&
                    wrong(text).endsWith(" is not a whole number from -2147483648 to 2147483647"),
                qPrintable(wrong(text)));
        QCOMPARE(error_of([] { parse_json("1", "").get<bool>(); }),
                 "bad_input: 1 is not true or false");
        QCOMPARE(error_of([] { parse_json("[[1]]", "").get<std::string>(); }),
                 "bad_input: a list is not a text");
        QCOMPARE(error_of([] {
                     within("f.json: \"x\"", [] { return parse_json("{}", "").get<double>(); });
                 }),
                 "bad_input: f.json: \"x\": an object is not a number");
    }

    void errors_stay_short() {
        QVERIFY(refusal("\"" + std::string(1 << 20, 'x')).size() < 300);
        QVERIFY(refusal("1" + std::string(1 << 20, '0')).size() < 300);
        QVERIFY(described(Json(std::string(1 << 20, 'x'))).size() < 100);
    }

    void an_object_may_have_many_names() {
        std::string text = "{";
        for (int i = 0; i < 300'000; ++i)
            text += (i ? ",\"" : "\"") + std::to_string(i) + "\":" + std::to_string(i);
        const Json all = parse_json(text + "}", "");
        QCOMPARE(all.size(), std::size_t(300'000));
        QCOMPARE(all.items().back().value.get<int>(), 299'999);
    }

    void what_never_ends_is_no_file() {
        const auto pipe = path("pipe");
        QCOMPARE(mkfifo(pipe.c_str(), 0600), 0);
        const QString device =
            ": this is a pipe or a device, which may never end; a regular file is needed";
        for (const std::string& file : {pipe, std::string("/dev/zero")})
            QCOMPARE(error_of([&] { read_json(file); }),
                     "file: " + QString::fromStdString(file) + device);
        QVERIFY(error_of([&] {
                    read_json(folder_.path().toStdString());
                }).endsWith(": this is a folder; a file is needed"));
        QVERIFY(error_of([&] { read_json(path("none")); }).endsWith(": there is no such file"));
        const std::string long_name(5000, 'x');
        QVERIFY(is_there(long_name) && !is_there(path("none")) && !is_folder(long_name));
        QCOMPARE(error_of([&] { read_json(long_name); }),
                 QString::fromStdString("file: " + long_name +
                                        ": cannot be opened: File name too long"));
    }

    void a_file_is_read_whole_and_no_further_than_its_limit() {
        const auto file = files::written(path("file"), std::string(100'000, 'x'));
        QCOMPARE(read_regular_file(file, 100'000).size(), std::size_t(100'000));
        QCOMPARE(error_of([&] { read_regular_file(file, 99'999); }),
                 QString::fromStdString("file: " + file + ": is larger than 99999 bytes"));
        // Its size is said to be 0.
        QVERIFY(!read_regular_file("/proc/self/status", 1 << 20).empty());
        QVERIFY(error_of([] {
                    read_regular_file("/proc/self/status", 10);
                }).endsWith(": is larger than 10 bytes"));
        QVERIFY(read_regular_file(files::written(path("empty"), ""), 10).empty());
    }
};

SWEETSPOT_TEST(JsonTest)
#include "json_test.moc"
