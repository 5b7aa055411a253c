#include "engine/quality/reference.h"
#include "engine/config/json.h"
#include "engine/config/regular_file.h"
#include "engine/config/sha256.h"
#include "kernels/core/error.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

// What is kept of a run so that others can be held against it: a line that says what the file is,
// with the hash of all that follows, a line of JSON, then logits and blocks' outputs as f32.

namespace sweetspot {

namespace {

constexpr std::string_view magic = "SWEETSPOT REFERENCE 1 ";
constexpr std::size_t places = names_of(BlockPlace{}).size(), hash_digits = 64;
constexpr std::size_t first_line = magic.size() + hash_digits + 1;

Json write(const std::string& v) {
    return v;
}
Json write(std::int64_t v) {
    return v;
}

void append(std::string& text, const std::vector<float>& values) {
    text.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
    throw Error(Failure::bad_input, path + " " + why);
}

ReferenceHead head_from(std::string_view line, const std::string& path) {
    const Json json = parse_json(line, path);
    ReferenceHead head;
    ReferenceHead::each_member(head, [&](const char* name, auto& member) {
        const Json* found = json.find(name);
        if (!found) refuse(path, std::string("lacks \"") + name + "\"");
        member = found->get<std::remove_reference_t<decltype(member)>>();
        if constexpr (std::is_integral_v<std::remove_reference_t<decltype(member)>>)
            if (member < 0 || member > std::int64_t(1) << 32)
                refuse(path, std::string("has a \"") + name + "\" that cannot be");
    });
    if (head.stride == 0) refuse(path, "has a \"stride\" that cannot be");
    return head;
}

/// As doubles, which no numbers of a head bring to overflow.
double logits_of(const ReferenceHead& head) {
    return double(head.tokens) * double(head.vocabulary);
}
double blocks_of(const ReferenceHead& head) {
    return double(head.layers) * double(places) * double(head.looked_at) * double(head.width);
}

std::vector<float> floats(std::string_view bytes) {
    std::vector<float> values(bytes.size() / sizeof(float));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
}

} // namespace

void write_reference(const Reference& reference, const std::string& path) {
    Json head;
    ReferenceHead::each_member(
        reference.head, [&](const char* name, const auto& member) { head[name] = write(member); });
    std::string rest = dump(head) + "\n";
    append(rest, reference.logits);
    append(rest, reference.blocks);
    const std::string part = path + ".part"; // so that no half of a file is taken for one
    {
        std::ofstream file(part, std::ios::binary);
        file << magic << sha256_of_text(rest) << '\n' << rest;
        file.close();
        if (!file) throw Error(Failure::file, path + ": cannot be written");
    }
    std::error_code failed;
    std::filesystem::rename(part, path, failed);
    if (failed) throw Error(Failure::file, path + ": " + failed.message());
}

Reference read_reference(const std::string& path) {
    if (!std::filesystem::is_regular_file(path))
        throw Error(Failure::file,
                    "the reference " + path + " is missing; `sweetspot reference RUN` keeps one");
    constexpr std::size_t most_bytes = std::size_t(256) << 20;
    const std::string text = read_regular_file(path, most_bytes);
    const std::string_view all = text;
    if (!all.starts_with(magic) || all.size() < first_line)
        refuse(path, "is no reference that `sweetspot reference` has written");
    const auto rest = all.substr(first_line);
    const std::string hash = sha256_of_text(rest);
    if (hash != all.substr(magic.size(), hash_digits))
        refuse(path, "was changed or cut since it was written: its hash is another");
    const auto end = rest.find('\n');
    Reference reference{.head = head_from(rest.substr(0, end), path), .sha256 = hash};
    const auto numbers = rest.substr(std::min(end, rest.size() - 1) + 1);
    const double logits = logits_of(reference.head), blocks = blocks_of(reference.head);
    if ((logits + blocks) * sizeof(float) != double(numbers.size()))
        refuse(path, "does not hold as many numbers as it says");
    const auto split = std::size_t(logits) * sizeof(float);
    reference.logits = floats(numbers.substr(0, split));
    reference.blocks = floats(numbers.substr(split));
    return reference;
}

std::string why_not_held_against(const ReferenceHead& head, const ScoredTokens& scored,
                                 const std::string& data_sha256) {
    const auto other = [&](const std::string& what, const std::string& theirs,
                           const std::string& ours) {
        return head.run + " cannot be the reference: its " + what + " is " + theirs +
               ", this run's is " + ours;
    };
    const auto number = [](std::int64_t v) { return std::to_string(v); };
    if (head.vocabulary != scored.vocabulary)
        return other("vocabulary", number(head.vocabulary), number(scored.vocabulary));
    if (head.tokenizer != scored.tokenizer)
        return other("tokenizer", head.tokenizer, scored.tokenizer);
    if (head.data_sha256 != data_sha256)
        return other("data", "the file with hash " + head.data_sha256.substr(0, 12),
                     "that with " + data_sha256.substr(0, 12));
    if (head.window != scored.window)
        return other("window", number(head.window) + " tokens", number(scored.window));
    if (head.marks != scored.marks)
        return other("way to mark sequences", "\"" + head.marks + "\"", "\"" + scored.marks + "\"");
    if (head.tokens_sha256 != scored.sha256)
        return head.run + " cannot be the reference: it scored other tokens of the same data "
                          "(another tokenizer of this kind, max_tokens, seed, or masks)";
    return {};
}

ReferenceKeeper::ReferenceKeeper(const ModelConfig& model) {
    kept.head.vocabulary = model.vocabulary;
    kept.head.layers = model.layers;
    kept.head.width = model.width;
}

void ReferenceKeeper::expect(std::int64_t tokens) {
    auto& head = kept.head;
    const auto row_bytes = std::int64_t(sizeof(float)) * head.vocabulary;
    head.tokens =
        std::min(tokens, std::max<std::int64_t>(1, Reference::most_logits_bytes / row_bytes));
    head.looked_at = std::min(head.tokens, Reference::most_looked_at);
    head.stride =
        std::max<std::int64_t>(1, head.tokens / std::max<std::int64_t>(1, head.looked_at));
    constexpr float none = std::numeric_limits<float>::quiet_NaN();
    kept.logits.assign(std::size_t(logits_of(head)), none);
    kept.blocks.assign(std::size_t(blocks_of(head)), none);
}

void ReferenceKeeper::logits(std::int64_t token, std::span<const float> values) {
    std::copy(values.begin(), values.end(),
              kept.logits.begin() + std::ptrdiff_t(token * kept.head.vocabulary));
}

void ReferenceKeeper::block(std::int64_t token, int layer, BlockPlace place,
                            std::span<const float> values) {
    std::copy(values.begin(), values.end(),
              kept.blocks.begin() + std::ptrdiff_t(kept.head.block_at(token, layer, place)));
}

ReferenceComparison::ReferenceComparison(const Reference& reference, const ModelConfig& model)
    : reference_(reference), spread_(reference.logits) {
    const auto& head = reference.head;
    if (head.layers == model.layers && head.width == model.width)
        norms_.resize(std::size_t(head.layers) * places);
}

void ReferenceComparison::logits(std::int64_t token, std::span<const float> values) {
    const auto vocabulary = std::size_t(reference_.head.vocabulary);
    const auto theirs =
        std::span(reference_.logits).subspan(std::size_t(token) * vocabulary, vocabulary);
    const double largest = agreement_.add(theirs, values);
    double& of_batch = largest_of_batches_[batch_];
    if (!(largest <= of_batch) && !std::isnan(of_batch)) of_batch = largest;
    spread_.add(theirs, values);
}

void ReferenceComparison::block(std::int64_t token, int layer, BlockPlace place,
                                std::span<const float> values) {
    const auto& head = reference_.head;
    const auto theirs = std::span(reference_.blocks)
                            .subspan(head.block_at(token, layer, place), std::size_t(head.width));
    if (std::isnan(theirs.front())) return; // a fused kernel, which has no output there
    auto& at = norms_[std::size_t(layer) * places + std::size_t(place)];
    at.norm.add(theirs, values);
    at.seen = true;
}

void ReferenceComparison::each_place(
    const std::function<void(int, BlockPlace, double)>& visit) const {
    for (std::size_t i = 0; i < norms_.size(); ++i)
        if (norms_[i].seen) visit(int(i / places), BlockPlace(i % places), norms_[i].norm.value());
}

} // namespace sweetspot
