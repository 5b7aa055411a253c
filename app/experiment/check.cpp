#include "app/experiment/printable.h"
#include "app/experiment/spec.h"
#include "engine/config/catalogue.h"
#include "kernels/core/error.h"
#include <map>

// What is wrong with a spec before it is planned, a sentence for each mistake, so that all can be
// mended at once. Whether a point can run is asked later, of each (engine/config/possible.h).

namespace sweetspot {

namespace {

constexpr double most_points = 1'000'000; // of one grid: more is a slip of the pen

std::string in_quotes(std::string_view text) {
    return '"' + std::string(text) + '"';
}

/// What is wrong with models, each looked up once.
class ModelNames {
public:
    /// "" if there is such a model.
    const std::string& problem(const std::string& name) {
        const auto [known, is_new] = problems_.try_emplace(name);
        if (is_new) {
            try {
                load_model_config(name);
            } catch (const Error& error) { // what a person wrote is answered, not thrown
                known->second = error.what();
            }
        }
        return known->second;
    }

private:
    std::map<std::string, std::string> problems_;
};

class Checker {
public:
    explicit Checker(const Spec& spec) : spec_(spec) {}

    std::vector<std::string> check() {
        check_base();
        for (const auto& axis : spec_.axes) check_axis(axis);
        check_shape();
        for (std::size_t i = 0; i < spec_.points.size(); ++i)
            for (const auto& [field, value] : spec_.points[i])
                check_value("point " + to_text(i + 1), field, value);
        return std::move(found_);
    }

private:
    void check_value(const std::string& place, const std::string& field, const std::string& value) {
        auto wrong = problem_of(field, value);
        if (wrong.empty() && field == "model") wrong = models_.problem(value);
        if (!wrong.empty()) found_.push_back(place + ": " + wrong);
    }

    void check_base() {
        for (const RunField& field : run_fields())
            if (field.name != "model" || uses_base_model())
                check_value("base", std::string(field.name), field.get(spec_.base));
    }

    /// A base model that every point replaces need not exist.
    bool uses_base_model() const {
        for (const auto& axis : spec_.axes)
            if (axis.field == "model") return false;
        return true;
    }

    void check_axis(const Axis& axis) {
        const auto place = "axis " + in_quotes(axis.field);
        if (!find_field(axis.field)) {
            found_.push_back("axes: " + problem_of(axis.field, ""));
            return;
        }
        if (axis.values.empty()) found_.push_back(place + ": it has no values");
        for (const auto& value : axis.values) check_value(place, axis.field, value);
        std::size_t same = 0;
        for (const auto& other : spec_.axes) {
            if (&other == &axis) break;
            same += other.field == axis.field;
        }
        if (same == 1) found_.push_back(place + ": the field is an axis twice");
    }

    void check_shape() {
        double count = 1;
        for (const auto& axis : spec_.axes) {
            count *= double(axis.values.size());
            const auto& first = spec_.axes.front();
            if (spec_.zip && axis.values.size() != first.values.size())
                found_.push_back("axes: to go in step (zip) they need equally many values, but " +
                                 in_quotes(first.field) + " has " + to_text(first.values.size()) +
                                 " and " + in_quotes(axis.field) + " has " +
                                 to_text(axis.values.size()));
        }
        if (!spec_.zip && count > most_points)
            found_.push_back("axes: they make " + plain_text(count) +
                             " points, which is more than " + plain_text(most_points));
    }

    const Spec& spec_;
    ModelNames models_;
    std::vector<std::string> found_;
};

} // namespace

std::string problem_of(std::string_view name, std::string_view text) {
    const RunField* field = find_field(name);
    if (field && field->kind == RunField::Kind::text && !is_utf8(text))
        return in_quotes(name) + " is not UTF-8, as what is written down of a run must be: " +
               in_quotes(printable(text)) +
               "; where it is a path, a link to it whose name is UTF-8 helps";
    return misfit(name, text);
}

std::vector<std::string> problems(const Spec& spec) {
    return Checker(spec).check();
}

} // namespace sweetspot
