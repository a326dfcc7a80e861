//go:build native

#include "element_native.h"

#define BODY "../../scdl/element_body.h"
#include "../internal/linalg/types_native.h"

void tessera_pull32(ptrdiff_t n, float *r, const float *y, const float *y3, const float *p, const float *w, float sign,
                    float c, float c3)
{
	DISPATCH(pull_f32, (n, r, y, y3, p, w, sign, c, c3));
}

void tessera_pull64(ptrdiff_t n, double *r, const double *y, const double *y3, const double *p, const double *w,
                    double sign, double c, double c3)
{
	DISPATCH(pull_f64, (n, r, y, y3, p, w, sign, c, c3));
}

void tessera_update32(ptrdiff_t n, float *p, float *q, float *y1, float *y2, float *y3, const float *wh, const float *wl,
                      const float *k, double *counts)
{
	DISPATCH(update_f32, (n, p, q, y1, y2, y3, wh, wl, k, counts));
}

void tessera_update64(ptrdiff_t n, double *p, double *q, double *y1, double *y2, double *y3, const double *wh,
                      const double *wl, const double *k, double *counts)
{
	DISPATCH(update_f64, (n, p, q, y1, y2, y3, wh, wl, k, counts));
}

void tessera_squares32(ptrdiff_t atoms, ptrdiff_t columns, double *rows, const float *codes)
{
	DISPATCH(squares_f32, (atoms, columns, rows, codes));
}

void tessera_squares64(ptrdiff_t atoms, ptrdiff_t columns, double *rows, const double *codes)
{
	DISPATCH(squares_f64, (atoms, columns, rows, codes));
}
