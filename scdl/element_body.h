// The loops of element.go, included once per element type and instruction set. The
// compiler makes vectors of them.

TARGET static void NAME(pull)(ptrdiff_t n, T *restrict r, const T *restrict y, const T *restrict y3,
                              const T *restrict p, const T *restrict w, T sign, T c, T c3)
{
	for (ptrdiff_t i = 0; i < n; i++)
		r[i] = y[i] + sign * y3[i] + c * p[i] + c3 * w[i];
}

// x less what lies within [-by, by]: x - max(-by, min(x, by)).
TARGET static inline T NAME(soft)(T x, T by)
{
	T m = x < by ? x : by;
	m = m > -by ? m : -by;
	return x - m;
}

TARGET static void NAME(update)(ptrdiff_t n, T *restrict p, T *restrict q, T *restrict y1, T *restrict y2,
                                T *restrict y3, const T *restrict wh, const T *restrict wl, const T *k, double *counts)
{
	T o1 = k[0], o2 = k[1], s1 = k[2], s2 = k[3], d1 = k[4], d2 = k[5], d3 = k[6];
	INT high = 0, low = 0;
	for (ptrdiff_t i = 0; i < n; i++) {
		T h = wh[i], l = wl[i];
		T a = NAME(soft)(h - y1[i] * o1, s1), b = NAME(soft)(l - y2[i] * o2, s2);
		high += a != 0;
		low += b != 0;
		p[i] = a;
		q[i] = b;
		y1[i] += d1 * (a - h);
		y2[i] += d2 * (b - l);
		y3[i] += d3 * (h - l);
	}
	counts[0] = (double)high;
	counts[1] = (double)low;
}

TARGET static void NAME(squares)(ptrdiff_t atoms, ptrdiff_t columns, double *rows, const T *codes)
{
	for (ptrdiff_t a = 0; a < atoms; a++) {
		const T *x = codes + a * columns;
		double sums[8] = {0}, sum = 0;
		ptrdiff_t i = 0;
		for (; i + 8 <= columns; i += 8)
			for (int l = 0; l < 8; l++)
				sums[l] += (double)x[i + l] * (double)x[i + l];
		for (; i < columns; i++)
			sum += (double)x[i] * (double)x[i];
		for (int l = 0; l < 8; l++)
			sum += sums[l];
		rows[a] += sum;
	}
}
