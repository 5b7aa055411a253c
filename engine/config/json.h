#pragma once
#include "kernels/core/error.h"
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sweetspot {

/// One JSON value. Objects keep the order in which things are written; whole numbers are exact or
/// no whole numbers at all. What is asked for strictly (get) throws Error(bad_input), a sentence
/// that says what there is instead and never holds a container's contents; within() puts the place
/// before it.
class Json {
public:
    struct Member;
    using Array = std::vector<Json>;
    using Object = std::vector<Member>;

    Json() = default; ///< null
    template <std::same_as<bool> Bool>
    Json(Bool v) : value_(v) {}
    template <std::integral Whole>
    requires(!std::same_as<Whole, bool>) Json(Whole v) : Json(whole(v)) {}
    Json(double); ///< null when written, if it is not finite
    Json(std::string);
    Json(std::string_view);
    Json(const char*);
    Json(std::initializer_list<Member>); ///< an object
    template <class T>
    Json(const std::vector<T>&);
    template <class T, class Less>
    Json(const std::map<std::string, T, Less>&);

    static Json array();
    static Json object();

    bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
    bool is_boolean() const { return std::holds_alternative<bool>(value_); }
    bool is_string() const { return std::holds_alternative<std::string>(value_); }
    bool is_array() const { return std::holds_alternative<Array>(value_); }
    bool is_object() const { return std::holds_alternative<Object>(value_); }
    bool is_number_integer() const { return signed_() || unsigned_(); }
    bool is_number() const { return is_number_integer() || std::holds_alternative<double>(value_); }

    /// A string, bool, double or whole number; of the latter only what the type can hold.
    template <class T>
    T get() const;

    /// Elements or members; 0 for what has none.
    std::size_t size() const;
    bool empty() const { return size() == 0; }

    /// The elements of a list; nothing for what is none.
    const Json* begin() const;
    const Json* end() const { return begin() + (is_array() ? size() : 0); }
    /// An element there is.
    const Json& operator[](std::size_t index) const { return std::get<Array>(value_)[index]; }
    /// Makes a list of null.
    void push_back(Json);

    /// The members of an object in their order; nothing for what is none.
    const Object& items() const;
    /// A member, or null pointer; looks through all of them.
    const Json* find(std::string_view name) const;
    bool contains(std::string_view name) const { return find(name) != nullptr; }
    /// The member of that name, made if there is none; makes an object of null.
    Json& operator[](std::string_view name);
    /// Adds a member that is known to be new; makes an object of null.
    Json& add(std::string name, Json);

    bool operator==(const Json&) const;

private:
    friend class JsonBuilder;
    using Value = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double,
                               std::string, Array, Object>;
    explicit Json(Value);
    template <class Whole>
    static Value whole(Whole);
    const std::int64_t* signed_() const { return std::get_if<std::int64_t>(&value_); }
    const std::uint64_t* unsigned_() const { return std::get_if<std::uint64_t>(&value_); }
    template <std::integral Whole>
    bool holds(Whole& v) const;
    [[noreturn]] void refuse(const std::string& wanted) const;

    Value value_;
};

struct Json::Member {
    std::string name{};
    Json value{};
    bool operator==(const Member&) const = default;
};

/// Parses a whole text: the one reader of JSON. Throws Error(bad_input) with `where`, and line and
/// column or the way to the value (`axes.batch[0]`), for what is not JSON, a number beyond doubles,
/// a name that stands twice in one object, more than 100 levels and more than 10 million values.
Json parse_json(std::string_view text, const std::string& where);

/// Reads and parses a regular file of at most 256 MiB. Throws as parse_json, and Error(file) for
/// what cannot be read.
Json read_json(const std::string& path);

/// Text on one line, or indented by so many blanks; bytes that are not UTF-8 become U+FFFD.
std::string dump(const Json&, int indent = -1);

/// What stands there, for a sentence: "a list", "an object", or up to 60 bytes of the value itself.
std::string described(const Json&);

/// What `read` gives; an error that it ends in begins with the place.
template <class Read>
auto within(const std::string& place, Read&& read) {
    try {
        return read();
    } catch (const Error& error) {
        throw Error(error.kind, place + ": " + error.what());
    }
}

// -----------------------------------------------------------------------------------------------

template <class Whole>
Json::Value Json::whole(Whole v) {
    if (std::in_range<std::int64_t>(v)) return std::int64_t(v);
    return std::uint64_t(v);
}

template <class T>
Json::Json(const std::vector<T>& all) : value_(Array(all.begin(), all.end())) {}
template <class T, class Less>
Json::Json(const std::map<std::string, T, Less>& all) : value_(Object()) {
    for (const auto& [name, value] : all) add(name, value);
}

template <std::integral Whole>
bool Json::holds(Whole& v) const {
    const auto fits = [&](auto whole) {
        if (!std::in_range<Whole>(whole)) return false;
        v = Whole(whole);
        return true;
    };
    return signed_() ? fits(*signed_()) : unsigned_() && fits(*unsigned_());
}

template <class T>
T Json::get() const {
    if constexpr (std::same_as<T, double>) {
        if (const auto* real = std::get_if<double>(&value_)) return *real;
        if (signed_()) return double(*signed_());
        if (unsigned_()) return double(*unsigned_());
        refuse("a number");
    } else if constexpr (std::integral<T> && !std::same_as<T, bool>) {
        if (T v; holds(v)) return v;
        using Limits = std::numeric_limits<T>;
        refuse("a whole number from " + std::to_string(Limits::min()) + " to " +
               std::to_string(Limits::max()));
    } else {
        if (const auto* v = std::get_if<T>(&value_)) return *v;
        refuse(std::same_as<T, bool> ? "true or false" : "a text");
    }
}

} // namespace sweetspot
