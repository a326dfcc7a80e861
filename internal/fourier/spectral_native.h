#include <stddef.h>

struct tessera_spectral {
	ptrdiff_t rows, cols, blocks, lanes;
	void *row_forward, *row_inverse, *column_forward, *column_inverse; // FFTW's plans
	void *line, *half, *spectrum;
};

struct tessera_window {
	ptrdiff_t stride, row, col, rows, cols;
};

#define TESSERA_SPECTRAL(BITS, T)                                                                                        \
	int tessera_spectral_plan##BITS(struct tessera_spectral *s);                                                     \
	void tessera_spectral_destroy##BITS(struct tessera_spectral *s);                                                 \
	void tessera_spectral_load##BITS(struct tessera_spectral *s, struct tessera_window w, const double *src);        \
	void tessera_spectral_multiply##BITS(struct tessera_spectral *s, const T *symbol);                               \
	void tessera_spectral_convolve##BITS(struct tessera_spectral *s, const T *h, int conjugate);                     \
	void tessera_spectral_weigh##BITS(struct tessera_spectral *s, struct tessera_window w, const double *weights);   \
	void tessera_spectral_store##BITS(struct tessera_spectral *s, struct tessera_window w, double *dst, T scale);

TESSERA_SPECTRAL(32, float)
TESSERA_SPECTRAL(64, double)
