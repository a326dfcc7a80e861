//go:build native

#include "lowrank_native.h"

#define BODY "lowrank_body.h"
#include "types_native.h"

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
