package scdl

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"tessera/ranks"
)

// upscale predicts rows x cols high pixels from a low picture on size ranks.
func upscale(t testing.TB, size int, g Grid, y *Image, rows, cols int, p *Pair, code Code, projections int) (*Image, float64) {
	t.Helper()
	var k collector
	consistency := 0.0
	onStrips(t, size, g, rows, cols, func(s *Strips) error {
		predict, err := p.Predictor(code)
		if err != nil {
			return err
		}
		u, err := Upscale(context.Background(), s, mine(s, s.Low(), y.Data), predict, UpscaleOptions{BackProjection: projections})
		if err != nil {
			return err
		}
		if s.comm.Rank() == 0 {
			consistency = u.Consistency
		}
		return k.gather(s, s.High(), u.Data)
	})
	return &Image{Rows: rows, Cols: cols, Data: k.data}, consistency
}

// unitPair has an atom for each low pixel: its low half is 1 at the pixel and 0 elsewhere,
// its high half the bilinear interpolation of that. It predicts bilinear interpolation.
func unitPair(g Grid) *Pair {
	n, side := g.Patch, g.High()
	p := &Pair{P: side * side, M: n * n, Atoms: n * n, High: make([]float64, n*n*side*side), Low: make([]float64, n*n*n*n)}
	for a := range p.Atoms {
		p.Low[a*p.M+a] = 1
		for i := range side {
			for j := range side {
				d := 1 - math.Abs(float64(i)/float64(g.Scale)-float64(a/n))
				e := 1 - math.Abs(float64(j)/float64(g.Scale)-float64(a%n))
				p.High[a*p.P+i*side+j] = max(0, d) * max(0, e)
			}
		}
	}
	return p
}

// Overlapping patches that agree are not changed by their average: constants and ramps.
func TestPartitionOfUnity(t *testing.T) {
	for _, g := range []Grid{{Scale: 2, Patch: 5}, {Scale: 3, Patch: 3}, {Scale: 4, Patch: 5}} {
		y := &Image{Rows: 13, Cols: 11, Data: make([]float64, 13*11)}
		for i := range y.Data {
			y.Data[i] = 0.3 + 0.02*float64(i/11) - 0.01*float64(i%11)
		}
		rows, cols := g.Scale*13, g.Scale*11
		x, _ := upscale(t, 2, g, y, rows, cols, unitPair(g), Code{Method: "ridge", Lambda: 1e-12}, 0)
		reach := g.Scale * (g.Patch/2 + 1) // beyond it no patch touches the mirrored border
		for i := range x.Data {
			r, c := i/cols, i%cols
			if r < reach || r >= rows-reach || c < reach || c >= cols-reach {
				continue
			}
			want := 0.3 + 0.02*float64(r)/float64(g.Scale) - 0.01*float64(c)/float64(g.Scale)
			if math.Abs(x.Data[i]-want) > 1e-9 {
				t.Fatalf("%+v: pixel %d, %d: %g, want %g", g, r, c, x.Data[i], want)
			}
		}
		for i := range y.Data {
			y.Data[i] = 0.7
		}
		x, _ = upscale(t, 2, g, y, rows, cols, unitPair(g), Code{Method: "ridge", Lambda: 1e-3}, 0)
		for i, v := range x.Data {
			if math.Abs(v-0.7) > 1e-14 {
				t.Fatalf("%+v: a constant becomes %g at %d", g, v, i)
			}
		}
	}
}

// trained learns a small pair from count patches of images.
func trained(t testing.TB, g Grid, images []*Image, count, atoms int) *Pair {
	t.Helper()
	s := &Samples{Total: count}
	if err := g.Pairs(images, 1, 0, s.Total, s); err != nil {
		t.Fatal(err)
	}
	return &learn(t, 2, s, Options{Atoms: atoms, MaxIterations: 20, Seed: 1}).Pair
}

func TestUpscaleRanks(t *testing.T) {
	sizes := []int{2, 3, 4, 7, 23}
	if testing.Short() {
		sizes = []int{3, 23}
	}
	for _, c := range []struct {
		g          Grid
		rows, cols int
		code       Code
	}{
		{Grid{Scale: 2, Patch: 5, Blur: 0.8}, 61, 48, Code{Method: "ridge", Lambda: 1e-3}},
		{Grid{Scale: 2, Patch: 5, Blur: 0.8}, 40, 33, Code{Method: "lasso", Lambda: 1e-3}},
		{Grid{Scale: 3, Patch: 3, Blur: 4}, 20, 31, Code{Method: "ridge", Lambda: 1e-3}}, // 7 low rows, 16 rows of halo
	} {
		p := trained(t, c.g, []*Image{madeUp(1, 100)}, 800, 40)
		x := crop(madeUp(3, 64), c.rows, c.cols)
		y := c.g.Degrade(x)
		want, consistency := upscale(t, 1, c.g, y, c.rows, c.cols, p, c.code, 4)
		for _, size := range sizes {
			got, off := upscale(t, size, c.g, y, c.rows, c.cols, p, c.code, 4)
			if !slices.Equal(got.Data, want.Data) || off != consistency {
				t.Errorf("%+v on %d ranks: not the result of one rank", c.g, size)
			}
			var seen, wide collector
			onStrips(t, size, c.g, c.rows, c.cols, func(s *Strips) error {
				low, err := s.Degrade(mine(s, s.High(), x.Data))
				if err != nil {
					return err
				}
				high, err := s.Bicubic(mine(s, s.Low(), y.Data))
				return errors.Join(err, seen.gather(s, s.Low(), low), wide.gather(s, s.High(), high))
			})
			if !slices.Equal(seen.data, y.Data) || !slices.Equal(wide.data, wholeBicubic(c.g, y, c.rows, c.cols).Data) {
				t.Errorf("%+v on %d ranks: small or interpolated pictures differ", c.g, size)
			}
		}
	}
}

// An error on one rank, and a cancelled context, end all ranks.
func TestUpscaleErrors(t *testing.T) {
	g := Grid{Scale: 2, Patch: 3}
	y := madeUp(1, 20)
	ends := func(ctx context.Context, predict func(rank int) Predictor) error {
		return ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(_ context.Context, c ranks.Comm) error {
			s, err := NewStrips(c, g, 40, 40)
			if err != nil {
				return err
			}
			_, err = Upscale(ctx, s, mine(s, s.Low(), y.Data), predict(c.Rank()), UpscaleOptions{BackProjection: 3})
			if err == nil {
				t.Error("no error")
			}
			return err
		})
	}
	linear := (&Linear{P: 25, M: 9, Map: make([]float64, 225)}).Predict
	err := ends(context.Background(), func(rank int) Predictor {
		if rank == 1 {
			return func([]float64) ([]float64, error) { return nil, errors.New("out of paper") }
		}
		return linear
	})
	if err == nil || !strings.Contains(err.Error(), "out of paper") {
		t.Errorf("%v", err)
	}
	short := func([]float64) ([]float64, error) { return make([]float64, 7), nil }
	if err := ends(context.Background(), func(int) Predictor { return short }); err == nil || !strings.Contains(err.Error(), "7 numbers predicted") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := ends(ctx, func(int) Predictor { return linear }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	err = ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(_ context.Context, c ranks.Comm) error {
		_, err := NewStrips(c, g, 4, 40)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "2 x 20 low pixels is smaller than a patch") {
		t.Errorf("%v", err)
	}
}

// superResolve degrades a picture and upscales it: PSNR and SSIM of the result and of
// bicubic interpolation.
func superResolve(t *testing.T, g Grid, p *Pair, truth *Image) (learned, bicubic [2]float64) {
	t.Helper()
	y := g.Degrade(truth)
	code := Code{Method: "ridge", Lambda: 0.5}
	_, before := upscale(t, 2, g, y, truth.Rows, truth.Cols, p, code, 0)
	x, after := upscale(t, 2, g, y, truth.Rows, truth.Cols, p, code, 10)
	if after > before {
		t.Errorf("back-projection moves away from what was seen: %g to %g", before, after)
	}
	return quality(t, g, x, truth), quality(t, g, wholeBicubic(g, y, truth.Rows, truth.Cols), truth)
}

func TestBeatsBicubicMadeUp(t *testing.T) {
	count := 3000
	if testing.Short() {
		count = 800
	}
	g := Grid{Scale: 2, Patch: 5, Blur: 0.8}
	for _, c := range []struct {
		name  string
		train []*Image
		truth *Image
	}{
		{"sky", []*Image{madeUp(1, 160), madeUp(2, 160)}, madeUp(3, 120)},
		{"edges", []*Image{edges(1, 160, 160), edges(2, 160, 160)}, edges(5, 120, 101)},
	} {
		learned, bicubic := superResolve(t, g, trained(t, g, c.train, count, 128), c.truth)
		t.Logf("%s: %.2f dB, SSIM %.4f; bicubic %.2f dB, %.4f", c.name, learned[0], learned[1], bicubic[0], bicubic[1])
		if learned[0] < bicubic[0]+0.5 || learned[1] <= bicubic[1] {
			t.Errorf("%s: %v, bicubic %v", c.name, learned, bicubic)
		}
	}
}

func TestBeatsBicubic(t *testing.T) {
	g := Grid{Scale: 2, Patch: 5, Blur: 0.8}
	var train []*Image
	for _, name := range []string{"astronaut.png", "coffee.png", "brick.png", "chelsea.png", "grass.png"} {
		train = append(train, greyImage(t, name))
	}
	tests := map[string]*Image{}
	for _, name := range []string{"cell.png", "moon.png", "hubble-deep-field.jpg"} {
		tests[name] = greyImage(t, name)
		if tests[name] == nil || slices.Contains(train, nil) || testing.Short() {
			t.Skip("the pictures are not there, or there is no time")
		}
	}
	p := trained(t, g, train, 3000, 128)
	for name, x := range tests {
		learned, bicubic := superResolve(t, g, p, crop(x, min(x.Rows, 256), min(x.Cols, 256)))
		t.Logf("%s: %.2f dB, SSIM %.4f; bicubic %.2f dB, %.4f", name, learned[0], learned[1], bicubic[0], bicubic[1])
		if learned[0] <= bicubic[0] || learned[1] <= bicubic[1] {
			t.Errorf("%s: %v, bicubic %v", name, learned, bicubic)
		}
	}
}
