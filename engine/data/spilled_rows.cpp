#include "engine/data/spilled_rows.h"
#include "kernels/core/error.h"
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace sweetspot {

namespace {

constexpr std::size_t buffered_ids = 1 << 16;

/// /tmp often lies in memory, which this is to spare.
std::string temporary_folder() {
    const char* named = std::getenv("TMPDIR");
    return named && *named ? named : "/var/tmp";
}

} // namespace

SpilledRows::SpilledRows(std::string what) : what_(std::move(what)), folder_(temporary_folder()) {
    std::string path = folder_ + "/sweetspot-XXXXXX";
    file_ = mkostemp(path.data(), 0);
    if (file_ < 0) fail();
    unlink(path.c_str());
    buffer_.reserve(buffered_ids);
}

SpilledRows::~SpilledRows() {
    if (!mapped_.empty()) munmap(const_cast<std::int32_t*>(mapped_.data()), mapped_.size_bytes());
    close(file_);
}

void SpilledRows::add(TokenRow row) {
    lengths_.push_back(std::int32_t(row.size()));
    while (!row.empty()) {
        const TokenRow some = row.first(std::min(row.size(), buffered_ids - buffer_.size()));
        buffer_.insert(buffer_.end(), some.begin(), some.end());
        if (buffer_.size() == buffered_ids) write_buffer();
        row = row.subspan(some.size());
    }
}

std::vector<TokenRow> SpilledRows::rows() {
    if (mapped_.empty()) {
        write_buffer();
        buffer_.shrink_to_fit();
        if (written_) {
            void* memory =
                mmap(nullptr, written_ * sizeof(std::int32_t), PROT_READ, MAP_SHARED, file_, 0);
            if (memory == MAP_FAILED) fail();
            mapped_ = {static_cast<const std::int32_t*>(memory), written_};
        }
    }
    std::vector<TokenRow> all;
    all.reserve(lengths_.size());
    std::size_t first = 0;
    for (const std::int32_t length : lengths_) {
        all.push_back(mapped_.subspan(first, std::size_t(length)));
        first += std::size_t(length);
    }
    return all;
}

void SpilledRows::write_buffer() {
    const char* at = reinterpret_cast<const char*>(buffer_.data());
    for (std::size_t left = buffer_.size() * sizeof(std::int32_t); left;) {
        const ssize_t some = write(file_, at, left);
        if (some < 0 && errno == EINTR) continue;
        if (some <= 0) fail();
        at += some, left -= std::size_t(some);
    }
    written_ += buffer_.size();
    buffer_.clear();
}

void SpilledRows::fail() const {
    throw Error(Failure::file, "the tokens of " + what_ + " cannot be kept in " + folder_ + ": " +
                                   std::strerror(errno) + "; TMPDIR names another folder");
}

Batch copy_of(const BatchOf<TokenRow>& batch) {
    Batch y{.specials_per_row = batch.specials_per_row};
    for (const TokenRow& row : batch.rows) y.rows.emplace_back(row.begin(), row.end());
    return y;
}

} // namespace sweetspot
