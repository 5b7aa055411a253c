#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sweetspot {

/// The metadata of a GGUF file that is to be written: keys with values, as they lie in it.
class GgufEntries {
public:
    void add(std::string_view key, std::string_view text) {
        begin(key, 8);
        put_text(text);
    }
    void add(std::string_view key, std::uint32_t number) {
        begin(key, 4);
        put(number);
    }
    void add(std::string_view key, float number) {
        begin(key, 6);
        put(number);
    }
    void add_flag(std::string_view key, bool flag) {
        begin(key, 7);
        put(std::uint8_t(flag));
    }
    void add(std::string_view key, const std::vector<std::string>& texts) {
        begin(key, 9);
        put(std::uint32_t(8));
        put(std::uint64_t(texts.size()));
        for (const auto& text : texts) put_text(text);
    }
    void add(std::string_view key, const std::vector<std::int32_t>& numbers) {
        begin(key, 9);
        put(std::uint32_t(5));
        put(std::uint64_t(numbers.size()));
        for (const auto number : numbers) put(number);
    }
    /// What another file has behind the key: the number of its type, then the value.
    void add_as_is(std::string_view key, std::span<const std::byte> value) {
        ++count_;
        put_text(key);
        bytes_.append(reinterpret_cast<const char*>(value.data()), value.size());
    }

    std::uint64_t count() const { return count_; }
    const std::string& bytes() const { return bytes_; }

private:
    void begin(std::string_view key, std::uint32_t kind) {
        ++count_;
        put_text(key);
        put(kind);
    }
    void put_text(std::string_view text) {
        put(std::uint64_t(text.size()));
        bytes_ += text;
    }
    template <class T>
    void put(T value) {
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }

    std::uint64_t count_ = 0;
    std::string bytes_{};
};

} // namespace sweetspot
