//go:build native

// The normal operator with AVX2 where the processor has it. The steps and names
// are those of normal_go.go.

#include <string.h>
#include "normal.h"

typedef double v4 __attribute__((vector_size(32), aligned(8), may_alias));

#define LOAD(p) (*(const v4 *)(p))
#define STORE(p, v) (*(v4 *)(p) = (v))

// out[c] = (sum_t coef[t] x[off[t]+c]) * (w ? w[c] : 1) + (add ? out[c] : 0)
#define TAPS_BODY                                                              \
	long c = 0;                                                                \
	for (; c + 32 <= n; c += 32) {                                             \
		v4 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};                             \
		v4 s4 = {0}, s5 = {0}, s6 = {0}, s7 = {0};                             \
		for (long t = 0; t < nt; t++) {                                        \
			const double *p = x + off[t] + c;                                  \
			double h = coef[t];                                                \
			v4 k = {h, h, h, h};                                               \
			s0 += k * LOAD(p), s1 += k * LOAD(p + 4);                          \
			s2 += k * LOAD(p + 8), s3 += k * LOAD(p + 12);                     \
			s4 += k * LOAD(p + 16), s5 += k * LOAD(p + 20);                    \
			s6 += k * LOAD(p + 24), s7 += k * LOAD(p + 28);                    \
		}                                                                      \
		if (w) {                                                               \
			const double *q = w + c;                                           \
			s0 *= LOAD(q), s1 *= LOAD(q + 4), s2 *= LOAD(q + 8);               \
			s3 *= LOAD(q + 12), s4 *= LOAD(q + 16), s5 *= LOAD(q + 20);        \
			s6 *= LOAD(q + 24), s7 *= LOAD(q + 28);                            \
		}                                                                      \
		double *o = out + c;                                                   \
		if (add) {                                                             \
			s0 += LOAD(o), s1 += LOAD(o + 4), s2 += LOAD(o + 8);               \
			s3 += LOAD(o + 12), s4 += LOAD(o + 16), s5 += LOAD(o + 20);        \
			s6 += LOAD(o + 24), s7 += LOAD(o + 28);                            \
		}                                                                      \
		STORE(o, s0), STORE(o + 4, s1), STORE(o + 8, s2), STORE(o + 12, s3);   \
		STORE(o + 16, s4), STORE(o + 20, s5), STORE(o + 24, s6);               \
		STORE(o + 28, s7);                                                     \
	}                                                                          \
	for (; c + 4 <= n; c += 4) {                                               \
		v4 s = {0};                                                            \
		for (long t = 0; t < nt; t++) {                                        \
			double h = coef[t];                                                \
			v4 k = {h, h, h, h};                                               \
			s += k * LOAD(x + off[t] + c);                                     \
		}                                                                      \
		if (w)                                                                 \
			s *= LOAD(w + c);                                                  \
		if (add)                                                               \
			s += LOAD(out + c);                                                \
		STORE(out + c, s);                                                     \
	}                                                                          \
	for (; c < n; c++) {                                                       \
		double s = 0;                                                          \
		for (long t = 0; t < nt; t++)                                          \
			s += coef[t] * x[off[t] + c];                                      \
		out[c] = (add ? out[c] : 0) + (w ? s * w[c] : s);                      \
	}

#define ARGS                                                                   \
	double *out, const double *x, const long *off, const double *coef,         \
		long nt, long n, const double *w, int add

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void taps_avx2(ARGS) { TAPS_BODY }
#endif
static void taps_base(ARGS) { TAPS_BODY }

static void taps(ARGS) {
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
		taps_avx2(out, x, off, coef, nt, n, w, add);
		return;
	}
#endif
	taps_base(out, x, off, coef, nt, n, w, add);
}

// add_regulariser adds lambda Q'Q x to one row: I or the 5-point stencil.
static void add_regulariser(const tess_normal *a, double *out, const double *x) {
	if (a->q == 0) {
		long zero = 0;
		taps(out, x, &zero, &a->lambda, 1, a->cols, 0, 1);
	} else if (a->q == 1) {
		long off[5] = {-a->ldx, -1, 0, 1, a->ldx};
		double l = a->lambda, coef[5] = {-l, -l, 4 * l, -l, -l};
		taps(out, x, off, coef, 5, a->cols, 0, 1);
	}
}

// H = h I.
static void pointwise(const tess_normal *a) {
	double hh = a->h[0] * a->h[0];
	long zero = 0;
	for (long i = 0; i < a->rows; i++) {
		double *out = a->dst + i * a->cols;
		const double *x = a->x + i * a->ldx;
		taps(out, x, &zero, &hh, 1, a->cols, a->w ? a->w + i * a->ldw : 0, 0);
		add_regulariser(a, out, x);
	}
}

// Rows of t = w .* (H x) pass through a ring of 2r+1 row buffers.
static void blur(const tess_normal *a) {
	long r = a->ru, c = a->rv, nr = 2 * r + 1, nc = 2 * c + 1;
	long wide = a->cols + 2 * c, nt = nr * nc;
	double *ring = a->work, *row = ring + nr * wide, *t = row + a->cols + 4 * c;
	long *off = a->offsets, *back = off + nt, *along = back + nt, *across = along + nc;
	for (long i = -r, k = 0; i <= r; i++)
		for (long j = -c; j <= c; j++)
			off[k++] = -i * a->ldx - j;
	for (long j = -c; j <= c; j++)
		along[j + c] = -j;
	for (long i = -r; i <= r; i++)
		across[i + r] = -i * a->ldx;
	for (long j = -r; j < a->rows + r; j++) {
		double *slot = ring + (j + r) % nr * wide;
		const double *x = a->x + j * a->ldx, *w = a->w ? a->w + j * a->ldw - c : 0;
		if (a->u) {
			taps(row, x - 2 * c, across, a->u, nr, a->cols + 4 * c, 0, 0);
			taps(t, row + c, along, a->v, nc, wide, w, 0);
			taps(slot, t + c, along, a->vflip, nc, a->cols, 0, 0);
		} else {
			taps(slot, x - c, off, a->h, nt, wide, w, 0);
		}
		long i = j - r;
		if (i < 0)
			continue;
		double *out = a->dst + i * a->cols;
		for (long p = -r; p <= r; p++) {
			long at = (i + p + r) % nr * wide;
			if (a->u)
				back[p + r] = at;
			else
				for (long q = -c; q <= c; q++)
					back[(p + r) * nc + q + c] = at + c + q;
		}
		taps(out, ring, back, a->u ? a->u : a->h, a->u ? nr : nt, a->cols, 0, 0);
		add_regulariser(a, out, a->x + i * a->ldx);
	}
}

// lambda times the 5-point stencil applied twice, the inner result zero outside
// the domain.
static void add_biharmonic(const tess_normal *a) {
	long wide = a->cols + 2, back[5], off[5] = {-a->ldx, -1, 0, 1, a->ldx};
	double cross[5] = {-1, -1, 4, -1, -1}, l = a->lambda;
	double scaled[5] = {-l, -l, 4 * l, -l, -l};
	for (long i = -1; i <= a->rows; i++) {
		double *row = a->work + (i + 1) % 3 * wide;
		if (i >= a->domain[0] && i < a->domain[1]) {
			taps(row, a->x + i * a->ldx - 1, off, cross, 5, wide, 0, 0);
			if (a->domain[2] > -1)
				row[0] = 0;
			if (a->domain[3] <= a->cols)
				row[wide - 1] = 0;
		} else {
			memset(row, 0, wide * sizeof *row);
		}
		if (i < 1)
			continue;
		long o = i - 1, mid = (o + 1) % 3 * wide + 1;
		back[0] = o % 3 * wide + 1, back[1] = mid - 1, back[2] = mid;
		back[3] = mid + 1, back[4] = (o + 2) % 3 * wide + 1;
		taps(a->dst + o * a->cols, a->work, back, scaled, 5, a->cols, 0, 1);
	}
}

void tess_apply_normal(const tess_normal *a) {
	if (a->ru == 0 && a->rv == 0)
		pointwise(a);
	else
		blur(a);
	if (a->q == 2)
		add_biharmonic(a);
}

void tess_convolve(double *dst, long rows, long cols, const double *x, long ldx,
                   const long *off, const double *coef, long nt) {
	for (long i = 0; i < rows; i++)
		taps(dst + i * cols, x + i * ldx, off, coef, nt, cols, 0, 0);
}
