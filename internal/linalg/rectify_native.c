//go:build native

#include "rectify_native.h"

#include "dispatch_native.h"

#define SUFFIX base
#define TARGET
#include "rectify_body.h"
#undef SUFFIX
#undef TARGET

#ifdef HAVE_AVX2
#define SUFFIX avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "rectify_body.h"
#undef SUFFIX
#undef TARGET
#endif

void tessera_rectify(ptrdiff_t n, float *x)
{
	DISPATCH(rectify, (n, x));
}

void tessera_keep_where(ptrdiff_t n, float *y, const float *x)
{
	DISPATCH(keep_where, (n, y, x));
}
