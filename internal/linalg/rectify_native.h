// x = max(x, 0); NaN stays.
#include <stddef.h>

void tessera_rectify(ptrdiff_t n, float *x);
