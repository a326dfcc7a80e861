// The loops over a block of columns, included once for each instruction set with NAME and TARGET set. n counts numbers,
// real and imaginary parts in turn; it is a multiple of WIDTH, that of 4.

TARGET static void NAME(scaled)(ptrdiff_t rows, double *to, const double *from, const double *factors)
{
	for (ptrdiff_t i = 0; i < rows; i++)
		for (ptrdiff_t j = i * WIDTH; j < (i + 1) * WIDTH; j += 4)
			STORE(to + j, factors[i] * LOAD(from + j));
}

TARGET static void NAME(scaled_add)(ptrdiff_t rows, double *to, const double *from, const double *factors)
{
	for (ptrdiff_t i = 0; i < rows; i++)
		for (ptrdiff_t j = i * WIDTH; j < (i + 1) * WIDTH; j += 4)
			STORE(to + j, LOAD(to + j) + factors[i] * LOAD(from + j));
}

// to = h x, or its conjugate times x, or that added to it.
TARGET static void NAME(product)(ptrdiff_t n, double *to, const double *h, const double *x, const int add,
                                 const double sign)
{
	const v4 signs = {-sign, sign, -sign, sign};
	for (ptrdiff_t j = 0; j < n; j += 4) {
		v4 a = LOAD(h + j), b = LOAD(x + j);
		v4 re = __builtin_shufflevector(a, a, 0, 0, 2, 2), im = __builtin_shufflevector(a, a, 1, 1, 3, 3);
		v4 v = re * b + im * (signs * __builtin_shufflevector(b, b, 1, 0, 3, 2));
		if (add)
			v += LOAD(to + j);
		STORE(to + j, v);
	}
}
