//go:build native

// A square root that sets no errno can be one of a vector.
#pragma GCC optimize("no-math-errno")

#include <string.h>

#include "pairs_native.h"

#include "../linalg/dispatch_native.h"

typedef double v4 __attribute__((vector_size(32), aligned(8), may_alias));

#define LOAD(p) (*(const v4 *)(p))
#define STORE(p, v) (*(v4 *)(p) = (v))

// A spline and where its moments go; see spline.go.
struct spline {
	double low, inverse, last;
	const double *pieces;
	double *moments;
};

// Pixels of a line that pass through the first cache together.
#define BLOCK 256

// In this form compilers make two instructions of it; NaN stays NaN.
static inline __attribute__((always_inline)) double clip(double v, double lower, double upper)
{
	v = lower > v ? lower : v;
	return upper < v ? upper : v;
}

#define SUFFIX base
#define TARGET
#include "pairs_body.h"
#undef SUFFIX
#undef TARGET

#ifdef HAVE_AVX2
#define SUFFIX avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "pairs_body.h"
#undef SUFFIX
#undef TARGET
#endif

void tessera_step(struct tessera_box b, double *ext, const double *s, const double *g, double gamma)
{
	DISPATCH(step, (&b, ext, s, g, gamma));
}

void tessera_extrapolate(ptrdiff_t n, double *s, const double *x, const double *before, double mu)
{
	DISPATCH(extrapolate, (n, s, x, before, mu));
}

double tessera_shrink(struct tessera_box b, double *x, double *s, const double *ext, double mu, double reach,
                      double lower, double upper, int bounded)
{
	return DISPATCH(shrink, (&b, x, s, ext, mu, reach, lower, upper, bounded));
}

void tessera_edge(struct tessera_box b, double *ext, const double *s, const double *g, double gamma)
{
	DISPATCH(edge, (&b, ext, s, g, gamma));
}

double tessera_advance(struct tessera_box b, double *x, double *s, const double *g, const double *ext, double gamma,
                       double mu, double reach, double lower, double upper, int bounded)
{
	return DISPATCH(advance, (&b, x, s, g, ext, gamma, mu, reach, lower, upper, bounded));
}

void tessera_descend(struct tessera_box b, double *x, double *ext, const double *g, const double *p, ptrdiff_t apart,
                     double tau, double theta, double lower, double upper)
{
	DISPATCH(descend, (&b, x, ext, g, p, apart, tau, theta, lower, upper));
}

void tessera_ascend(ptrdiff_t n, double *p, const double *z, ptrdiff_t stride, double sigma, double radius)
{
	DISPATCH(ascend, (n, p, z, stride, sigma, radius));
}

void tessera_ascend_together(struct tessera_box b, ptrdiff_t n, double *p, ptrdiff_t apart, const double *z,
                             double sigma, double radius)
{
	switch (b.axes) {
	case 1:
		DISPATCH(ascend, (n, p, z, b.strides[0], sigma, radius));
		break;
	case 2:
		DISPATCH(ascend2, (n, p, p + apart, z, b.strides[0], b.strides[1], sigma, radius));
		break;
	default:
		DISPATCH(ascend3, (n, p, p + apart, p + 2 * apart, z, b.strides, sigma, radius));
	}
}

void tessera_relax(ptrdiff_t n, double *t, const double *z, ptrdiff_t stride, double alpha, double radius)
{
	DISPATCH(relax, (n, t, z, stride, alpha, radius));
}

void tessera_reflected(struct tessera_box b, double *out, const double *t, const double *ext, ptrdiff_t apart,
                       double keep, double scale, double radius)
{
	DISPATCH(reflected, (&b, out, t, ext, apart, keep, scale, radius));
}

void tessera_residual(ptrdiff_t n, double *r, const double *a, const double *y, const double *w)
{
	DISPATCH(residual, (n, r, a, y, w));
}

void tessera_pairs(ptrdiff_t n, double *plus, double *minus, const double *z, const double *g, ptrdiff_t stride,
                   double scale, const double *averages, const double *differences, const double *grids, double *sums,
                   double *changes, ptrdiff_t from, ptrdiff_t to)
{
	struct spline a = {grids[0], grids[1], grids[2], averages, sums};
	struct spline d = {grids[3], grids[4], grids[5], differences, changes};
	DISPATCH(pairs, (n, plus, minus, z, g, stride, scale, &a, &d, from, to));
}

void tessera_add(ptrdiff_t n, double *out, const double *a, const double *plus, const double *minus)
{
	DISPATCH(add, (n, out, a, plus, minus));
}
