#include <stddef.h>

// The lines of a box: see box.go.
struct tessera_box {
	ptrdiff_t lines, length, axes;
	const ptrdiff_t *own, *ext, *strides;
	double *sums;
};

void tessera_step(struct tessera_box b, double *ext, const double *s, const double *g, double gamma);
void tessera_extrapolate(ptrdiff_t n, double *s, const double *x, const double *before, double mu);
double tessera_shrink(struct tessera_box b, double *x, double *s, const double *ext, double mu, double reach,
                      double lower, double upper, int bounded);
// Of two axes.
void tessera_edge(struct tessera_box b, double *ext, const double *s, const double *g, double gamma);
double tessera_advance(struct tessera_box b, double *x, double *s, const double *g, const double *ext, double gamma,
                       double mu, double reach, double lower, double upper, int bounded);
void tessera_descend(struct tessera_box b, double *x, double *ext, const double *g, const double *p, ptrdiff_t apart,
                     double tau, double theta, double lower, double upper);
void tessera_ascend(ptrdiff_t n, double *p, const double *z, ptrdiff_t stride, double sigma, double radius);
void tessera_ascend_together(struct tessera_box b, ptrdiff_t n, double *p, ptrdiff_t apart, const double *z,
                             double sigma, double radius);
void tessera_relax(ptrdiff_t n, double *t, const double *z, ptrdiff_t stride, double alpha, double radius);
void tessera_reflected(struct tessera_box b, double *out, const double *t, const double *ext, ptrdiff_t apart,
                       double keep, double scale, double radius);
void tessera_residual(ptrdiff_t n, double *r, const double *a, const double *y, const double *w);
// pieces, and low, inverse and last of the splines of averages and differences: see spline.go. With
// g the moments are added up, too.
void tessera_pairs(ptrdiff_t n, double *plus, double *minus, const double *z, const double *g, ptrdiff_t stride,
                   double scale, const double *averages, const double *differences, const double *grids, double *sums,
                   double *changes, ptrdiff_t from, ptrdiff_t to);
void tessera_add(ptrdiff_t n, double *out, const double *a, const double *plus, const double *minus);
