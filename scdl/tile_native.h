#include <stddef.h>

// One resolution of a tile; T is the element type.
typedef struct {
	ptrdiff_t rows, ld;       // numbers of a sample; of a row of dictionary and gradient, a multiple of 16
	const void *dictionary;   // T, atoms x ld, 0 beyond rows
	const void *inverse;      // T, rows x rows
	const void *samples;      // T, rows x 64
	double *gradient;         // atoms x ld, added to
	double *squares;          // atoms, added to
	double c;
} tessera_side;

// One tile in an iteration; the fields are those of tiles in tile.go.
typedef struct {
	ptrdiff_t atoms;
	int form, errors;
	tessera_side high, low;
	double c1, c2, c3, soft1, soft2, dual1, dual2, dual3;
	void *state;      // T, arrays of atoms x 64
	void *work;       // T
	double *residual; // 64, of the high samples
	double sums[6];
} tessera_tile;

// Sparse codes of one tile.
typedef struct {
	ptrdiff_t atoms;
	int iterations;
	tessera_side side;
	double threshold;
	void *state; // T, atoms x 64
	void *codes; // T, atoms x 64: result
	void *work;  // T
} tessera_code;

void tessera_tile32(tessera_tile *t);
void tessera_tile64(tessera_tile *t);
void tessera_code32(tessera_code *t);
void tessera_code64(tessera_code *t);
