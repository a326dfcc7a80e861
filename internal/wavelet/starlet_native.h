#include <stddef.h>

struct tessera_starlet {
	ptrdiff_t side, scales, radius, margin, width, stride;
	int periodic;
	double h0, h1, h2;
};

void tessera_starlet_forward32(struct tessera_starlet s, float *work, float *bands, const float *x);
void tessera_starlet_forward64(struct tessera_starlet s, double *work, double *bands, const double *x);
void tessera_starlet_adjoint32(struct tessera_starlet s, float *work, float *x, const float *bands);
void tessera_starlet_adjoint64(struct tessera_starlet s, double *work, double *x, const double *bands);
