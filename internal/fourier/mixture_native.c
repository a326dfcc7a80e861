//go:build native && cgo

#include "mixture_native.h"

#include <fftw3.h>
#include <string.h>

#include "../linalg/dispatch_native.h"

typedef double v4 __attribute__((vector_size(32), aligned(8), may_alias));

#define LOAD(p) (*(const v4 *)(p))
#define STORE(p, v) (*(v4 *)(p) = (v))

// Numbers of a row of a block.
#define WIDTH (2 * TESSERA_LANES)
#define ROWS TESSERA_ROWS

#define SUFFIX base
#define TARGET
#include "mixture_body.h"
#undef SUFFIX
#undef TARGET

#ifdef HAVE_AVX2
#define SUFFIX avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "mixture_body.h"
#undef SUFFIX
#undef TARGET
#endif

int tessera_mixture_plan(struct tessera_mixture *m)
{
	int rows = m->rows, cols = m->cols, lanes = TESSERA_LANES;
	fftw_forget_wisdom();
	m->row_forward = fftw_plan_dft_r2c_1d(cols, m->line, m->half, FFTW_ESTIMATE);
	m->row_inverse = fftw_plan_dft_c2r_1d(cols, m->half, m->line, FFTW_ESTIMATE);
	m->column_forward =
		fftw_plan_many_dft(1, &rows, lanes, m->block, 0, lanes, 1, m->spare, 0, lanes, 1, FFTW_FORWARD, FFTW_ESTIMATE);
	m->column_inverse =
		fftw_plan_many_dft(1, &rows, lanes, m->block, 0, lanes, 1, m->spare, 0, lanes, 1, FFTW_BACKWARD, FFTW_ESTIMATE);
	return m->row_forward && m->row_inverse && m->column_forward && m->column_inverse;
}

void tessera_mixture_destroy(struct tessera_mixture *m)
{
	fftw_destroy_plan(m->row_forward);
	fftw_destroy_plan(m->row_inverse);
	fftw_destroy_plan(m->column_forward);
	fftw_destroy_plan(m->column_inverse);
}

// A block of an image.
static double *block_of(struct tessera_mixture *m, ptrdiff_t image, ptrdiff_t block)
{
	return (double *)m->images + (image * m->blocks + block) * m->rows * WIDTH;
}

void tessera_mixture_load(struct tessera_mixture *m, ptrdiff_t image, struct tessera_mixture_window w, const double *src,
                          const double *columns)
{
	double *line = m->line;
	ptrdiff_t width = m->blocks * WIDTH;
	ptrdiff_t first = w.cols < m->cols - w.col ? w.cols : m->cols - w.col; // before the end of the line
	memset(line, 0, m->cols * sizeof *line);
	for (ptrdiff_t i = 0; i < w.rows; i += ROWS) {
		ptrdiff_t n = w.rows - i < ROWS ? w.rows - i : ROWS;
		for (ptrdiff_t k = 0; k < n; k++) {
			const double *from = src + (i + k) * w.stride;
			if (columns) {
				for (ptrdiff_t j = 0; j < first; j++)
					line[w.col + j] = columns[j] * from[j];
				for (ptrdiff_t j = first; j < w.cols; j++)
					line[j - first] = columns[j] * from[j];
			} else {
				memcpy(line + w.col, from, first * sizeof *line);
				memcpy(line, from + first, (w.cols - first) * sizeof *line);
			}
			fftw_execute_dft_r2c(m->row_forward, line, (fftw_complex *)((double *)m->half + k * width));
		}
		for (ptrdiff_t b = 0; b < m->blocks; b++)
			for (ptrdiff_t k = 0; k < n; k++)
				memcpy(block_of(m, image, b) + (w.row + i + k) % m->rows * WIDTH, (double *)m->half + k * width + b * WIDTH,
				       WIDTH * sizeof *line);
	}
	if (columns)
		return; // the terms take the first rows alone
	for (ptrdiff_t b = 0; b < m->blocks; b++)
		for (ptrdiff_t i = w.rows; i < m->rows; i++)
			memset(block_of(m, image, b) + (w.row + i) % m->rows * WIDTH, 0, WIDTH * sizeof *line);
}

void tessera_mixture_store(struct tessera_mixture *m, ptrdiff_t image, struct tessera_mixture_window w, double *dst,
                           const double *columns)
{
	double *line = m->line;
	ptrdiff_t width = m->blocks * WIDTH;
	ptrdiff_t first = w.cols < m->cols - w.col ? w.cols : m->cols - w.col;
	for (ptrdiff_t i = 0; i < w.rows; i += ROWS) {
		ptrdiff_t n = w.rows - i < ROWS ? w.rows - i : ROWS;
		for (ptrdiff_t b = 0; b < m->blocks; b++)
			for (ptrdiff_t k = 0; k < n; k++)
				memcpy((double *)m->half + k * width + b * WIDTH, block_of(m, image, b) + (w.row + i + k) % m->rows * WIDTH,
				       WIDTH * sizeof *line);
		for (ptrdiff_t k = 0; k < n; k++) {
			fftw_execute_dft_c2r(m->row_inverse, (fftw_complex *)((double *)m->half + k * width), line);
			double *to = dst + (i + k) * w.stride;
			if (columns) {
				for (ptrdiff_t j = 0; j < first; j++)
					to[j] += columns[j] * line[w.col + j];
				for (ptrdiff_t j = first; j < w.cols; j++)
					to[j] += columns[j] * line[j - first];
			} else {
				for (ptrdiff_t j = 0; j < first; j++)
					to[j] += line[w.col + j];
				for (ptrdiff_t j = first; j < w.cols; j++)
					to[j] += line[j - first];
			}
		}
	}
}

void tessera_mixture_spectrum(struct tessera_mixture *m, double *spectrum, double scale)
{
	ptrdiff_t n = m->rows * WIDTH;
	for (ptrdiff_t b = 0; b < m->blocks; b++) {
		tessera_mixture_begin(m, b);
		for (ptrdiff_t j = 0; j < n; j++)
			spectrum[b * n + j] = scale * ((double *)m->sum)[j];
	}
}

// Asks for n numbers of a spectrum, which come from memory, before the transform that they are wanted after.
static void fetch(const double *spectrum, ptrdiff_t n)
{
	for (ptrdiff_t j = 0; j < n; j += 8)
		__builtin_prefetch(spectrum + j, 0, 2);
}

void tessera_mixture_term(struct tessera_mixture *m, ptrdiff_t block, ptrdiff_t image, ptrdiff_t n, const double *rows,
                          const double *spectrum, int first)
{
	ptrdiff_t size = m->rows * WIDTH;
	double *x = m->block;
	DISPATCH(scaled, (n, x, block_of(m, image, block), rows));
	memset(x + n * WIDTH, 0, (size - n * WIDTH) * sizeof *x);
	fetch(spectrum + block * size, size);
	fftw_execute(m->column_forward);
	DISPATCH(product, (size, m->sum, spectrum + block * size, m->spare, !first, 1));
}

void tessera_mixture_end(struct tessera_mixture *m, ptrdiff_t block)
{
	fftw_execute_dft(m->column_inverse, m->sum, (fftw_complex *)block_of(m, 0, block));
}

void tessera_mixture_begin(struct tessera_mixture *m, ptrdiff_t block)
{
	fftw_execute_dft(m->column_forward, (fftw_complex *)block_of(m, 0, block), m->sum);
}

void tessera_mixture_back(struct tessera_mixture *m, ptrdiff_t block, ptrdiff_t image, ptrdiff_t n, const double *rows,
                          const double *spectrum, int first)
{
	ptrdiff_t size = m->rows * WIDTH;
	DISPATCH(product, (size, m->block, spectrum + block * size, m->sum, 0, -1));
	fftw_execute(m->column_inverse);
	if (first)
		DISPATCH(scaled, (n, block_of(m, image, block), m->spare, rows));
	else
		DISPATCH(scaled_add, (n, block_of(m, image, block), m->spare, rows));
}
