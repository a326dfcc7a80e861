// Low-rank correction of lowrank_native.c, float32 and float64.
#include <stddef.h>
#include <stdint.h>

void tessera_low_rank32(ptrdiff_t rank, const int32_t *rows, const float *middle, ptrdiff_t m, const float *u,
                        const float *x, ptrdiff_t n, const float *v, float *z, float *work);
void tessera_low_rank64(ptrdiff_t rank, const int32_t *rows, const double *middle, ptrdiff_t m, const double *u,
                        const double *x, ptrdiff_t n, const double *v, double *z, double *work);
