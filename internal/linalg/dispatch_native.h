// Versions of every kernel: one for the instruction set the compiler was told
// about, one for AVX2 with fused multiply-add, and of some kernels one for AVX-512,
// chosen at each call by the processor the program finds itself on. Other
// architectures have the first, and so has CGO_CFLAGS=-DTESSERA_BASELINE, by which
// it is tested; CGO_CFLAGS=-DTESSERA_AVX2 leaves out the last.
#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAME(f) JOIN(f, SUFFIX)

#if defined(__x86_64__) && defined(__GNUC__) && !defined(TESSERA_BASELINE)
#define HAVE_AVX2 (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#define DISPATCH(f, args) (HAVE_AVX2 ? f##_avx2 args : f##_base args)
#ifndef TESSERA_AVX2
#define HAVE_AVX512 __builtin_cpu_supports("avx512f")
#define DISPATCH512(f, args) (HAVE_AVX512 ? f##_avx512 args : DISPATCH(f, args))
#endif
#else
#define DISPATCH(f, args) f##_base args
#endif
#ifndef DISPATCH512
#define DISPATCH512(f, args) DISPATCH(f, args)
#endif
