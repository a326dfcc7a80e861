// Batched banded Cholesky of banded_native.c: groups of interleaved systems,
// float32 and float64.
#include <stddef.h>

enum { TESSERA_LANES32 = 16, TESSERA_LANES64 = 8, TESSERA_MAX_RHS = 4 };

ptrdiff_t tessera_banded_factor32(ptrdiff_t n, ptrdiff_t bw, float *a);
ptrdiff_t tessera_banded_factor64(ptrdiff_t n, ptrdiff_t bw, double *a);
void tessera_banded_solve32(ptrdiff_t n, ptrdiff_t bw, int rhs, const float *a, float *x);
void tessera_banded_solve64(ptrdiff_t n, ptrdiff_t bw, int rhs, const double *a, double *x);
