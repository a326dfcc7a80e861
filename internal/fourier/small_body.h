// The transforms of smallplain.go, included once per element type and instruction
// set: T the element type, V a vector of VL of them, REV(v) its reversal.

#define LOAD(p) (*(const V *)(p))
#define STORE(p) (*(V *)(p))

// c = a b of R rows and N vectors, all of it in registers.
TARGET static inline __attribute__((always_inline)) void NAME(block)(
	const int R, const int N, ptrdiff_t depth, const T *a, ptrdiff_t lda, const T *b, ptrdiff_t ldb, T *c, ptrdiff_t ldc)
{
	V acc[4][4] = {{{0}}};
	for (ptrdiff_t j = 0; j < depth; j++) {
#pragma GCC unroll 4
		for (int n = 0; n < N; n++) {
			V v = LOAD(b + j * ldb + n * VL);
#pragma GCC unroll 4
			for (int r = 0; r < R; r++)
				acc[r][n] += a[r * lda + j] * v;
		}
	}
#pragma GCC unroll 4
	for (int r = 0; r < R; r++)
#pragma GCC unroll 4
		for (int n = 0; n < N; n++)
			STORE(c + r * ldc + n * VL) = acc[r][n];
}

// c (rows x vectors*VL) = a (rows x depth) b (depth x vectors*VL).
TARGET static inline void NAME(product)(ptrdiff_t rows, ptrdiff_t vectors, ptrdiff_t depth, const T *a, ptrdiff_t lda,
                                        const T *b, ptrdiff_t ldb, T *c, ptrdiff_t ldc)
{
	for (; vectors >= 4; vectors -= 4, b += 4 * VL, c += 4 * VL) {
		ptrdiff_t i = 0;
		for (; i + 3 <= rows; i += 3)
			NAME(block)(3, 4, depth, a + i * lda, lda, b, ldb, c + i * ldc, ldc);
		if (i + 2 == rows)
			NAME(block)(2, 4, depth, a + i * lda, lda, b, ldb, c + i * ldc, ldc);
		else if (i < rows)
			NAME(block)(1, 4, depth, a + i * lda, lda, b, ldb, c + i * ldc, ldc);
	}
	for (; vectors >= 3; vectors -= 3, b += 3 * VL, c += 3 * VL) {
		ptrdiff_t i = 0;
		for (; i + 4 <= rows; i += 4)
			NAME(block)(4, 3, depth, a + i * lda, lda, b, ldb, c + i * ldc, ldc);
		for (; i < rows; i++)
			NAME(block)(1, 3, depth, a + i * lda, lda, b, ldb, c + i * ldc, ldc);
	}
	for (; vectors >= 1; vectors--, b += VL, c += VL) {
		ptrdiff_t i = 0;
		for (; i + 4 <= rows; i += 4)
			NAME(block)(4, 1, depth, a + i * lda, lda, b, ldb, c + i * ldc, ldc);
		for (; i < rows; i++)
			NAME(block)(1, 1, depth, a + i * lda, lda, b, ldb, c + i * ldc, ldc);
	}
}

struct NAME(view) {
	struct tessera_dims d;
	const T *ctf, *stf, *cf, *sf, *ct, *st, *c, *s;
	T *img, *even, *odd, *p, *z;
};

TARGET static inline struct NAME(view) NAME(view_of)(struct tessera_dims d, const T *tables, T *work)
{
	ptrdiff_t j1 = d.m + 1, rows = 2 * d.m + 1;
	struct NAME(view) v;
	v.d = d;
	v.ctf = tables;
	v.stf = v.ctf + j1 * d.kp;
	v.cf = v.stf + j1 * d.kp;
	v.sf = v.cf + d.k * j1;
	v.ct = v.sf + d.k * j1;
	v.st = v.ct + d.k * j1;
	v.c = v.st + d.k * j1;
	v.s = v.c + d.k * d.jp;
	v.img = work;
	v.even = v.img + rows * 2 * d.jp;
	v.odd = v.even + rows * d.jp;
	v.p = v.odd + rows * d.jp;
	v.z = v.p + rows * 2 * d.kp;
	return v;
}

TARGET static inline T *NAME(row)(const struct NAME(view) *v, ptrdiff_t i)
{
	return v->img + i * 2 * v->d.jp + v->d.jp - v->d.m;
}

TARGET static void NAME(clear_last)(const struct NAME(view) *v)
{
	ptrdiff_t m = v->d.m, ld = 2 * v->d.jp;
	if (v->d.side % 2 == 1)
		return;
	for (ptrdiff_t i = 0; i <= 2 * m; i++)
		v->img[i * ld + v->d.jp + m] = 0;
	memset(v->img + 2 * m * ld, 0, ld * sizeof(T));
}

TARGET static void NAME(load)(const struct NAME(view) *v, const T *src)
{
	ptrdiff_t side = v->d.side;
	for (ptrdiff_t i = 0; i < side; i++) {
		T *row = NAME(row)(v, i);
		const T *from = src + i * side;
		for (ptrdiff_t j = 0; j < side; j++)
			row[j] = from[j];
	}
	NAME(clear_last)(v);
}

TARGET static void NAME(unload)(const struct NAME(view) *v, T *dst)
{
	ptrdiff_t side = v->d.side;
	for (ptrdiff_t i = 0; i < side; i++) {
		const T *row = NAME(row)(v, i);
		T *to = dst + i * side;
		for (ptrdiff_t j = 0; j < side; j++)
			to[j] = row[j];
	}
}

TARGET static void NAME(forward)(const struct NAME(view) *v)
{
	ptrdiff_t m = v->d.m, j1 = m + 1, jp = v->d.jp, kp = v->d.kp, k = v->d.k;
	for (ptrdiff_t a = 0; a <= m; a++) {
		const T *up = v->img + (m + a) * 2 * jp + jp, *down = v->img + (m - a) * 2 * jp + jp;
		for (ptrdiff_t b = 0; b < jp; b += VL) {
			V pp = LOAD(up + b), pm = REV(LOAD(up - b - VL + 1));
			V mp = LOAD(down + b), mm = REV(LOAD(down - b - VL + 1));
			V ps = pp + pm, pd = pp - pm, ms = mp + mm, md = mp - mm;
			STORE(v->even + a * jp + b) = ps + ms;
			STORE(v->odd + a * jp + b) = pd + md;
			if (a > 0) {
				STORE(v->even + (m + a) * jp + b) = ps - ms;
				STORE(v->odd + (m + a) * jp + b) = pd - md;
			}
		}
	}
	NAME(product)(2 * m + 1, kp / VL, j1, v->even, jp, v->ctf, kp, v->p, 2 * kp);
	NAME(product)(2 * m + 1, kp / VL, m, v->odd + 1, jp, v->stf + kp, kp, v->p + kp, 2 * kp);
	NAME(product)(k, 2 * kp / VL, j1, v->cf, j1, v->p, 2 * kp, v->z, 2 * kp);
	// The sine of frequency 0 is 0.
	memset(v->z + k * 2 * kp, 0, 2 * kp * sizeof(T));
	NAME(product)(k - 1, 2 * kp / VL, m, v->sf + j1 + 1, j1, v->p + j1 * 2 * kp, 2 * kp, v->z + (k + 1) * 2 * kp, 2 * kp);
}

TARGET static void NAME(inverse)(const struct NAME(view) *v)
{
	ptrdiff_t m = v->d.m, j1 = m + 1, jp = v->d.jp, kp = v->d.kp, k = v->d.k;
	NAME(product)(j1, 2 * kp / VL, k, v->ct, k, v->z, 2 * kp, v->p, 2 * kp);
	NAME(product)(m, 2 * kp / VL, k - 1, v->st + k + 1, k, v->z + (k + 1) * 2 * kp, 2 * kp, v->p + j1 * 2 * kp, 2 * kp);
	NAME(product)(2 * m + 1, jp / VL, k, v->p, 2 * kp, v->c, jp, v->even, jp);
	NAME(product)(2 * m + 1, jp / VL, k - 1, v->p + kp + 1, 2 * kp, v->s + jp, jp, v->odd, jp);
	for (ptrdiff_t a = 0; a <= m; a++) {
		T *up = v->img + (m + a) * 2 * jp + jp, *down = v->img + (m - a) * 2 * jp + jp;
		for (ptrdiff_t b = 0; b < jp; b += VL) {
			V ee = LOAD(v->even + a * jp + b), eo = LOAD(v->odd + a * jp + b);
			V oe = {0}, oo = {0};
			if (a > 0) {
				oe = LOAD(v->even + (m + a) * jp + b);
				oo = LOAD(v->odd + (m + a) * jp + b);
			}
			V cs = ee + oe, cd = ee - oe, ss = eo + oo, sd = eo - oo;
			STORE(up + b) = cs + ss;
			STORE(up - b - VL + 1) = REV(cs - ss);
			STORE(down + b) = cd + sd;
			STORE(down - b - VL + 1) = REV(cd - sd);
		}
	}
}

TARGET static void NAME(multiply)(const struct NAME(view) *v, const T *filter, int transpose)
{
	ptrdiff_t kp = v->d.kp, k = v->d.k, plane = k * kp;
	V sign = (V){0} + (T)(transpose ? -1 : 1);
	for (ptrdiff_t f = 0; f < k; f++) {
		T *cos = v->z + f * 2 * kp, *sin = v->z + (k + f) * 2 * kp;
		const T *h = filter + f * kp;
		for (ptrdiff_t g = 0; g < kp; g += VL) {
			V cc = LOAD(cos + g), cs = LOAD(cos + kp + g), sc = LOAD(sin + g), ss = LOAD(sin + kp + g);
			V pr = cc - ss, pi = -cs - sc, mr = cc + ss, mi = cs - sc;
			V hr = LOAD(h + g), hi = sign * LOAD(h + plane + g);
			V gr = LOAD(h + 2 * plane + g), gi = sign * LOAD(h + 3 * plane + g);
			V qr = pr * hr - pi * hi, qi = pr * hi + pi * hr;
			V nr = mr * gr - mi * gi, ni = mr * gi + mi * gr;
			STORE(cos + g) = qr + nr;
			STORE(cos + kp + g) = ni - qi;
			STORE(sin + g) = -qi - ni;
			STORE(sin + kp + g) = nr - qr;
		}
	}
}

TARGET static void NAME(apply)(struct tessera_dims d, const T *tables, T *work, const T *filter, int transpose, T *dst,
                               const T *src)
{
	struct NAME(view) v = NAME(view_of)(d, tables, work);
	NAME(load)(&v, src);
	NAME(forward)(&v);
	NAME(multiply)(&v, filter, transpose);
	NAME(inverse)(&v);
	NAME(unload)(&v, dst);
}

// img = H x
TARGET static struct NAME(view) NAME(blur)(struct tessera_dims d, const T *tables, T *work, const T *filter, const T *x)
{
	struct NAME(view) v = NAME(view_of)(d, tables, work);
	NAME(load)(&v, x);
	NAME(forward)(&v);
	NAME(multiply)(&v, filter, 0);
	NAME(inverse)(&v);
	return v;
}

TARGET static void NAME(gradient)(struct tessera_dims d, const T *tables, T *work, const T *filter, T *dst,
                                  const T *x, const T *y, const T *w)
{
	struct NAME(view) v = NAME(blur)(d, tables, work, filter, x);
	for (ptrdiff_t i = 0; i < d.side; i++) {
		T *row = NAME(row)(&v, i);
		const T *yi = y + i * d.side, *wi = w + i * d.side;
		if (w)
			for (ptrdiff_t j = 0; j < d.side; j++)
				row[j] = wi[j] * (row[j] - yi[j]);
		else
			for (ptrdiff_t j = 0; j < d.side; j++)
				row[j] -= yi[j];
	}
	NAME(clear_last)(&v);
	NAME(forward)(&v);
	NAME(multiply)(&v, filter, 1);
	NAME(inverse)(&v);
	NAME(unload)(&v, dst);
}

TARGET static double NAME(misfit)(struct tessera_dims d, const T *tables, T *work, const T *filter, const T *x,
                                  const T *y, const T *w)
{
	struct NAME(view) v = NAME(blur)(d, tables, work, filter, x);
	double sums[4] = {0};
	for (ptrdiff_t i = 0; i < d.side; i++) {
		const T *row = NAME(row)(&v, i), *yi = y + i * d.side, *wi = w + i * d.side;
		for (ptrdiff_t j = 0; j < d.side; j++) {
			T r = row[j] - yi[j], s = w ? wi[j] * r : r;
			sums[j & 3] += (double)r * (double)s;
		}
	}
	return ((sums[0] + sums[1]) + (sums[2] + sums[3])) / 2;
}

#undef LOAD
#undef STORE
