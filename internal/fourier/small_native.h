#include <stddef.h>

struct tessera_dims {
	ptrdiff_t side, m, k, kp, jp;
};

void tessera_small_apply32(struct tessera_dims d, const float *tables, float *work, const float *filter, int transpose,
                           float *dst, const float *src);
void tessera_small_apply64(struct tessera_dims d, const double *tables, double *work, const double *filter,
                           int transpose, double *dst, const double *src);
void tessera_small_gradient32(struct tessera_dims d, const float *tables, float *work, const float *filter, float *dst,
                              const float *x, const float *y, const float *w);
void tessera_small_gradient64(struct tessera_dims d, const double *tables, double *work, const double *filter,
                              double *dst, const double *x, const double *y, const double *w);
double tessera_small_misfit32(struct tessera_dims d, const float *tables, float *work, const float *filter,
                              const float *x, const float *y, const float *w);
double tessera_small_misfit64(struct tessera_dims d, const double *tables, double *work, const double *filter,
                              const double *x, const double *y, const double *w);
