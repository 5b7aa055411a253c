#pragma once
#include "kernels/cuda/check.h"
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>

/// How a kernel is launched and how it gets shared memory, the same under nvcc and under the
/// emulation. Only this header and the ones of instructions ask which of the two it is.
namespace sweetspot {

struct LaunchShape {
    dim3 grid;
    dim3 block;
    std::size_t shared_bytes = 0;
};

/// Blocks of `step` that cover `count`.
constexpr unsigned blocks_for(std::int64_t count, std::int64_t step) {
    return unsigned((count + step - 1) / step);
}

#ifdef CUDA_EMULATION

/// `SHARED(float[32], sums);` declares an array in shared memory.
#define SHARED(type, name)                                                                         \
    static const char name##_key = 0;                                                              \
    auto& name = *static_cast<std::type_identity_t<type>*>(                                        \
        emulation::shared_memory(&name##_key, #name, sizeof(std::type_identity_t<type>)))

template <class T>
T* dynamic_shared() {
    return static_cast<T*>(emulation::dynamic_shared_memory());
}

template <auto kernel>
constexpr std::string_view kernel_name() {
    std::string_view name = __PRETTY_FUNCTION__; // "... [with auto kernel = name; ...]"
    name.remove_prefix(name.find("kernel = ") + 9);
    name = name.substr(0, name.find_first_of(";]"));
    const auto scope = name.substr(0, name.find('<')).rfind("::");
    return scope == name.npos ? name : name.substr(scope + 2);
}

template <auto kernel, class... Arguments>
void launch_kernel(cudaStream_t stream, const LaunchShape& shape, Arguments... arguments) {
    [&]<class... Parameters>(void (*)(Parameters...)) {
        static_assert((std::is_trivially_copyable_v<Parameters> && ...),
                      "kernel arguments are copied as bytes");
        using Pack = std::tuple<Parameters...>;
        static_assert(sizeof(Pack) <= 4096, "CUDA passes at most 4 KiB of arguments");
        emulation::Launch launch{
            kernel_name<kernel>(), shape.grid, shape.block, shape.shared_bytes,
            [](const void* pack) { std::apply(kernel, *static_cast<const Pack*>(pack)); }};
        emulation::check_shape(launch);
        const auto work = [launch, pack = Pack(arguments...)]() mutable {
            launch.arguments = &pack;
            emulation::run_grid(launch);
        };
        check_cuda(emulation::enqueue(stream, work), "cudaLaunchKernelEx");
    }(kernel);
}

#else

// Aligned for accesses of 16 bytes whatever the type: of its own an array of halves need not be.
#define SHARED(type, name) __shared__ __align__(16) std::type_identity_t<type> name

template <class T>
__device__ T* dynamic_shared() {
    extern __shared__ __align__(1024) unsigned char dynamic_shared_bytes[];
    return reinterpret_cast<T*>(dynamic_shared_bytes);
}

/// Throws Error(device) if the kernel cannot be launched; what goes wrong in it shows later.
template <auto kernel, class... Arguments>
void launch_kernel(cudaStream_t stream, const LaunchShape& shape, Arguments... arguments) {
    if (shape.shared_bytes > 48 * 1024)
        check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        int(shape.shared_bytes)),
                   "cudaFuncSetAttribute");
    cudaLaunchConfig_t config{};
    config.gridDim = shape.grid;
    config.blockDim = shape.block;
    config.dynamicSmemBytes = shape.shared_bytes;
    config.stream = stream;
    check_cuda(cudaLaunchKernelEx(&config, kernel, arguments...), "cudaLaunchKernelEx");
}

#endif

} // namespace sweetspot
