//go:build native

#include "lowrank_native.h"

#include "dispatch_native.h"

typedef float v8f __attribute__((vector_size(32), aligned(4), may_alias));
typedef double v4d __attribute__((vector_size(32), aligned(8), may_alias));

#define T float
#define V v8f
#define VL 8
#define SUFFIX f32_base
#define TARGET
#include "lowrank_body.h"
#undef SUFFIX
#undef TARGET
#ifdef HAVE_AVX2
#define SUFFIX f32_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "lowrank_body.h"
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
#include "lowrank_body.h"
#undef SUFFIX
#undef TARGET
#ifdef HAVE_AVX2
#define SUFFIX f64_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "lowrank_body.h"
#endif

void tessera_low_rank32(ptrdiff_t rank, const int32_t *rows, const float *middle, ptrdiff_t m, const float *u,
                        const float *x, ptrdiff_t n, const float *v, float *z, float *work)
{
	DISPATCH(low_rank_f32, (rank, rows, middle, m, u, x, n, v, z, work));
}

void tessera_low_rank64(ptrdiff_t rank, const int32_t *rows, const double *middle, ptrdiff_t m, const double *u,
                        const double *x, ptrdiff_t n, const double *v, double *z, double *work)
{
	DISPATCH(low_rank_f64, (rank, rows, middle, m, u, x, n, v, z, work));
}
