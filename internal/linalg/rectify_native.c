//go:build native

#include "rectify_native.h"

void tessera_rectify(ptrdiff_t n, float *x)
{
	for (ptrdiff_t i = 0; i < n; i++)
		x[i] = x[i] < 0 ? 0 : x[i];
}
