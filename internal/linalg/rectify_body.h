// x = max(x, 0), and y = 0 where x = 0, included once for each instruction set with NAME and TARGET set.
TARGET static void NAME(rectify)(ptrdiff_t n, float *x)
{
	for (ptrdiff_t i = 0; i < n; i++)
		x[i] = x[i] < 0 ? 0 : x[i];
}

TARGET static void NAME(keep_where)(ptrdiff_t n, float *restrict y, const float *restrict x)
{
	for (ptrdiff_t i = 0; i < n; i++)
		y[i] = x[i] == 0 ? 0 : y[i];
}
