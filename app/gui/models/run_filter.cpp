#include "app/gui/models/run_filter.h"
#include "app/analysis/statistics.h"
#include "app/experiment/metrics.h"
#include "app/gui/models/run_text.h"
#include "engine/config/nearest.h"

// What is typed into a filter as terms: fields and metrics compared with values in any unit, and
// words. What cannot be meant is a sentence with the nearest name.

namespace sweetspot::gui {
namespace {

std::vector<std::string> fieldNames() {
    std::vector<std::string> names;
    for (const RunField& field : run_fields()) names.emplace_back(field.name);
    return names;
}

std::vector<std::string> allNames() {
    auto names = fieldNames();
    for (const MetricInfo& metric : metric_catalogue) names.emplace_back(metric.name);
    names.emplace_back("status");
    return names;
}

/// The name that a person meant, as records spell it; empty if there is none.
QString knownName(const QString& typed) {
    const std::string wanted = typed.toLower().toStdString();
    for (const MetricInfo& metric : metric_catalogue) {
        std::string title(metric.title);
        std::replace(title.begin(), title.end(), ' ', '_');
        if (title == wanted) return QString::fromStdString(std::string(metric.name));
    }
    for (const auto& name : allNames())
        if (name == wanted) return QString::fromStdString(name);
    return {};
}

std::optional<double> numberOf(const QString& text) {
    static const struct {
        const char* unit;
        double factor;
    } units[] = {{"", 1},         {"s", 1},        {"ms", 1e-3},    {"us", 1e-6},    {"B", 1},
                 {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"k", 1e3},
                 {"M", 1e6},      {"G", 1e9},      {"T", 1e12},     {"%", 0.01},     {"J", 1},
                 {"mJ", 1e-3},    {"kJ", 1e3}};
    static const QRegularExpression number(R"(^([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)([A-Za-z%]*)$)");
    const auto match = number.match(text);
    if (!match.hasMatch()) return {};
    bool good = false;
    const double value = match.captured(1).toDouble(&good);
    for (const auto& unit : units)
        if (good && match.captured(2) == unit.unit) return value * unit.factor;
    return {};
}

bool holds(const QString& sign, double a, double b) {
    if (sign == "=") return a == b;
    if (sign == "!=") return a != b;
    if (sign == "<") return a < b;
    if (sign == "<=") return a <= b;
    if (sign == ">") return a > b;
    return a >= b;
}

/// Whether one of a run's texts is as `is` has it.
bool anyText(const RunRecord& run, const auto& is) {
    if (is(QString::fromStdString(to_text(run.status))) || is(reasonOf(run))) return true;
    for (const RunField& field : run_fields())
        if ((field.kind == RunField::Kind::choice || field.kind == RunField::Kind::text) &&
            is(QString::fromStdString(field.get(run.config))))
            return true;
    return false;
}

/// "/naive|flash/": what stands between the slashes; nothing for a term of another kind.
std::optional<QString> patternOf(const QString& part) {
    if (part.size() < 3 || !part.startsWith('/') || !part.endsWith('/')) return {};
    return part.mid(1, part.size() - 2);
}

bool meetsOne(const RunRecord& run, const RunTerm& term) {
    if (term.pattern)
        return anyText(run, [&](const QString& text) { return text.contains(*term.pattern); });
    if (term.name.isEmpty())
        return anyText(run, [&](const QString& text) {
            return text.contains(term.value, Qt::CaseInsensitive);
        });
    const std::string name = term.name.toStdString();
    if (find_metric(name)) {
        const auto value = value_of(run, name);
        return value && term.number && holds(term.sign, *value, *term.number);
    }
    const QString text = QString::fromStdString(name == "status" ? to_text(run.status)
                                                                 : get_field(run.config, name));
    const auto number = numberOf(text);
    if (number && term.number) return holds(term.sign, *number, *term.number);
    const bool same = text.compare(term.value, Qt::CaseInsensitive) == 0;
    return term.sign == "=" ? same : term.sign == "!=" && !same;
}

} // namespace

RunTerms parseTerms(const QString& text) {
    static const QRegularExpression comparison(R"(^([A-Za-z_]+)(<=|>=|!=|=|<|>)(?!=)(.+)$)");
    static const QRegularExpression around_sign(R"(\s*(<=|>=|!=|=|<|>)\s*)");
    static const QRegularExpression between_terms(R"([\s,]+)");
    RunTerms result;
    QString joined = text;
    joined.replace(around_sign, "\\1"); // "batch >= 8" is one term
    for (const QString& part : joined.split(between_terms, Qt::SkipEmptyParts)) {
        RunTerm term{.text = part, .value = part};
        if (const auto pattern = patternOf(part)) {
            term.pattern.emplace(*pattern, QRegularExpression::CaseInsensitiveOption);
            if (!term.pattern->isValid())
                result.problem = QObject::tr("%1 is no regular expression: %2, at character %3.")
                                     .arg(part, term.pattern->errorString())
                                     .arg(term.pattern->patternErrorOffset() + 1);
        } else if (const auto match = comparison.match(part); match.hasMatch()) {
            const QString typed = match.captured(1);
            term.name = knownName(typed);
            term.sign = match.captured(2);
            term.value = match.captured(3);
            term.number = numberOf(term.value);
            if (term.name.isEmpty())
                result.problem =
                    QObject::tr("There is no field or metric \"%1\"%2")
                        .arg(typed,
                             QString::fromStdString(did_you_mean(typed.toStdString(), allNames())));
            else if (find_metric(term.name.toStdString()) && !term.number)
                result.problem = QObject::tr("%1 is compared with a number, and \"%2\" is none.")
                                     .arg(typed, term.value);
        } else if (part.contains(QRegularExpression("[<>=]"))) {
            result.problem =
                QObject::tr("\"%1\" is not complete: write for example batch>=8.").arg(part);
        }
        result.terms << term;
    }
    return result;
}

bool meets(const RunRecord& run, const QList<RunTerm>& terms) {
    return std::all_of(terms.begin(), terms.end(),
                       [&](const RunTerm& term) { return meetsOne(run, term); });
}

} // namespace sweetspot::gui
