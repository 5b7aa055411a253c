// The main() of a test program: NAME of a test object, then Qt Test's arguments.
#include "tests/suite.h"
#include <cstdio>
#ifdef QT_WIDGETS_LIB
#include <QApplication>
using Application = QApplication;
#else
using Application = QCoreApplication;
#endif

int main(int count, char** words) {
    const auto found = test_objects().find(count > 1 ? words[1] : "");
    if (found == test_objects().end()) {
        std::fprintf(stderr, "%s NAME [Qt Test's arguments], where NAME is one of:\n", words[0]);
        for (const auto& [name, make] : test_objects())
            std::fprintf(stderr, "  %s\n", name.c_str());
        return 2;
    }
    words[1] = words[0]; // as a program of its own
    Application application(--count, ++words);
    application.setAttribute(Qt::AA_Use96Dpi); // as QTEST_MAIN has it
    // Settings go by it: tests that run side by side keep each their own.
    application.setApplicationName(QString::fromStdString(found->first));
    return QTest::qExec(found->second().get(), count, words);
}
