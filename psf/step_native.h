#include <stddef.h>

void tessera_primal32(ptrdiff_t n, float *x, const float *g, const float *t, float *bar, float tau, float rho, int any_sign);
void tessera_primal64(ptrdiff_t n, double *x, const double *g, const double *t, double *bar, double tau, double rho, int any_sign);
void tessera_dual32(ptrdiff_t n, float *u, const float *d, const float *w, ptrdiff_t step, float sigma, float rho);
void tessera_dual64(ptrdiff_t n, double *u, const double *d, const double *w, ptrdiff_t step, double sigma, double rho);
void tessera_blend32(ptrdiff_t n, float *dst, const float *x, const float *y, float a, float b);
void tessera_blend64(ptrdiff_t n, double *dst, const double *x, const double *y, double a, double b);
double tessera_weighted_abs32(ptrdiff_t n, const float *d, const float *w, ptrdiff_t step);
double tessera_weighted_abs64(ptrdiff_t n, const double *d, const double *w, ptrdiff_t step);
