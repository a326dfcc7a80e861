//go:build native && cgo

#include "spectral_native.h"

#include <fftw3.h>
#include <string.h>

#define T float
#define FFTW(x) fftwf_##x
#define NAME(x) tessera_spectral_##x##32
#include "spectral_body.h"
#undef T
#undef FFTW
#undef NAME

#define T double
#define FFTW(x) fftw_##x
#define NAME(x) tessera_spectral_##x##64
#include "spectral_body.h"
