// Sums of shifted stretches, included once for each instruction set with NAME and TARGET set.

TARGET static void NAME(shifted)(float *dst, const float *src, ptrdiff_t runs, const ptrdiff_t *starts,
                              const ptrdiff_t *lengths, ptrdiff_t count, const ptrdiff_t *shifts, const float *weights)
{
	for (ptrdiff_t k = 0; k < runs; k++) {
		const float *from = src + starts[k];
		ptrdiff_t n = lengths[k], j = 0;
		for (; j + 16 <= n; j += 16) {
			v8f a = {0}, b = {0};
			for (ptrdiff_t t = 0; t < count; t++) {
				const float *x = from + shifts[t] + j;
				a += weights[t] * *(const v8f *)x;
				b += weights[t] * *(const v8f *)(x + 8);
			}
			*(v8f *)(dst + j) = a;
			*(v8f *)(dst + j + 8) = b;
		}
		for (; j < n; j++) {
			float a = 0;
			for (ptrdiff_t t = 0; t < count; t++)
				a += weights[t] * from[shifts[t] + j];
			dst[j] = a;
		}
		dst += n;
	}
}
