//go:build native

#include "step_native.h"

#define BODY "../../psf/step_body.h"
#include "../internal/linalg/types_native.h"

void tessera_primal32(ptrdiff_t n, float *x, const float *g, const float *t, float *bar, float tau, float rho, int any_sign)
{
	DISPATCH(primal_f32, (n, x, g, t, bar, tau, rho, any_sign));
}

void tessera_primal64(ptrdiff_t n, double *x, const double *g, const double *t, double *bar, double tau, double rho, int any_sign)
{
	DISPATCH(primal_f64, (n, x, g, t, bar, tau, rho, any_sign));
}

void tessera_dual32(ptrdiff_t n, float *u, const float *d, const float *w, ptrdiff_t step, float sigma, float rho)
{
	DISPATCH(dual_f32, (n, u, d, w, step, sigma, rho));
}

void tessera_dual64(ptrdiff_t n, double *u, const double *d, const double *w, ptrdiff_t step, double sigma, double rho)
{
	DISPATCH(dual_f64, (n, u, d, w, step, sigma, rho));
}

void tessera_blend32(ptrdiff_t n, float *dst, const float *x, const float *y, float a, float b)
{
	DISPATCH(blend_f32, (n, dst, x, y, a, b));
}

void tessera_blend64(ptrdiff_t n, double *dst, const double *x, const double *y, double a, double b)
{
	DISPATCH(blend_f64, (n, dst, x, y, a, b));
}

double tessera_weighted_abs32(ptrdiff_t n, const float *d, const float *w, ptrdiff_t step)
{
	return DISPATCH(weighted_abs_f32, (n, d, w, step));
}

double tessera_weighted_abs64(ptrdiff_t n, const double *d, const double *w, ptrdiff_t step)
{
	return DISPATCH(weighted_abs_f64, (n, d, w, step));
}
