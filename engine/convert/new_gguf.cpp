#include "engine/convert/new_gguf.h"

namespace sweetspot {

namespace {

constexpr std::uint64_t alignment = 32; ///< what readers take if no entry says another

std::uint64_t aligned(std::uint64_t x) {
    return (x + alignment - 1) / alignment * alignment;
}

template <class T>
void put(std::string& bytes, T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

} // namespace

NewGguf::NewGguf(const std::string& path, const GgufEntries& entries,
                 const std::vector<Tensor>& tensors)
    : file_(path) {
    std::string head = "GGUF";
    put(head, std::uint32_t(3));
    put(head, std::uint64_t(tensors.size()));
    put(head, entries.count());
    head += entries.bytes();
    std::uint64_t at = 0;
    for (const Tensor& tensor : tensors) {
        put(head, std::uint64_t(tensor.name.size()));
        head += tensor.name;
        put(head, std::uint32_t(tensor.shape.size()));
        for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size)
            put(head, std::uint64_t(*size));
        put(head, tensor.type);
        put(head, at);
        at = aligned(at + tensor.bytes);
        sizes_.push_back(tensor.bytes);
    }
    file_.write(head);
    fill_up(head.size());
}

void NewGguf::add(const void* bytes, std::size_t count) {
    file_.write(bytes, count);
    added_ += count;
    if (added_ < sizes_.at(next_)) return;
    fill_up(added_);
    added_ = 0;
    ++next_;
}

void NewGguf::fill_up(std::uint64_t from) {
    file_.write(std::string(std::size_t(aligned(from) - from), '\0'));
}

} // namespace sweetspot
