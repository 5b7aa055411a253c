#pragma once
#include <QTest>
#include <filesystem>
#include <map>
#include <memory>

// Many sources make one test program, since each program parses Qt's headers and links all it tests
// anew: a source says SWEETSPOT_TEST(ItsObject) where a program of its own would say
// QTEST_MAIN(ItsObject), and tests/suite.cpp runs the one it is asked for.

/// What makes each test object of this program, by the name of its source ("norm_test").
inline std::map<std::string, std::unique_ptr<QObject> (*)()>& test_objects() {
    static std::map<std::string, std::unique_ptr<QObject> (*)()> objects;
    return objects;
}

#define SWEETSPOT_TEST(Object)                                                                     \
    static const bool registered =                                                                 \
        test_objects()                                                                             \
            .try_emplace(std::filesystem::path(__FILE__).stem(),                                   \
                         [] { return std::unique_ptr<QObject>(new Object); })                      \
            .second;
