//go:build native

#include "small_native.h"

#include <string.h>

#include "../linalg/dispatch_native.h"

typedef float v8f __attribute__((vector_size(32), aligned(4), may_alias));
typedef double v4d __attribute__((vector_size(32), aligned(8), may_alias));

#define T float
#define V v8f
#define VL 8
#define REV(v) __builtin_shufflevector(v, v, 7, 6, 5, 4, 3, 2, 1, 0)
#define SUFFIX f32_base
#define TARGET
#include "small_body.h"
#undef SUFFIX
#undef TARGET
#ifdef HAVE_AVX2
#define SUFFIX f32_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "small_body.h"
#undef SUFFIX
#undef TARGET
#endif
#undef T
#undef V
#undef VL
#undef REV

#define T double
#define V v4d
#define VL 4
#define REV(v) __builtin_shufflevector(v, v, 3, 2, 1, 0)
#define SUFFIX f64_base
#define TARGET
#include "small_body.h"
#undef SUFFIX
#undef TARGET
#ifdef HAVE_AVX2
#define SUFFIX f64_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "small_body.h"
#undef SUFFIX
#undef TARGET
#endif

void tessera_small_apply32(struct tessera_dims d, const float *tables, float *work, const float *filter, int transpose,
                           float *dst, const float *src)
{
	DISPATCH(apply_f32, (d, tables, work, filter, transpose, dst, src));
}

void tessera_small_apply64(struct tessera_dims d, const double *tables, double *work, const double *filter,
                           int transpose, double *dst, const double *src)
{
	DISPATCH(apply_f64, (d, tables, work, filter, transpose, dst, src));
}

void tessera_small_gradient32(struct tessera_dims d, const float *tables, float *work, const float *filter, float *dst,
                              const float *x, const float *y, const float *w)
{
	DISPATCH(gradient_f32, (d, tables, work, filter, dst, x, y, w));
}

void tessera_small_gradient64(struct tessera_dims d, const double *tables, double *work, const double *filter,
                              double *dst, const double *x, const double *y, const double *w)
{
	DISPATCH(gradient_f64, (d, tables, work, filter, dst, x, y, w));
}

double tessera_small_misfit32(struct tessera_dims d, const float *tables, float *work, const float *filter,
                              const float *x, const float *y, const float *w)
{
	return DISPATCH(misfit_f32, (d, tables, work, filter, x, y, w));
}

double tessera_small_misfit64(struct tessera_dims d, const double *tables, double *work, const double *filter,
                              const double *x, const double *y, const double *w)
{
	return DISPATCH(misfit_f64, (d, tables, work, filter, x, y, w));
}
