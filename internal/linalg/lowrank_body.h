// Low-rank correction, included once per element type and instruction set, as
// banded_body.h is: T the element type, V a vector of VL of them.

#define LOAD(p) (*(const V *)(p))

TARGET static inline T NAME(dot)(ptrdiff_t n, const T *x, const T *y)
{
	V s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
	ptrdiff_t i = 0;
	for (; i + 4 * VL <= n; i += 4 * VL) {
		s0 += LOAD(x + i) * LOAD(y + i);
		s1 += LOAD(x + i + VL) * LOAD(y + i + VL);
		s2 += LOAD(x + i + 2 * VL) * LOAD(y + i + 2 * VL);
		s3 += LOAD(x + i + 3 * VL) * LOAD(y + i + 3 * VL);
	}
	for (; i + VL <= n; i += VL)
		s0 += LOAD(x + i) * LOAD(y + i);
	s0 += s1 + (s2 + s3);
	T s = 0;
	for (int j = 0; j < VL; j++)
		s += s0[j];
	for (; i < n; i++)
		s += x[i] * y[i];
	return s;
}

TARGET static void NAME(low_rank)(ptrdiff_t rank, const int32_t *rows, const T *middle, ptrdiff_t m, const T *u,
                                  const T *x, ptrdiff_t n, const T *v, T *z, T *work)
{
	T *a = work, *b = work + rank;
	for (ptrdiff_t i = 0; i < rank; i++)
		a[i] = NAME(dot)(m, u + rows[i] * m, x);
	for (ptrdiff_t i = 0; i < rank; i++)
		b[i] = NAME(dot)(rank, middle + i * rank, a);
	ptrdiff_t i = 0;
	for (; i + 4 <= rank; i += 4) { // four rows for one pass over z
		const T *p = v + rows[i] * n, *q = v + rows[i + 1] * n;
		const T *r = v + rows[i + 2] * n, *s = v + rows[i + 3] * n;
		T c = b[i], d = b[i + 1], e = b[i + 2], f = b[i + 3];
		ptrdiff_t j = 0;
		for (; j + VL <= n; j += VL)
			*(V *)(z + j) += (c * LOAD(p + j) + d * LOAD(q + j)) + (e * LOAD(r + j) + f * LOAD(s + j));
		for (; j < n; j++)
			z[j] += (c * p[j] + d * q[j]) + (e * r[j] + f * s[j]);
	}
	for (; i < rank; i++) {
		const T *p = v + rows[i] * n;
		for (ptrdiff_t j = 0; j < n; j++)
			z[j] += b[i] * p[j];
	}
}

#undef LOAD
