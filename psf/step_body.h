// The steps of step.go, included once per element type and instruction set. The
// compiler makes vectors of the loops.

TARGET static void NAME(primal)(ptrdiff_t n, T *x, const T *g, const T *t, T *bar, T tau, T rho, int any_sign)
{
	T least = any_sign ? -LARGEST : 0;
	for (ptrdiff_t i = 0; i < n; i++) {
		T v = x[i], p = v - tau * (g[i] + t[i]);
		p = p > least ? p : least;
		bar[i] = 2 * p - v;
		x[i] = v + rho * (p - v);
	}
}

TARGET static void NAME(dual)(ptrdiff_t n, T *u, const T *d, const T *w, ptrdiff_t step, T sigma, T rho)
{
	if (step == 0) {
		T hi = w[0], lo = -hi;
		for (ptrdiff_t i = 0; i < n; i++) {
			T v = u[i], q = v + sigma * d[i];
			q = q < hi ? q : hi;
			q = q > lo ? q : lo;
			u[i] = v + rho * (q - v);
		}
		return;
	}
	for (ptrdiff_t i = 0; i < n; i++) {
		T v = u[i], q = v + sigma * d[i], hi = w[i], lo = -hi;
		q = q < hi ? q : hi;
		q = q > lo ? q : lo;
		u[i] = v + rho * (q - v);
	}
}

TARGET static void NAME(blend)(ptrdiff_t n, T *dst, const T *x, const T *y, T a, T b)
{
	for (ptrdiff_t i = 0; i < n; i++)
		dst[i] = a * x[i] + b * y[i];
}

// Eight sums that do not depend on each other, for vector arithmetic.
TARGET static double NAME(weighted_abs)(ptrdiff_t n, const T *d, const T *w, ptrdiff_t step)
{
	double sums[8] = {0}, sum = 0;
	ptrdiff_t i = 0;
	if (step == 0) {
		for (; i + 8 <= n; i += 8)
			for (int l = 0; l < 8; l++)
				sums[l] += __builtin_fabs((double)d[i + l]);
		for (; i < n; i++)
			sum += __builtin_fabs((double)d[i]);
	} else {
		for (; i + 8 <= n; i += 8)
			for (int l = 0; l < 8; l++)
				sums[l] += (double)w[i + l] * __builtin_fabs((double)d[i + l]);
		for (; i < n; i++)
			sum += (double)w[i] * __builtin_fabs((double)d[i]);
	}
	for (int l = 0; l < 8; l++)
		sum += sums[l];
	return step == 0 ? (double)w[0] * sum : sum;
}
