// Writing and reading are one description, each_part(): an archive is told of every member in turn
// and either appends it to the bytes or takes it from them.
#include "profiler/trace/file.h"
#include "kernels/core/error.h"
#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <openssl/evp.h>
#include <zlib.h>

namespace sweetspot {

namespace {

constexpr std::string_view magic = "SWEETSPOT TRACE ";
constexpr std::size_t hash_bytes = 32, head_bytes = magic.size() + 4 + hash_bytes + 8;
constexpr std::size_t most_bytes = std::size_t(1) << 30; ///< of content: 100 million events

[[noreturn]] void damaged(const char* what) {
    throw Error(Failure::file, std::string("the trace is ") + what);
}

class Writer {
public:
    static constexpr bool reads = false;

    void number(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) bytes_ += char(0x80 | (value & 0x7f));
        bytes_ += char(value);
    }
    std::string&& bytes() { return std::move(bytes_); }

    void integer(std::int64_t value) {
        number(std::uint64_t(value << 1) ^ std::uint64_t(value >> 63));
    }
    void real(double value) {
        const auto bits = std::bit_cast<std::uint64_t>(value);
        for (int byte = 0; byte < 8; ++byte) bytes_ += char(bits >> 8 * byte);
    }
    void text(const std::string& value) {
        number(value.size());
        bytes_ += value;
    }

private:
    std::string bytes_{};
};

class Reader {
public:
    static constexpr bool reads = true;

    explicit Reader(std::string_view bytes) : bytes_(bytes) {}

    std::uint64_t number() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            const auto byte = std::uint8_t(take(1)[0]);
            value |= std::uint64_t(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
        damaged("damaged: a number is too long");
    }
    std::int64_t integer() {
        const std::uint64_t value = number();
        return std::int64_t(value >> 1) ^ -std::int64_t(value & 1);
    }
    double real() {
        const std::string_view raw = take(8);
        std::uint64_t bits = 0;
        for (int byte = 0; byte < 8; ++byte)
            bits |= std::uint64_t(std::uint8_t(raw[std::size_t(byte)])) << 8 * byte;
        return std::bit_cast<double>(bits);
    }
    std::string text() { return std::string(take(number())); }
    bool at_end() const { return bytes_.empty(); }
    std::size_t left() const { return bytes_.size(); }

private:
    std::string_view take(std::uint64_t count) {
        if (count > bytes_.size()) damaged("truncated");
        const std::string_view y = bytes_.substr(0, count);
        bytes_.remove_prefix(count);
        return y;
    }
    std::string_view bytes_;
};

/// One member, as the difference to what the element before has there.
template <class Archive, class Value>
void code(Archive& archive, Value& value, Value& before) {
    if constexpr (std::is_same_v<Value, double>) {
        if constexpr (Archive::reads)
            value = archive.real();
        else
            archive.real(value);
    } else {
        if constexpr (Archive::reads)
            value = Value(std::uint64_t(before) + std::uint64_t(archive.integer()));
        else
            archive.integer(std::int64_t(std::uint64_t(value) - std::uint64_t(before)));
        before = value;
    }
}

template <class Archive>
void code(Archive& archive, std::string& value) {
    if constexpr (Archive::reads)
        value = archive.text();
    else
        archive.text(value);
}

template <class Archive>
std::size_t code_count(Archive& archive, std::size_t count) {
    if constexpr (Archive::reads) {
        const std::uint64_t read = archive.number();
        if (read > archive.left()) damaged("truncated"); // an element takes a byte at least
        return read;
    } else {
        archive.number(count);
        return count;
    }
}

/// A list whose elements' members `each` visits, with the element before.
template <class Archive, class Element, class Each>
void code_list(Archive& archive, std::vector<Element>& list, Each&& each) {
    const std::size_t count = code_count(archive, list.size());
    Element before{};
    for (std::size_t i = 0; i < count; ++i) // as they come: a damaged count takes no memory
        each(Archive::reads ? list.emplace_back() : list[i], before);
}

template <class Archive>
void code_texts(Archive& archive, std::map<std::string, std::string>& texts) {
    std::size_t count = code_count(archive, texts.size());
    if constexpr (Archive::reads) {
        for (; count > 0; --count) {
            std::string name = archive.text();
            texts[name] = archive.text();
        }
    } else {
        for (auto& [name, value] : texts) archive.text(name), archive.text(value);
    }
}

template <class Archive>
void each_part(Archive& a, Trace& t) {
    code_list(a, t.names, [&](auto& x, auto&) { code(a, x); });
    code_list(a, t.regions, [&](TraceRegion& x, TraceRegion& b) {
        code(a, x.name, b.name), code(a, x.parent, b.parent), code(a, x.begin, b.begin);
        code(a, x.end, b.end), code(a, x.cost.flops, b.cost.flops);
        code(a, x.cost.bytes, b.cost.bytes), code(a, x.op, b.op), code(a, x.dtype, b.dtype);
    });
    code_list(a, t.activities, [&](Activity& x, Activity& b) {
        code(a, x.kind, b.kind), code(a, x.name, b.name), code(a, x.region, b.region);
        code(a, x.shape, b.shape), code(a, x.track, b.track);
        code(a, x.correlation, b.correlation), code(a, x.begin, b.begin);
        code(a, x.end, b.end), code(a, x.bytes, b.bytes);
    });
    code_list(a, t.shapes, [&](KernelShape& x, KernelShape& b) {
        for (std::size_t i = 0; i < 3; ++i) {
            code(a, x.grid[i], b.grid[i]);
            code(a, x.block[i], b.block[i]);
        }
        code(a, x.registers, b.registers), code(a, x.shared_bytes, b.shared_bytes);
    });
    code_list(a, t.series, [&](ReadingSeries& x, auto&) { code(a, x.name), code(a, x.unit); });
    code_list(a, t.readings, [&](Reading& x, Reading& b) {
        code(a, x.series, b.series), code(a, x.time, b.time), code(a, x.value, b.value);
    });
    code_list(a, t.counters, [&](auto& x, auto&) { code(a, x); });
    code_list(a, t.counts, [&](RegionCount& x, RegionCount& b) {
        code(a, x.region, b.region), code(a, x.counter, b.counter);
        code(a, x.value, b.value), code(a, x.counted, b.counted);
    });
    code_list(a, t.threads, [&](ThreadSpan& x, ThreadSpan& b) {
        code(a, x.thread, b.thread), code(a, x.region, b.region);
        code(a, x.begin, b.begin), code(a, x.end, b.end);
    });
    code_list(a, t.memory, [&](MemoryChange& x, MemoryChange& b) {
        code(a, x.time, b.time), code(a, x.purpose, b.purpose);
        code(a, x.region, b.region), code(a, x.bytes, b.bytes);
    });
    std::int64_t nothing = 0;
    for (std::int64_t& bytes : t.live_at_begin) code(a, bytes, nothing);
    code_texts(a, t.facts);
    code_texts(a, t.absent);
    std::uint64_t none_before = 0;
    Nanoseconds zero = 0;
    code(a, t.dropped, none_before);
    code(a, t.end, zero);
}

template <class Enumeration>
bool among(Enumeration value) {
    return std::size_t(value) < names_of(value).size();
}

/// What no writer makes, and a reader must not index by.
void require_sound(const Trace& t) {
    const auto within = [](Index index, const auto& list) {
        return index == none || index < list.size();
    };
    // Seventy years, so that no difference of two times overflows.
    const auto in_time = [](Nanoseconds begin, Nanoseconds end) {
        constexpr Nanoseconds most = Nanoseconds(1) << 61;
        return -most < begin && begin < most && -most < end && end < most;
    };
    bool sound = in_time(t.end, t.end);
    for (std::size_t i = 0; i < t.regions.size(); ++i) {
        const TraceRegion& x = t.regions[i];
        sound &= x.name < t.names.size() && (x.parent == none || x.parent < i) && among(x.dtype) &&
                 in_time(x.begin, x.end);
    }
    for (const Activity& x : t.activities)
        sound &= among(x.kind) && x.name < t.names.size() && within(x.region, t.regions) &&
                 within(x.shape, t.shapes) && in_time(x.begin, x.end);
    for (const Reading& x : t.readings)
        sound &= x.series < t.series.size() && in_time(x.time, x.time);
    for (const RegionCount& x : t.counts)
        sound &= x.region < t.regions.size() && x.counter < t.counters.size();
    for (const ThreadSpan& x : t.threads)
        sound &= within(x.region, t.regions) && in_time(x.begin, x.end);
    for (const MemoryChange& x : t.memory)
        sound &= among(x.purpose) && within(x.region, t.regions) && in_time(x.time, x.time);
    if (!sound) damaged("damaged: it refers to what it does not have, or to no time");
}

std::string sha256(std::string_view text) {
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_Digest(text.data(), text.size(), sum, &length, EVP_sha256(), nullptr);
    return {reinterpret_cast<const char*>(sum), length};
}

template <class Number>
void append(std::string& bytes, Number value) {
    for (std::size_t byte = 0; byte < sizeof value; ++byte) bytes += char(value >> 8 * byte);
}
template <class Number>
Number number_at(std::string_view bytes, std::size_t at) {
    Number value = 0;
    for (std::size_t byte = 0; byte < sizeof value; ++byte)
        value |= Number(std::uint8_t(bytes[at + byte])) << 8 * byte;
    return value;
}

} // namespace

std::string to_bytes(const Trace& trace) {
    Writer writer;
    Trace copy = trace; // each_part() visits what it may have to change
    each_part(writer, copy);
    const std::string content = writer.bytes();
    std::string packed(compressBound(content.size()), '\0');
    uLongf length = packed.size();
    require(compress2(reinterpret_cast<Bytef*>(packed.data()), &length,
                      reinterpret_cast<const Bytef*>(content.data()), content.size(),
                      Z_BEST_SPEED) == Z_OK,
            Failure::bug, "zlib compresses into its own bound");
    std::string y(magic);
    append(y, std::uint32_t(trace_file_version));
    y += sha256(content);
    append(y, std::uint64_t(content.size()));
    return y.append(packed, 0, length);
}

Trace trace_from_bytes(std::string_view bytes) {
    if (!bytes.starts_with(magic)) throw Error(Failure::file, "this is no trace of Sweetspot");
    if (bytes.size() < head_bytes) damaged("truncated");
    const auto version = number_at<std::uint32_t>(bytes, magic.size());
    if (version != trace_file_version)
        throw Error(Failure::file, "the trace is of version " + std::to_string(version) +
                                       ", and this program reads version " +
                                       std::to_string(trace_file_version));
    const std::string_view hash = bytes.substr(magic.size() + 4, hash_bytes);
    const auto length = number_at<std::uint64_t>(bytes, head_bytes - 8);
    constexpr std::uint64_t most_packed = 1100; // what zlib can pack a byte of
    if (length > most_bytes || length / most_packed > bytes.size())
        damaged("damaged: it claims to be too long");
    std::string content(length, '\0');
    uLongf got = length;
    const int result = uncompress(reinterpret_cast<Bytef*>(content.data()), &got,
                                  reinterpret_cast<const Bytef*>(bytes.data() + head_bytes),
                                  bytes.size() - head_bytes);
    if (result != Z_OK || got != length) damaged("truncated or damaged");
    if (sha256(content) != hash) damaged("damaged: its hash is another");
    Reader reader(content);
    Trace trace;
    each_part(reader, trace);
    if (!reader.at_end()) damaged("damaged: there is more than a trace");
    require_sound(trace);
    return trace;
}

void write_trace(const Trace& trace, const std::string& path) {
    const std::string part = path + ".part";
    std::ofstream file(part, std::ios::binary);
    const std::string bytes = to_bytes(trace);
    file.write(bytes.data(), std::streamsize(bytes.size()));
    file.close();
    std::error_code error;
    if (file) std::filesystem::rename(part, path, error);
    if (!file || error) {
        std::filesystem::remove(part, error);
        throw Error(Failure::file, "the trace could not be written to " + path);
    }
}

Trace read_trace(const std::string& path) {
    std::error_code unknown;
    if (!std::filesystem::is_regular_file(path, unknown) || unknown)
        throw Error(Failure::file, "there is no trace that can be read at " + path);
    if (std::filesystem::file_size(path, unknown) > most_bytes || unknown)
        throw Error(Failure::file, path + ": the trace is damaged: it is too long");
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    try {
        return trace_from_bytes(bytes);
    } catch (const Error& error) {
        throw Error(error.kind, path + ": " + error.what());
    }
}

} // namespace sweetspot
