//go:build native

#include "starlet_native.h"

#include <string.h>

#define BODY "../wavelet/starlet_body.h"
#include "../linalg/types_native.h"

void tessera_starlet_forward32(struct tessera_starlet s, float *work, float *bands, const float *x)
{
	DISPATCH(forward_f32, (s, work, bands, x));
}

void tessera_starlet_forward64(struct tessera_starlet s, double *work, double *bands, const double *x)
{
	DISPATCH(forward_f64, (s, work, bands, x));
}

void tessera_starlet_adjoint32(struct tessera_starlet s, float *work, float *x, const float *bands)
{
	DISPATCH(adjoint_f32, (s, work, x, bands));
}

void tessera_starlet_adjoint64(struct tessera_starlet s, double *work, double *x, const double *bands)
{
	DISPATCH(adjoint_f64, (s, work, x, bands));
}
