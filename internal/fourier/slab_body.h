// The passes over columns of slab.go, included once for each instruction set.

// multiply applies the symbol to a row of a block of cosines or sines, real lanes.
TARGET static inline void NAME(multiply)(double *restrict x, const double *restrict h, const double *restrict across, double down,
	const double *restrict lane_weight, double row_weight, const struct tessera_symbol *f, double *restrict sums)
{
	for (int j = 0; j < LANES; j++) {
		double l = down + across[j], p = f->order == 0 ? 1 : f->order == 1 ? l : l * l;
		double power = h[j] * h[j], inverse = 1 / (f->weight * power + f->lambda * p);
		double side = f->action == GRAM || f->action == ADJOINT ? power : 1; // of |r|^2
		double e = x[j] * x[j] * row_weight * lane_weight[j] * side, z = e * inverse * inverse;
		sums[j] += e;
		sums[LANES + j] += z;
		sums[2 * LANES + j] += z * p;
		x[j] *= f->action == GRAM ? inverse * power : f->action == INVERSE ? inverse : f->action == CONVOLVE ? h[j] : inverse * h[j];
	}
}

// multiply_complex is multiply for waves, complex lanes.
TARGET static inline void NAME(multiply_complex)(double *restrict x, const double *restrict h, const double *restrict across, double down,
	const double *restrict lane_weight, double row_weight, const struct tessera_symbol *f, double *restrict sums)
{
	for (int j = 0; j < LANES; j += 2) {
		double l = down + across[j], p = f->order == 0 ? 1 : f->order == 1 ? l : l * l;
		double re = h[j], im = h[j + 1], a = x[j], b = x[j + 1];
		double power = re * re + im * im, inverse = 1 / (f->weight * power + f->lambda * p);
		double side = f->action == GRAM || f->action == ADJOINT ? power : 1;
		double e = (a * a + b * b) * row_weight * lane_weight[j] * side, z = e * inverse * inverse;
		sums[j] += e;
		sums[LANES + j] += z;
		sums[2 * LANES + j] += z * p;
		if (f->action == GRAM) {
			re = power;
			im = 0;
		} else if (f->action == INVERSE) {
			re = 1;
			im = 0;
		} else if (f->action == ADJOINT) {
			im = -im;
		}
		if (f->action == CONVOLVE)
			inverse = 1;
		x[j] = inverse * (re * a - im * b);
		x[j + 1] = inverse * (re * b + im * a);
	}
}

// cosine_pair turns rows k and n-k of a column of waves into cosines, w = exp(-i pi k/(2n)):
// Z(k) = (w V(k) + conj(w) V(n-k))/2 and Z(n-k) = i (w V(k) - conj(w) V(n-k))/2.
TARGET static inline void NAME(cosine_pair)(double *restrict u, double *restrict v, double c, double d)
{
	for (int j = 0; j < LANES; j += 2) {
		double are = c * u[j] - d * u[j + 1], aim = c * u[j + 1] + d * u[j];
		double bre = c * v[j] + d * v[j + 1], bim = c * v[j + 1] - d * v[j];
		u[j] = 0.5 * (are + bre);
		u[j + 1] = 0.5 * (aim + bim);
		v[j] = -0.5 * (aim - bim);
		v[j + 1] = 0.5 * (are - bre);
	}
}

// wave_pair is the way back: V(k) = conj(w) (Z(k) - i Z(n-k)), V(n-k) = w (Z(k) + i Z(n-k)).
TARGET static inline void NAME(wave_pair)(double *restrict u, double *restrict v, double c, double d)
{
	for (int j = 0; j < LANES; j += 2) {
		double are = u[j] + v[j + 1], aim = u[j + 1] - v[j];
		double bre = u[j] - v[j + 1], bim = u[j + 1] + v[j];
		u[j] = c * are + d * aim;
		u[j + 1] = c * aim - d * are;
		v[j] = c * bre - d * bim;
		v[j + 1] = c * bim + d * bre;
	}
}

TARGET static inline __attribute__((always_inline)) void NAME(filter_block)(struct tessera_slab *s, ptrdiff_t b, struct tessera_symbol f, double *sums)
{
	ptrdiff_t n = s->rows;
	double *x = s->column;
	const double *h = f.h + b * n * LANES, *across = s->across + b * LANES, *weight = s->lane_weight + b * LANES;
	fftw_execute(s->column_forward);
	if (s->basis == SINES) {
		for (ptrdiff_t k = 0; k < n; k++)
			NAME(multiply)(x + k * LANES, h + k * LANES, across, s->down[k], weight, s->row_weight[k], &f, sums);
	} else if (s->basis == WAVES) {
		for (ptrdiff_t k = 0; k < n; k++)
			NAME(multiply_complex)(x + k * LANES, h + k * LANES, across, s->down[k], weight, s->row_weight[k], &f, sums);
	} else {
		const double *w = s->column_turn;
		NAME(multiply)(x, h, across, s->down[0], weight, s->row_weight[0], &f, sums);
		for (ptrdiff_t k = 1; k <= n / 2; k++) {
			double *u = x + k * LANES, *v = x + (n - k) * LANES;
			if (u == v) { // cos(pi/4) V is the value there
				const double root = 0.70710678118654752440;
				for (int j = 0; j < LANES; j++)
					u[j] *= root;
				NAME(multiply)(u, h + k * LANES, across, s->down[k], weight, s->row_weight[k], &f, sums);
				for (int j = 0; j < LANES; j++)
					u[j] *= 2 * root;
				break;
			}
			NAME(cosine_pair)(u, v, w[2 * k], w[2 * k + 1]);
			NAME(multiply)(u, h + k * LANES, across, s->down[k], weight, s->row_weight[k], &f, sums);
			NAME(multiply)(v, h + (n - k) * LANES, across, s->down[n - k], weight, s->row_weight[n - k], &f, sums);
			NAME(wave_pair)(u, v, w[2 * k], w[2 * k + 1]);
		}
	}
	fftw_execute(s->column_inverse);
}

TARGET static void NAME(slab_filter)(struct tessera_slab *s, double *received, double *own, const int64_t *part_rows, ptrdiff_t parts, struct tessera_symbol f, double *sums)
{
	double lanes[3 * LANES] = {0};
	for (ptrdiff_t b = 0; b < s->own_blocks; b++) {
		ptrdiff_t row = 0;
		double *piece = received;
		for (ptrdiff_t r = 0; r < parts; r++) {
			const double *from = (r == s->part ? own : piece) + b * part_rows[r] * LANES;
			for (ptrdiff_t i = 0; i < part_rows[r]; i++)
				memcpy(s->column + s->row_place[row++] * LANES, from + i * LANES, LANES * sizeof *from);
			if (r != s->part)
				piece += s->own_blocks * part_rows[r] * LANES;
		}
		switch (f.action) { // a loop of its own for each action
		case GRAM:
			f.action = GRAM;
			NAME(filter_block)(s, b, f, lanes);
			break;
		case INVERSE:
			f.action = INVERSE;
			NAME(filter_block)(s, b, f, lanes);
			break;
		case ADJOINT:
			f.action = ADJOINT;
			NAME(filter_block)(s, b, f, lanes);
			break;
		case DIRECT:
			f.action = DIRECT;
			NAME(filter_block)(s, b, f, lanes);
			break;
		default:
			f.action = CONVOLVE;
			NAME(filter_block)(s, b, f, lanes);
		}
		row = 0;
		piece = received;
		for (ptrdiff_t r = 0; r < parts; r++) {
			double *to = (r == s->part ? own : piece) + b * part_rows[r] * LANES;
			for (ptrdiff_t i = 0; i < part_rows[r]; i++)
				memcpy(to + i * LANES, s->column + s->row_place[row++] * LANES, LANES * sizeof *to);
			if (r != s->part)
				piece += s->own_blocks * part_rows[r] * LANES;
		}
	}
	for (int i = 0; i < 3; i++) {
		sums[i] = 0;
		for (int j = 0; j < LANES; j++)
			sums[i] += lanes[i * LANES + j];
	}
}
