// Includes BODY once for each element type and instruction set, with
//
//	T       the element type
//	V       a vector of VL of them, loaded from any address
//	REV(v)  its reversal
//	INT     a whole number as wide as T
//	LARGEST the largest finite T
//	NAME(f) f with the type and the instruction set in its name
//	TARGET  what a function of that instruction set is declared with
//
// after which DISPATCH calls the version for the processor at hand, and where WIDE is
// defined, for kernels that AVX-512 makes faster and that do without REV, DISPATCH512.
// BODY is a path as seen from this folder. Other packages include this file, of which Go's build cache
// knows nothing: after a change here, go clean -cache.
#include <stdint.h>

#include "dispatch_native.h"

typedef float v8f __attribute__((vector_size(32), aligned(4), may_alias));
typedef double v4d __attribute__((vector_size(32), aligned(8), may_alias));
#if defined(WIDE) && defined(HAVE_AVX512)
typedef float v16f __attribute__((vector_size(64), aligned(4), may_alias));
typedef double v8d __attribute__((vector_size(64), aligned(8), may_alias));
#endif

#define T float
#define V v8f
#define VL 8
#define REV(v) __builtin_shufflevector(v, v, 7, 6, 5, 4, 3, 2, 1, 0)
#define INT int32_t
#define LARGEST __FLT_MAX__
#define SUFFIX f32_base
#define TARGET
#include BODY
#undef SUFFIX
#undef TARGET
#ifdef HAVE_AVX2
#define SUFFIX f32_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include BODY
#undef SUFFIX
#undef TARGET
#endif
#if defined(WIDE) && defined(HAVE_AVX512)
#undef V
#undef VL
#define V v16f
#define VL 16
#define SUFFIX f32_avx512
#define TARGET __attribute__((target("avx512f,avx2,fma")))
#include BODY
#undef SUFFIX
#undef TARGET
#endif
#undef T
#undef V
#undef VL
#undef REV
#undef INT
#undef LARGEST

#define T double
#define V v4d
#define VL 4
#define REV(v) __builtin_shufflevector(v, v, 3, 2, 1, 0)
#define INT int64_t
#define LARGEST __DBL_MAX__
#define SUFFIX f64_base
#define TARGET
#include BODY
#undef SUFFIX
#undef TARGET
#ifdef HAVE_AVX2
#define SUFFIX f64_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include BODY
#undef SUFFIX
#undef TARGET
#endif
#if defined(WIDE) && defined(HAVE_AVX512)
#undef V
#undef VL
#define V v8d
#define VL 8
#define SUFFIX f64_avx512
#define TARGET __attribute__((target("avx512f,avx2,fma")))
#include BODY
#undef SUFFIX
#undef TARGET
#endif
