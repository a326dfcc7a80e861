// One application of H'WH + lambda Q'Q to a plane; see NormalOperator.
typedef struct {
	double *dst; // rows x cols
	const double *x, *w; // at element (0, 0); w may be null
	long ldx, ldw, rows, cols;
	long ru, rv; // kernel radii
	const double *h, *u, *v, *vflip; // u, v, vflip null unless separable
	int q;
	double lambda;
	long domain[4];
	double *work;
	long *offsets;
} tess_normal;

void tess_apply_normal(const tess_normal *a);

// dst[i][c] = sum_t coef[t] x[i*ldx + off[t] + c].
void tess_convolve(double *dst, long rows, long cols, const double *x, long ldx,
                   const long *off, const double *coef, long nt);
