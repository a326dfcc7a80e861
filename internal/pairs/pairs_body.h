// The loops of plain.go and learned.go, included once for each instruction set with NAME and
// TARGET set. The compiler makes vectors of those that have no order of additions; the sum of shrink
// is written with vectors of its own.

TARGET static void NAME(step)(const struct tessera_box *b, double *ext, const double *s, const double *g, double gamma)
{
	for (ptrdiff_t i = 0; i < b->lines; i++) {
		double *restrict z = ext + b->ext[i];
		const double *v = s + b->own[i], *d = g + b->own[i];
		for (ptrdiff_t j = 0; j < b->length; j++)
			z[j] = v[j] - gamma * d[j];
	}
}

TARGET static void NAME(extrapolate)(ptrdiff_t n, double *restrict s, const double *x, const double *before, double mu)
{
	for (ptrdiff_t j = 0; j < n; j++)
		s[j] = x[j] + mu * (x[j] - before[j]);
}

TARGET static inline __attribute__((always_inline)) void NAME(shrink_axis)(
	const int first, ptrdiff_t n, double *restrict sums, const double *z, ptrdiff_t stride, double reach)
{
	const double *next = z + stride, *previous = z - stride;
	for (ptrdiff_t j = 0; j < n; j++) {
		double e = 0.5 * (next[j] - z[j]), g = 0.5 * (z[j] - previous[j]);
		double d = clip(e, -reach, reach) - clip(g, -reach, reach);
		sums[j] = first ? d : sums[j] + d;
	}
}

TARGET static inline __attribute__((always_inline)) void NAME(bounded_axis)(
	const int first, ptrdiff_t n, double *restrict sums, const double *z, ptrdiff_t stride, double reach, double lower,
	double upper)
{
	const double *next = z + stride, *previous = z - stride;
	for (ptrdiff_t j = 0; j < n; j++) {
		double e = 0.5 * (next[j] - z[j]), g = 0.5 * (z[j] - previous[j]);
		double a = z[j] + clip(e, -reach, reach), c = z[j] - clip(g, -reach, reach);
		double d = clip(a, lower, upper) + clip(c, lower, upper);
		sums[j] = first ? d : sums[j] + d;
	}
}

TARGET static double NAME(turn)(ptrdiff_t n, double *x, double *s, const double *v, double mu)
{
	v4 a = {0}, c = {0};
	ptrdiff_t j = 0;
	for (; j + 8 <= n; j += 8) {
		v4 v0 = LOAD(v + j), v1 = LOAD(v + j + 4), d0 = v0 - LOAD(x + j), d1 = v1 - LOAD(x + j + 4);
		a += (LOAD(s + j) - v0) * d0;
		c += (LOAD(s + j + 4) - v1) * d1;
		STORE(x + j, v0);
		STORE(x + j + 4, v1);
		STORE(s + j, v0 + mu * d0);
		STORE(s + j + 4, v1 + mu * d1);
	}
	a += c;
	double sum = (a[0] + a[1]) + (a[2] + a[3]);
	for (; j < n; j++) {
		double d = v[j] - x[j];
		sum += (s[j] - v[j]) * d;
		x[j] = v[j];
		s[j] = v[j] + mu * d;
	}
	return sum;
}

TARGET static double NAME(shrink)(const struct tessera_box *b, double *x, double *s, const double *ext,
                                  double mu, double reach, double lower, double upper, int bounded)
{
	double share = 0.5 / b->axes, sum = 0, *restrict v = b->sums;
	ptrdiff_t n = b->length;
	for (ptrdiff_t i = 0; i < b->lines; i++) {
		const double *z = ext + b->ext[i];
		if (bounded) {
			NAME(bounded_axis)(1, n, v, z, b->strides[0], reach, lower, upper);
			for (ptrdiff_t k = 1; k < b->axes; k++)
				NAME(bounded_axis)(0, n, v, z, b->strides[k], reach, lower, upper);
			for (ptrdiff_t j = 0; j < n; j++) {
				double m = share * v[j];
				v[j] = clip(m, lower, upper);
			}
		} else {
			NAME(shrink_axis)(1, n, v, z, b->strides[0], reach);
			for (ptrdiff_t k = 1; k < b->axes; k++)
				NAME(shrink_axis)(0, n, v, z, b->strides[k], reach);
			for (ptrdiff_t j = 0; j < n; j++)
				v[j] = z[j] + share * v[j];
		}
		sum += NAME(turn)(n, x + b->own[i], s + b->own[i], v, mu);
	}
	return sum;
}

// The step at the pixels whose values the layers of neighbours copy.
TARGET static void NAME(edge)(const struct tessera_box *b, double *ext, const double *s, const double *g, double gamma)
{
	ptrdiff_t n = b->length;
	for (ptrdiff_t i = 0; i < b->lines; i++) {
		double *z = ext + b->ext[i];
		const double *v = s + b->own[i], *d = g + b->own[i];
		ptrdiff_t by = i > 0 && i < b->lines - 1 && n > 1 ? n - 1 : 1;
		for (ptrdiff_t j = 0; j < n; j += by)
			z[j] = v[j] - gamma * d[j];
	}
}

TARGET static inline __attribute__((always_inline)) void NAME(advance_line)(
	ptrdiff_t n, double *restrict v, double *restrict above, const double *z, const double *below, double reach)
{
	for (ptrdiff_t j = 0; j < n; j++) {
		double d = 0.5 * (below[j] - z[j]), e = 0.5 * (z[j + 1] - z[j]), f = 0.5 * (z[j] - z[j - 1]);
		d = clip(d, -reach, reach);
		v[j] = z[j] + 0.25 * (d - above[j] + (clip(e, -reach, reach) - clip(f, -reach, reach)));
		above[j] = d;
	}
}

TARGET static inline __attribute__((always_inline)) void NAME(advance_bounded)(
	ptrdiff_t n, double *restrict v, double *restrict above, const double *z, const double *below, double reach,
	double lower, double upper)
{
	for (ptrdiff_t j = 0; j < n; j++) {
		double d = 0.5 * (below[j] - z[j]), e = 0.5 * (z[j + 1] - z[j]), f = 0.5 * (z[j] - z[j - 1]);
		d = clip(d, -reach, reach);
		double m = clip(z[j] + d, lower, upper) + clip(z[j] - above[j], lower, upper);
		m += clip(z[j] + clip(e, -reach, reach), lower, upper) + clip(z[j] - clip(f, -reach, reach), lower, upper);
		v[j] = clip(0.25 * m, lower, upper);
		above[j] = d;
	}
}

// Two axes. The lines of z = s - gamma g pass through two buffers, a line ahead of the lines of x and s.
TARGET static double NAME(advance)(const struct tessera_box *b, double *x, double *s, const double *g,
                                   const double *ext, double gamma, double mu, double reach, double lower,
                                   double upper, int bounded)
{
	ptrdiff_t n = b->length, rows = b->lines;
	double *z = b->sums + 1, *below = z + n + 2, *above = below + n + 1, v[BLOCK], sum = 0;
	const double *layer = ext + b->ext[0] - b->strides[0];
	for (ptrdiff_t j = 0; j < n; j++) {
		z[j] = s[j] - gamma * g[j];
		double d = 0.5 * (z[j] - layer[j]);
		above[j] = clip(d, -reach, reach);
	}
	z[-1] = layer[b->strides[0] - 1];
	z[n] = layer[b->strides[0] + n];
	for (ptrdiff_t i = 0; i < rows; i++) {
		double *now = x + i * n, *ahead = s + i * n;
		layer = ext + b->ext[i] + b->strides[0];
		below[-1] = layer[-1];
		below[n] = layer[n];
		for (ptrdiff_t at = 0, m; at < n; at += m) {
			m = n - at < BLOCK ? n - at : BLOCK;
			double *restrict next = below + at;
			const double *p = ahead + n + at, *d = g + (i + 1) * n + at;
			if (i + 1 < rows)
				for (ptrdiff_t j = 0; j < m; j++)
					next[j] = p[j] - gamma * d[j];
			else
				memcpy(next, layer + at, m * sizeof *next);
			if (bounded)
				NAME(advance_bounded)(m, v, above + at, z + at, next, reach, lower, upper);
			else
				NAME(advance_line)(m, v, above + at, z + at, next, reach);
			sum += NAME(turn)(m, now + at, ahead + at, v, mu);
		}
		double *swap = z;
		z = below;
		below = swap;
	}
	return sum;
}

TARGET static void NAME(descend)(const struct tessera_box *b, double *x, double *ext, const double *g, const double *p,
                                 ptrdiff_t apart, double tau, double theta, double lower, double upper)
{
	ptrdiff_t n = b->length;
	double *restrict sums = b->sums;
	for (ptrdiff_t i = 0; i < b->lines; i++) {
		double *restrict v = x + b->own[i], *restrict z = ext + b->ext[i];
		const double *d = g + b->own[i];
		for (ptrdiff_t k = 0; k < b->axes; k++) {
			const double *here = p + k * apart + b->ext[i], *previous = here - b->strides[k];
			const double *from = k ? sums : d;
			for (ptrdiff_t j = 0; j < n; j++)
				sums[j] = from[j] + (previous[j] - here[j]);
		}
		for (ptrdiff_t j = 0; j < n; j++) {
			double w = v[j] - tau * sums[j];
			w = clip(w, lower, upper);
			z[j] = w + theta * (w - v[j]);
			v[j] = w;
		}
	}
}

TARGET static void NAME(ascend)(ptrdiff_t n, double *restrict p, const double *z, ptrdiff_t stride, double sigma,
                                double radius)
{
	const double *next = z + stride;
	for (ptrdiff_t j = 0; j < n; j++) {
		double v = p[j] + sigma * (next[j] - z[j]);
		p[j] = clip(v, -radius, radius);
	}
}

TARGET static void NAME(ascend2)(ptrdiff_t n, double *restrict p, double *restrict q, const double *z, ptrdiff_t down,
                                 ptrdiff_t along, double sigma, double radius)
{
	const double *below = z + down, *right = z + along;
	for (ptrdiff_t j = 0; j < n; j++) {
		double u = p[j] + sigma * (below[j] - z[j]), v = q[j] + sigma * (right[j] - z[j]);
		double length = u * u + v * v, f;
		length = length > radius * radius ? length : radius * radius;
		f = radius / __builtin_sqrt(length);
		p[j] = f * u;
		q[j] = f * v;
	}
}

TARGET static void NAME(ascend3)(ptrdiff_t n, double *restrict p, double *restrict q, double *restrict r,
                                 const double *z, const ptrdiff_t *strides, double sigma, double radius)
{
	const double *a = z + strides[0], *b = z + strides[1], *c = z + strides[2];
	for (ptrdiff_t j = 0; j < n; j++) {
		double u = p[j] + sigma * (a[j] - z[j]), v = q[j] + sigma * (b[j] - z[j]), w = r[j] + sigma * (c[j] - z[j]);
		double length = u * u + v * v + w * w, f;
		length = length > radius * radius ? length : radius * radius;
		f = radius / __builtin_sqrt(length);
		p[j] = f * u;
		q[j] = f * v;
		r[j] = f * w;
	}
}

TARGET static void NAME(relax)(ptrdiff_t n, double *restrict t, const double *z, ptrdiff_t stride, double alpha,
                               double radius)
{
	const double *next = z + stride;
	for (ptrdiff_t j = 0; j < n; j++) {
		double v = t[j];
		t[j] = v + alpha * (next[j] - z[j] - v + clip(v, -radius, radius));
	}
}

TARGET static inline __attribute__((always_inline)) void NAME(reflected_axis)(
	const int first, ptrdiff_t n, double *restrict sums, const double *t, const double *z, ptrdiff_t stride, double radius)
{
	const double *previous = t - stride;
	for (ptrdiff_t j = 0; j < n; j++) {
		double v = previous[j], u = t[j];
		double d = (v - 2 * clip(v, -radius, radius)) - (u - 2 * clip(u, -radius, radius));
		sums[j] = first ? d : sums[j] + d;
	}
	if (!z)
		return;
	const double *before = z - stride, *next = z + stride;
	for (ptrdiff_t j = 0; j < n; j++)
		sums[j] += (next[j] - z[j]) - (z[j] - before[j]);
}

TARGET static void NAME(reflected)(const struct tessera_box *b, double *restrict out, const double *t, const double *ext,
                                   ptrdiff_t apart, double keep, double scale, double radius)
{
	ptrdiff_t n = b->length;
	double *restrict sums = b->sums;
	for (ptrdiff_t i = 0; i < b->lines; i++) {
		ptrdiff_t at = b->ext[i];
		const double *z = ext ? ext + at : 0;
		NAME(reflected_axis)(1, n, sums, t + at, z, b->strides[0], radius);
		for (ptrdiff_t k = 1; k < b->axes; k++)
			NAME(reflected_axis)(0, n, sums, t + k * apart + at, z, b->strides[k], radius);
		double *restrict to = out + b->own[i];
		for (ptrdiff_t j = 0; j < n; j++)
			to[j] = keep * to[j] + scale * sums[j];
	}
}

// r may be a: each of its values depends on that of a alone.
TARGET static void NAME(residual)(ptrdiff_t n, double *r, const double *a, const double *y, const double *w)
{
	if (!w && !y)
#pragma GCC ivdep
		for (ptrdiff_t j = 0; j < n; j++)
			r[j] = a[j];
	else if (!w)
#pragma GCC ivdep
		for (ptrdiff_t j = 0; j < n; j++)
			r[j] = a[j] - y[j];
	else if (!y)
#pragma GCC ivdep
		for (ptrdiff_t j = 0; j < n; j++)
			r[j] = w[j] * a[j];
	else
#pragma GCC ivdep
		for (ptrdiff_t j = 0; j < n; j++) {
			double d = w[j] * (a[j] - y[j]);
			r[j] = w[j] == 0 ? 0 : d;
		}
}

// One value of a spline and its derivative.
TARGET static inline __attribute__((always_inline)) double NAME(spline)(
	const struct spline *s, double u, const int back, double v, int count)
{
	double t = (u - s->low) * s->inverse;
	int inside = t > 0 && t < s->last;
	t = t > 0 ? t : 0;
	t = t < s->last ? t : s->last;
	int m = (int)t;
	double f = t - m;
	const double *p = s->pieces + 4 * m;
	if (!back)
		return ((p[3] * f + p[2]) * f + p[1]) * f + p[0];
	if (count) {
		double *q = s->moments + 4 * m, ff = f * f;
		v4 powers = {1, f, ff, f * ff};
		STORE(q, LOAD(q) + v * powers);
	}
	return inside ? v * s->inverse * ((3 * p[3] * f + 2 * p[2]) * f + p[1]) : 0;
}

// Pairs of z[j] and z[j + stride]; those of from ... to - 1 are added to the moments.
TARGET static void NAME(pairs)(ptrdiff_t n, double *restrict plus, double *restrict minus, const double *z,
                               const double *g, ptrdiff_t stride, double scale, const struct spline *averages,
                               const struct spline *differences, ptrdiff_t from, ptrdiff_t to)
{
	struct spline s = *averages, t = *differences;
	const double *next = z + stride;
	if (!g) {
		for (ptrdiff_t j = 0; j < n; j++) {
			double a = NAME(spline)(&s, scale * (z[j] + next[j]), 0, 0, 0);
			double d = NAME(spline)(&t, scale * (next[j] - z[j]), 0, 0, 0);
			plus[j] = scale * (a + d);
			minus[j] = scale * (a - d);
		}
		return;
	}
	for (ptrdiff_t j = 0; j < n; j++) {
		int count = j >= from && j < to;
		double a = NAME(spline)(&s, scale * (z[j] + next[j]), 1, scale * (g[j] + g[j + stride]), count);
		double d = NAME(spline)(&t, scale * (next[j] - z[j]), 1, scale * (g[j + stride] - g[j]), count);
		plus[j] = scale * (a + d);
		minus[j] = scale * (a - d);
	}
}

TARGET static void NAME(add)(ptrdiff_t n, double *out, const double *a, const double *plus, const double *minus)
{
	for (ptrdiff_t j = 0; j < n; j++)
		out[j] = a[j] + (plus[j] + minus[j]);
}
