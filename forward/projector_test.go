package forward_test

import (
	"context"
	"math"
	"testing"

	"tessera/forward"
	"tessera/forward/forwardtest"
	"tessera/halo"
	"tessera/ranks"
)

// sinogram is the layout of y of a projector: this rank's angles.
func sinogram(comm ranks.Comm, angles, bins int) (forwardtest.Layout, error) {
	var boxes []halo.Box
	for r := range comm.Size() {
		lo, hi := halo.Split(angles, comm.Size(), r)
		boxes = append(boxes, halo.Box{Lo: []int{lo, 0}, Hi: []int{hi, bins}})
	}
	frame, err := halo.FromBoxes([]int{angles, bins}, boxes)
	return forwardtest.Layout{Frame: frame, Planes: 1}, err
}

// The projector is an operator like the others, also where bins are too few and where ranks have no angle.
func TestProjector(t *testing.T) {
	for _, c := range []struct{ rows, cols, angles, bins int }{{13, 17, 9, 0}, {8, 9, 5, 7}, {12, 10, 3, 0}} {
		forwardtest.Run(t, forwardtest.Case{Name: "NewProjector", Build: func(comm ranks.Comm, _ halo.Border) (*forwardtest.Built, error) {
			frame, err := halo.Decompose([]int{c.rows, c.cols}, comm.Size())
			if err != nil {
				return nil, err
			}
			p, err := forward.NewProjector(comm, frame, c.angles, c.bins)
			if err != nil {
				return nil, err
			}
			y, err := sinogram(comm, c.angles, p.Bins())
			return &forwardtest.Built{Operator: p, X: []forwardtest.Layout{{Frame: frame, Planes: 1}}, Y: []forwardtest.Layout{y}}, err
		}})
	}
}

// The projections of a disc are chords, and the filtered back-projection of chords is the disc.
func TestDisc(t *testing.T) {
	const side, radius, angles = 49, 15.0, 90
	err := launch(2, func(_ context.Context, comm ranks.Comm) error {
		frame, err := halo.Decompose([]int{side, side}, comm.Size())
		if err != nil {
			return err
		}
		p, err := forward.NewProjector(comm, frame, angles, 0)
		if err != nil {
			return err
		}
		m, n := p.Dims()
		box := frame.Owned(comm.Rank())
		distance := func(i int) float64 {
			cols := box.Hi[1] - box.Lo[1]
			return math.Hypot(float64(box.Lo[0]+i/cols)-side/2, float64(box.Lo[1]+i%cols)-side/2)
		}
		x, y, chords := make([]float64, n), make([]float64, m), make([]float64, m)
		for i := range x {
			x[i] = min(max(radius+0.5-distance(i), 0), 1)
		}
		if err := p.Apply(y, x); err != nil {
			return err
		}
		for i := range chords {
			s := float64(i%p.Bins()) - float64(p.Bins()-1)/2
			chords[i] = 2 * math.Sqrt(max(radius*radius-s*s, 0))
			if math.Abs(s) < 0.9*radius && math.Abs(y[i]-chords[i]) > 0.05*chords[i] {
				t.Errorf("bin %d: %g, the chord is %g", i, y[i], chords[i])
			}
		}
		if err := p.FilteredBackProjection(x, chords); err != nil {
			return err
		}
		for i, v := range x {
			switch d := distance(i); {
			case d < radius-2 && math.Abs(v-1) > 0.02:
				t.Errorf("inside, %.1f pixels from the centre: %g", d, v)
			case d > radius+3 && math.Abs(v) > 0.04:
				t.Errorf("outside, %.1f pixels from the centre: %g", d, v)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
