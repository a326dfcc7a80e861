// One iteration of one tile of samples, included once per element type and instruction
// set: T is the element type, V a vector of VL of them.
//
// The iteration makes three sweeps over blocks of atoms, so that the arrays of a block
// stay in cache between the products and the loops around them. All arrays of a tile have
// W columns: the products hold vectors of samples in registers, and read the dictionaries
// one number at a time.

#define W 64
#define BLOCK 80 // atoms; a multiple of GROUP and of what the gradient takes at once
#define GROUP 5 // rows of a product held in registers at a time, two vectors each
#define LOAD(p) (*(const V *)(p))
#define STORE(p, v) (*(V *)(p) = (v))
#define ALWAYS TARGET static inline __attribute__((always_inline))

// The number in [-by, by] closest to x.
ALWAYS T NAME(clip)(T x, T by)
{
	T m = x < by ? x : by;
	return m > -by ? m : -by;
}

// n rows of v -= d' r, d the first of n columns of atoms x ld, r: atoms x W.
ALWAYS void NAME(forward_rows)(const int n, ptrdiff_t atoms, const T *d, ptrdiff_t ld, const T *r, T *v)
{
	for (int s = 0; s < W; s += 2 * VL) {
		V a[n][2];
		for (int i = 0; i < n; i++)
			for (int h = 0; h < 2; h++)
				a[i][h] = LOAD(v + i * W + s + h * VL);
		for (ptrdiff_t k = 0; k < atoms; k++) {
			V x = LOAD(r + k * W + s), y = LOAD(r + k * W + s + VL);
			for (int i = 0; i < n; i++) {
				T c = d[k * ld + i];
				a[i][0] -= c * x;
				a[i][1] -= c * y;
			}
		}
		for (int i = 0; i < n; i++)
			for (int h = 0; h < 2; h++)
				STORE(v + i * W + s + h * VL, a[i][h]);
	}
}

// v (rows x W) -= d' r, d: atoms x ld, r: atoms x W.
TARGET static void NAME(forward)(ptrdiff_t atoms, ptrdiff_t rows, const T *d, ptrdiff_t ld, const T *r, T *v)
{
	ptrdiff_t g = 0;
	for (; g + GROUP <= rows; g += GROUP)
		NAME(forward_rows)(GROUP, atoms, d + g, ld, r, v + g * W);
	switch (rows - g) {
	case 4: NAME(forward_rows)(4, atoms, d + g, ld, r, v + g * W); break;
	case 3: NAME(forward_rows)(3, atoms, d + g, ld, r, v + g * W); break;
	case 2: NAME(forward_rows)(2, atoms, d + g, ld, r, v + g * W); break;
	case 1: NAME(forward_rows)(1, atoms, d + g, ld, r, v + g * W); break;
	}
}

ALWAYS void NAME(backward_rows)(const int n, ptrdiff_t rows, const T *d, ptrdiff_t ld, const T *u, T *w)
{
	for (int s = 0; s < W; s += 2 * VL) {
		V a[n][2];
		for (int i = 0; i < n; i++)
			for (int h = 0; h < 2; h++)
				a[i][h] = LOAD(w + i * W + s + h * VL);
		for (ptrdiff_t p = 0; p < rows; p++) {
			V x = LOAD(u + p * W + s), y = LOAD(u + p * W + s + VL);
			for (int i = 0; i < n; i++) {
				T c = d[i * ld + p];
				a[i][0] += c * x;
				a[i][1] += c * y;
			}
		}
		for (int i = 0; i < n; i++)
			for (int h = 0; h < 2; h++)
				STORE(w + i * W + s + h * VL, a[i][h]);
	}
}

// w (atoms x W) += d u, d: atoms x ld, u: rows x W.
TARGET static void NAME(backward)(ptrdiff_t atoms, ptrdiff_t rows, const T *d, ptrdiff_t ld, const T *u, T *w)
{
	ptrdiff_t k = 0;
	for (; k + GROUP <= atoms; k += GROUP)
		NAME(backward_rows)(GROUP, rows, d + k * ld, ld, u, w + k * W);
	for (; k < atoms; k++)
		NAME(backward_rows)(1, rows, d + k * ld, ld, u, w + k * W);
}

// n rows and m vectors of g += w ut.
ALWAYS void NAME(gradient_rows)(const int n, const int m, ptrdiff_t ld, const T *w, const T *ut, double *g)
{
	V a[n][m];
	for (int i = 0; i < n; i++)
		for (int h = 0; h < m; h++)
			a[i][h] = (V){0};
	for (int j = 0; j < W; j++)
		for (int i = 0; i < n; i++)
			for (int h = 0; h < m; h++)
				a[i][h] += w[i * W + j] * LOAD(ut + j * ld + h * VL);
	for (int i = 0; i < n; i++)
		for (int h = 0; h < m; h++)
			for (int l = 0; l < VL; l++)
				g[i * ld + h * VL + l] += (double)a[i][h][l];
}

// g (atoms x ld) += w ut, w: atoms x W, ut: W x ld.
TARGET static void NAME(gradient)(ptrdiff_t atoms, ptrdiff_t ld, const T *w, const T *ut, double *g)
{
	enum { N = sizeof(V) == 64 ? 8 : 4 }; // as many registers as there are
	ptrdiff_t k = 0;
	for (; k + N <= atoms; k += N) {
		ptrdiff_t s = 0;
		for (; s + 2 * VL <= ld; s += 2 * VL)
			NAME(gradient_rows)(N, 2, ld, w + k * W, ut + s, g + k * ld + s);
		for (; s < ld; s += VL)
			NAME(gradient_rows)(N, 1, ld, w + k * W, ut + s, g + k * ld + s);
	}
	for (; k < atoms; k++)
		for (ptrdiff_t s = 0; s < ld; s += VL)
			NAME(gradient_rows)(1, 1, ld, w + k * W, ut + s, g + k * ld + s);
}

// Adds the squared length of each row of codes (atoms x W) to rows.
TARGET static void NAME(squares)(ptrdiff_t atoms, double *rows, const T *codes)
{
	for (ptrdiff_t a = 0; a < atoms; a++) {
		V s0 = {0}, s1 = {0};
		for (int j = 0; j < W; j += 2 * VL) {
			V x = LOAD(codes + a * W + j), y = LOAD(codes + a * W + j + VL);
			s0 += x * x;
			s1 += y * y;
		}
		s0 += s1;
		double sum = 0;
		for (int l = 0; l < VL; l++)
			sum += (double)s0[l];
		rows[a] += sum;
	}
}

// u (rows x W) = N v.
TARGET static void NAME(invert)(const tessera_side *d, const T *v, T *u)
{
	for (ptrdiff_t i = 0; i < d->rows * W; i++)
		u[i] = 0;
	NAME(backward)(d->rows, d->rows, d->inverse, d->rows, v, u);
}

// ut (W x ld) = c x', x: rows x W, and 0 beyond rows.
TARGET static void NAME(transpose)(const tessera_side *d, const T *x, T c, T *ut)
{
	for (ptrdiff_t j = 0; j < W; j++) {
		for (ptrdiff_t p = 0; p < d->rows; p++)
			ut[j * d->ld + p] = c * x[p * W + j];
		for (ptrdiff_t p = d->rows; p < d->ld; p++)
			ut[j * d->ld + p] = 0;
	}
}

// The sum of (c x)^2, and into columns, unless it is 0, that of each column.
TARGET static double NAME(norm)(ptrdiff_t rows, const T *x, double c, double *columns)
{
	double sums[W] = {0}, total = 0;
	for (ptrdiff_t p = 0; p < rows; p++)
		for (int j = 0; j < W; j++)
			sums[j] += c * c * (double)x[p * W + j] * (double)x[p * W + j];
	for (int j = 0; j < W; j++) {
		if (columns)
			columns[j] = sums[j];
		total += sums[j];
	}
	return total;
}

// The squared error |S - D w|^2.
TARGET static double NAME(misfit)(ptrdiff_t atoms, const tessera_side *d, const T *w, T *v)
{
	for (ptrdiff_t i = 0; i < d->rows * W; i++)
		v[i] = ((const T *)d->samples)[i];
	NAME(forward)(atoms, d->rows, d->dictionary, d->ld, w, v);
	return NAME(norm)(d->rows, v, 1, 0);
}

// r = c1 (v - 2 clip v) + sign y + c3 w.
TARGET static void NAME(pull_scaled)(ptrdiff_t n, T *restrict r, const T *restrict v, const T *restrict y,
                                     const T *restrict w, T by, T c1, T sign, T c3)
{
	for (ptrdiff_t i = 0; i < n; i++)
		r[i] = c1 * (v[i] - 2 * NAME(clip)(v[i], by)) + sign * y[i] + c3 * w[i];
}

// r = o y + sign y3 + c1 p + c3 w.
TARGET static void NAME(pull)(ptrdiff_t n, T *restrict r, const T *restrict y, const T *restrict y3, const T *restrict p,
                              const T *restrict w, T o, T sign, T c1, T c3)
{
	for (ptrdiff_t i = 0; i < n; i++)
		r[i] = o * y[i] + sign * y3[i] + c1 * p[i] + c3 * w[i];
}

TARGET static void NAME(update_scaled)(ptrdiff_t n, T *restrict vh, T *restrict vl, T *restrict y3, const T *restrict wh,
                                       const T *restrict wl, T s1, T s2, T d3, double *counts)
{
	INT high = 0, low = 0;
	for (ptrdiff_t i = 0; i < n; i++) {
		T h = wh[i], l = wl[i];
		T a = h + NAME(clip)(vh[i], s1), b = l + NAME(clip)(vl[i], s2);
		high += a != NAME(clip)(a, s1);
		low += b != NAME(clip)(b, s2);
		vh[i] = a;
		vl[i] = b;
		y3[i] += d3 * (h - l);
	}
	counts[0] += (double)high;
	counts[1] += (double)low;
}

// k: 1/c1, 1/c2, the two thresholds and the three dual steps.
TARGET static void NAME(update)(ptrdiff_t n, T *restrict p, T *restrict q, T *restrict y1, T *restrict y2,
                                T *restrict y3, const T *restrict wh, const T *restrict wl, const T *k, double *counts)
{
	T o1 = k[0], o2 = k[1], s1 = k[2], s2 = k[3], d1 = k[4], d2 = k[5], d3 = k[6];
	INT high = 0, low = 0;
	for (ptrdiff_t i = 0; i < n; i++) {
		T h = wh[i], l = wl[i], a = h - y1[i] * o1, b = l - y2[i] * o2;
		a -= NAME(clip)(a, s1);
		b -= NAME(clip)(b, s2);
		high += a != 0;
		low += b != 0;
		p[i] = a;
		q[i] = b;
		y1[i] += d1 * (a - h);
		y2[i] += d2 * (b - l);
		y3[i] += d3 * (h - l);
	}
	counts[0] += (double)high;
	counts[1] += (double)low;
}

// tilePlain in tile.go is the same in plain Go; the names are explained there.
TARGET static void NAME(tile)(tessera_tile *t)
{
	const tessera_side *dh = &t->high, *dl = &t->low;
	ptrdiff_t atoms = t->atoms, n = atoms * W, rows = dh->rows > dl->rows ? dh->rows : dl->rows;
	T *wh = t->work, *v = wh + n, *u = v + rows * W, *ut = u + rows * W;
	int scaled = t->form == 0;
	T *a0 = t->state, *a1 = a0 + n, *a2 = a1 + n, *a3 = a2 + n, *a4 = 0, *wl = a3, *kept = 0;
	if (!scaled) {
		a4 = a3 + n;
		wl = a4 + n;
		if (t->form > 1)
			kept = wl + n;
	}
	T c1 = t->c1 / dh->c, c3h = t->c3 / dh->c, oh = 1 / dh->c, c2 = t->c2 / dl->c, c3l = t->c3 / dl->c, ol = 1 / dl->c;
	T k[7] = {1 / t->c1, 1 / t->c2, t->soft1, t->soft2, t->dual1, t->dual2, t->dual3};
	T sign = t->form > 1 ? -ol : ol;

	if (t->errors) {
		t->sums[4] += NAME(misfit)(atoms, dh, kept, v);
		t->sums[5] += NAME(misfit)(atoms, dl, wl, v);
	}

	for (ptrdiff_t i = 0; i < dh->rows * W; i++)
		v[i] = ((const T *)dh->samples)[i];
	for (ptrdiff_t b = 0; b < atoms; b += BLOCK) {
		ptrdiff_t m = atoms - b < BLOCK ? atoms - b : BLOCK, at = b * W, len = m * W;
		if (scaled)
			NAME(pull_scaled)(len, wh + at, a0 + at, a2 + at, wl + at, k[2], c1, -oh, c3h);
		else
			NAME(pull)(len, wh + at, a2 + at, a4 + at, a0 + at, wl + at, oh, -oh, c1, c3h);
		NAME(forward)(m, dh->rows, (const T *)dh->dictionary + b * dh->ld, dh->ld, wh + at, v);
	}
	NAME(invert)(dh, v, u);
	t->sums[0] += NAME(norm)(dh->rows, u, dh->c, t->residual);
	if (t->form > 1)
		NAME(transpose)(dh, dh->samples, 1, ut);
	else
		NAME(transpose)(dh, u, dh->c, ut);

	for (ptrdiff_t i = 0; i < dl->rows * W; i++)
		v[i] = ((const T *)dl->samples)[i];
	for (ptrdiff_t b = 0; b < atoms; b += BLOCK) {
		ptrdiff_t m = atoms - b < BLOCK ? atoms - b : BLOCK, at = b * W, len = m * W;
		NAME(backward)(m, dh->rows, (const T *)dh->dictionary + b * dh->ld, dh->ld, u, wh + at);
		NAME(squares)(m, dh->squares + b, wh + at);
		NAME(gradient)(m, dh->ld, wh + at, ut, dh->gradient + b * dh->ld);
		// The old wl is no longer needed: its array takes the right side of the low system.
		if (scaled)
			NAME(pull_scaled)(len, wl + at, a1 + at, a2 + at, wh + at, k[3], c2, ol, c3l);
		else
			NAME(pull)(len, wl + at, a3 + at, a4 + at, a1 + at, (t->form == 3 ? kept : wh) + at, ol, sign, c2, c3l);
		NAME(forward)(m, dl->rows, (const T *)dl->dictionary + b * dl->ld, dl->ld, wl + at, v);
	}
	NAME(invert)(dl, v, u);
	t->sums[1] += NAME(norm)(dl->rows, u, dl->c, 0);
	if (t->form > 1)
		NAME(transpose)(dl, dl->samples, 1, ut);
	else
		NAME(transpose)(dl, u, dl->c, ut);

	for (ptrdiff_t b = 0; b < atoms; b += BLOCK) {
		ptrdiff_t m = atoms - b < BLOCK ? atoms - b : BLOCK, at = b * W, len = m * W;
		NAME(backward)(m, dl->rows, (const T *)dl->dictionary + b * dl->ld, dl->ld, u, wl + at);
		NAME(squares)(m, dl->squares + b, wl + at);
		NAME(gradient)(m, dl->ld, wl + at, ut, dl->gradient + b * dl->ld);
		if (scaled)
			NAME(update_scaled)(len, a0 + at, a1 + at, a2 + at, wh + at, wl + at, k[2], k[3], k[6], t->sums + 2);
		else
			NAME(update)(len, a0 + at, a1 + at, a2 + at, a3 + at, a4 + at, wh + at, wl + at, k, t->sums + 2);
		for (ptrdiff_t i = 0; kept && i < len; i++)
			kept[at + i] = wh[at + i];
	}
}

TARGET static void NAME(code)(tessera_code *t)
{
	const tessera_side *d = &t->side;
	const T *dict = d->dictionary;
	ptrdiff_t atoms = t->atoms;
	T *state = t->state, *w = t->codes, *v = t->work, *u = v + d->rows * W, by = t->threshold;
	for (int k = 0; k < t->iterations; k++) {
		for (ptrdiff_t i = 0; i < d->rows * W; i++)
			v[i] = ((const T *)d->samples)[i];
		for (ptrdiff_t b = 0; b < atoms; b += BLOCK) {
			ptrdiff_t m = atoms - b < BLOCK ? atoms - b : BLOCK;
			for (ptrdiff_t i = b * W; i < (b + m) * W; i++)
				w[i] = state[i] - 2 * NAME(clip)(state[i], by);
			NAME(forward)(m, d->rows, dict + b * d->ld, d->ld, w + b * W, v);
		}
		NAME(invert)(d, v, u);
		for (ptrdiff_t b = 0; b < atoms; b += BLOCK) {
			ptrdiff_t m = atoms - b < BLOCK ? atoms - b : BLOCK;
			NAME(backward)(m, d->rows, dict + b * d->ld, d->ld, u, w + b * W);
			for (ptrdiff_t i = b * W; i < (b + m) * W; i++)
				state[i] = w[i] + NAME(clip)(state[i], by);
		}
	}
	for (ptrdiff_t i = 0; i < atoms * W; i++)
		w[i] = state[i] - NAME(clip)(state[i], by);
}

#undef W
#undef BLOCK
#undef GROUP
#undef LOAD
#undef STORE
#undef ALWAYS
