//go:build native

#include "shifted_native.h"

#include "../linalg/dispatch_native.h"

typedef float v8f __attribute__((vector_size(32), aligned(4), may_alias));

#define SUFFIX base
#define TARGET
#include "shifted_body.h"
#undef SUFFIX
#undef TARGET

#ifdef HAVE_AVX2
#define SUFFIX avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "shifted_body.h"
#undef SUFFIX
#undef TARGET
#endif

void tessera_shifted(float *dst, const float *src, ptrdiff_t runs, const ptrdiff_t *starts, const ptrdiff_t *lengths,
                  ptrdiff_t count, const ptrdiff_t *shifts, const float *weights)
{
	DISPATCH(shifted, (dst, src, runs, starts, lengths, count, shifts, weights));
}
