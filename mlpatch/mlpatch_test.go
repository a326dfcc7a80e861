package mlpatch

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tessera/halo"
	"tessera/internal/simulate"
	"tessera/ranks"
	"tessera/train"
)

// networks are the forms of a network; every test goes through all of them.
var networks = map[string]*Network{
	"square":                  {Planes: 1, Levels: 1, Geometry: Geometry{Kind: Square, Side: 5}, Hidden: []int{9, 7}, Chunks: 1, Residual: true},
	"no residual, two planes": {Planes: 2, Geometry: Geometry{Kind: Square, Side: 3}, Hidden: []int{8}, Chunks: 1},
	"linear":                  {Planes: 1, Geometry: Geometry{Kind: Square, Side: 3}, Chunks: 1},
	"round":                   {Planes: 1, Levels: 1, Geometry: Geometry{Kind: Round, Radii: 3, Angles: 5, Radius: 3.5}, Hidden: []int{8}, Chunks: 1, Residual: true},
	"rings, learned":          {Planes: 2, Levels: 1, Geometry: Geometry{Kind: Rings, Side: 3, Radii: 2, Angles: 4, Radius: 4, Learned: true}, Hidden: []int{10, 6}, Chunks: 1, Residual: true},
	"chunks, learned":         {Planes: 1, Levels: 1, Geometry: Geometry{Kind: Round, Radii: 3, Angles: 3, Radius: 3, Learned: true}, Hidden: []int{6}, Chunks: 3, Features: 4, Mixer: []int{8, 5}},
	"rings of 8, two planes":  {Planes: 2, Levels: 2, Geometry: Geometry{Kind: Rings, Side: 3, Radii: 2, Angles: 8, Radius: 4.5}, Hidden: []int{7, 5, 6}, Chunks: 1, Residual: true},
	"one point":               {Planes: 2, Levels: 1, Geometry: Geometry{Kind: Square, Side: 1}, Hidden: []int{4}, Chunks: 1},
	"square, learned":         {Planes: 1, Levels: 2, Geometry: Geometry{Kind: Square, Side: 3, Learned: true}, Hidden: []int{6}, Chunks: 3, Features: 2, Mixer: []int{5}, Residual: true},
}

// somewhere are parameters of which none is 0, with offsets that are no whole numbers.
func somewhere(n *Network, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	theta := n.Start(seed)
	for i := range theta[:n.weights()] {
		theta[i] += 0.3 * r.NormFloat64()
	}
	for i := n.weights(); i < len(theta); i++ {
		theta[i] += 0.2 * r.Float64()
	}
	return theta
}

func randomBlock(n *Network, seed uint64, placed bool) *Block[float64] {
	r := rand.New(rand.NewPCG(seed, 2))
	b := NewBlock[float64](n, 18) // more than one tile
	if placed {
		b = NewPlacedBlock[float64](n, 18)
		for k := range b.at {
			b.at[k] = placeOf(17*r.Float64(), 17*r.Float64())
		}
	}
	for _, a := range [][]float64{b.Planes, b.Levels, b.Truth} {
		for i := range a {
			a[i] = r.NormFloat64()
		}
	}
	return b
}

func single(b *Block[float64]) *Block[float32] {
	convert := func(a []float64) []float32 {
		c := make([]float32, len(a))
		for i, v := range a {
			c[i] = float32(v)
		}
		return c
	}
	return &Block[float32]{b.Side, b.Room, convert(b.Planes), convert(b.Levels), convert(b.Truth), b.at}
}

// The gradient in float64 is that of differences of the loss, in every group of parameters, and the one in
// float32 is the same to 1e-4.
func TestGradient(t *testing.T) {
	for name, n := range networks {
		for i, loss := range []Loss{L1, L2, L1, L2} {
			placed := i > 1
			if err := n.Check(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			e, err := NewLearner[float64](n, loss)
			if err != nil {
				t.Fatal(err)
			}
			theta, b := somewhere(n, 3), randomBlock(n, 4, placed)
			g := make([]float64, len(theta))
			e.Take(theta)
			e.Loss(b, g)
			if len(theta) != n.Parameters() {
				t.Fatalf("%s: %d parameters, want %d", name, len(theta), n.Parameters())
			}
			at := func(d []float64, h float64) float64 {
				moved := append([]float64(nil), theta...)
				for i, v := range d {
					moved[i] += h * v
				}
				e.Take(moved)
				return e.Loss(b, nil)
			}
			groups := map[string][2]int{"weights": {0, n.weights()}}
			if n.Geometry.Learned {
				groups["offsets"], groups["factor"] = [2]int{n.weights(), len(theta) - 1}, [2]int{len(theta) - 1, len(theta)}
			}
			for group, ends := range groups {
				r := rand.New(rand.NewPCG(5, 6))
				d, want := make([]float64, len(theta)), 0.0
				for i := ends[0]; i < ends[1]; i++ {
					d[i] = r.NormFloat64()
					want += d[i] * g[i]
				}
				const h = 1e-6
				if got := (at(d, h) - at(d, -h)) / (2 * h); !(math.Abs(got-want) <= 1e-4*(math.Abs(want)+1e-3)) {
					t.Errorf("%s, %s, %s, placed %v: the gradient says %g, differences %g", name, loss, group, placed, want, got)
				}
			}
			f, err := NewLearner[float32](n, loss)
			if err != nil {
				t.Fatal(err)
			}
			g32 := make([]float64, len(theta))
			f.Take(theta)
			f.Loss(single(b), g32)
			diff, norm := 0.0, 0.0
			for i, v := range g {
				diff, norm = math.Hypot(diff, v-g32[i]), math.Hypot(norm, v)
			}
			// The loss l1 has a jump of its slope wherever an answer is right.
			if limit := map[Loss]float64{L2: 1e-4, L1: 1e-3}[loss]; !(diff <= limit*norm) {
				t.Errorf("%s, %s: float32 differs by %g", name, loss, diff/norm)
			}
		}
	}
}

// naive is the network at one pixel of a frame with a reflecting border, written from its definition.
func naive(n *Network, theta []float64, planes [][]float64, levels []float64, rows, cols, r, c int) float64 {
	value := func(p int, y, x float64) (sum float64) {
		weight := func(d float64) float64 { // Keys
			switch d = math.Abs(d); {
			case d <= 1:
				return 1.5*d*d*d - 2.5*d*d + 1
			case d < 2:
				return -0.5*d*d*d + 2.5*d*d - 4*d + 2
			}
			return 0
		}
		for i := int(math.Floor(y)) - 1; i <= int(math.Floor(y))+2; i++ {
			for j := int(math.Floor(x)) - 1; j <= int(math.Floor(x))+2; j++ {
				v := planes[p][halo.Reflect.Source(r+i, rows)*cols+halo.Reflect.Source(c+j, cols)]
				sum += weight(y-float64(i)) * weight(x-float64(j)) * v
			}
		}
		return sum
	}
	at := 0
	chain := func(x []float64, sizes ...int) []float64 {
		for l, out := range sizes {
			y := make([]float64, out)
			for o := range y {
				for _, v := range append(append([]float64(nil), x...), 1) {
					y[o] += theta[at] * v
					at++
				}
				if l < len(sizes)-1 {
					y[o] = max(y[o], 0)
				}
			}
			x = y
		}
		return x
	}
	offsets := n.Offsets(theta)
	each := n.Geometry.Points() / n.Chunks
	var features []float64
	for k := range n.Chunks {
		var x []float64
		for p := k * each; p < (k+1)*each; p++ {
			for c := range n.Planes {
				x = append(x, value(c, offsets[2*p], offsets[2*p+1]))
			}
		}
		if n.Chunks == 1 {
			features = x
			break
		}
		features = append(features, chain(x, append(append([]int(nil), n.Hidden...), n.Features)...)...)
	}
	last := n.Mixer
	if n.Chunks == 1 {
		last = n.Hidden
	}
	out := chain(append(features, levels...), append(append([]int(nil), last...), 1)...)[0]
	if n.Residual {
		if n.Levels > 0 {
			out *= levels[0]
		}
		out += planes[0][r*cols+c]
	}
	return out
}

// apply runs a network on n ranks and returns the whole answer.
func apply(t *testing.T, ranksCount int, n *Network, theta []float64, planes [][]float64, levels [][]float64, rows, cols int, border halo.Border, symmetries int) []float64 {
	t.Helper()
	var whole []float64
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: ranksCount}, func(_ context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{rows, cols}, comm.Size())
		if err != nil {
			return err
		}
		f, err := NewField(comm, n, theta, frame, border, symmetries)
		if err != nil {
			return err
		}
		box := frame.Owned(comm.Rank())
		own := func(a []float64) (out []float64) {
			if len(a) == 1 {
				return a
			}
			for r := box.Lo[0]; r < box.Hi[0]; r++ {
				out = append(out, a[r*cols+box.Lo[1]:r*cols+box.Hi[1]]...)
			}
			return out
		}
		var in []float64
		var l [][]float64
		for _, p := range planes {
			in = append(in, own(p)...)
		}
		for _, p := range levels {
			l = append(l, own(p))
		}
		out := make([]float64, box.Size())
		if err := f.Apply(out, in, l...); err != nil {
			return err
		}
		all, err := frame.GatherTo(comm, 0, out, 1)
		if comm.Rank() == 0 {
			whole = all
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

func randomPlanes(n *Network, rows, cols int) (planes, levels [][]float64) {
	r := rand.New(rand.NewPCG(7, 8))
	draw := func() []float64 {
		a := make([]float64, rows*cols)
		for i := range a {
			a[i] = r.NormFloat64()
		}
		return a
	}
	for range n.Planes {
		planes = append(planes, draw())
	}
	for range n.Levels {
		levels = append(levels, draw())
	}
	return planes, levels
}

// Every form of a network answers as its definition says, and with the same bits on any number of
// ranks, of every odd size.
func TestField(t *testing.T) {
	for name, n := range networks {
		const rows, cols = 23, 37
		theta := somewhere(n, 9)
		planes, levels := randomPlanes(n, rows, cols)
		want := apply(t, 1, n, theta, planes, levels, rows, cols, halo.Reflect, 1)
		for _, at := range [][2]int{{0, 0}, {11, 17}, {22, 36}, {5, 36}} {
			var l []float64
			for _, p := range levels {
				l = append(l, p[at[0]*cols+at[1]])
			}
			if v, got := naive(n, theta, planes, l, rows, cols, at[0], at[1]), want[at[0]*cols+at[1]]; math.Abs(got-v) > 2e-4*(1+math.Abs(v)) {
				t.Errorf("%s: pixel %v is %g, want %g", name, at, got, v)
			}
		}
		for _, p := range []int{2, 3, 4, 7} {
			got := apply(t, p, n, theta, planes, levels, rows, cols, halo.Reflect, 1)
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("%s on %d ranks: pixel %d is %g, want %g to the bit", name, p, i, got[i], want[i])
				}
			}
		}
	}
}

// An image that is moved by whole pixels gives the answer moved by as many, to the bit.
func TestShift(t *testing.T) {
	for name, n := range networks {
		const rows, cols = 20, 29
		theta := somewhere(n, 9)
		planes, levels := randomPlanes(n, rows, cols)
		shift := func(a []float64, dr, dc int) []float64 {
			out := make([]float64, len(a))
			for i := range out {
				out[i] = a[(i/cols+dr)%rows*cols+(i%cols+dc)%cols]
			}
			return out
		}
		for _, symmetries := range []int{1, 2, 4, 8} {
			still := apply(t, 1, n, theta, planes, levels, rows, cols, halo.Periodic, symmetries)
			for _, d := range [][2]int{{1, 0}, {0, 1}, {7, 13}} {
				var p, l [][]float64
				for _, a := range planes {
					p = append(p, shift(a, d[0], d[1]))
				}
				for _, a := range levels {
					l = append(l, shift(a, d[0], d[1]))
				}
				moved, want := apply(t, 2, n, theta, p, l, rows, cols, halo.Periodic, symmetries), shift(still, d[0], d[1])
				for i := range want {
					if moved[i] != want[i] {
						t.Fatalf("%s, moved by %v: pixel %d is %g, want %g to the bit", name, d, i, moved[i], want[i])
					}
				}
			}
		}
	}
}

// turnAll turns square pictures by a symmetry.
func turnAll(list [][]float64, side, s int) (out [][]float64) {
	for _, a := range list {
		b := make([]float64, len(a))
		for i := range a {
			r, c := Turn(float64(i/side)-float64(side/2), float64(i%side)-float64(side/2), s)
			b[(int(r)+side/2)*side+int(c)+side/2] = a[i]
		}
		out = append(out, b)
	}
	return out
}

// The mean over any number of symmetries is that of the answers for turned pictures, turns with the picture by each of them,
// and has the same bits on any number of ranks. Patches that the symmetries map to themselves are
// sampled once.
func TestSymmetries(t *testing.T) {
	const side = 17
	for name, n := range networks {
		theta := somewhere(n, 9)
		planes, levels := randomPlanes(n, side, side)
		for _, count := range []int{1, 2, 4, 8} {
			got := apply(t, 1, n, theta, planes, levels, side, side, halo.Reflect, count)
			list, err := symmetriesOf(count)
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float64, side*side)
			for _, s := range list {
				turned, stays := turnAll(planes, side, s), turnAll(levels, side, s)
				one := make([]float64, side*side)
				for _, at := range [][2]int{{0, 0}, {8, 8}, {3, 14}, {16, 2}, {11, 0}} {
					r, c := Turn(float64(at[0]-side/2), float64(at[1]-side/2), s)
					y, x := int(r)+side/2, int(c)+side/2
					var l []float64
					for _, p := range stays {
						l = append(l, p[y*side+x])
					}
					one[at[0]*side+at[1]] = naive(n, theta, turned, l, side, side, y, x)
				}
				for i, v := range one {
					want[i] += v / float64(count)
				}
			}
			for i, v := range want {
				if v != 0 && math.Abs(got[i]-v) > 2e-4*(1+math.Abs(v)) {
					t.Errorf("%s, mean over %d: pixel %d is %g, want %g", name, count, i, got[i], v)
				}
			}
			for _, p := range []int{2, 7} {
				for i, v := range apply(t, p, n, theta, planes, levels, side, side, halo.Reflect, count) {
					if v != got[i] {
						t.Fatalf("%s, mean over %d on %d ranks: pixel %d is %g, want %g to the bit", name, count, p, i, v, got[i])
					}
				}
			}
			for _, s := range list {
				again := apply(t, 1, n, theta, turnAll(planes, side, s), turnAll(levels, side, s), side, side, halo.Reflect, count)
				for i, v := range turnAll([][]float64{got}, side, s)[0] {
					if math.Abs(again[i]-v) > 1e-4*(1+math.Abs(v)) {
						t.Fatalf("%s, mean over %d, symmetry %d: pixel %d is %g, want %g", name, count, s, i, again[i], v)
					}
				}
			}
			m, err := newMean(n, theta, n.Offsets(theta), count)
			if err != nil {
				t.Fatal(err)
			}
			closed := name == "square" || name == "no residual, two planes" || name == "rings of 8, two planes" || name == "one point"
			if closed && len(m.sampled) != 1 {
				t.Errorf("%s, mean over %d: patches are sampled %d times, want once", name, count, len(m.sampled))
			}
		}
	}
	for _, count := range []int{0, 3, 5, 16, -1} {
		if _, err := newMean(networks["linear"], nil, nil, count); err == nil {
			t.Errorf("a mean over %d symmetries is made", count)
		}
	}
}

// The network of the default size, whose products take other paths through the library than small ones, has the same bits on any number
// of ranks and for a moved picture, with a mean over any number of symmetries.
func TestDefaultNetwork(t *testing.T) {
	n := &Network{Planes: 1, Levels: 1, Geometry: Geometry{Kind: Square, Side: 9}, Hidden: []int{64, 64}, Chunks: 1, Residual: true}
	const rows, cols = 25, 31
	theta := somewhere(n, 9)
	planes, _ := randomPlanes(n, rows, cols)
	level := [][]float64{{0.2}}
	moved := make([]float64, rows*cols)
	for i := range moved {
		moved[i] = planes[0][(i/cols+5)%rows*cols+(i%cols+3)%cols]
	}
	for _, symmetries := range []int{1, 2, 4, 8} {
		want := apply(t, 1, n, theta, planes, level, rows, cols, halo.Periodic, symmetries)
		for _, p := range []int{2, 3, 7} {
			for i, v := range apply(t, p, n, theta, planes, level, rows, cols, halo.Periodic, symmetries) {
				if v != want[i] {
					t.Fatalf("mean over %d on %d ranks: pixel %d is %g, want %g to the bit", symmetries, p, i, v, want[i])
				}
			}
		}
		for i, v := range apply(t, 1, n, theta, [][]float64{moved}, level, rows, cols, halo.Periodic, symmetries) {
			if w := want[(i/cols+5)%rows*cols+(i%cols+3)%cols]; v != w {
				t.Fatalf("mean over %d: pixel %d of the moved picture is %g, want %g to the bit", symmetries, i, v, w)
			}
		}
	}
}

// training is a small one of a denoiser of cells.
func training(n *Network) (*Training, *Noisy) {
	d := &Noisy{Rows: 32, Cols: 32, Kept: 1, Low: 0.05, High: 0.2, Seed: 1}
	for k := range 4 {
		var p []float32
		for _, v := range (simulate.Cells{Seed: 1, Rows: d.Rows, Cols: d.Cols}).Draw(k) {
			p = append(p, float32(v))
		}
		d.Pictures = append(d.Pictures, p)
	}
	return &Training{Net: n, Loss: L2, Side: 12, Batch: 9, Draw: d.Draw, Validation: 6, Every: 10}, d
}

// Training lowers the loss of pictures that were not learned from, and learns the same bits on any number
// of ranks; a training that goes on from a state has the bits of one that was not stopped.
func TestTraining(t *testing.T) {
	n := &Network{Planes: 1, Levels: 1, Geometry: Geometry{Kind: Square, Side: 5}, Hidden: []int{16}, Chunks: 1, Residual: true}
	start := n.Start(1)
	o := train.Options{Steps: 60, Rate: 1e-2, Cosine: true}
	learn := func(p int, o train.Options, curve func() *Curve) (theta []float64, c *Curve) {
		err := ranks.Launch(context.Background(), ranks.Options{Ranks: p}, func(ctx context.Context, comm ranks.Comm) error {
			set, d := training(n)
			if err := d.Check(set.Side); err != nil {
				return err
			}
			mine := curve()
			r, err := set.Train(ctx, comm, start, mine, o)
			if err == nil && comm.Rank() == 0 {
				theta, c = r.Theta, mine
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return theta, c
	}
	fresh := func() *Curve { return &Curve{} }
	want, c := learn(1, o, fresh)
	if first, last := c.Losses[0], c.Losses[len(c.Losses)-1]; len(c.Losses) != 6 || !(last < 0.8*first) {
		t.Errorf("losses of the validation: %v", c.Losses)
	}
	for _, p := range []int{1, 2, 3, 7} {
		got, _ := learn(p, o, fresh)
		for i, v := range want {
			if got[i] != v {
				t.Fatalf("%d ranks: parameter %d is %g, want %g to the bit", p, i, got[i], v)
			}
		}
	}
	// Stopped after 25 steps.
	var state *train.State
	kept := &Curve{}
	stopped := o
	stopped.Each = func(s *train.State) error {
		if s.Step == 25 {
			state = &train.State{Step: s.Step, Theta: append([]float64(nil), s.Theta...), Optimiser: s.Optimiser, Losses: s.Losses}
			return fmt.Errorf("enough")
		}
		return nil
	}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 1}, func(ctx context.Context, comm ranks.Comm) error {
		set, _ := training(n)
		set.Train(ctx, comm, start, kept, stopped)
		return nil
	})
	if err != nil || state == nil {
		t.Fatal(err, state)
	}
	on := o
	on.From = state
	got, _ := learn(1, on, func() *Curve { return kept })
	for i, v := range want {
		if got[i] != v {
			t.Fatalf("continued: parameter %d is %g, want %g to the bit", i, got[i], v)
		}
	}
}

// A training whose validation gets no better ends, with the best parameters.
func TestPatience(t *testing.T) {
	n := &Network{Planes: 1, Levels: 1, Geometry: Geometry{Kind: Square, Side: 3}, Hidden: []int{8}, Chunks: 1, Residual: true}
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 2}, func(ctx context.Context, comm ranks.Comm) error {
		set, _ := training(n)
		set.Every, set.Patience = 1, 3
		c := &Curve{}
		r, err := set.Train(ctx, comm, n.Start(1), c, train.Options{Steps: 5000, Rate: 0.05}) // too fast to settle
		if err != nil {
			return err
		}
		at, least := c.Least()
		if r.Steps == 5000 || len(c.Losses)-1-at != 3 {
			t.Errorf("%d steps, losses %v", r.Steps, c.Losses)
		}
		e, err := NewLearner[float32](n, L2)
		if err != nil {
			return err
		}
		if got, err := set.validate(comm, e, NewBlock[float32](n, set.Side), r.Theta); err != nil || got != least {
			t.Errorf("the parameters have a loss of %g, want the least, %g; %v", got, least, err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What is wrong with a network is said.
func TestCheck(t *testing.T) {
	for name, n := range map[string]*Network{
		"even side":        {Planes: 1, Geometry: Geometry{Kind: Square, Side: 4}, Chunks: 1},
		"unknown geometry": {Planes: 1, Geometry: Geometry{Kind: "hexagon", Side: 3}, Chunks: 1},
		"small rings":      {Planes: 1, Geometry: Geometry{Kind: Rings, Side: 9, Radii: 1, Angles: 4, Radius: 3}, Chunks: 1},
		"no planes":        {Geometry: Geometry{Kind: Square, Side: 3}, Chunks: 1},
		"uneven chunks":    {Planes: 1, Geometry: Geometry{Kind: Square, Side: 3}, Chunks: 2, Features: 1},
		"no features":      {Planes: 1, Geometry: Geometry{Kind: Square, Side: 3}, Chunks: 3},
		"a mixer alone":    {Planes: 1, Geometry: Geometry{Kind: Square, Side: 3}, Chunks: 1, Mixer: []int{3}},
		"a layer of none":  {Planes: 1, Geometry: Geometry{Kind: Square, Side: 3}, Chunks: 1, Hidden: []int{0}},
		"far too large":    {Planes: 60, Geometry: Geometry{Kind: Square, Side: 63}, Chunks: 1, Hidden: []int{8000}},
	} {
		if n.Check() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	full := &Network{Planes: 1, Geometry: Geometry{Kind: Round, Radii: 9, Angles: 9, Radius: 4, Learned: true}, Hidden: []int{370, 370, 370}, Chunks: 9, Features: 100, Mixer: []int{370, 370, 370}}
	if err := full.Check(); err != nil || full.Parameters() < 3_400_000 || full.Parameters() > 3_700_000 {
		t.Errorf("the published size has %d parameters: %v", full.Parameters(), err)
	}
}

// Pictures of the training set score about 1, others more than Farther.
func TestSeen(t *testing.T) {
	err := ranks.Launch(context.Background(), ranks.Options{Ranks: 3}, func(_ context.Context, comm ranks.Comm) error {
		const side = 48
		frame, err := halo.Decompose([]int{side, side}, comm.Size())
		if err != nil {
			return err
		}
		histogram := func(whole []float64) []float64 {
			own, err := frame.ScatterFrom(comm, 0, whole, 1)
			if err != nil {
				t.Error(err)
			}
			h, err := Histogram(comm, frame, 1, own)
			if err != nil {
				t.Error(err)
			}
			return h
		}
		var all [][]float64
		for k := range 5 {
			all = append(all, histogram(simulate.Cells{Seed: 1, Rows: side, Cols: side}.Draw(k)))
		}
		s := See(all)
		waves := make([]float64, side*side)
		for i := range waves {
			waves[i] = 0.5 + 0.5*math.Sin(float64(i/side)*2)*math.Cos(float64(i%side))
		}
		like, strange, err := s.Score(histogram(simulate.Cells{Seed: 2, Rows: side, Cols: side}.Draw(7)))
		other, far, err2 := s.Score(histogram(waves))
		if err != nil || err2 != nil || strange || !far || other < like {
			t.Errorf("scores %g and %g: %v, %v", like, other, err, err2)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
