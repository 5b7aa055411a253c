#include "engine/data/json_lines.h"
#include "engine/config/nearest.h"
#include <nlohmann/json.hpp>
#include <vector>

namespace sweetspot {

namespace {
using Json = nlohmann::json;

/// Sees a JSON text go by and keeps one member, so that no tree is built of the others.
class MemberFinder : public nlohmann::json_sax<Json> {
public:
    explicit MemberFinder(const std::string& name) : name_(name) {}

    bool is_object = false;
    int found = 0, found_text = 0;
    std::string text{};
    std::vector<std::string> names{};

    bool null() override { return value(); }
    bool boolean(bool) override { return value(); }
    bool number_integer(number_integer_t) override { return value(); }
    bool number_unsigned(number_unsigned_t) override { return value(); }
    bool number_float(number_float_t, const string_t&) override { return value(); }
    bool binary(binary_t&) override { return value(); }
    bool string(string_t& y) override {
        if (depth_ == 1 && wanted_) {
            text = std::move(y);
            ++found_text;
        }
        return value();
    }
    bool start_object(std::size_t) override {
        is_object |= depth_ == 0;
        ++depth_;
        return true;
    }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override {
        ++depth_;
        return true;
    }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        if (depth_ != 1) return true;
        wanted_ = name == name_;
        found += wanted_;
        names.push_back(std::move(name));
        return true;
    }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
        return false;
    }

private:
    bool value() { return true; }
    bool close() {
        --depth_;
        return true;
    }

    const std::string& name_;
    int depth_ = 0;
    bool wanted_ = false;
};
} // namespace

std::string text_member(const std::string& line, const std::string& name, const TextReader& file,
                        std::size_t number) {
    MemberFinder finder(name);
    if (!Json::sax_parse(line, &finder) || !finder.is_object)
        file.refuse(number, "is no JSON object, or is cut short");
    if (!finder.found)
        file.refuse(number,
                    "the object has no member \"" + name + "\"" + did_you_mean(name, finder.names));
    if (finder.found > 1) file.refuse(number, "the object has several members \"" + name + "\"");
    if (!finder.found_text) file.refuse(number, "the member \"" + name + "\" is no text");
    return finder.text;
}

} // namespace sweetspot
