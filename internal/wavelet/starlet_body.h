// The transform of plain.go, included once per element type and instruction set:
// T the element type, V a vector of VL of them.

#define LOAD(p) (*(const V *)(p))
#define STORE(p) (*(V *)(p))

// Rows may be read and written up to a vector beyond their end, where margins or
// the room after the arrays lie; what is there is written before it is used. The
// columns are smoothed first, all of them: rows smoothed straight from what was just
// stored would wait for the stores.
TARGET static inline __attribute__((always_inline)) void NAME(smooth_by)(
	const int radius, const struct tessera_starlet *s, ptrdiff_t hole, ptrdiff_t lo, const T *a, T *b, T *columns)
{
	ptrdiff_t w = s->width, ld = s->stride, reach = radius * hole, from = lo - reach, to = w - lo + reach;
	T h0 = (T)s->h0, h1 = (T)s->h1, h2 = (T)s->h2;
	for (ptrdiff_t i = lo; i < w - lo; i++) {
		const T *mid = a + i * ld;
		T *out = columns + i * ld;
		for (ptrdiff_t j = from; j < to; j += VL) {
			V v = h0 * LOAD(mid + j) + h1 * (LOAD(mid + j - hole * ld) + LOAD(mid + j + hole * ld));
			if (radius == 2)
				v += h2 * (LOAD(mid + j - 2 * hole * ld) + LOAD(mid + j + 2 * hole * ld));
			STORE(out + j) = v;
		}
	}
	for (ptrdiff_t i = lo; i < w - lo; i++) {
		const T *mid = columns + i * ld;
		T *out = b + i * ld;
		for (ptrdiff_t j = lo; j < w - lo; j += VL) {
			V v = h0 * LOAD(mid + j) + h1 * (LOAD(mid + j - hole) + LOAD(mid + j + hole));
			if (radius == 2)
				v += h2 * (LOAD(mid + j - 2 * hole) + LOAD(mid + j + 2 * hole));
			STORE(out + j) = v;
		}
	}
}

TARGET static void NAME(smooth)(const struct tessera_starlet *s, ptrdiff_t hole, ptrdiff_t lo, const T *a, T *b, T *columns)
{
	if (s->radius == 1)
		NAME(smooth_by)(1, s, hole, lo, a, b, columns);
	else
		NAME(smooth_by)(2, s, hole, lo, a, b, columns);
}

TARGET static void NAME(load)(const struct tessera_starlet *s, T *a, const T *x, T sign)
{
	ptrdiff_t n = s->side, ld = s->stride, m = s->margin;
	memset(a, 0, s->width * ld * sizeof(T));
	for (ptrdiff_t i = 0; i < n; i++) {
		T *row = a + (m + i) * ld + m;
		for (ptrdiff_t j = 0; j < n; j++)
			row[j] = sign * x[i * n + j];
	}
}

TARGET static void NAME(wrap)(const struct tessera_starlet *s, T *a, ptrdiff_t reach)
{
	ptrdiff_t n = s->side, ld = s->stride, m = s->margin;
	for (ptrdiff_t i = m; i < m + n; i++) {
		T *row = a + i * ld;
		for (ptrdiff_t d = 1; d <= reach; d++) {
			row[m - d] = row[m + (n - d % n) % n];
			row[m + n - 1 + d] = row[m + (d - 1) % n];
		}
	}
	for (ptrdiff_t d = 1; d <= reach; d++) {
		memcpy(a + (m - d) * ld, a + (m + (n - d % n) % n) * ld, ld * sizeof(T));
		memcpy(a + (m + n - 1 + d) * ld, a + (m + (d - 1) % n) * ld, ld * sizeof(T));
	}
}

TARGET static void NAME(forward)(struct tessera_starlet s, T *work, T *bands, const T *x)
{
	ptrdiff_t n = s.side, w = s.width, ld = s.stride, m = s.margin;
	T *a = work, *b = a + w * ld + VL, *columns = b + w * ld + VL;
	NAME(load)(&s, a, x, 1);
	for (ptrdiff_t scale = 0; scale < s.scales; scale++) {
		ptrdiff_t hole = (ptrdiff_t)1 << scale, lo = s.radius * (2 * hole - 1);
		if (s.periodic) {
			NAME(wrap)(&s, a, s.radius * hole);
			lo = m;
		}
		NAME(smooth)(&s, hole, lo, a, b, columns);
		T *band = bands + scale * n * n;
		for (ptrdiff_t i = 0; i < n; i++) {
			const T *p = a + (m + i) * ld + m, *q = b + (m + i) * ld + m;
			T *out = band + i * n;
			ptrdiff_t j = 0;
			for (; j + VL <= n; j += VL)
				STORE(out + j) = LOAD(p + j) - LOAD(q + j);
			for (; j < n; j++)
				out[j] = p[j] - q[j];
		}
		T *t = a;
		a = b;
		b = t;
	}
}

TARGET static void NAME(adjoint)(struct tessera_starlet s, T *work, T *x, const T *bands)
{
	ptrdiff_t n = s.side, w = s.width, ld = s.stride, m = s.margin;
	T *a = work, *b = a + w * ld + VL, *columns = b + w * ld + VL;
	NAME(load)(&s, a, bands + (s.scales - 1) * n * n, -1);
	for (ptrdiff_t scale = s.scales - 1; scale >= 0; scale--) {
		ptrdiff_t hole = (ptrdiff_t)1 << scale, lo = m - s.radius * (hole - 1);
		if (s.periodic) {
			NAME(wrap)(&s, a, s.radius * hole);
			lo = m;
		}
		NAME(smooth)(&s, hole, lo, a, b, columns);
		const T *u = bands + scale * n * n, *finer = u - n * n;
		for (ptrdiff_t i = 0; i < n; i++) {
			T *q = b + (m + i) * ld + m, *out = x + i * n;
			const T *ui = u + i * n, *fi = finer + i * n;
			ptrdiff_t j = 0;
			if (scale == 0) {
				for (; j + VL <= n; j += VL)
					STORE(out + j) = LOAD(q + j) + LOAD(ui + j);
				for (; j < n; j++)
					out[j] = q[j] + ui[j];
				continue;
			}
			for (; j + VL <= n; j += VL)
				STORE(q + j) += LOAD(ui + j) - LOAD(fi + j);
			for (; j < n; j++)
				q[j] += ui[j] - fi[j];
		}
		T *t = a;
		a = b;
		b = t;
	}
}

#undef LOAD
#undef STORE
