package layers

import (
	"tessera/internal/linalg"
	"tessera/ranks"
	"tessera/tikhonov/image/internal/tiles"
)

// inUnit returns the problem with data in another unit, and that unit (tiles.Unit).
// Collective.
func inUnit(comm ranks.Comm, p *Problem) (q *Problem, unit float64, err error) {
	own := *p
	own.Data, unit, err = tiles.Unit(comm, p.Channels, p.Data, p.Weights)
	return &own, unit, err
}

// inUnit brings the result back to the unit of the data.
func (r *Result) inUnit(unit float64) {
	if unit == 1 {
		return
	}
	linalg.Scale(unit, r.First)
	linalg.Scale(unit, r.Second)
	r.Objective, r.Misfit = r.Objective*unit*unit, r.Misfit*unit*unit
}
