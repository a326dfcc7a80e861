package tv

import (
	"math"

	"tessera/halo"
	"tessera/internal/pairs"
	"tessera/ranks"
)

// field is an image with one more layer of pixels on every side, corners included, so that
// each owned pixel has its neighbours. Across a border that is not periodic the layer mirrors the
// image, and a pair across the border has no difference.
type field struct {
	comm     ranks.Comm
	frame    *halo.Decomposition
	plan     *halo.Plan
	shape    []int // of the owned box
	channels int
	strides  []int     // between neighbours along each axis, in a plane of ext
	plane    int       // values of a plane of ext
	cells    int       // values of a plane of the owned box
	ext      []float64 // channels x extended box
	filled   int       // how often the layer was
	box      *pairs.Box
}

func newField(comm ranks.Comm, frame *halo.Decomposition, channels int, periodic bool) (*field, error) {
	border := halo.Reflect
	if periodic {
		border = halo.Periodic
	}
	shape := frame.Owned(comm.Rank()).Shape()
	width := make([]int, len(shape))
	for k := range width {
		width[k] = 1
	}
	plan, err := halo.NewPlan(frame, comm.Rank(), width, border)
	if err != nil {
		return nil, err
	}
	f := &field{comm: comm, frame: frame, plan: plan, shape: shape, channels: channels, cells: plan.Owned().Size(), plane: plan.Extended().Size()}
	f.box = pairs.NewBox(shape)
	f.strides = f.box.Strides
	f.ext = make([]float64, channels*f.plane)
	return f, nil
}

// set puts x, channels x owned box, into ext and fills the layer. Collective.
func (f *field) set(x []float64) error {
	f.plan.Scatter(f.ext, x, f.channels)
	return f.fill()
}

// step puts s - gamma g into the owned box of ext.
func (f *field) step(s, g []float64, gamma float64) {
	for c := range f.channels {
		own := func(a []float64) []float64 { return a[c*f.cells : (c+1)*f.cells] }
		f.box.Step(f.ext[c*f.plane:(c+1)*f.plane], own(s), own(g), gamma)
	}
}

// edge is step at the pixels whose values the layer copies; advance is then step and shrink in one.
func (f *field) edge(s, g []float64, gamma float64) {
	for c := range f.channels {
		f.box.Edge(f.ext[c*f.plane:(c+1)*f.plane], s[c*f.cells:], g[c*f.cells:], gamma)
	}
}

// fill brings what an iteration has put into the owned box of ext to the layer. Collective.
func (f *field) fill() error {
	f.filled++
	return f.plan.Exchange(f.comm, f.ext, f.channels)
}

// lines calls use for every line of the owned box along the last axis: its n pixels begin at
// index own of a plane of the owned box and at index ext of a plane of f.ext.
func (f *field) lines(use func(own, ext, n int)) {
	for i, own := range f.box.Own {
		use(own, f.box.Ext[i], f.box.Length)
	}
}

// groups are the differences whose lengths TV adds up: each along an axis (isotropic:
// all axes together), in a channel (coupled: in all channels together).
func (f *field) groups(penalty Penalty, coupled bool) (axes [][]int, channels [][]int) {
	for k := range f.shape {
		if penalty == Isotropic && k > 0 {
			axes[0] = append(axes[0], k)
		} else {
			axes = append(axes, []int{k})
		}
	}
	for c := range f.channels {
		if coupled && c > 0 {
			channels[0] = append(channels[0], c)
		} else {
			channels = append(channels, []int{c})
		}
	}
	return axes, channels
}

// variation is this rank's part of TV(x), for x in ext, and of what of lambda TV exceeds the
// proximal average for pairs of pixels: reach is K gamma lambda, the largest change that FPPA
// makes to a pixel of a pair; 0 = not wanted. The excess is in units of lambda.
func (f *field) variation(penalty Penalty, coupled bool, reach float64) (tv, excess float64) {
	axes, channels := f.groups(penalty, coupled)
	squares := make([]float64, f.shape[len(f.shape)-1])
	for _, group := range axes {
		for _, together := range channels {
			f.lines(func(_, at, n int) {
				sum := squares[:n]
				clear(sum)
				for _, c := range together {
					x := f.ext[c*f.plane:]
					for _, k := range group {
						here, next := x[at:at+n], x[at+f.strides[k]:][:n]
						for i, v := range here {
							d := next[i] - v
							sum[i] += d * d
						}
					}
				}
				for _, s := range sum {
					d := math.Sqrt(s)
					tv += d
					// |d| minus its Moreau envelope, both by lambda.
					if d < 2*reach {
						excess += d - s/(4*reach)
					} else {
						excess += reach
					}
				}
			})
		}
	}
	return tv, excess
}

// pairs is the number of groups of differences of this rank with two pixels each, so that a pair
// across a border that is not periodic is none.
func (f *field) pairs(periodic, coupled bool) float64 {
	owned, domain := f.plan.Owned(), f.frame.Domain()
	total := 0
	for k, n := range f.shape {
		if n == 0 {
			return 0
		}
		m := n
		if !periodic && owned.Hi[k] == domain.Hi[k] {
			m--
		}
		total += f.cells / n * m
	}
	if coupled {
		return float64(total)
	}
	return float64(total * f.channels)
}
