#include "kernels/ops/activation.h"
#include "kernels/cpu/activate_row.h"
#include "kernels/cpu/parallel.h"

namespace sweetspot::SWEETSPOT_TARGET {

void launch(const Activate& op, CpuStream& stream) {
    with_type(op.x.dtype, [&]<class T>(T) {
        const std::int64_t rows = op.x.shape[0], width = op.x.shape[1];
        for_rows(rows, op.x.bytes(), stream.threads, [&](std::int64_t row) {
            activate_row(op.activation, op.x.as<T>() + row * width, width);
        });
    });
}

void launch(const SwiGlu& op, CpuStream& stream) {
    with_type(op.y.dtype, [&]<class T>(T) {
        const std::int64_t rows = op.y.shape[0], width = op.y.shape[1];
        for_rows(rows, 3 * op.y.bytes(), stream.threads, [&](std::int64_t row) {
            const T* gate = op.gate.as<T>() + row * op.gate.stride();
            const T* up = op.up.as<T>() + row * op.up.stride();
            T* y = op.y.as<T>() + row * width;
            for_lanes(width, [&](auto at) { at.store(y, silu(at.load(gate)) * at.load(up)); });
        });
    });
}

namespace {

/// dx = dy · slope(x) for a row.
template <class T, class Slope>
void turn_back(const T* x, const T* dy, T* dx, std::int64_t width, const Slope& slope) {
    for_lanes(width, [&](auto at) { at.store(dx, at.load(dy) * slope(at.load(x))); });
}

} // namespace

void launch(const ActivateBackward& op, CpuStream& stream) {
    with_type(op.x.dtype, [&]<class T>(T) {
        const std::int64_t rows = op.x.shape[0], width = op.x.shape[1];
        for_rows(rows, 3 * op.x.bytes(), stream.threads, [&](std::int64_t row) {
            const T *x = op.x.as<T>() + row * width, *dy = op.dy.as<T>() + row * width;
            T* dx = op.dx.as<T>() + row * width;
            switch (op.activation) {
            case Activation::none:
                return turn_back(x, dy, dx, width, [](Vector) { return Vector(1.0f); });
            case Activation::gelu:
                return turn_back(x, dy, dx, width, [](Vector v) { return gelu_slope(v); });
            case Activation::gelu_tanh:
                return turn_back(x, dy, dx, width, [](Vector v) { return gelu_tanh_slope(v); });
            case Activation::silu:
                return turn_back(x, dy, dx, width, [](Vector v) { return silu_slope(v); });
            }
        });
    });
}

void launch(const SwiGluBackward& op, CpuStream& stream) {
    with_type(op.dy.dtype, [&]<class T>(T) {
        const std::int64_t rows = op.dy.shape[0], width = op.dy.shape[1];
        for_rows(rows, 5 * op.dy.bytes(), stream.threads, [&](std::int64_t row) {
            const T* gate = op.gate.as<T>() + row * op.gate.stride();
            const T* up = op.up.as<T>() + row * op.up.stride();
            const T* dy = op.dy.as<T>() + row * width;
            T* dgate = op.dgate.as<T>() + row * op.dgate.stride();
            T* dup = op.dup.as<T>() + row * op.dup.stride();
            for_lanes(width, [&](auto at) {
                const Vector g = at.load(gate), u = at.load(up), d = at.load(dy);
                at.store(dgate, d * u * silu_slope(g));
                at.store(dup, d * silu(g));
            });
        });
    });
}

} // namespace sweetspot::SWEETSPOT_TARGET
