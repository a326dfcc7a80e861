// Vector kernels of vector_native.c, float64.
#include <stddef.h>

double tessera_dot(ptrdiff_t n, const double *x, const double *y);
void tessera_dot4(ptrdiff_t n, const double *w, const double *v0, const double *v1, const double *v2,
                  const double *v3, double *out);
void tessera_axpy4(ptrdiff_t n, double *w, const double *v0, const double *v1, const double *v2,
                   const double *v3, double c0, double c1, double c2, double c3);
void tessera_xpby(ptrdiff_t n, double *p, const double *z, double beta);
double tessera_cg_update(ptrdiff_t n, double *x, double *r, const double *p, const double *q, double alpha);
