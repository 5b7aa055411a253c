#pragma once
#include "engine/config/packed_weights.h"
#include "engine/weights/stored_tensors.h"
#include "kernels/core/float_types.h"
#include <set>

namespace sweetspot {

/// The tensors of a checkpoint that stand for the weight of one linear, [rows, columns].
class PackedTensors {
public:
    /// Those that are called name + ".qweight" and so on. Throws Error(file) that names the tensor:
    /// missing, of another shape or type, a group that is not there.
    PackedTensors(const StoredTensors&, const std::string& name, std::int64_t rows,
                  std::int64_t columns);
    static bool there(const StoredTensors&, const std::string& name);

    /// Adds their names to those that were used.
    void add_names(std::set<std::string>&) const;
    /// Checks groups and zeros, once before rows are read. Throws Error(file).
    void check() const;
    /// y = so many numbers of one row.
    void read_row(std::int64_t row, std::span<float> y) const;

    /// Whether blocks of this format hold the same numbers to the bit: int4 does of codes of up to
    /// four bits in groups of whole blocks.
    bool are_blocks(WeightFormat) const;
    /// The blocks of one row.
    void read_blocks(std::int64_t row, std::uint8_t* to) const;

private:
    struct Words {
        std::string name{};
        const StoredTensor* tensor = nullptr;
        std::int64_t width = 0; ///< words, or numbers, of a row
        std::uint32_t at(std::int64_t row, std::int64_t i) const;
    };
    Words find(const char* ending, std::vector<std::int64_t> shape, const char* type) const;
    std::int64_t group_of(std::int64_t column) const;
    int code(std::int64_t row, std::int64_t column) const;
    int zero(std::int64_t row, std::int64_t group) const;
    Float16 scale(std::int64_t row, std::int64_t group) const;
    [[noreturn]] void fail(const Words&, const std::string&) const;

    const StoredTensors& stored_;
    PackedWeights packed_;
    std::string name_;
    std::int64_t rows_, columns_, group_, groups_, in_word_;
    Words codes_{}, zeros_{}, scales_{}, order_{}; ///< order: the group of each column, or absent
};

} // namespace sweetspot
