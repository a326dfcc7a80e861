//go:build native

#include "hadamard_native.h"

#include "dispatch_native.h"

typedef float v8f __attribute__((vector_size(32), aligned(4), may_alias));
typedef int v8i __attribute__((vector_size(32), aligned(4), may_alias));
#ifdef HAVE_AVX512
typedef float v16f __attribute__((vector_size(64), aligned(4), may_alias));
typedef int v16i __attribute__((vector_size(64), aligned(4), may_alias));
#endif

#define V v8f
#define VI v8i
#define VL 8
#define SUFFIX base
#define TARGET
#include "hadamard_body.h"
#undef SUFFIX
#undef TARGET

#ifdef HAVE_AVX2
#define SUFFIX avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "hadamard_body.h"
#undef SUFFIX
#undef TARGET
#endif

#ifdef HAVE_AVX512
#undef V
#undef VI
#undef VL
#define V v16f
#define VI v16i
#define VL 16
#define SUFFIX avx512
#define TARGET __attribute__((target("avx512f,avx2,fma")))
#include "hadamard_body.h"
#undef SUFFIX
#undef TARGET
#endif

void tessera_hadamard2(bool rectify, ptrdiff_t n, float *a, float *b)
{
	DISPATCH512(hadamard2, (rectify, n, a, b));
}

void tessera_hadamard4(bool rectify, ptrdiff_t n, float *a, float *b, float *c, float *d)
{
	DISPATCH512(hadamard4, (rectify, n, a, b, c, d));
}

void tessera_add_rectified(ptrdiff_t m, ptrdiff_t n, float *y, const float *w, const float *x)
{
	DISPATCH512(add_rectified, (m, n, y, w, x));
}
