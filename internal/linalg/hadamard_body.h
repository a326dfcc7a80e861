// Walsh-Hadamard transforms and rectified sums, included once for each instruction set with NAME and TARGET set, V a
// vector of VL numbers and VI one of as many whole numbers of the same size.

#define LOAD(p) (*(const V *)(p))
#define STORE(p, v) (*(V *)(p) = (v))
#define POSITIVE(v) ((V)((VI)(v) & ~((v) < (V){0})))

TARGET static void NAME(hadamard2)(bool rectify, ptrdiff_t n, float *a, float *b)
{
	ptrdiff_t i = 0;
	for (; i + VL <= n; i += VL) {
		V s = LOAD(a + i) + LOAD(b + i), t = LOAD(a + i) - LOAD(b + i);
		STORE(a + i, rectify ? POSITIVE(s) : s);
		STORE(b + i, rectify ? POSITIVE(t) : t);
	}
	for (; i < n; i++) {
		float s = a[i] + b[i], t = a[i] - b[i];
		a[i] = rectify && s < 0 ? 0 : s;
		b[i] = rectify && t < 0 ? 0 : t;
	}
}

TARGET static void NAME(hadamard4)(bool rectify, ptrdiff_t n, float *a, float *b, float *c, float *d)
{
	ptrdiff_t i = 0;
	for (; i + VL <= n; i += VL) {
		V s = LOAD(a + i) + LOAD(b + i), t = LOAD(a + i) - LOAD(b + i);
		V p = LOAD(c + i) + LOAD(d + i), q = LOAD(c + i) - LOAD(d + i);
		V k = s + p, l = t + q, m = s - p, o = t - q;
		STORE(a + i, rectify ? POSITIVE(k) : k);
		STORE(b + i, rectify ? POSITIVE(l) : l);
		STORE(c + i, rectify ? POSITIVE(m) : m);
		STORE(d + i, rectify ? POSITIVE(o) : o);
	}
	for (; i < n; i++) {
		float s = a[i] + b[i], t = a[i] - b[i], p = c[i] + d[i], q = c[i] - d[i];
		float k = s + p, l = t + q, m = s - p, o = t - q;
		a[i] = rectify && k < 0 ? 0 : k;
		b[i] = rectify && l < 0 ? 0 : l;
		c[i] = rectify && m < 0 ? 0 : m;
		d[i] = rectify && o < 0 ? 0 : o;
	}
}

TARGET static void NAME(add_rectified)(ptrdiff_t m, ptrdiff_t n, float *y, const float *w, const float *x)
{
	ptrdiff_t j = 0;
	for (; j + 4 * VL <= n; j += 4 * VL) {
		V s = LOAD(y + j), t = LOAD(y + j + VL), p = LOAD(y + j + 2 * VL), q = LOAD(y + j + 3 * VL);
		const float *v = x + j;
		for (ptrdiff_t i = 0; i < m; i++, v += n) {
			V a = LOAD(v), b = LOAD(v + VL), c = LOAD(v + 2 * VL), d = LOAD(v + 3 * VL);
			s += w[i] * POSITIVE(a);
			t += w[i] * POSITIVE(b);
			p += w[i] * POSITIVE(c);
			q += w[i] * POSITIVE(d);
		}
		STORE(y + j, s);
		STORE(y + j + VL, t);
		STORE(y + j + 2 * VL, p);
		STORE(y + j + 3 * VL, q);
	}
	for (; j < n; j++) {
		float s = y[j];
		for (ptrdiff_t i = 0; i < m; i++) {
			float v = x[i * n + j];
			s += w[i] * (v < 0 ? 0 : v);
		}
		y[j] = s;
	}
}

#undef LOAD
#undef STORE
#undef POSITIVE
