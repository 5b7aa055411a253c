#pragma once

#define EMULATED_VECTOR(name, type, alignment)                                                     \
    struct alignas(alignment) name##2 {                                                            \
        type x, y;                                                                                 \
    };                                                                                             \
    struct name##3 {                                                                               \
        type x, y, z;                                                                              \
    };                                                                                             \
    struct alignas(alignment * 2 > 16 ? 16 : alignment * 2) name##4 {                              \
        type x, y, z, w;                                                                           \
    };                                                                                             \
    constexpr name##2 make_##name##2(type x, type y) {                                             \
        return {x, y};                                                                             \
    }                                                                                              \
    constexpr name##3 make_##name##3(type x, type y, type z) {                                     \
        return {x, y, z};                                                                          \
    }                                                                                              \
    constexpr name##4 make_##name##4(type x, type y, type z, type w) {                             \
        return {x, y, z, w};                                                                       \
    }

EMULATED_VECTOR(char, signed char, 2)
EMULATED_VECTOR(uchar, unsigned char, 2)
EMULATED_VECTOR(short, short, 4)
EMULATED_VECTOR(ushort, unsigned short, 4)
EMULATED_VECTOR(int, int, 8)
EMULATED_VECTOR(uint, unsigned, 8)
EMULATED_VECTOR(float, float, 8)
EMULATED_VECTOR(double, double, 16)
EMULATED_VECTOR(longlong, long long, 16)
EMULATED_VECTOR(ulonglong, unsigned long long, 16)
#undef EMULATED_VECTOR

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
