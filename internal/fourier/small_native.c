//go:build native

#include "small_native.h"

#include <string.h>

#define BODY "../fourier/small_body.h"
#include "../linalg/types_native.h"

void tessera_small_apply32(struct tessera_dims d, const float *tables, float *work, const float *filter, int transpose,
                           float *dst, const float *src)
{
	DISPATCH(apply_f32, (d, tables, work, filter, transpose, dst, src));
}

void tessera_small_apply64(struct tessera_dims d, const double *tables, double *work, const double *filter,
                           int transpose, double *dst, const double *src)
{
	DISPATCH(apply_f64, (d, tables, work, filter, transpose, dst, src));
}

void tessera_small_gradient32(struct tessera_dims d, const float *tables, float *work, const float *filter, float *dst,
                              const float *x, const float *y, const float *w)
{
	DISPATCH(gradient_f32, (d, tables, work, filter, dst, x, y, w));
}

void tessera_small_gradient64(struct tessera_dims d, const double *tables, double *work, const double *filter,
                              double *dst, const double *x, const double *y, const double *w)
{
	DISPATCH(gradient_f64, (d, tables, work, filter, dst, x, y, w));
}

double tessera_small_misfit32(struct tessera_dims d, const float *tables, float *work, const float *filter,
                              const float *x, const float *y, const float *w)
{
	return DISPATCH(misfit_f32, (d, tables, work, filter, x, y, w));
}

double tessera_small_misfit64(struct tessera_dims d, const double *tables, double *work, const double *filter,
                              const double *x, const double *y, const double *w)
{
	return DISPATCH(misfit_f64, (d, tables, work, filter, x, y, w));
}
