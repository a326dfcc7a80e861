// x = max(x, 0), where NaN stays; y = 0 where x = 0.
#include <stddef.h>

void tessera_rectify(ptrdiff_t n, float *x);
void tessera_keep_where(ptrdiff_t n, float *y, const float *x);
