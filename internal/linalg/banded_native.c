//go:build native

#include "banded_native.h"

#include <math.h>

#include "dispatch_native.h"

typedef float v8f __attribute__((vector_size(32), aligned(4), may_alias));
typedef double v4d __attribute__((vector_size(32), aligned(8), may_alias));

#define T float
#define V v8f
#define VL 8
#define H (TESSERA_LANES32 / VL)
#define SQRT sqrtf
#define SUFFIX f32_base
#define TARGET
#include "banded_body.h"
#undef SUFFIX
#undef TARGET
#ifdef HAVE_AVX2
#define SUFFIX f32_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "banded_body.h"
#undef SUFFIX
#undef TARGET
#endif
#undef T
#undef V
#undef VL
#undef H
#undef SQRT

#define T double
#define V v4d
#define VL 4
#define H (TESSERA_LANES64 / VL)
#define SQRT sqrt
#define SUFFIX f64_base
#define TARGET
#include "banded_body.h"
#undef SUFFIX
#undef TARGET
#ifdef HAVE_AVX2
#define SUFFIX f64_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "banded_body.h"
#endif

ptrdiff_t tessera_banded_factor32(ptrdiff_t n, ptrdiff_t bw, float *a)
{
	return DISPATCH(factor_f32, (n, bw, a));
}

ptrdiff_t tessera_banded_factor64(ptrdiff_t n, ptrdiff_t bw, double *a)
{
	return DISPATCH(factor_f64, (n, bw, a));
}

void tessera_banded_solve32(ptrdiff_t n, ptrdiff_t bw, int rhs, const float *a, float *x)
{
	DISPATCH(solves_f32, (n, bw, rhs, a, x));
}

void tessera_banded_solve64(ptrdiff_t n, ptrdiff_t bw, int rhs, const double *a, double *x)
{
	DISPATCH(solves_f64, (n, bw, rhs, a, x));
}
