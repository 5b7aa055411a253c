#pragma once
#include "kernels/core/error.h"
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace sweetspot {

/// u8: bytes whose meaning another value says, such as a weight's format.
enum class DType : std::uint8_t { f32, bf16, f16, i32, u8 };
constexpr std::array<std::string_view, 5> names_of(DType) {
    return {"f32", "bf16", "f16", "i32", "u8"};
}
constexpr std::size_t size_of(DType t) {
    return t == DType::u8 ? 1 : t == DType::f32 || t == DType::i32 ? 4 : 2;
}

/// What kernels compute with; the CPU only reads f16 from files.
constexpr bool is_computed(DType t) {
    return t != DType::i32 && t != DType::u8;
}

/// Up to four sizes, slowest-moving first.
struct Shape {
    std::array<std::int64_t, 4> sizes{1, 1, 1, 1};
    int rank = 0;

    Shape() = default;
    Shape(std::initializer_list<std::int64_t> list) {
        for (auto s : list) sizes[rank++] = s;
    }
    std::int64_t operator[](int i) const { return sizes[i]; }
    std::int64_t count() const { return sizes[0] * sizes[1] * sizes[2] * sizes[3]; }
    bool operator==(const Shape&) const = default;
};

/// A tensor an op reads. Does not own its memory. Dense and row-major, but for `row_stride`.
struct In {
    const void* data = nullptr;
    Shape shape{};
    DType dtype = DType::f32;
    std::int64_t row_stride = 0; ///< elements from one row to the next, for 2-D views; 0 = dense

    bool present() const { return shape.rank > 0; }
    bool dense() const { return row_stride == 0 || row_stride == shape[1]; }
    std::size_t bytes() const { return std::size_t(shape.count()) * size_of(dtype); }
    std::int64_t stride() const { return row_stride ? row_stride : shape[1]; }
    template <class T>
    const T* as() const {
        return static_cast<const T*>(data);
    }
};

/// A tensor an op writes. Does not own its memory.
struct Out {
    void* data = nullptr;
    Shape shape{};
    DType dtype = DType::f32;
    std::int64_t row_stride = 0; ///< as In::row_stride

    bool present() const { return shape.rank > 0; }
    bool dense() const { return row_stride == 0 || row_stride == shape[1]; }
    std::size_t bytes() const { return std::size_t(shape.count()) * size_of(dtype); }
    std::int64_t stride() const { return row_stride ? row_stride : shape[1]; }
    template <class T>
    T* as() const {
        return static_cast<T*>(data);
    }
    operator In() const { return {data, shape, dtype, row_stride}; }
};

/// Columns [first, first + count) of a 2-D tensor, as a view with the same rows.
template <class View>
View columns(const View& t, std::int64_t first, std::int64_t count) {
    View view = t;
    view.shape = {t.shape[0], count};
    view.row_stride = t.stride();
    if (t.data)
        view.data = const_cast<char*>(static_cast<const char*>(t.data)) +
                    std::size_t(first) * size_of(t.dtype);
    return view;
}

/// Rows [first, first + count) of a tensor, as a view.
template <class View>
View rows(const View& t, std::int64_t first, std::int64_t count) {
    View view = t;
    view.shape.sizes[0] = count;
    const std::int64_t stride = t.shape.rank == 2 ? t.stride() : t.shape.count() / t.shape[0];
    if (t.data)
        view.data = const_cast<char*>(static_cast<const char*>(t.data)) +
                    std::size_t(first * stride) * size_of(t.dtype);
    return view;
}

} // namespace sweetspot
