#include "kernels/ops/weight.h"
#include "kernels/core/float_types.h"
#include "kernels/ops/weight_row.h"
#include <cstring>

/// How a weight lies in memory, the same on every device so that a plan knows its bytes, and from
/// where its rows come: files stack, transpose and interleave them.
namespace sweetspot {

namespace {

std::int64_t rounded_up(std::int64_t x, std::int64_t step) {
    return (x + step - 1) / step * step;
}

std::int64_t output_rows(const In& source, bool transposed) {
    return source.shape[transposed ? 1 : 0];
}

} // namespace

Shape packed_shape(std::int64_t n, std::int64_t k, DType dtype) {
    return {rounded_up(n, 64), rounded_up(k, dtype == DType::f32 ? 16 : 32)};
}

Shape packed_shape(WeightFormat format, std::int64_t n, std::int64_t k, DType dtype) {
    if (format == WeightFormat::dense) return packed_shape(n, k, dtype);
    if (block_format(format).nested) return {std::int64_t(block_bytes(format, n * k))};
    return {n, row_bytes(format, k)};
}

std::size_t packed_bytes(WeightFormat format, std::int64_t n, std::int64_t k, DType dtype) {
    return std::size_t(packed_shape(format, n, k, dtype).count()) *
           size_of(packed_type(format, dtype));
}

/// Whether rows of k numbers are whole blocks, and a tensor is these.
static bool holds_blocks(const In& data, WeightFormat format, std::int64_t n, std::int64_t k) {
    return k % block_format(format).numbers == 0 && data.dtype == DType::u8 && data.dense() &&
           data.shape == packed_shape(format, n, k, data.dtype);
}

void Weight::check() const {
    if (!dense()) {
        require(n >= 0 && holds_blocks(data, format, n, k), Failure::bad_shape,
                "a weight in blocks is [n, bytes of a row], u8, of whole blocks");
        return;
    }
    require(n >= 0 && k >= 0 && is_computed(dtype()), Failure::bad_shape,
            "a weight is [n, k], f32, bf16 or f16");
    require(data.shape == packed_shape(n, k, dtype()) && data.dense(), Failure::bad_shape,
            "weight is packed from [n, k]");
    require(!metadata.present(), Failure::bad_shape, "a dense weight has no metadata");
}

std::size_t Weight::bytes() const {
    if (!dense()) return data.bytes();
    return std::size_t(n) * std::size_t(k) * size_of(dtype());
}

static std::int64_t columns_of(const In& source, const PackWeight& op) {
    if (source.dtype != DType::u8) return source.shape[op.transposed ? 0 : 1];
    const BlockFormat facts = block_format(op.format);
    return facts.bytes ? source.shape[1] / facts.bytes * facts.numbers : 0;
}

std::int64_t PackWeight::n() const {
    std::int64_t rows = 0;
    for (const In& source : sources) rows += output_rows(source, transposed);
    return rows;
}

std::int64_t PackWeight::k() const {
    return columns_of(sources[0], *this);
}

void PackWeight::check() const {
    require(!sources.empty(), Failure::bad_shape, "there is a source");
    for (const In& source : sources) {
        const bool blocks = source.dtype == DType::u8;
        require(source.shape.rank == 2 && source.dense() && (is_computed(source.dtype) || blocks),
                Failure::bad_shape, "a source is [n, k] or [k, n], f32, bf16 or f16, dense");
        require(!blocks || (!transposed && holds_blocks(source, format, source.shape[0],
                                                        columns_of(source, *this))),
                Failure::bad_shape, "a source in blocks has those of the format, row by row");
        require(columns_of(source, *this) == k(), Failure::bad_shape,
                "all sources have the same k");
    }
    const bool dense = format == WeightFormat::dense;
    require(dense ? is_computed(packed.dtype) : k() % block_format(format).numbers == 0,
            Failure::bad_shape, dense ? "packed is f32, bf16 or f16" : "rows are whole blocks");
    require(packed.dtype == packed_type(format, packed.dtype) && packed.dense() &&
                packed.shape == packed_shape(format, n(), k(), packed.dtype),
            Failure::bad_shape, "packed is packed_shape(n, k, type), dense");
    require(interleaved_head_sizes.empty() || interleaved_head_sizes.size() == sources.size(),
            Failure::bad_shape, "there is a head size for each source, or none");
    for (std::size_t i = 0; i < interleaved_head_sizes.size(); ++i) {
        const int size = interleaved_head_sizes[i];
        require(size == 0 ||
                    (size > 0 && size % 2 == 0 && output_rows(sources[i], transposed) % size == 0),
                Failure::bad_shape, "a head size is even and divides its source's rows");
    }
}

Cost PackWeight::cost() const {
    double bytes = double(packed.bytes());
    for (const In& source : sources) bytes += double(source.bytes());
    return {.bytes = bytes};
}

/// Of each thread, a row before it is rounded; with nested scales also all of these, and of each
/// thread a row that still has its own.
std::size_t PackWeight::workspace_bytes(int threads) const {
    if (format == WeightFormat::dense) return 0;
    const std::size_t numbers = std::size_t(threads) * std::size_t(k()) * sizeof(float);
    if (!block_format(format).nested) return numbers;
    const auto scales = std::size_t(n() * k() / block_format(format).numbers) * sizeof(float);
    return numbers + scales + std::size_t(threads) * block_bytes(WeightFormat::nf4, k());
}

std::size_t PackWeight::gpu_workspace_bytes() const {
    if (!stores_two_of_four(format)) return 0;
    return packed_bytes(WeightFormat::dense, n(), k(), DType::bf16); // or f16
}

void RepackWeight::check() const {
    require(weight.shape.rank == 2 && weight.dense() && is_computed(weight.dtype),
            Failure::bad_shape, "weight is [n, k], f32, bf16 or f16, dense");
    require(is_computed(packed.dtype), Failure::bad_shape, "packed is f32, bf16 or f16");
    require(packed.shape == packed_shape(weight.shape[0], weight.shape[1], packed.dtype) &&
                packed.dense(),
            Failure::bad_shape, "packed is packed_shape(n, k, type), dense");
}

Cost RepackWeight::cost() const {
    return {.bytes = double(weight.bytes() + packed.bytes())};
}

void UnpackWeight::check() const {
    require(weight.shape.rank == 2 && weight.dense() && weight.dtype == DType::f32,
            Failure::bad_shape, "weight is [n, k], f32, dense");
    require(packed.dtype == DType::f32 && packed.dense() &&
                packed.shape == packed_shape(weight.shape[0], weight.shape[1], DType::f32),
            Failure::bad_shape, "packed is packed_shape(n, k, f32), f32, dense");
}

Cost UnpackWeight::cost() const {
    return {.bytes = double(weight.bytes() + packed.bytes())};
}

WeightRow find_weight_row(const PackWeight& op, std::int64_t n) {
    for (std::size_t s = 0; s < op.sources.size(); ++s) {
        const In& source = op.sources[s];
        const std::int64_t count = output_rows(source, op.transposed);
        if (n >= count) {
            n -= count;
            continue;
        }
        const int head_size = op.interleaved_head_sizes.empty() ? 0 : op.interleaved_head_sizes[s];
        const std::int64_t row = head_size ? interleaved_row(n, head_size) : n;
        const std::size_t element = size_of(source.dtype);
        const auto offset = std::size_t(op.transposed ? row : row * source.shape[1]) * element;
        return {static_cast<const char*>(source.data) + offset,
                op.transposed ? std::size_t(count) * element : element, source.dtype};
    }
    return {};
}

template <class T>
static void read_row_of(const WeightRow& row, std::span<float> elements) {
    const char* from = row.first;
    for (float& y : elements) {
        T x;
        std::memcpy(static_cast<void*>(&x), from, sizeof x);
        y = to_float(x);
        from += row.step_bytes;
    }
}

void read_weight_row(const WeightRow& row, std::span<float> elements) {
    switch (row.dtype) {
    case DType::f32: return read_row_of<float>(row, elements);
    case DType::bf16: return read_row_of<BFloat16>(row, elements);
    case DType::f16: return read_row_of<Float16>(row, elements);
    default: throw Error(Failure::bug, "a row in blocks is not read number by number");
    }
}

void pack_blocks_of_row(const PackWeight& op, WeightFormat format, std::int64_t n,
                        std::span<float> numbers, std::uint8_t* to) {
    const WeightRow row = find_weight_row(op, n);
    if (row.dtype == DType::u8) {
        std::memcpy(to, row.first, std::size_t(row_bytes(format, op.k())));
        return;
    }
    read_weight_row(row, numbers);
    quantise(format, numbers, to);
}

} // namespace sweetspot
