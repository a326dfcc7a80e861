package scdl

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"tessera/internal/imageio"
	"tessera/internal/linalg"
	"tessera/ranks"
)

const data = "../../shared/data/"

// readMatrix reads a matrix of rows x samples into samples x rows.
func readMatrix(t testing.TB, path string) (x []float64, rows int) {
	t.Helper()
	a, err := imageio.ReadNpy(path)
	if err != nil {
		t.Skip(err)
	}
	return columns[float64](a.Data, a.Shape[1]), a.Shape[0]
}

// readZip reads one array of an npz archive.
func readZip(t *testing.T, path, name string) []float64 {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Skip(err)
	}
	defer z.Close()
	f, err := z.Open(name + ".npy")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), name+".npy")
	if err := os.WriteFile(out, b, 0o666); err != nil {
		t.Fatal(err)
	}
	a, err := imageio.ReadNpy(out)
	if err != nil {
		t.Fatal(err)
	}
	return a.Data
}

// columns turns samples x rows into rows x samples, or back.
func columns[T linalg.Float](x []float64, rows int) []T {
	n := len(x) / rows
	out := make([]T, len(x))
	for i := range n {
		for j := range rows {
			out[j*n+i] = T(x[i*rows+j])
		}
	}
	return out
}

func learn(t testing.TB, size int, s *Samples, o Options) *Result {
	t.Helper()
	r, err := dealt(size, s, o, Train)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What the sequential program computed.
func TestParity(t *testing.T) {
	high, p := readMatrix(t, data+"reference/scdl_hs100_Sh.npy")
	low, m := readMatrix(t, data+"reference/scdl_hs100_Sl.npy")
	out := data + "reference/scdl_out_hs100_A64_it100_asis.npz"
	s := &Samples{P: p, M: m, Total: 100, High: high, Low: low}
	r := learn(t, 1, s, Options{Atoms: 64, MaxIterations: 100, Compatibility: Sequential})
	worst := func(got, want []float64) (d float64) {
		for i, v := range want {
			d = max(d, math.Abs(v-got[i]))
		}
		return d
	}
	if d := worst(columns[float64](r.High, p), readZip(t, out, "dh")); d > 1e-10 {
		t.Errorf("D_h off by %.1e", d)
	}
	if d := worst(columns[float64](r.Low, m), readZip(t, out, "dl")); d > 1e-10 {
		t.Errorf("D_l off by %.1e", d)
	}
	if d := worst(r.ErrorHigh, readZip(t, out, "err_h")); d > 1e-11 {
		t.Errorf("high errors off by %.1e", d)
	}
	if d := worst(r.ErrorLow, readZip(t, out, "err_l")); d > 1e-11 {
		t.Errorf("low errors off by %.1e", d)
	}
}

// spectra are samples like those of a spectrometer: smooth mixtures of a few bumps
// with noise; the low ones are every third number of the high ones.
func spectra(n int, seed uint64) *Samples {
	r := rand.New(rand.NewPCG(seed, 1))
	s := &Samples{P: 25, M: 9, Total: n}
	centres, widths := make([]float64, 12), make([]float64, 12)
	for k := range centres {
		centres[k], widths[k] = 25*r.Float64(), 2+4*r.Float64()
	}
	for range n {
		x := make([]float64, s.P)
		for range 3 {
			k, a := r.IntN(len(centres)), r.Float64()
			for j := range x {
				d := (float64(j) - centres[k]) / widths[k]
				x[j] += a * math.Exp(-d*d/2) / 2
			}
		}
		for j := 0; j < s.P; j += 3 {
			s.Low = append(s.Low, x[j]+0.001*r.NormFloat64())
		}
		for _, v := range x {
			s.High = append(s.High, v+0.001*r.NormFloat64())
		}
	}
	return s
}

// split deals samples to a set to learn from and one to judge by.
func split(s *Samples, learn int) (a, b *Samples) {
	a, b = &Samples{P: s.P, M: s.M, Total: learn}, &Samples{P: s.P, M: s.M, Total: s.Total - learn}
	a.High, b.High = s.High[:learn*s.P], s.High[learn*s.P:]
	a.Low, b.Low = s.Low[:learn*s.M], s.Low[learn*s.M:]
	return a, b
}

// psnr is for a peak of 1, as the samples about have.
func psnr(x, truth []float64) float64 {
	sum := 0.0
	for i, v := range truth {
		sum += (x[i] - v) * (x[i] - v)
	}
	return -20 * math.Log10(math.Sqrt(sum/float64(len(x))))
}

// compare is the held-out quality of a pair, of raw atoms and of linear regression.
func compare(t *testing.T, train, test *Samples, p *Pair, code Code) (learned, raw, linear float64) {
	t.Helper()
	x, err := p.Infer(test.Low, code)
	if err != nil {
		t.Fatal(err)
	}
	learned = psnr(x, test.High)
	err = ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(_ context.Context, c ranks.Comm) error {
		atoms, err := RawAtoms(c, train, p.Atoms, 5)
		if err != nil {
			return err
		}
		if x, err = atoms.Infer(test.Low, code); err != nil {
			return err
		}
		raw = psnr(x, test.High)
		reg, err := Regress(c, train)
		if err != nil {
			return err
		}
		linear = psnr(reg.Apply(test.Low), test.High)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return
}

// The error falls to the end, and what is learned is worth more than raw atoms.
func TestCorrected(t *testing.T) {
	for _, c := range []struct {
		name  string
		s     *Samples
		atoms int
		least float64 // decibels of the held-out ones
	}{
		{"spectra, made up", spectra(1500, 3), 128, 50},
		{"spectra", realSpectra(t), 128, 43},
		{"patches, made up", patches(t, Grid{Scale: 2, Patch: 5, Blur: 0.8}, 1500, madeUp(1, 160), madeUp(2, 160)), 100, 35},
		{"patches", realPatches(t), 256, 28},
	} {
		if c.s == nil {
			continue
		}
		train, test := split(c.s, c.s.Total*5/6)
		r := learn(t, 2, train, Options{Atoms: c.atoms, MaxIterations: 30, Seed: 1})
		for k := 1; k < len(r.ErrorHigh); k++ {
			if r.ErrorHigh[k] > r.ErrorHigh[k-1] {
				t.Errorf("%s: the error rises from %g to %g at iteration %d", c.name, r.ErrorHigh[k-1], r.ErrorHigh[k], k+1)
			}
		}
		learned, raw, linear := compare(t, train, test, &r.Pair, Code{Method: "ridge", Lambda: 1e-3})
		t.Logf("%s: error %.4f to %.4f, held-out %.2f dB, raw atoms %.2f dB, linear %.2f dB", c.name, r.ErrorHigh[0], r.ErrorHigh[29], learned, raw, linear)
		if learned < raw || learned < c.least {
			t.Errorf("%s: held-out %.2f dB, raw atoms %.2f dB", c.name, learned, raw)
		}
	}
}

func patches(t *testing.T, g Grid, n int, images ...*Image) *Samples {
	t.Helper()
	s := &Samples{Total: n}
	if err := g.Pairs(images, 1, 0, n, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// realPatches are 17 x 17 pixels of photographs and 9 x 9 of what is seen of them; nil
// where these are not, or there is no time.
func realPatches(t *testing.T) *Samples {
	var images []*Image
	for _, name := range []string{"astronaut.png", "coffee.png", "brick.png", "chelsea.png", "grass.png"} {
		images = append(images, greyImage(t, name))
	}
	if slices.Contains(images, nil) || testing.Short() {
		return nil
	}
	return patches(t, Grid{Scale: 2, Patch: 9, Blur: 0.8}, 6000, images...)
}

// realSpectra is nil where the data is not.
func realSpectra(t *testing.T) *Samples {
	if _, err := os.Stat(data + "spectra-4000-high.npy"); err != nil {
		t.Log(err)
		return nil
	}
	high, p := readMatrix(t, data+"spectra-4000-high.npy")
	low, m := readMatrix(t, data+"spectra-4000-low.npy")
	return &Samples{P: p, M: m, Total: len(low) / m, High: high, Low: low}
}

// naive is the iteration of the package comment on whole matrices, with solves of A x A,
// or what the reference programs do.
func naive(s *Samples, dh, dl []float64, o Options) (high, low []float64) {
	o = o.withDefaults()
	a, k := o.Atoms, s.Total
	matrix := func(rows int, x []float64) *mat.Dense { return mat.DenseCopyOf(mat.NewDense(len(x)/rows, rows, x).T()) }
	sh, sl := matrix(s.P, s.High), matrix(s.M, s.Low)
	h, l := matrix(s.P, append([]float64(nil), dh...)), matrix(s.M, append([]float64(nil), dl...))
	zero := func() *mat.Dense { return mat.NewDense(a, k, nil) }
	wh, wl, p, q, y1, y2, y3 := zero(), zero(), zero(), zero(), zero(), zero(), zero()
	code := func(d, s *mat.Dense, c float64, right *mat.Dense) *mat.Dense {
		var g, b, w mat.Dense
		g.Mul(d.T(), d)
		for i := range a {
			g.Set(i, i, g.At(i, i)+c)
		}
		b.Mul(d.T(), s)
		b.Add(&b, right)
		if err := w.Solve(&g, &b); err != nil {
			panic(err)
		}
		return &w
	}
	right := func(y, y3, p, w *mat.Dense, sign, c float64) *mat.Dense {
		r := zero()
		r.Apply(func(i, j int, _ float64) float64 {
			return y.At(i, j) + sign*y3.At(i, j) + c*p.At(i, j) + o.C3*w.At(i, j)
		}, r)
		return r
	}
	compatible := o.Compatibility != Corrected
	sign, soft1, soft2, dual2 := 1.0, o.Lambda/o.C1, o.Lambda/o.C2, o.Beta*o.C2
	if compatible {
		sign, soft1, soft2, dual2 = -1, o.Lambda/2, o.Lambda/2, o.Beta*o.C1
	}
	for range o.MaxIterations {
		old := wh
		wh = code(h, sh, o.C1+o.C3, right(y1, y3, p, wl, -1, o.C1))
		coupled := wh
		if o.Compatibility == Spark {
			coupled = old
		}
		wl = code(l, sl, o.C2+o.C3, right(y2, y3, q, coupled, sign, o.C2))
		for i := range a {
			for j := range k {
				p.Set(i, j, soft(wh.At(i, j)-y1.At(i, j)/o.C1, soft1))
				q.Set(i, j, soft(wl.At(i, j)-y2.At(i, j)/o.C2, soft2))
				y1.Set(i, j, y1.At(i, j)+o.Beta*o.C1*(p.At(i, j)-wh.At(i, j)))
				y2.Set(i, j, y2.At(i, j)+dual2*(q.At(i, j)-wl.At(i, j)))
				y3.Set(i, j, y3.At(i, j)+o.Beta*o.C3*(wh.At(i, j)-wl.At(i, j)))
			}
		}
		for _, side := range []struct{ d, s, w *mat.Dense }{{h, sh, wh}, {l, sl, wl}} {
			var r, g mat.Dense
			step := 1.0
			if r.CloneFrom(side.s); !compatible {
				step = o.Step
				r.Mul(side.d, side.w)
				r.Sub(side.s, &r)
			}
			g.Mul(&r, side.w.T())
			rows, _ := side.d.Dims()
			for j := range a {
				phi := mat.Dot(side.w.RowView(j), side.w.RowView(j)) + o.Delta
				for i := range rows {
					side.d.Set(i, j, side.d.At(i, j)+step*g.At(i, j)/phi)
				}
			}
		}
		for j := range a {
			n := mat.Norm(h.ColView(j), 2)
			for _, d := range []*mat.Dense{h, l} {
				if compatible {
					n = mat.Norm(d.ColView(j), 2)
				}
				rows, _ := d.Dims()
				for i := range rows {
					d.Set(i, j, d.At(i, j)/n)
				}
			}
		}
	}
	out := func(d *mat.Dense) []float64 { return mat.DenseCopyOf(d.T()).RawMatrix().Data }
	return out(h), out(l)
}

// The same as by its definition, and on any number of ranks.
func TestRanks(t *testing.T) {
	s := spectra(300, 4)
	for name, o := range forms {
		o.Atoms, o.MaxIterations, o.Seed = 40, 12, 2
		tolerance := 1e-9
		if o.Precision == "" {
			o.Precision = Double
		} else {
			tolerance = 1e-3
		}
		var first *Pair
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(_ context.Context, c ranks.Comm) (err error) {
			first, err = RawAtoms(c, s, o.Atoms, o.Seed)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		dh, dl := first.High, first.Low
		if o.Compatibility != Corrected {
			dh, dl = s.High[:o.Atoms*s.P], s.Low[:o.Atoms*s.M]
		}
		high, low := naive(s, dh, dl, o)
		var one *Result
		for _, size := range []int{1, 2, 3, 4, 7} {
			r := learn(t, size, s, o)
			if one == nil {
				one = r
				same(t, name+", by its definition", &Result{Pair: Pair{High: r.High, Low: r.Low}}, &Result{Pair: Pair{High: high, Low: low}}, tolerance)
			}
			same(t, fmt.Sprintf("%s, %d ranks", name, size), r, one, tolerance)
			same(t, name+", again", learn(t, size, s, o), r, 0)
		}
	}
}

// Errors are the same whichever are asked for.
func TestCheckEvery(t *testing.T) {
	s := spectra(100, 4)
	for name, o := range forms {
		o.Atoms, o.MaxIterations = 20, 10
		all := learn(t, 2, s, o)
		o.CheckEvery = 4
		some := learn(t, 2, s, o)
		if !slices.Equal(some.At, []int{4, 8, 10}) {
			t.Errorf("%s: errors at %v", name, some.At)
		}
		for i, k := range some.At {
			if some.ErrorHigh[i] != all.ErrorHigh[k-1] || some.ErrorLow[i] != all.ErrorLow[k-1] {
				t.Errorf("%s: error at %d is %g, without a window %g", name, k, some.ErrorHigh[i], all.ErrorHigh[k-1])
			}
		}
		o.CheckEvery, o.MaxIterations, o.Tolerance = 2, 300, 1e-2
		early := learn(t, 2, s, o)
		if n := len(early.At); !early.Converged || early.Iterations >= 300 || n < 2 || math.Abs(early.ErrorHigh[n-1]-early.ErrorHigh[n-2]) > 1e-2*early.ErrorHigh[n-1] {
			t.Errorf("%s: %d iterations, converged %v, errors at %v", name, early.Iterations, early.Converged, early.At)
		}
	}
}

// Zero samples make no atoms, and an atom that nothing uses is begun anew.
func TestZeroSamples(t *testing.T) {
	s := spectra(120, 6)
	for _, i := range []int{0, 5, 9} {
		clear(s.Low[i*s.M : (i+1)*s.M])
		clear(s.High[i*s.P : (i+1)*s.P])
	}
	r := learn(t, 2, s, Options{Atoms: 117, MaxIterations: 5})
	for i, v := range r.High {
		if math.IsNaN(v) {
			t.Fatalf("number %d is NaN", i)
		}
	}
	if r = learn(t, 3, s, Options{Atoms: 20, MaxIterations: 40, FirstColumns: true}); r.Reseeded != 3 {
		t.Errorf("%d atoms begun anew, want the 3 that are zero", r.Reseeded)
	}
	// As the reference programs do they give no NaN here either.
	r = learn(t, 2, s, Options{Atoms: 20, MaxIterations: 5, Compatibility: Spark})
	for i, v := range r.High {
		if math.IsNaN(v) {
			t.Fatalf("spark: number %d is NaN", i)
		}
	}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Samples, *Options)
		want   string
	}{
		"atoms":     {func(_ *Samples, o *Options) { o.Atoms = 31 }, "31 atoms for 30 samples"},
		"no atoms":  {func(_ *Samples, o *Options) { o.Atoms = 0 }, "0 atoms"},
		"NaN":       {func(s *Samples, _ *Options) { s.High[27] = math.NaN() }, "high sample 1: number 2 is NaN"},
		"mismatch":  {func(s *Samples, _ *Options) { s.Low = s.Low[9:] }, "not matched samples"},
		"precision": {func(_ *Samples, o *Options) { o.Precision = "half" }, `precision "half"`},
		"all zero":  {func(s *Samples, _ *Options) { clear(s.High) }, "0 samples are not zero, too few for 5 atoms"},
		"lambda":    {func(_ *Samples, o *Options) { o.Lambda = -1 }, "must be positive"},
	} {
		s, o := spectra(30, 1), Options{Atoms: 5, MaxIterations: 2}
		c.change(s, &o)
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
			_, err := Train(ctx, comm, s, o)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// testTile holds one iteration of one tile to the same in plain Go.
func testTile[T linalg.Float](t *testing.T, tolerance float64) {
	for _, c := range []struct{ atoms, p, m, samples int }{{1, 1, 1, 1}, {7, 25, 9, 64}, {85, 13, 4, 50}, {163, 33, 17, 64}} {
		for f, o := range []Options{{}, {Beta: 0.7}, {Compatibility: Sequential}, {Compatibility: Spark}} {
			o.Atoms = c.atoms
			o = o.withDefaults()
			r := rand.New(rand.NewPCG(1, 2))
			fill := func(x []T) {
				for i := range x {
					x[i] = T(r.NormFloat64())
				}
			}
			x := newTiles[T](&o, c.p, c.m)
			if x.form != form(f) {
				t.Fatalf("form %d, want %d", x.form, f)
			}
			for _, d := range []*side[T]{&x.high, &x.low} {
				for i := range d.dictionary {
					d.dictionary[i] = r.NormFloat64() / math.Sqrt(float64(d.rows))
				}
				if err := d.prepare(c.atoms); err != nil {
					t.Fatal(err)
				}
				s := make([]float64, c.samples*d.rows)
				for i := range s {
					s[i] = r.NormFloat64()
				}
				d.load(s)
			}
			x.errors = x.form >= sequential
			state := make([]T, x.form.arrays()*c.atoms*TileSamples)
			fill(state)
			y := newTiles[T](&o, c.p, c.m)
			y.high.dictionary, y.low.dictionary, y.errors = x.high.dictionary, x.low.dictionary, x.errors
			y.high.samples, y.low.samples = x.high.samples, x.low.samples
			for _, d := range []*side[T]{&y.high, &y.low} {
				if err := d.prepare(c.atoms); err != nil {
					t.Fatal(err)
				}
			}
			plain := slices.Clone(state)
			x.tile(state)
			y.tilePlain(plain)
			what := fmt.Sprintf("form %d, %d atoms, %d and %d numbers", f, c.atoms, c.p, c.m)
			for i := range plain {
				if math.Abs(float64(state[i]-plain[i])) > tolerance*10 {
					t.Fatalf("%s: state %d is %g, plain %g", what, i, state[i], plain[i])
				}
			}
			near := func(name string, a, b []float64) {
				scale := 0.0
				for _, v := range b {
					scale = max(scale, math.Abs(v))
				}
				for i := range b {
					if math.Abs(a[i]-b[i]) > tolerance*scale {
						t.Fatalf("%s: %s %d is %g, plain %g", what, name, i, a[i], b[i])
					}
				}
			}
			near("high gradient", x.high.gradient, y.high.gradient)
			near("low gradient", x.low.gradient, y.low.gradient)
			near("high squares", x.high.squares, y.high.squares)
			near("low squares", x.low.squares, y.low.squares)
			near("residual", x.residual, y.residual)
			a, b := x.sums, y.sums
			near("sums", []float64{a.high, a.low, a.stateErrorHigh, a.stateErrorLow}, []float64{b.high, b.low, b.stateErrorHigh, b.stateErrorLow})
			if math.Abs(a.nonzeroHigh-b.nonzeroHigh) > 2 || math.Abs(a.nonzeroLow-b.nonzeroLow) > 2 || b.nonzeroHigh == 0 {
				t.Errorf("%s: %g and %g numbers are not 0, plain %g and %g", what, a.nonzeroHigh, a.nonzeroLow, b.nonzeroHigh, b.nonzeroLow)
			}
		}
	}
}

func TestTile(t *testing.T) {
	testTile[float32](t, 2e-5)
	testTile[float64](t, 1e-13)
}

// BenchmarkTrain is the time of an iteration of 40,000 samples with 2056 atoms, the
// first one left out: spectra (25 and 9 numbers) and patches (289 and 81). Beside it
// stands the time that the best form's matrix products take at the rate of this
// machine's, measured in the same run on a product of the same shape.
func BenchmarkTrain(b *testing.B) {
	const atoms, count, iterations = 2056, 40000, 4
	for _, shape := range [][2]int{{25, 9}, {289, 81}} {
		p, m := shape[0], shape[1]
		s := &Samples{P: p, M: m, Total: count}
		r := rand.New(rand.NewPCG(1, 1))
		for range count * p {
			s.High = append(s.High, r.Float64())
		}
		for i := range count {
			s.Low = append(s.Low, s.High[i*p:i*p+m]...)
		}
		for _, precision := range []Precision{Single, Double} {
			for _, size := range []int{1, 2} {
				b.Run(fmt.Sprintf("%dx%d/%s/%d", p, m, precision, size), func(b *testing.B) {
					total := 0.0
					for b.Loop() {
						var at []time.Time
						learn(b, size, s, Options{Atoms: atoms, MaxIterations: iterations, Precision: precision, Progress: func(Progress) { at = append(at, time.Now()) }})
						total += at[iterations-1].Sub(at[0]).Seconds() / (iterations - 1)
					}
					each := total / float64(b.N)
					rate := productRate[float32](p)
					if precision == Double {
						rate = productRate[float64](p)
					}
					b.ReportMetric(each, "s/iteration")
					b.ReportMetric(each*float64(size)*rate/(6*float64(p+m)*atoms*count), "x-products")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	}
}

// productRate is the operations a second of D'U, as the solves have it.
func productRate[T linalg.Float](rows int) float64 {
	const atoms = 2056
	d, u, w := make([]T, atoms*rows), make([]T, rows*TileSamples), make([]T, atoms*TileSamples)
	best := math.Inf(1)
	for range 20 {
		start := time.Now()
		linalg.Gemm(false, false, atoms, TileSamples, rows, 1, d, rows, u, TileSamples, 0, w, TileSamples)
		best = min(best, time.Since(start).Seconds())
	}
	return 2 * atoms * TileSamples * float64(rows) / best
}
