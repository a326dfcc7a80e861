//go:build native

#include "starlet_native.h"

#include <string.h>

#include "../linalg/dispatch_native.h"

typedef float v8f __attribute__((vector_size(32), aligned(4), may_alias));
typedef double v4d __attribute__((vector_size(32), aligned(8), may_alias));

#define T float
#define V v8f
#define VL 8
#define SUFFIX f32_base
#define TARGET
#include "starlet_body.h"
#undef SUFFIX
#undef TARGET
#ifdef HAVE_AVX2
#define SUFFIX f32_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "starlet_body.h"
#undef SUFFIX
#undef TARGET
#endif
#undef T
#undef V
#undef VL

#define T double
#define V v4d
#define VL 4
#define SUFFIX f64_base
#define TARGET
#include "starlet_body.h"
#undef SUFFIX
#undef TARGET
#ifdef HAVE_AVX2
#define SUFFIX f64_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "starlet_body.h"
#endif

void tessera_starlet_forward32(struct tessera_starlet s, float *work, float *bands, const float *x)
{
	DISPATCH(forward_f32, (s, work, bands, x));
}

void tessera_starlet_forward64(struct tessera_starlet s, double *work, double *bands, const double *x)
{
	DISPATCH(forward_f64, (s, work, bands, x));
}

void tessera_starlet_adjoint32(struct tessera_starlet s, float *work, float *x, const float *bands)
{
	DISPATCH(adjoint_f32, (s, work, x, bands));
}

void tessera_starlet_adjoint64(struct tessera_starlet s, double *work, double *x, const double *bands)
{
	DISPATCH(adjoint_f64, (s, work, x, bands));
}
