// Vector kernels, included once per instruction set with NAME and TARGET set.
//
// v4 is four doubles in the compiler's own vector type: the order of every
// addition is written out here and does not depend on what the optimiser may
// reassociate. Loads are unaligned; n is any length.

// 8 chains of v4; CHAIN additions each before they are folded together.
#define CHAIN 32
#define LOAD(p) (*(const v4 *)(p))
#define STORE(p, v) (*(v4 *)(p) = (v))

TARGET static double NAME(fold)(v4 a, v4 b, v4 c, v4 d, v4 e, v4 f, v4 g, v4 h)
{
	v4 s = ((a + b) + (c + d)) + ((e + f) + (g + h));
	return (s[0] + s[1]) + (s[2] + s[3]);
}

TARGET static double NAME(dot)(ptrdiff_t n, const double *x, const double *y)
{
	struct corrected s = {0, 0};
	ptrdiff_t i = 0;
	while (n - i >= 32) {
		ptrdiff_t end = i + (n - i >= 32 * CHAIN ? 32 * CHAIN : (n - i) / 32 * 32);
		v4 a = {0}, b = {0}, c = {0}, d = {0}, e = {0}, f = {0}, g = {0}, h = {0};
		for (; i < end; i += 32) {
			a += LOAD(x + i) * LOAD(y + i);
			b += LOAD(x + i + 4) * LOAD(y + i + 4);
			c += LOAD(x + i + 8) * LOAD(y + i + 8);
			d += LOAD(x + i + 12) * LOAD(y + i + 12);
			e += LOAD(x + i + 16) * LOAD(y + i + 16);
			f += LOAD(x + i + 20) * LOAD(y + i + 20);
			g += LOAD(x + i + 24) * LOAD(y + i + 24);
			h += LOAD(x + i + 28) * LOAD(y + i + 28);
		}
		add(&s, NAME(fold)(a, b, c, d, e, f, g, h));
	}
	double rest = 0;
	for (; i < n; i++)
		rest += x[i] * y[i];
	add(&s, rest);
	return value(s);
}

// out[j] = vj'w over one block of w that stays in cache.
TARGET static void NAME(dot4)(ptrdiff_t n, const double *w, const double *v0, const double *v1,
                              const double *v2, const double *v3, double *out)
{
	v4 t0 = {0}, t1 = {0}, t2 = {0}, t3 = {0};
	ptrdiff_t i = 0;
	while (n - i >= 8) {
		ptrdiff_t end = i + (n - i >= 8 * CHAIN ? 8 * CHAIN : (n - i) / 8 * 8);
		v4 a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, b0 = {0}, b1 = {0}, b2 = {0}, b3 = {0};
		for (; i < end; i += 8) {
			v4 wa = LOAD(w + i), wb = LOAD(w + i + 4);
			a0 += LOAD(v0 + i) * wa;
			a1 += LOAD(v1 + i) * wa;
			a2 += LOAD(v2 + i) * wa;
			a3 += LOAD(v3 + i) * wa;
			b0 += LOAD(v0 + i + 4) * wb;
			b1 += LOAD(v1 + i + 4) * wb;
			b2 += LOAD(v2 + i + 4) * wb;
			b3 += LOAD(v3 + i + 4) * wb;
		}
		t0 += a0 + b0;
		t1 += a1 + b1;
		t2 += a2 + b2;
		t3 += a3 + b3;
	}
	out[0] = (t0[0] + t0[1]) + (t0[2] + t0[3]);
	out[1] = (t1[0] + t1[1]) + (t1[2] + t1[3]);
	out[2] = (t2[0] + t2[1]) + (t2[2] + t2[3]);
	out[3] = (t3[0] + t3[1]) + (t3[2] + t3[3]);
	for (; i < n; i++) {
		out[0] += v0[i] * w[i];
		out[1] += v1[i] * w[i];
		out[2] += v2[i] * w[i];
		out[3] += v3[i] * w[i];
	}
}

// w += c0 v0 + c1 v1 + c2 v2 + c3 v3
TARGET static void NAME(axpy4)(ptrdiff_t n, double *w, const double *v0, const double *v1, const double *v2,
                               const double *v3, double c0, double c1, double c2, double c3)
{
	ptrdiff_t i = 0;
	for (; n - i >= 4; i += 4) {
		v4 s = LOAD(w + i);
		s += c0 * LOAD(v0 + i);
		s += c1 * LOAD(v1 + i);
		s += c2 * LOAD(v2 + i);
		s += c3 * LOAD(v3 + i);
		STORE(w + i, s);
	}
	for (; i < n; i++) {
		double s = w[i];
		s += c0 * v0[i];
		s += c1 * v1[i];
		s += c2 * v2[i];
		s += c3 * v3[i];
		w[i] = s;
	}
}

// p = z + beta p
TARGET static void NAME(xpby)(ptrdiff_t n, double *p, const double *z, double beta)
{
	ptrdiff_t i = 0;
	for (; n - i >= 4; i += 4)
		STORE(p + i, LOAD(z + i) + beta * LOAD(p + i));
	for (; i < n; i++)
		p[i] = z[i] + beta * p[i];
}

// x += alpha p, r -= alpha q; returns r'r.
TARGET static double NAME(cg_update)(ptrdiff_t n, double *x, double *r, const double *p, const double *q,
                                     double alpha)
{
	struct corrected s = {0, 0};
	ptrdiff_t i = 0;
	while (n - i >= 16) {
		ptrdiff_t end = i + (n - i >= 16 * CHAIN ? 16 * CHAIN : (n - i) / 16 * 16);
		v4 sums[4] = {{0}};
		for (; i < end; i += 16)
			for (int k = 0; k < 4; k++) {
				STORE(x + i + 4 * k, LOAD(x + i + 4 * k) + alpha * LOAD(p + i + 4 * k));
				v4 t = LOAD(r + i + 4 * k) - alpha * LOAD(q + i + 4 * k);
				STORE(r + i + 4 * k, t);
				sums[k] += t * t;
			}
		v4 t = (sums[0] + sums[1]) + (sums[2] + sums[3]);
		add(&s, (t[0] + t[1]) + (t[2] + t[3]));
	}
	double rest = 0;
	for (; i < n; i++) {
		x[i] += alpha * p[i];
		r[i] -= alpha * q[i];
		rest += r[i] * r[i];
	}
	add(&s, rest);
	return value(s);
}

#undef CHAIN
#undef LOAD
#undef STORE
