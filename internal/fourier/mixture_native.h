#include <stddef.h>

// Columns of a block. Transforms of few columns at a time stay in the first cache.
#define TESSERA_LANES 2
// Rows whose spectra are distributed to the blocks together.
#define TESSERA_ROWS 8

// The images of mixture.go: the spectra of their rows lie in blocks of columns, each rows x TESSERA_LANES complex numbers,
// one image after the other.
struct tessera_mixture {
	ptrdiff_t rows, cols, blocks;
	void *row_forward, *row_inverse, *column_forward, *column_inverse; // FFTW's plans
	void *line, *half, *block, *spare, *sum, *images;
};

// A window of y or x, which stands at (row, col) and may reach over the ends.
struct tessera_mixture_window {
	ptrdiff_t stride, row, col, rows, cols;
};

int tessera_mixture_plan(struct tessera_mixture *m);
void tessera_mixture_destroy(struct tessera_mixture *m);
// The rows of the image, times factors of the columns unless NULL; zeros elsewhere.
void tessera_mixture_load(struct tessera_mixture *m, ptrdiff_t image, struct tessera_mixture_window w, const double *src,
                          const double *columns);
// Adds rows of the image, times factors of the columns unless NULL.
void tessera_mixture_store(struct tessera_mixture *m, ptrdiff_t image, struct tessera_mixture_window w, double *dst,
                           const double *columns);
// The spectrum of image 0, times scale.
void tessera_mixture_spectrum(struct tessera_mixture *m, double *spectrum, double scale);
// One block of columns. A term adds to the sum what the spectrum makes of the first n rows of an image, each times its
// factor; the sum then becomes a block of image 0.
void tessera_mixture_term(struct tessera_mixture *m, ptrdiff_t block, ptrdiff_t image, ptrdiff_t n, const double *rows,
                          const double *spectrum, int first);
void tessera_mixture_end(struct tessera_mixture *m, ptrdiff_t block);
// The way back: the sum becomes the transform of a block of image 0, and a term adds to the rows of an image.
void tessera_mixture_begin(struct tessera_mixture *m, ptrdiff_t block);
void tessera_mixture_back(struct tessera_mixture *m, ptrdiff_t block, ptrdiff_t image, ptrdiff_t n, const double *rows,
                          const double *spectrum, int first);
