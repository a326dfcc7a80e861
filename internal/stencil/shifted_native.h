// Sums of shifted stretches of src, one run after the other: number j of a run is the sum over t of
// weights[t] src[start + shifts[t] + j].
#include <stddef.h>

void tessera_shifted(float *dst, const float *src, ptrdiff_t runs, const ptrdiff_t *starts, const ptrdiff_t *lengths,
                  ptrdiff_t count, const ptrdiff_t *shifts, const float *weights);
