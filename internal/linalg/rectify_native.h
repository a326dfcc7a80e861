// x = max(x, 0); NaN stays.
#include <stddef.h>

void tessera_rectify(ptrdiff_t n, float *x);

// g = 0 where x <= 0; where x is NaN g stays.
void tessera_rectified(ptrdiff_t n, float *g, const float *x);
