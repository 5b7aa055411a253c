// The container: header, metadata and the table of tensors, by the specification in ggml's docs.
// Every count is held against the bytes that are left before anything is made of it.
#include "engine/config/gguf.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cstring>
#include <limits>
#include <set>

namespace sweetspot {

namespace {

/// Types of metadata, by the numbers that stand for them.
enum class Kind : std::uint32_t {
    u8,
    i8,
    u16,
    i16,
    u32,
    i32,
    f32,
    flag,
    text,
    array,
    u64,
    i64,
    f64
};

struct TensorType {
    std::uint32_t number;
    const char* name;
    std::int64_t numbers = 1; ///< of a block
    std::int64_t bytes = 0;   ///< of a block; 0: not read
    WeightFormat format = WeightFormat::dense;
};

TensorType blocks(std::uint32_t number, const char* name, WeightFormat format) {
    const BlockFormat facts = block_format(format);
    return {number, name, facts.numbers, facts.bytes, format};
}

const std::vector<TensorType>& tensor_types() {
    using enum WeightFormat;
    static const std::vector<TensorType> all{{0, "F32", 1, 4},
                                             {1, "F16", 1, 2},
                                             {30, "BF16", 1, 2},
                                             blocks(2, "Q4_0", q4_0),
                                             blocks(3, "Q4_1", q4_1),
                                             blocks(6, "Q5_0", q5_0),
                                             blocks(7, "Q5_1", q5_1),
                                             blocks(8, "Q8_0", q8_0),
                                             blocks(12, "Q4_K", q4_k),
                                             blocks(13, "Q5_K", q5_k),
                                             blocks(14, "Q6_K", q6_k),
                                             {9, "Q8_1"},
                                             {10, "Q2_K"},
                                             {11, "Q3_K"},
                                             {15, "Q8_K"},
                                             {16, "IQ2_XXS"},
                                             {17, "IQ2_XS"},
                                             {18, "IQ3_XXS"},
                                             {19, "IQ1_S"},
                                             {20, "IQ4_NL"},
                                             {21, "IQ3_S"},
                                             {22, "IQ2_S"},
                                             {23, "IQ4_XS"},
                                             {24, "I8"},
                                             {25, "I16"},
                                             {26, "I32"},
                                             {27, "I64"},
                                             {28, "F64"},
                                             {29, "IQ1_M"},
                                             {34, "TQ1_0"},
                                             {35, "TQ2_0"},
                                             {39, "MXFP4"}};
    return all;
}

std::string types_that_are_read() {
    std::string names;
    for (const auto& type : tensor_types())
        if (type.bytes) names += (names.empty() ? "" : ", ") + std::string(type.name);
    return names;
}

class Reader {
public:
    explicit Reader(const MappedFile& file) : file_(file) { y_.path = file.path(); }

    Gguf read() {
        const auto tensors = read_head();
        for (auto left = entries_; left > 0; --left) read_entry();
        read_alignment();
        refuse_parts();
        require_room(tensors, 8 + 4 + 4 + 8, "tensors");
        for (auto left = tensors; left > 0; --left) read_tensor();
        place_tensors();
        return std::move(y_);
    }

private:
    [[noreturn]] void fail(const std::string& what, Failure kind = Failure::file) const {
        throw Error(kind, file_.path() + ": " + what);
    }
    std::size_t left() const { return file_.bytes().size() - at_; }
    /// That so many things of at least so many bytes can follow.
    void require_room(std::uint64_t count, std::size_t bytes, const std::string& what) const {
        if (count > left() / bytes)
            fail("truncated or damaged: it would have " + std::to_string(count) + " " + what +
                 " in the last " + std::to_string(left()) + " bytes");
    }

    template <class T>
    T take() {
        if (left() < sizeof(T)) fail("truncated: it ends in its header");
        T value;
        std::memcpy(&value, file_.bytes().data() + at_, sizeof value);
        at_ += sizeof value;
        return value;
    }
    std::string_view take_text() {
        const auto size = take<std::uint64_t>();
        require_room(size, 1, "letters of a text");
        const auto* from = reinterpret_cast<const char*>(file_.bytes().data()) + at_;
        at_ += size;
        return {from, size};
    }

    std::uint64_t read_head() {
        constexpr std::uint32_t magic = 0x46554747, // "GGUF"
            oldest = 2, newest = 3;
        if (left() < 4 || take<std::uint32_t>() != magic)
            fail("not a GGUF file: it does not begin with \"GGUF\"");
        const auto version = take<std::uint32_t>();
        if (version > 0xffff && version % 0x10000 == 0)
            fail("a GGUF file of a big-endian machine, which is not read", Failure::unsupported);
        if (version < oldest || version > newest)
            fail("GGUF of version " + std::to_string(version) + "; 2 and 3 are read",
                 Failure::unsupported);
        const auto tensors = take<std::uint64_t>();
        entries_ = take<std::uint64_t>();
        require_room(entries_, 8 + 4 + 1, "entries");
        require_room(tensors, 1, "tensors");
        return tensors;
    }

    void read_entry() {
        const std::string key(take_text());
        if (key.empty()) fail("an entry has no name");
        const std::size_t begin = at_;
        const auto kind = take<std::uint32_t>();
        GgufValue value = take_value(Kind(kind), key);
        y_.as_is[key] = file_.bytes().subspan(begin, at_ - begin);
        if (!y_.metadata.emplace(key, std::move(value)).second)
            fail("\"" + key + "\" is there twice");
    }

    GgufValue take_value(Kind kind, const std::string& key) {
        switch (kind) {
        case Kind::text: return take_text();
        case Kind::f32: return double(take<float>());
        case Kind::f64: return take<double>();
        case Kind::flag: return take_flag(key);
        case Kind::array: return take_array(key);
        case Kind::u64: {
            const auto value = take<std::uint64_t>();
            if (value > std::uint64_t(std::numeric_limits<std::int64_t>::max()))
                fail("\"" + key + "\" is too large");
            return std::int64_t(value);
        }
        default: return take_integer(kind, key);
        }
    }
    bool take_flag(const std::string& key) {
        const auto value = take<std::uint8_t>();
        if (value > 1) fail("\"" + key + "\" is neither true nor false");
        return value == 1;
    }
    std::int64_t take_integer(Kind kind, const std::string& key) {
        switch (kind) {
        case Kind::u8: return take<std::uint8_t>();
        case Kind::i8: return take<std::int8_t>();
        case Kind::u16: return take<std::uint16_t>();
        case Kind::i16: return take<std::int16_t>();
        case Kind::u32: return take<std::uint32_t>();
        case Kind::i32: return take<std::int32_t>();
        case Kind::i64: return take<std::int64_t>();
        default:
            fail("\"" + key +
                 "\" is of a type that GGUF has not: " + std::to_string(std::uint32_t(kind)));
        }
    }
    GgufValue take_array(const std::string& key) {
        const auto kind = Kind(take<std::uint32_t>());
        const auto count = take<std::uint64_t>();
        if (kind == Kind::array)
            fail("\"" + key + "\" is an array of arrays", Failure::unsupported);
        if (kind == Kind::text) {
            require_room(count, sizeof(std::uint64_t), "texts");
            std::vector<std::string_view> texts(count);
            for (auto& text : texts) text = take_text();
            return texts;
        }
        require_room(count, 1, "numbers");
        std::vector<double> numbers;
        numbers.reserve(std::min<std::uint64_t>(count, left()));
        for (auto more = count; more > 0; --more)
            numbers.push_back(std::visit(
                [](const auto& value) {
                    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(value)>>)
                        return double(value);
                    return 0.0;
                },
                take_value(kind, key)));
        return numbers;
    }

    void read_alignment() {
        const auto* found = y_.find<std::int64_t>("general.alignment");
        if (!found) return;
        if (*found < 8 || *found > 1 << 20 || *found & (*found - 1))
            fail("its alignment of " + std::to_string(*found) + " bytes is no power of two");
        alignment_ = std::size_t(*found);
    }
    /// A file that is one of several holds a part of the tensors.
    void refuse_parts() const {
        const auto* count = y_.find<std::int64_t>("split.count");
        if (count && *count > 1)
            fail("is one of " + std::to_string(*count) +
                     " parts of a model; `llama-gguf-split --merge` makes one file of them",
                 Failure::unsupported);
    }

    void read_tensor() {
        GgufTensor tensor{.name = std::string(take_text())};
        const std::string what = "tensor \"" + tensor.name + "\": ";
        const auto rank = take<std::uint32_t>();
        if (rank < 1 || rank > 4) fail(what + "it has " + std::to_string(rank) + " dimensions");
        std::int64_t count = 1;
        for (std::uint32_t i = 0; i < rank; ++i) {
            const auto size = take<std::int64_t>();
            if (size < 1 || __builtin_mul_overflow(count, size, &count))
                fail(what + "a dimension of " + std::to_string(size));
            tensor.shape.insert(tensor.shape.begin(), size);
        }
        const TensorType& type = type_of(take<std::uint32_t>(), what);
        tensor.type = type.name;
        tensor.format = type.format;
        if (tensor.shape.back() % type.numbers)
            fail(what + "rows of " + std::to_string(tensor.shape.back()) +
                 " are no whole blocks of " + type.name);
        std::int64_t bytes;
        if (__builtin_mul_overflow(count / type.numbers, type.bytes, &bytes) ||
            bytes > std::int64_t(file_.bytes().size()))
            fail(what + "truncated: it is larger than the file");
        offsets_.push_back(take<std::uint64_t>());
        sizes_.push_back(std::size_t(bytes));
        if (!names_.insert(tensor.name).second) fail(what + "it is there twice");
        y_.tensors.push_back(std::move(tensor));
    }
    const TensorType& type_of(std::uint32_t number, const std::string& what) const {
        for (const TensorType& type : tensor_types())
            if (type.number == number) {
                if (type.bytes) return type;
                fail(what + "its type " + type.name + " is not read; " + types_that_are_read() +
                         " are",
                     Failure::unsupported);
            }
        fail(what + "there is no type of number " + std::to_string(number));
    }

    std::size_t aligned(std::size_t x) const {
        return (x + alignment_ - 1) / alignment_ * alignment_;
    }

    /// One after the other, in the order of the table; the last may or may not be filled up.
    void place_tensors() {
        const auto all = file_.bytes();
        if (aligned(at_) > all.size() && !y_.tensors.empty())
            fail("truncated: it has no tensors' data");
        const auto data = all.subspan(std::min(aligned(at_), all.size()));
        std::size_t end = 0;
        for (std::size_t i = 0; i < y_.tensors.size(); ++i) {
            const std::string what = "tensor \"" + y_.tensors[i].name + "\": its data ";
            if (offsets_[i] != aligned(end))
                fail(what + "begin at byte " + std::to_string(offsets_[i]) +
                     ", but those before it end at " + std::to_string(end));
            end = aligned(end) + sizes_[i];
            if (end > data.size())
                fail(what + "end at byte " + std::to_string(end) + " of " +
                     std::to_string(data.size()) + ": truncated");
            y_.tensors[i].bytes = data.subspan(end - sizes_[i], sizes_[i]);
        }
        if (data.size() > aligned(end))
            fail(std::to_string(data.size() - end) + " bytes follow the last tensor");
    }

    const MappedFile& file_;
    Gguf y_{};
    std::size_t at_ = 0, alignment_ = 32;
    std::uint64_t entries_ = 0;
    std::set<std::string> names_{}; ///< of tensors
    std::vector<std::uint64_t> offsets_{};
    std::vector<std::size_t> sizes_{};
};

} // namespace

void Gguf::refuse_kind(std::string_view key) const {
    throw Error(Failure::file,
                path + ": the value of \"" + std::string(key) + "\" is of another kind");
}

std::optional<std::uint32_t> gguf_type(std::string_view name) {
    for (const TensorType& type : tensor_types())
        if (type.bytes && type.name == name) return type.number;
    return {};
}

Gguf read_gguf(const MappedFile& file) {
    return Reader(file).read();
}

} // namespace sweetspot
