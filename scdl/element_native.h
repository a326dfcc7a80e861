#include <stddef.h>

void tessera_pull32(ptrdiff_t n, float *r, const float *y, const float *y3, const float *p, const float *w, float sign,
                    float c, float c3);
void tessera_pull64(ptrdiff_t n, double *r, const double *y, const double *y3, const double *p, const double *w,
                    double sign, double c, double c3);
void tessera_update32(ptrdiff_t n, float *p, float *q, float *y1, float *y2, float *y3, const float *wh, const float *wl,
                      const float *k, double *counts);
void tessera_update64(ptrdiff_t n, double *p, double *q, double *y1, double *y2, double *y3, const double *wh,
                      const double *wl, const double *k, double *counts);
void tessera_squares32(ptrdiff_t atoms, ptrdiff_t columns, double *rows, const float *codes);
void tessera_squares64(ptrdiff_t atoms, ptrdiff_t columns, double *rows, const double *codes);
