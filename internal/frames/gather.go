package frames

import (
	"fmt"

	"tessera/internal/config"
	"tessera/internal/imageio"
	"tessera/internal/lifecycle"
	"tessera/ranks"
)

// Gather is the value of the key output.gather: whether rank 0 holds whole arrays to read
// the frame and to write the result. If it does not, every rank reads and writes its own
// part of the files.
type Gather string

const (
	GatherAuto   Gather = "auto"   // rank 0 holds whole arrays of at most MostGathered values
	GatherAlways Gather = "always" // or true
	GatherNever  Gather = "never"  // or false
)

// MostGathered is the largest array, in values (channels x rows x cols), that rank 0 holds
// with GatherAuto: 512 MB of float64.
const MostGathered = 64_000_000

// UnmarshalTOML reads true, false or a name.
func (g *Gather) UnmarshalTOML(v any) error {
	switch v {
	case true, string(GatherAlways):
		*g = GatherAlways
	case false, string(GatherNever):
		*g = GatherNever
	case string(GatherAuto):
		*g = GatherAuto
	default:
		return fmt.Errorf(`"auto", "always" (or true) or "never" (or false)`)
	}
	return nil
}

// Check records a gather key that does not go with the frame. The number of observed pixels
// is counted on rank 0, which needs the whole plane of weights for it.
func (g Gather) Check(f *config.File, s *ImageSection) {
	f.Want(g != GatherNever || !s.countsObserved(), "output.gather",
		`"auto" or "always" with image.balance = %q, for which rank 0 counts the observed pixels of the whole frame`, ByObserved)
}

// Whole tells whether rank 0 holds whole arrays of a frame of this shape.
func (g Gather) Whole(s *Source, shape *imageio.Frame) bool {
	switch {
	case g == GatherAlways, s.Image.countsObserved():
		return true
	case g == GatherNever:
		return false
	}
	return float64(shape.Channels)*float64(shape.Rows)*float64(shape.Cols) <= MostGathered
}

// Settle sets s.Apart as the config and the size of the frame ask for, and refuses a frame that
// the hosts cannot hold. Collective; the error is the same on all ranks.
func (g Gather) Settle(comm ranks.Comm, s *Source) error {
	apart, values := 0, 0
	err := ranks.OnRoot(comm, func() error {
		shape, err := s.Shape()
		if err != nil {
			return err
		}
		values = shape.Channels * shape.Rows * shape.Cols
		if !g.Whole(s, shape) {
			apart = 1
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := ranks.Share(comm, &apart, &values); err != nil {
		return err
	}
	s.Apart = apart == 1
	return s.checkRoom(comm, float64(values))
}

// checkRoom refuses a frame of so many values that the hosts cannot hold. Collective; the error
// is the same on all ranks.
func (s *Source) checkRoom(comm ranks.Comm, values float64) error {
	// The observation, the truth or the weights, the solution, and what a solver needs at the least.
	const arrays, galaxyBytes = 4, 100
	bytes := 8 * arrays * values / float64(comm.Size())
	if comm.Rank() == 0 && !s.Apart {
		bytes += 8 * values
	}
	mend := "the size of " + s.File()
	if s.File() == "" {
		bytes += galaxyBytes * float64(s.Simulate.Galaxies)
		mend = "simulate.rows, simulate.cols, simulate.channels or simulate.galaxies"
	}
	return lifecycle.CheckRoom(comm, bytes, mend)
}

// RootBytes is the memory that rank 0 needs beyond its own part of the frame, in bytes: one
// whole array where it holds those, else only the files that must be decoded whole (PNG and
// JPEG). Pictures are made from a frame of at most pictureSide pixels a side, which is not
// counted. shape is that of the frame.
func (s *Source) RootBytes(g Gather, shape *imageio.Frame) float64 {
	plane := 8 * float64(shape.Rows) * float64(shape.Cols)
	if g.Whole(s, shape) {
		return plane * float64(shape.Channels)
	}
	largest := 0.0
	files := map[string]float64{}
	list, _, _ := s.Image.planes()
	for _, p := range list {
		files[p.path] = plane
	}
	if path := s.File(); path != "" {
		files[path] = plane * float64(shape.Channels)
	}
	for path, bytes := range files {
		if f, err := imageio.Stat(path); err == nil && !f.ReadsBoxes() {
			largest = max(largest, bytes)
		}
	}
	return largest
}
