// The Walsh-Hadamard transform of 2 and of 4 vectors of n numbers, in place, with rectify followed by max(x, 0); and
// y += w'max(x, 0) for a row w of m numbers and x: m x n. NaN stays.
#include <stdbool.h>
#include <stddef.h>

void tessera_hadamard2(bool rectify, ptrdiff_t n, float *a, float *b);
void tessera_hadamard4(bool rectify, ptrdiff_t n, float *a, float *b, float *c, float *d);
void tessera_add_rectified(ptrdiff_t m, ptrdiff_t n, float *y, const float *w, const float *x);
