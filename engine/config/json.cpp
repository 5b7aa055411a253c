// The one place that knows the JSON library: a parser's events become values of ours, under limits
// that no honest file meets, so that a hostile one ends in a sentence.
#include "engine/config/json.h"
#include "engine/config/fields.h"
#include "engine/config/regular_file.h"
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace sweetspot {

namespace {

constexpr std::size_t most_levels = 100;
constexpr std::size_t most_values = 10'000'000; ///< of 40 bytes each; a vocabulary has 2 million
constexpr std::size_t longest_reason = 200;

std::string shortened(std::string text, std::size_t most) {
    if (text.size() > most) text.replace(most, text.npos, "…");
    return text;
}

/// "line 3, column 5: …" from the library's longer sentence.
std::string place_and_reason(const std::string& text) {
    const auto line = text.find("line ");
    return shortened(line == text.npos ? text : text.substr(line), longest_reason);
}

} // namespace

/// Makes a value of what the parser finds.
class JsonBuilder {
public:
    explicit JsonBuilder(const std::string& where) : where_(where) {}
    Json take() { return std::move(root_); }

    bool null() { return add({}); }
    bool boolean(bool v) { return add(v); }
    bool number_integer(std::int64_t v) { return add(v); }
    bool number_unsigned(std::uint64_t v) { return add(v); }
    bool number_float(double v, const std::string& written) {
        const auto digits = std::string_view(written).substr(0, written.find_first_of("eE"));
        if (v == 0 && digits.find_first_of("123456789") != digits.npos) refuse_number(written);
        return add(v);
    }
    bool string(std::string& v) { return add(std::move(v)); }
    bool binary(nlohmann::json::binary_t&) { return false; } // not in text
    bool start_object(std::size_t) { return open(Json::object()); }
    bool key(std::string& name) {
        std::get<Json::Object>(open_.back()->value_).push_back({std::move(name), {}});
        return true;
    }
    bool end_object() {
        std::vector<std::string_view> names;
        for (const auto& member : open_.back()->items()) names.push_back(member.name);
        std::sort(names.begin(), names.end());
        const auto twice = std::adjacent_find(names.begin(), names.end());
        if (twice != names.end())
            refuse("\"" + shortened(std::string(*twice), 60) + "\" is given twice");
        open_.pop_back();
        return true;
    }
    bool start_array(std::size_t) { return open(Json::array()); }
    bool end_array() {
        open_.pop_back();
        return true;
    }
    bool parse_error(std::size_t, const std::string& written, const nlohmann::json::exception& e) {
        if (dynamic_cast<const nlohmann::json::out_of_range*>(&e)) refuse_number(written);
        refuse(place_and_reason(e.what()));
    }

private:
    bool add(Json v) {
        place_for_next() = std::move(v);
        return true;
    }
    bool open(Json v) {
        if (open_.size() == most_levels)
            refuse("nested deeper than " + to_text(most_levels) + " levels");
        Json& place = place_for_next();
        place = std::move(v);
        open_.push_back(&place); // stays: what holds it does not grow while it is open
        return true;
    }
    Json& place_for_next() {
        if (++count_ > most_values) refuse("more than " + to_text(most_values) + " values");
        if (open_.empty()) return root_;
        if (auto* object = std::get_if<Json::Object>(&open_.back()->value_))
            return object->back().value;
        return std::get<Json::Array>(open_.back()->value_).emplace_back();
    }
    [[noreturn]] void refuse(const std::string& why) const {
        throw Error(Failure::bad_input, where_ + ": " + why);
    }
    [[noreturn]] void refuse_number(const std::string& written) const {
        std::string way;
        for (const Json* open : open_)
            if (open->is_array())
                way += "[" + to_text(open->size() - (open != open_.back())) + "]";
            else if (!open->empty())
                way += (way.empty() ? "" : ".") + open->items().back().name;
        refuse(shortened(way, 120) + (way.empty() ? "" : ": ") + shortened(written, 60) +
               " is beyond the range of a number");
    }

    const std::string& where_;
    Json root_{};
    std::vector<Json*> open_{}; ///< objects and lists, outermost first
    std::size_t count_ = 0;
};

Json parse_json(std::string_view text, const std::string& where) {
    JsonBuilder builder(where);
    nlohmann::json::sax_parse(text, &builder);
    return builder.take();
}

Json read_json(const std::string& path) {
    return parse_json(read_regular_file(path, std::size_t(256) << 20), path);
}

Json::Json(double v) : value_(v) {}
Json::Json(std::string v) : value_(std::move(v)) {}
Json::Json(std::string_view v) : value_(std::string(v)) {}
Json::Json(const char* v) : value_(std::string(v)) {}
Json::Json(std::initializer_list<Member> members) : value_(Object(members)) {}
Json::Json(Value v) : value_(std::move(v)) {}

Json Json::array() {
    return Json(Value(Array()));
}

Json Json::object() {
    return Json(Value(Object()));
}

bool Json::operator==(const Json& that) const {
    return value_ == that.value_;
}

std::size_t Json::size() const {
    if (const auto* all = std::get_if<Array>(&value_)) return all->size();
    return items().size();
}

const Json* Json::begin() const {
    const auto* all = std::get_if<Array>(&value_);
    return all ? all->data() : nullptr;
}

void Json::push_back(Json v) {
    if (is_null()) value_ = Array();
    std::get<Array>(value_).push_back(std::move(v));
}

const Json::Object& Json::items() const {
    static const Object none;
    const auto* all = std::get_if<Object>(&value_);
    return all ? *all : none;
}

const Json* Json::find(std::string_view name) const {
    for (const auto& member : items())
        if (member.name == name) return &member.value;
    return nullptr;
}

Json& Json::operator[](std::string_view name) {
    if (const Json* found = find(name)) return const_cast<Json&>(*found);
    return add(std::string(name), {});
}

Json& Json::add(std::string name, Json v) {
    if (is_null()) value_ = Object();
    return std::get<Object>(value_).emplace_back(std::move(name), std::move(v)).value;
}

void Json::refuse(const std::string& wanted) const {
    throw Error(Failure::bad_input, described(*this) + " is not " + wanted);
}

namespace {

/// A whole number stays one when it is read again, and a real number a real one.
std::string written_number(double v) {
    if (!std::isfinite(v)) return "null";
    auto text = to_text(v);
    if (text.find_first_of(".e") == text.npos) text += ".0";
    return text;
}

std::string quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void write(std::string& out, const Json& json, int indent, int level) {
    const auto between = [&](const char* mark, int deeper) {
        out += mark;
        if (indent >= 0) out.append(1, '\n').append(std::size_t(indent * (level + deeper)), ' ');
    };
    if (json.is_object() && !json.empty()) {
        const char* mark = "{";
        for (const auto& [name, value] : json.items()) {
            between(mark, 1);
            out += quoted(name) + (indent < 0 ? ":" : ": ");
            write(out, value, indent, level + 1);
            mark = ",";
        }
        between("", 0);
        out += '}';
    } else if (json.is_array() && !json.empty()) {
        const char* mark = "[";
        for (const auto& value : json) {
            between(mark, 1);
            write(out, value, indent, level + 1);
            mark = ",";
        }
        between("", 0);
        out += ']';
    } else if (json.is_object() || json.is_array()) {
        out += json.is_object() ? "{}" : "[]";
    } else if (json.is_string()) {
        out += quoted(json.get<std::string>());
    } else if (json.is_boolean()) {
        out += to_text(json.get<bool>());
    } else if (json.is_null()) {
        out += "null";
    } else if (!json.is_number_integer()) {
        out += written_number(json.get<double>());
    } else {
        out += json.get<double>() < 0 ? to_text(json.get<std::int64_t>())
                                      : to_text(json.get<std::uint64_t>());
    }
}

} // namespace

std::string dump(const Json& json, int indent) {
    std::string out;
    write(out, json, indent, 0);
    return out;
}

std::string described(const Json& json) {
    if (json.is_object()) return "an object";
    if (json.is_array()) return "a list";
    return shortened(dump(json), 60);
}

} // namespace sweetspot
