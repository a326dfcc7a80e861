// The passes of spectral.go, included once per precision: T the real type, FFTW(x) the
// name of FFTW's x for it, NAME(x) that of our function.
//
// The spectrum lies in blocks of `lanes` columns, each rows x lanes complex numbers: a
// pass over the columns works on one block at a time, in cache.

typedef FFTW(complex) NAME(complex);

int NAME(plan)(struct tessera_spectral *s)
{
	int rows = s->rows, cols = s->cols, lanes = s->lanes;
	fftw_forget_wisdom();
	fftwf_forget_wisdom();
	s->row_forward = FFTW(plan_dft_r2c_1d)(cols, s->line, s->half, FFTW_ESTIMATE);
	s->row_inverse = FFTW(plan_dft_c2r_1d)(cols, s->half, s->line, FFTW_ESTIMATE);
	s->column_forward = FFTW(plan_many_dft)(1, &rows, lanes, s->spectrum, 0, lanes, 1, s->spectrum, 0, lanes, 1, FFTW_FORWARD, FFTW_ESTIMATE);
	s->column_inverse = FFTW(plan_many_dft)(1, &rows, lanes, s->spectrum, 0, lanes, 1, s->spectrum, 0, lanes, 1, FFTW_BACKWARD, FFTW_ESTIMATE);
	return s->row_forward && s->row_inverse && s->column_forward && s->column_inverse;
}

void NAME(destroy)(struct tessera_spectral *s)
{
	FFTW(destroy_plan)(s->row_forward);
	FFTW(destroy_plan)(s->row_inverse);
	FFTW(destroy_plan)(s->column_forward);
	FFTW(destroy_plan)(s->column_inverse);
}

static void NAME(scatter)(struct tessera_spectral *s, ptrdiff_t row)
{
	const NAME(complex) *from = s->half;
	NAME(complex) *to = (NAME(complex) *)s->spectrum + row * s->lanes;
	for (ptrdiff_t b = 0; b < s->blocks; b++)
		memcpy(to + b * s->rows * s->lanes, from + b * s->lanes, s->lanes * sizeof *to);
}

static void NAME(gather)(struct tessera_spectral *s, ptrdiff_t row)
{
	NAME(complex) *to = s->half;
	const NAME(complex) *from = (NAME(complex) *)s->spectrum + row * s->lanes;
	for (ptrdiff_t b = 0; b < s->blocks; b++)
		memcpy(to + b * s->lanes, from + b * s->rows * s->lanes, s->lanes * sizeof *to);
}

static void NAME(zero_row)(struct tessera_spectral *s, ptrdiff_t row)
{
	NAME(complex) *to = (NAME(complex) *)s->spectrum + row * s->lanes;
	for (ptrdiff_t b = 0; b < s->blocks; b++)
		memset(to + b * s->rows * s->lanes, 0, s->lanes * sizeof *to);
}

void NAME(load)(struct tessera_spectral *s, struct tessera_window w, const double *src)
{
	T *line = s->line;
	for (ptrdiff_t i = 0; i < s->rows; i++) {
		if (i < w.row || i >= w.row + w.rows) {
			NAME(zero_row)(s, i);
			continue;
		}
		const double *from = src + (i - w.row) * w.stride;
		for (ptrdiff_t j = 0; j < w.col; j++)
			line[j] = 0;
		for (ptrdiff_t j = 0; j < w.cols; j++)
			line[w.col + j] = from[j];
		for (ptrdiff_t j = w.col + w.cols; j < s->cols; j++)
			line[j] = 0;
		FFTW(execute)(s->row_forward);
		NAME(scatter)(s, i);
	}
}

void NAME(multiply)(struct tessera_spectral *s, const T *symbol)
{
	ptrdiff_t n = s->rows * s->lanes;
	for (ptrdiff_t b = 0; b < s->blocks; b++, symbol += n) {
		NAME(complex) *x = (NAME(complex) *)s->spectrum + b * n;
		FFTW(execute_dft)(s->column_forward, x, x);
		for (ptrdiff_t k = 0; k < n; k++) {
			x[k][0] *= symbol[k];
			x[k][1] *= symbol[k];
		}
		FFTW(execute_dft)(s->column_inverse, x, x);
	}
}

void NAME(convolve)(struct tessera_spectral *s, const T *h, int conjugate)
{
	ptrdiff_t n = s->rows * s->lanes;
	T sign = conjugate ? -1 : 1;
	for (ptrdiff_t b = 0; b < s->blocks; b++, h += 2 * n) {
		NAME(complex) *x = (NAME(complex) *)s->spectrum + b * n;
		FFTW(execute_dft)(s->column_forward, x, x);
		for (ptrdiff_t k = 0; k < n; k++) {
			T re = h[2 * k], im = sign * h[2 * k + 1], a = x[k][0], c = x[k][1];
			x[k][0] = re * a - im * c;
			x[k][1] = re * c + im * a;
		}
		FFTW(execute_dft)(s->column_inverse, x, x);
	}
}

void NAME(weigh)(struct tessera_spectral *s, struct tessera_window w, const double *weights)
{
	T *line = s->line;
	for (ptrdiff_t i = 0; i < s->rows; i++) {
		if (i < w.row || i >= w.row + w.rows) {
			NAME(zero_row)(s, i);
			continue;
		}
		NAME(gather)(s, i);
		FFTW(execute)(s->row_inverse);
		for (ptrdiff_t j = 0; j < w.col; j++)
			line[j] = 0;
		if (weights) {
			const double *by = weights + (i - w.row) * w.stride;
			for (ptrdiff_t j = 0; j < w.cols; j++)
				line[w.col + j] *= by[j];
		}
		for (ptrdiff_t j = w.col + w.cols; j < s->cols; j++)
			line[j] = 0;
		FFTW(execute)(s->row_forward);
		NAME(scatter)(s, i);
	}
}

void NAME(store)(struct tessera_spectral *s, struct tessera_window w, double *dst, T scale)
{
	T *line = s->line;
	for (ptrdiff_t i = 0; i < w.rows; i++) {
		NAME(gather)(s, w.row + i);
		FFTW(execute)(s->row_inverse);
		double *to = dst + i * w.stride;
		for (ptrdiff_t j = 0; j < w.cols; j++)
			to[j] = scale * line[w.col + j];
	}
}
