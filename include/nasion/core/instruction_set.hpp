#pragma once
// The instruction set that this unit is compiled for, as part of a name. What depends on the width of registers is
// inside an inline namespace of that name: units compiled with different flags then keep their own kernels when they
// are linked, instead of mixing halves of both. Nobody writes the name: nasion::kernels::f means this unit's.

#if defined(__AVX512BF16__)
#define NASION_INSTRUCTION_SET avx512_bf16
#elif defined(__AVX512F__)
#define NASION_INSTRUCTION_SET avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define NASION_INSTRUCTION_SET avx2_fma
#elif defined(__AVX2__)
#define NASION_INSTRUCTION_SET avx2
#elif defined(__AVX__)
#define NASION_INSTRUCTION_SET avx
#elif defined(__SSE2__)
#define NASION_INSTRUCTION_SET sse2
#elif defined(__aarch64__)
#define NASION_INSTRUCTION_SET neon
#else
#define NASION_INSTRUCTION_SET portable
#endif
