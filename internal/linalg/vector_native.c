//go:build native

#include "vector_native.h"

#include <math.h>

#include "dispatch_native.h"

typedef double v4 __attribute__((vector_size(32), aligned(8), may_alias));

// A sum with its running correction (Neumaier).
struct corrected {
	double sum, correction;
};

static inline void add(struct corrected *s, double v)
{
	double t = s->sum + v;
	s->correction += fabs(s->sum) >= fabs(v) ? (s->sum - t) + v : (v - t) + s->sum;
	s->sum = t;
}

// The correction of an infinite or NaN sum is NaN: the sum itself says more.
static inline double value(struct corrected s)
{
	return isfinite(s.sum) ? s.sum + s.correction : s.sum;
}

#define SUFFIX base
#define TARGET
#include "vector_body.h"
#undef SUFFIX
#undef TARGET

#ifdef HAVE_AVX2
#define SUFFIX avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "vector_body.h"
#endif

double tessera_dot(ptrdiff_t n, const double *x, const double *y)
{
	return DISPATCH(dot, (n, x, y));
}

void tessera_dot4(ptrdiff_t n, const double *w, const double *v0, const double *v1, const double *v2,
                  const double *v3, double *out)
{
	DISPATCH(dot4, (n, w, v0, v1, v2, v3, out));
}

void tessera_axpy4(ptrdiff_t n, double *w, const double *v0, const double *v1, const double *v2,
                   const double *v3, double c0, double c1, double c2, double c3)
{
	DISPATCH(axpy4, (n, w, v0, v1, v2, v3, c0, c1, c2, c3));
}

void tessera_xpby(ptrdiff_t n, double *p, const double *z, double beta)
{
	DISPATCH(xpby, (n, p, z, beta));
}

double tessera_cg_update(ptrdiff_t n, double *x, double *r, const double *p, const double *q, double alpha)
{
	return DISPATCH(cg_update, (n, x, r, p, q, alpha));
}
