#pragma once
#include "kernels/core/context.h"

/// What a step of training does with gradients once they are there. All of it is f32; a weight of
/// another type has a master in f32, from which it is made anew (Convert, RepackWeight), or is
/// widened for the step and rounded at random behind it (StochasticRound).
namespace sweetspot {

/// What a step finds in a GPU's memory, so that it can be recorded and launched again with other
/// numbers. All of it is absent on a CPU, where nothing is recorded.
struct DeviceStep {
    In numbers{}; ///< f32, read in place of what follows from the op's own: AdamW's [4] are
                  ///< step_size, square_factor, kept_weight and what gradients are multiplied by,
                  ///< beside scale; Sgd's [2] are learning_rate and that
    In norm{};    ///< [1], f32, of all gradients: where it is no number, nothing is done
};

/// weight -= learning_rate · (m̂ / (√v̂ + epsilon) + decay · weight), the moments' means over steps
/// without the bias of their zero beginnings (Loshchilov and Hutter, 2019). The decay is of the
/// weight as it was, and no part of the moments.
struct AdamW {
    static constexpr auto name = "adamw";

    Out weight;   ///< any shape, f32, dense
    In gradient;  ///< like weight
    Out mean;     ///< like weight: of gradients; 0 before the first step
    Out square;   ///< likewise of their squares
    In scale{};   ///< [1], f32: what gradients are multiplied by first, or absent
    int step = 1; ///< how many steps this one makes, from 1
    double learning_rate = 1e-3;
    double beta1 = 0.9, beta2 = 0.999; ///< how much of the moments stays
    double epsilon = 1e-8;
    double decay = 0;
    DeviceStep on_device{};

    float kept_weight() const;   ///< 1 - learning_rate · decay
    float step_size() const;     ///< learning_rate / (1 - beta1^step)
    float square_factor() const; ///< 1 / √(1 - beta2^step)
    void check() const;          ///< throws Error(bad_shape)
    Cost cost() const;
};

/// weight -= learning_rate · velocity, where velocity = momentum · velocity + gradient + decay ·
/// weight.
struct Sgd {
    static constexpr auto name = "sgd";

    Out weight;     ///< any shape, f32, dense
    In gradient;    ///< like weight
    Out velocity{}; ///< like weight, present with momentum; 0 before the first step
    In scale{};     ///< as AdamW's
    double learning_rate = 1e-3;
    double momentum = 0;
    double decay = 0;
    DeviceStep on_device{};

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// sum = the sum of x², the same for any number of threads.
struct SquareSum {
    static constexpr auto name = "square_sum";
    static constexpr std::int64_t piece = 16 * 1024; ///< numbers that are added up together

    In x;    ///< any shape, f32, dense
    Out sum; ///< [1], f32

    std::int64_t pieces() const { return (x.shape.count() + piece - 1) / piece; }
    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
    std::size_t workspace_bytes(int threads) const; ///< a sum of each piece
    std::size_t gpu_workspace_bytes() const;
};

/// norm = √(the sum of squares), scale = min(1, limit / (norm + 1e-6)): clips all gradients by the
/// norm of all (Pascanu et al., 2013).
struct ClipScale {
    static constexpr auto name = "clip_scale";

    In squares;      ///< [n], f32: SquareSum's of each gradient
    Out norm;        ///< [1], f32
    Out scale;       ///< [1], f32; 1 where the norm is no number
    float limit = 0; ///< 0 = none: scale is 1

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

/// y = x in bf16, rounded up or down at random, so that it is x on average: steps that are too
/// small for bf16 add up (Gupta et al., 2015). What is drawn depends on the seed and the place.
struct StochasticRound {
    static constexpr auto name = "stochastic_round";

    In x;  ///< any shape, f32, dense; infinite numbers and NaN stay what they are
    Out y; ///< x's shape, bf16, dense
    std::uint64_t seed = 0;
    std::int64_t first = 0; ///< of the words of its seed, which others of them draw from, too: a
                            ///< multiple of 4
    const std::uint64_t* device_seed = nullptr; ///< as Dropout's

    void check() const; ///< throws Error(bad_shape)
    Cost cost() const;
};

void launch(const AdamW&, CpuStream&);
void launch(const AdamW&, CudaStream&);
void launch(const Sgd&, CpuStream&);
void launch(const Sgd&, CudaStream&);
void launch(const SquareSum&, CpuStream&);
void launch(const SquareSum&, CudaStream&);
void launch(const ClipScale&, CpuStream&);
void launch(const ClipScale&, CudaStream&);
void launch(const StochasticRound&, CpuStream&);
void launch(const StochasticRound&, CudaStream&);

} // namespace sweetspot
