//go:build native

#include "rectify_native.h"

void tessera_rectify(ptrdiff_t n, float *x)
{
	for (ptrdiff_t i = 0; i < n; i++)
		x[i] = x[i] < 0 ? 0 : x[i];
}

void tessera_rectified(ptrdiff_t n, float *restrict g, const float *restrict x)
{
	for (ptrdiff_t i = 0; i < n; i++)
		g[i] = x[i] <= 0 ? 0 : g[i];
}
