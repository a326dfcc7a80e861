// Batched banded Cholesky, included once per element type and instruction set.
//
// T is the element type, V a vector of VL of them, H vectors to a group of
// LANES systems. Element (i, k) of the lower band of all systems of a group
// starts at L(i, k) = a + ((i+1) bw + k) LANES, lo(i) = max(0, i-bw) <= k <= i.
// Loops over h have constant length H and are unrolled by the compiler, so that
// s[h] are registers.

#define LANES (VL * H)
#define L(i, k) (a + (((i) + 1) * bw + (k)) * LANES)
#define LOAD(p, h) (((const V *)(p))[h])
#define STORE(p, h, v) (((V *)(p))[h] = (v))
#define EACH(h) for (int h = 0; h < H; h++)

// A(i, j) - sum over lo <= k < j of L(i, k) L(j, k), for one row i.
TARGET static inline void NAME(reduce)(ptrdiff_t bw, const T *a, ptrdiff_t i, ptrdiff_t j, ptrdiff_t lo,
                                       ptrdiff_t end, V *s)
{
	const T *li = L(i, 0), *lj = L(j, 0);
	for (ptrdiff_t k = lo; k < end; k++)
		EACH(h) s[h] -= LOAD(li + k * LANES, h) * LOAD(lj + k * LANES, h);
}

// Off-diagonal entry (i, j) of the factor.
TARGET static inline void NAME(entry)(ptrdiff_t bw, T *a, ptrdiff_t i, ptrdiff_t j, ptrdiff_t lo)
{
	V s[H];
	EACH(h) s[h] = LOAD(L(i, j), h);
	NAME(reduce)(bw, a, i, j, lo, j, s);
	EACH(h) STORE(L(i, j), h, s[h] * LOAD(L(j, j), h));
}

// Factors a group in place, leaving reciprocals on the diagonal. Returns -1,
// or row*LANES + lane of a pivot that is not a positive number, left in place.
//
// Rows are taken four at a time: an earlier row j, which for wide bands comes
// from beyond the nearest cache, is read once for the four.
TARGET static ptrdiff_t NAME(factor)(ptrdiff_t n, ptrdiff_t bw, T *a)
{
	for (ptrdiff_t i = 0; i < n; i += 4) {
		ptrdiff_t rows = n - i < 4 ? n - i : 4, lo[4];
		for (int r = 0; r < 4; r++)
			lo[r] = i + r > bw ? i + r - bw : 0;
		for (ptrdiff_t j = lo[0]; j < i; j++) {
			if (rows < 4 || j < lo[3]) {
				for (int r = 0; r < rows; r++)
					if (j >= lo[r])
						NAME(entry)(bw, a, i + r, j, lo[r]);
				continue;
			}
			V s0[H], s1[H], s2[H], s3[H];
			EACH(h) {
				s0[h] = LOAD(L(i, j), h);
				s1[h] = LOAD(L(i + 1, j), h);
				s2[h] = LOAD(L(i + 2, j), h);
				s3[h] = LOAD(L(i + 3, j), h);
			}
			NAME(reduce)(bw, a, i, j, lo[0], lo[3], s0);
			NAME(reduce)(bw, a, i + 1, j, lo[1], lo[3], s1);
			NAME(reduce)(bw, a, i + 2, j, lo[2], lo[3], s2);
			const T *l0 = L(i, 0), *l1 = L(i + 1, 0), *l2 = L(i + 2, 0), *l3 = L(i + 3, 0), *lj = L(j, 0);
			for (ptrdiff_t k = lo[3] * LANES; k < j * LANES; k += LANES)
				EACH(h) {
					V v = LOAD(lj + k, h);
					s0[h] -= LOAD(l0 + k, h) * v;
					s1[h] -= LOAD(l1 + k, h) * v;
					s2[h] -= LOAD(l2 + k, h) * v;
					s3[h] -= LOAD(l3 + k, h) * v;
				}
			EACH(h) {
				V v = LOAD(L(j, j), h);
				STORE(L(i, j), h, s0[h] * v);
				STORE(L(i + 1, j), h, s1[h] * v);
				STORE(L(i + 2, j), h, s2[h] * v);
				STORE(L(i + 3, j), h, s3[h] * v);
			}
		}
		for (int r = 0; r < rows; r++) {
			for (ptrdiff_t j = i > lo[r] ? i : lo[r]; j < i + r; j++)
				NAME(entry)(bw, a, i + r, j, lo[r]);
			V s[H];
			T *diag = L(i + r, i + r);
			EACH(h) s[h] = LOAD(diag, h);
			NAME(reduce)(bw, a, i + r, i + r, lo[r], i + r, s);
			EACH(h) STORE(diag, h, s[h]);
			for (int l = 0; l < LANES; l++) {
				if (!(diag[l] > 0) || isinf(diag[l]))
					return (i + r) * LANES + l;
				diag[l] = 1 / SQRT(diag[l]);
			}
		}
	}
	return -1;
}

// x = (L L')^-1 x for RHS right-hand sides of n x LANES. RHS is a constant
// after inlining.
TARGET static inline __attribute__((always_inline)) void NAME(solve)(ptrdiff_t n, ptrdiff_t bw, const T *a, T *x,
                                                                     const int RHS)
{
	ptrdiff_t size = n * LANES;
	for (ptrdiff_t i = 0; i < n; i++) {
		ptrdiff_t k = i > bw ? i - bw : 0;
		const T *li = L(i, 0);
		// Two chains, even and odd k, for the length of an addition.
		V s[4][H], t[4][H];
		for (int r = 0; r < RHS; r++)
			EACH(h) {
				s[r][h] = LOAD(x + r * size + i * LANES, h);
				t[r][h] = (V){0};
			}
		for (; k + 1 < i; k += 2)
			EACH(h) {
				V u = LOAD(li + k * LANES, h), v = LOAD(li + (k + 1) * LANES, h);
				for (int r = 0; r < RHS; r++) {
					s[r][h] -= u * LOAD(x + r * size + k * LANES, h);
					t[r][h] -= v * LOAD(x + r * size + (k + 1) * LANES, h);
				}
			}
		if (k < i)
			for (int r = 0; r < RHS; r++)
				EACH(h) s[r][h] -= LOAD(li + k * LANES, h) * LOAD(x + r * size + k * LANES, h);
		for (int r = 0; r < RHS; r++)
			EACH(h) STORE(x + r * size + i * LANES, h, (s[r][h] + t[r][h]) * LOAD(li + i * LANES, h));
	}
	for (ptrdiff_t i = n - 1; i >= 0; i--) {
		ptrdiff_t k = i > bw ? i - bw : 0;
		const T *li = L(i, 0);
		V s[4][H];
		for (int r = 0; r < RHS; r++)
			EACH(h) {
				s[r][h] = LOAD(x + r * size + i * LANES, h) * LOAD(li + i * LANES, h);
				STORE(x + r * size + i * LANES, h, s[r][h]);
			}
		for (; k < i; k++)
			EACH(h) {
				V v = LOAD(li + k * LANES, h);
				for (int r = 0; r < RHS; r++) {
					T *to = x + r * size + k * LANES;
					STORE(to, h, LOAD(to, h) - v * s[r][h]);
				}
			}
	}
}

TARGET static void NAME(solves)(ptrdiff_t n, ptrdiff_t bw, int rhs, const T *a, T *x)
{
	switch (rhs) {
	case 1: NAME(solve)(n, bw, a, x, 1); break;
	case 2: NAME(solve)(n, bw, a, x, 2); break;
	case 3: NAME(solve)(n, bw, a, x, 3); break;
	case 4: NAME(solve)(n, bw, a, x, 4); break;
	}
}

#undef LANES
#undef L
#undef LOAD
#undef STORE
#undef EACH
