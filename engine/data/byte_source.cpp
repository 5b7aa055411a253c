#include "engine/data/byte_source.h"
#include "engine/config/resources.h"
#include "kernels/core/error.h"
#include <zlib.h>

// How data come into the process: a regular file, read once from its beginning in pieces of bounded
// size, unpacked on the way. Nothing here knows what the bytes mean.

namespace sweetspot {

namespace {
constexpr std::size_t piece_bytes = 256 << 10;

/// What bgzip writes last: an empty member.
constexpr std::string_view bgzip_end("\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0\x1b\0\x03\0\0\0"
                                     "\0\0\0\0\0\0",
                                     28);

/// Whether a gzip member has the extra field in which bgzip keeps the member's size.
bool is_bgzip(std::string_view data) {
    return data.size() >= 16 && data.starts_with("\x1f\x8b\x08") && (data[3] & 4) &&
           data.substr(12, 2) == "BC";
}

std::string limit_text(std::size_t bytes) {
    return bytes >= 1u << 20 ? std::to_string(bytes >> 20) + " MiB"
                             : std::to_string(bytes) + " bytes";
}
} // namespace

/// The state of unpacking: which member, and where it began.
struct ByteSource::Inflater {
    Inflater() {
        constexpr int gzip_only = 16 + MAX_WBITS;
        require(inflateInit2(&stream, gzip_only) == Z_OK, Failure::out_of_memory,
                "zlib has memory to unpack");
    }
    ~Inflater() { inflateEnd(&stream); }

    z_stream stream{};
    std::vector<char> unpacked = std::vector<char>(piece_bytes);
    int member = 1;
    std::uint64_t begins = 0;
    bool inside = true; ///< a member, or between two
};

ByteSource::ByteSource(const std::string& path_or_resource, std::size_t limit_bytes)
    : file_(located(path_or_resource)), limit_bytes_(limit_bytes), packed_(piece_bytes) {
    refill();
    const std::string_view first(rest_.data(), rest_.size());
    if (first.starts_with("\x1f\x8b"))
        open_gzip();
    else if (path().ends_with(".gz"))
        file_.refuse(first.empty() ? "is empty, and so no gzip data" : "is not gzip data");
}

ByteSource::~ByteSource() = default;

void ByteSource::open_gzip() {
    gzip_ = std::make_unique<Inflater>();
    const std::string_view first(rest_.data(), rest_.size());
    if (is_bgzip(first) && file_.tail(bgzip_end.size()) != bgzip_end)
        file_.refuse("the bgzip data is cut short: its end mark is missing");
}

bool ByteSource::refill() {
    const auto count = file_.read(packed_);
    read_ += count;
    rest_ = std::span(packed_).first(count);
    return count > 0;
}

std::string_view ByteSource::counted(std::string_view piece) {
    given_ += piece.size();
    if (given_ > limit_bytes_)
        file_.refuse((gzip_ ? "unpacks to more than " : "is larger than ") +
                     limit_text(limit_bytes_) + ", and more is not read of one file");
    const auto packed = read_ - rest_.size();
    if (gzip_ && given_ > surely_unpacked_bytes && given_ / most_unpacked_times > packed)
        file_.refuse("unpacks to more than " + std::to_string(most_unpacked_times) +
                     " times its size, which no data does and a bomb does; if it is meant, unpack "
                     "it first");
    return piece;
}

std::string_view ByteSource::next() {
    if (gzip_) return counted(next_unpacked());
    if (rest_.empty()) refill();
    const std::string_view piece(rest_.data(), rest_.size());
    rest_ = {};
    return counted(piece);
}

std::string_view ByteSource::next_unpacked() {
    Inflater& gzip = *gzip_;
    const auto damaged = [&] {
        file_.refuse("the gzip data is damaged or cut short (member " +
                     std::to_string(gzip.member) + ", which begins at byte " +
                     std::to_string(gzip.begins) + " of " + std::to_string(file_.size()) + ")");
    };
    for (;;) {
        if (rest_.empty() && !refill()) {
            if (gzip.inside) damaged();
            return {};
        }
        if (!gzip.inside) {
            // Padding with zeros behind the last member is common (tapes, some tools) and harmless.
            while (!rest_.empty() && rest_.front() == '\0') rest_ = rest_.subspan(1);
            if (rest_.empty()) continue;
            gzip.inside = true;
            ++gzip.member;
            gzip.begins = read_ - rest_.size();
            inflateReset(&gzip.stream);
        }
        gzip.stream.next_in = reinterpret_cast<Bytef*>(rest_.data());
        gzip.stream.avail_in = uInt(rest_.size());
        gzip.stream.next_out = reinterpret_cast<Bytef*>(gzip.unpacked.data());
        gzip.stream.avail_out = uInt(gzip.unpacked.size());
        const int result = inflate(&gzip.stream, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) damaged();
        rest_ = rest_.last(gzip.stream.avail_in);
        gzip.inside = result != Z_STREAM_END;
        if (const auto made = gzip.unpacked.size() - gzip.stream.avail_out)
            return {gzip.unpacked.data(), made};
    }
}

} // namespace sweetspot
