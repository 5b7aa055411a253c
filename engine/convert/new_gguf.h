#pragma once
#include "engine/config/gguf_entries.h"
#include "engine/train/new_file.h"

namespace sweetspot {

/// A GGUF file of version 3, whose tensors come one by one, in the order of its list.
class NewGguf {
public:
    struct Tensor {
        std::string name{};
        std::vector<std::int64_t> shape{}; ///< slowest-moving first
        std::uint32_t type = 0;            ///< as gguf_type() has it
        std::uint64_t bytes = 0;
    };

    NewGguf(const std::string& path, const GgufEntries&, const std::vector<Tensor>&);
    /// A piece of the next tensor, which ends where its size is reached.
    void add(const void* bytes, std::size_t count);
    void commit() { file_.commit(); }

private:
    void fill_up(std::uint64_t from);

    NewFile file_;
    std::vector<std::uint64_t> sizes_{};
    std::size_t next_ = 0;    ///< tensor
    std::uint64_t added_ = 0; ///< of it
};

} // namespace sweetspot
