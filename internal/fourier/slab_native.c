//go:build native && cgo

// The passes of slab.go.

#include "slab_native.h"

#include <fftw3.h>
#include <string.h>

// one body for each instruction set, chosen when it is called
#include "../linalg/dispatch_native.h"

enum { LANES = 16 };

enum { WAVES, COSINES, SINES }; // Basis

enum { GRAM, INVERSE, ADJOINT, DIRECT, CONVOLVE }; // Action

int tessera_slab_plan(struct tessera_slab *s)
{
	int rows = s->rows, cols = s->cols;
	fftw_complex *spectrum = (fftw_complex *)s->spectrum, *column = (fftw_complex *)s->column;
	fftw_forget_wisdom();
	if (s->basis == SINES) {
		fftw_r2r_kind kind = FFTW_RODFT00;
		s->row_forward = fftw_plan_r2r_1d(cols, s->line, s->spectrum, kind, FFTW_ESTIMATE);
		s->row_inverse = fftw_plan_r2r_1d(cols, s->spectrum, s->line, kind, FFTW_ESTIMATE);
		s->column_forward = fftw_plan_many_r2r(1, &rows, LANES, s->column, 0, LANES, 1, s->column, 0, LANES, 1, &kind, FFTW_ESTIMATE);
		s->column_inverse = fftw_plan_many_r2r(1, &rows, LANES, s->column, 0, LANES, 1, s->column, 0, LANES, 1, &kind, FFTW_ESTIMATE);
		return s->row_forward && s->row_inverse && s->column_forward && s->column_inverse;
	}
	s->row_forward = fftw_plan_dft_r2c_1d(cols, s->line, spectrum, FFTW_ESTIMATE);
	s->row_inverse = fftw_plan_dft_c2r_1d(cols, spectrum, s->line, FFTW_ESTIMATE);
	s->column_forward = fftw_plan_many_dft(1, &rows, LANES / 2, column, 0, LANES / 2, 1, column, 0, LANES / 2, 1, FFTW_FORWARD, FFTW_ESTIMATE);
	s->column_inverse = fftw_plan_many_dft(1, &rows, LANES / 2, column, 0, LANES / 2, 1, column, 0, LANES / 2, 1, FFTW_BACKWARD, FFTW_ESTIMATE);
	return s->row_forward && s->row_inverse && s->column_forward && s->column_inverse;
}

void tessera_slab_destroy(struct tessera_slab *s)
{
	fftw_destroy_plan(s->row_forward);
	fftw_destroy_plan(s->row_inverse);
	fftw_destroy_plan(s->column_forward);
	fftw_destroy_plan(s->column_inverse);
}

// row_spectrum turns the line into its spectrum: that of cosines in place of the waves of the
// reordered line.
static void row_spectrum(struct tessera_slab *s)
{
	fftw_execute(s->row_forward);
	if (s->basis != COSINES)
		return;
	// X(k) = Re w V(k) and X(n-k) = -Im w V(k); the second half first, then the first in place.
	double *x = s->spectrum, *line = s->line;
	const double *w = s->row_turn;
	ptrdiff_t n = s->cols;
	line[0] = x[0];
	for (ptrdiff_t k = 1; k <= n / 2; k++) {
		double re = x[2 * k], im = x[2 * k + 1], c = w[2 * k], d = w[2 * k + 1];
		line[n - k] = -(c * im + d * re);
		line[k] = c * re - d * im;
	}
	memcpy(x, line, n * sizeof *x);
}

// row_line is the way back, times cols.
static void row_line(struct tessera_slab *s)
{
	if (s->basis == COSINES) {
		// V(k) = conj(w) (X(k) - i X(n-k))
		double *x = s->spectrum, *line = s->line;
		const double *w = s->row_turn;
		ptrdiff_t n = s->cols;
		memcpy(line, x, n * sizeof *x);
		x[0] = line[0];
		x[1] = 0;
		for (ptrdiff_t k = 1; k <= n / 2; k++) {
			double a = line[k], b = line[n - k], c = w[2 * k], d = w[2 * k + 1];
			x[2 * k] = c * a - d * b;
			x[2 * k + 1] = -(c * b + d * a);
		}
	}
	fftw_execute(s->row_inverse);
}

// block_row is where row i of block b lies after load.
static inline double *block_row(const struct tessera_slab *s, double *sent, double *own, ptrdiff_t b, ptrdiff_t i)
{
	ptrdiff_t k = b - s->first_block;
	if (k >= 0 && k < s->own_blocks)
		return own + (k * s->own_rows + i) * LANES;
	return sent + ((k < 0 ? b : b - s->own_blocks) * s->own_rows + i) * LANES;
}

void tessera_slab_load(struct tessera_slab *s, double *sent, double *own, const double *src, const int64_t *start, const int32_t *place)
{
	double *line = s->line;
	for (ptrdiff_t i = 0; i < s->own_rows; i++) {
		if (start) {
			memset(line, 0, s->cols * sizeof *line);
			for (int64_t e = start[i]; e < start[i + 1]; e++)
				line[place[e]] = src[e];
		} else if (s->basis == COSINES) {
			const double *from = src + i * s->cols;
			ptrdiff_t n = s->cols;
			for (ptrdiff_t j = 0; j < n / 2; j++) {
				line[j] = from[2 * j];
				line[n - 1 - j] = from[2 * j + 1];
			}
			if (n % 2)
				line[n / 2] = from[n - 1];
		} else {
			memcpy(line, src + i * s->cols, s->cols * sizeof *line);
		}
		row_spectrum(s);
		if (s->basis != WAVES) // what a row of waves leaves beyond the last column
			memset(s->spectrum + s->cols, 0, (s->blocks * LANES - s->cols) * sizeof *src);
		for (ptrdiff_t b = 0; b < s->blocks; b++)
			memcpy(block_row(s, sent, own, b, i), s->spectrum + b * LANES, LANES * sizeof *sent);
	}
}

void tessera_slab_store(struct tessera_slab *s, double *dst, double *sent, double *own, const int64_t *start, const int32_t *place, double scale)
{
	const double *line = s->line;
	for (ptrdiff_t i = 0; i < s->own_rows; i++) {
		for (ptrdiff_t b = 0; b < s->blocks; b++)
			memcpy(s->spectrum + b * LANES, block_row(s, sent, own, b, i), LANES * sizeof *sent);
		row_line(s);
		if (start) {
			for (int64_t e = start[i]; e < start[i + 1]; e++)
				dst[e] = scale * line[place[e]];
		} else {
			double *to = dst + i * s->cols;
			for (ptrdiff_t j = 0; j < s->cols; j++)
				to[j] = scale * line[s->place[j]];
		}
	}
}

#define SUFFIX base
#define TARGET
#include "slab_body.h"
#undef SUFFIX
#undef TARGET

#ifdef HAVE_AVX2
#define SUFFIX avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "slab_body.h"
#endif

void tessera_slab_filter(struct tessera_slab *s, double *received, double *own, const int64_t *part_rows, ptrdiff_t parts, struct tessera_symbol f, double *sums)
{
	DISPATCH(slab_filter, (s, received, own, part_rows, parts, f, sums));
}

void tessera_slab_line(struct tessera_slab *s, double *dst, const double *src)
{
	memcpy(s->line, src, s->cols * sizeof *src);
	fftw_execute(s->row_forward);
	memcpy(dst, s->spectrum, 2 * s->half * sizeof *dst);
}

void tessera_slab_column(struct tessera_slab *s, double *x)
{
	memcpy(s->column, x, s->rows * LANES * sizeof *x);
	fftw_execute(s->column_forward);
	memcpy(x, s->column, s->rows * LANES * sizeof *x);
}
