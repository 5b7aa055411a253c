#include "app/analysis/format.h"
#include "tests/suite.h"
#include <QtTest>
#include <clocale>

using namespace sweetspot;

class FormatTest : public QObject {
    Q_OBJECT
private slots:
    void initTestCase() {
        QVERIFY2(std::string_view(std::localeconv()->decimal_point) == ",",
                 "These tests run under de_DE.UTF-8: is Debian's package locales installed?");
    }

    void values_take_the_prefix_that_suits_them_data() {
        QTest::addColumn<double>("value");
        QTest::addColumn<QString>("unit");
        QTest::addColumn<QString>("text");
        QTest::newRow("milliseconds") << 0.0012345 << "s"
                                      << "1.23 ms";
        QTest::newRow("microseconds") << 45.6e-6 << "s"
                                      << "45.6 µs";
        QTest::newRow("seconds") << 12.0 << "s"
                                 << "12.0 s";
        QTest::newRow("rounds up to the next") << 0.99996 << "s"
                                               << "1.00 s";
        QTest::newRow("no seconds") << 0.0 << "s"
                                    << "0 s";
        QTest::newRow("gibibytes") << 4.56 * 0x1p30 << "bytes"
                                   << "4.56 GiB";
        QTest::newRow("bytes") << 512.0 << "bytes"
                               << "512 B";
        QTest::newRow("token rate") << 12345.0 << "tokens/s"
                                    << "12.3 k tokens/s";
        QTest::newRow("slow token rate") << 3.2 << "tokens/s"
                                         << "3.20 tokens/s";
        QTest::newRow("work") << 1.5e12 << "FLOP"
                              << "1.50 TFLOP";
        QTest::newRow("rate of work") << 98.76e9 << "FLOP/s"
                                      << "98.8 GFLOP/s";
        QTest::newRow("share") << 0.123 << "share"
                               << "12.3 %";
        QTest::newRow("tokens are whole") << 131072.0 << "tokens"
                                          << "131072 tokens";
        QTest::newRow("plain") << 49.404 << ""
                               << "49.4";
        QTest::newRow("negative") << -0.5 << "s"
                                  << "-500 ms";
    }
    void values_take_the_prefix_that_suits_them() {
        QFETCH(double, value);
        QFETCH(QString, unit);
        QFETCH(QString, text);
        QCOMPARE(QString::fromStdString(format_value(value, unit.toStdString())), text);
    }

    void a_column_has_one_unit_by_its_largest_value() {
        QCOMPARE(scaled_unit(0.5, "s").label, std::string("ms"));
        QCOMPARE(scaled_unit(0.5, "s").factor, 1e-3);
        QCOMPARE(scaled_unit(3 * 0x1p20, "bytes").label, std::string("MiB"));
        QCOMPARE(scaled_unit(3 * 0x1p20, "bytes").factor, 0x1p20);
        QCOMPARE(scaled_unit(0.02, "J").label, std::string("mJ"));
        QCOMPARE(format_value(2500, "J"), std::string("2.50 kJ"));
        QCOMPARE(*read_value("3 mJ", "J"), 0.003);
        QCOMPARE(scaled_unit(7, "").label, std::string());
        QCOMPARE(scaled_unit(7, "nats").label, std::string("nats"));
    }

    void numbers_keep_their_digits_without_an_exponent() {
        QCOMPARE(format_number(123456), std::string("123456"));
        QCOMPARE(format_number(9.996), std::string("10.0"));
        QCOMPARE(format_number(0.00123), std::string("0.00123"));
        QCOMPARE(format_number(1.23456, 5), std::string("1.2346"));
        QCOMPARE(format_number(1e20), std::string("1e+20"));
        QCOMPARE(format_number(0), std::string("0"));
        QCOMPARE(format_number(std::nan("")), std::string("not a number"));
    }

    void a_tick_tells_its_value_data() {
        QTest::addColumn<double>("value");
        QTest::addColumn<QString>("text");
        QTest::newRow("fraction") << 0.25 << "0.25";
        QTest::newRow("the sum of ten tenths") << 0.1 + 0.2 << "0.3";
        QTest::newRow("one and a half") << 1.5 << "1.5";
        QTest::newRow("sequence") << 2048.0 << "2048";
        QTest::newRow("round thousands") << 120e3 << "120k";
        QTest::newRow("a power of two") << 131072.0 << "131072";
        QTest::newRow("millions") << 2.5e6 << "2.5M";
        QTest::newRow("more than seven digits") << 0x1p24 << "16.78M";
        QTest::newRow("negative") << -0.5 << "\u22120.5";
        QTest::newRow("none") << 0.0 << "0";
    }
    void a_tick_tells_its_value() {
        QFETCH(double, value);
        QFETCH(QString, text);
        QCOMPARE(QString::fromStdString(format_tick(value)), text);
    }

    void one_of_a_unit_is_not_many() {
        QCOMPARE(with_unit("1", "sequences"), std::string("1 sequence"));
        QCOMPARE(with_unit("8", "sequences"), std::string("8 sequences"));
        QCOMPARE(with_unit("1", "batches"), std::string("1 batch"));
        QCOMPARE(with_unit("1", "s"), std::string("1 s"));
        QCOMPARE(with_unit("1", ""), std::string("1"));
    }

    void durations_read_as_people_say_them() {
        QCOMPARE(format_duration(0.35), std::string("350 ms"));
        QCOMPARE(format_duration(4.2), std::string("4.2 s"));
        QCOMPARE(format_duration(42), std::string("42 s"));
        QCOMPARE(format_duration(59.7), std::string("1 min"));
        QCOMPARE(format_duration(75), std::string("1 min 15 s"));
        QCOMPARE(format_duration(3900), std::string("1 h 5 min"));
        QCOMPARE(format_duration(7199.9), std::string("2 h"));
        QCOMPARE(format_duration(90000), std::string("1 d 1 h"));
    }
};

SWEETSPOT_TEST(FormatTest)
#include "format_test.moc"
