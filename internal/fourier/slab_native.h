#include <stddef.h>
#include <stdint.h>

struct tessera_slab {
	ptrdiff_t rows, cols, half;    // half: complex numbers of a row, cols/2 + 1
	ptrdiff_t own_rows, blocks;    // rows of this part, blocks of a row
	ptrdiff_t own_blocks, columns; // blocks of this part, columns of a block
	ptrdiff_t part, first_block;   // this part and its first block
	int basis;
	int32_t *place, *row_place;     // of a column in the line, of a row in the column
	double *row_turn, *column_turn; // exp(-i pi k/(2n))
	double *down, *across;          // 2 - 2 cos t_k, 2 - 2 cos t_l of this part's lanes
	double *row_weight, *lane_weight;
	double *line, *spectrum, *column;                            // work space
	void *row_forward, *row_inverse;                             // FFTW's plans
	void *column_forward, *column_inverse;
};

// A symbol.
struct tessera_symbol {
	const double *h;
	double weight, lambda;
	int order, action;
};

int tessera_slab_plan(struct tessera_slab *s);
void tessera_slab_destroy(struct tessera_slab *s);
void tessera_slab_load(struct tessera_slab *s, double *sent, double *own, const double *src, const int64_t *start, const int32_t *place);
void tessera_slab_store(struct tessera_slab *s, double *dst, double *sent, double *own, const int64_t *start, const int32_t *place, double scale);
// part_rows are the rows of the pieces of all parts
void tessera_slab_filter(struct tessera_slab *s, double *received, double *own, const int64_t *part_rows, ptrdiff_t parts, struct tessera_symbol f, double *sums);
void tessera_slab_line(struct tessera_slab *s, double *dst, const double *src);
void tessera_slab_column(struct tessera_slab *s, double *x);
