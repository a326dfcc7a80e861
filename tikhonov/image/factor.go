package image

import (
	"context"

	"tessera/internal/linalg"
	"tessera/tikhonov/image/internal/tiles"
)

// nominal is the weight of more than half of the pixels, or 0 if no weight has a majority
// (Boyer and Moore's vote, then a count).
func nominal(w []float64) float64 {
	if w == nil {
		return 1
	}
	candidate, votes := 0.0, 0
	for _, v := range w {
		switch {
		case votes == 0:
			candidate, votes = v, 1
		case v == candidate:
			votes++
		default:
			votes--
		}
	}
	count := 0
	for _, v := range w {
		if v == candidate {
			count++
		}
	}
	if 2*count <= len(w) {
		return 0
	}
	return candidate
}

type groupKey struct {
	class  int
	colour int
}

// factor sorts the tiles into classes, decides tile by tile between the shared
// factor with a correction and a factor of its own, and computes both.
func (s *schwarz[T]) factor(ctx context.Context, o *Options) error {
	a, err := s.m.weightsAround(o)
	if err != nil {
		return err
	}
	shape := s.m.frame.Domain().Shape()
	usual := nominal(s.m.owned)
	average := mean(s.m.owned)
	classOf := map[tiles.Class]int{}
	ofTile := make([]int, len(s.tiles))
	reach := s.m.reach
	if len(s.m.kernel.Dense) >= tiles.ProductTaps {
		// The wings of a large PSF change a local solve little: tiles a few pixels from
		// the edge count as interior.
		reach = [2]int{min(reach[0], 4), min(reach[1], 4)}
	}
	for i := range s.tiles {
		t := &s.tiles[i]
		key := tiles.Classify(t, shape, reach, o.Border)
		id, known := classOf[key]
		if !known {
			id = len(s.classes)
			classOf[key] = id
			s.classes = append(s.classes, &tileClass[T]{
				pattern: tiles.New(t, shape, s.m.kernel, s.m.q, o.Border),
				before:  [2]int{key.Rows.Before, key.Cols.Before},
				ownRows: key.Rows.Owned, ownCols: key.Cols.Owned,
				nominal: usual,
			})
			if k := s.classes[id]; usual == 0 && !k.affordable() {
				k.nominal = average
			}
		}
		ofTile[i] = id
		s.classes[id].tiles++
	}

	shared, exact := map[groupKey]*sharedGroup[T]{}, map[groupKey]*exactGroup[T]{}
	var sharedOrder, exactOrder []groupKey
	for i := range s.tiles {
		if err := ctx.Err(); err != nil && i%64 == 0 {
			break // every rank learns of it at the next global sum
		}
		t, k, key := &s.tiles[i], s.classes[ofTile[i]], groupKey{ofTile[i], s.colour[i]}
		weight := a.At(t, k.pattern)
		if pixels, ok := k.offNominal(weight, s.mode, a.W == nil); ok {
			if k.inverse == nil {
				if err := k.factor(o.Lambda); err != nil {
					return notSPD(t, err)
				}
			}
			c, err := k.correct(pixels, weight)
			if err == nil {
				g := shared[key]
				if g == nil {
					g = &sharedGroup[T]{class: k, colour: key.colour}
					shared[key] = g
					sharedOrder = append(sharedOrder, key)
				}
				g.tiles = append(g.tiles, i)
				g.corrections = append(g.corrections, c)
				continue
			}
		}
		g := exact[key]
		if g == nil {
			g = &exactGroup[T]{class: k, colour: key.colour}
			exact[key] = g
			exactOrder = append(exactOrder, key)
		}
		g.tiles = append(g.tiles, i)
	}
	for _, key := range sharedOrder {
		s.shared = append(s.shared, *shared[key])
	}
	for _, key := range exactOrder {
		g := exact[key]
		if err := s.factorExact(g, a, o.Lambda); err != nil {
			return err
		}
		s.exact = append(s.exact, *g)
	}
	s.room()
	return nil
}

// offNominal lists the data pixels of less than nominal weight, if the shared factor
// corrected for them is cheaper than a banded factor of the tile's own.
func (k *tileClass[T]) offNominal(weight func(q int) float64, md mode, uniform bool) ([]int, bool) {
	m, out := k.size(), k.size()
	if md == restricted {
		out = k.ownRows * k.ownCols
	}
	own := exactCost * 2 * m * (k.pattern.Band + 1)
	room := (own - m*out) / (correctionCost * (m + out))
	room = min(room, maxCorrection)
	if k.nominal == 0 || room < 0 {
		return nil, false
	}
	if uniform {
		return nil, true
	}
	var pixels []int
	for q, h := range k.pattern.Data {
		w := weight(q)
		if w == k.nominal || len(h) == 0 {
			continue
		}
		if w > k.nominal || len(pixels) == room {
			// Too many: the tile gets a factor of its own or, if that is too expensive,
			// the nominal one without correction, which costs iterations but does not
			// change the solution.
			return nil, !k.affordable()
		}
		pixels = append(pixels, q)
	}
	return pixels, true
}

// affordable says whether a tile may have a banded factor of its own. With large
// PSFs the band is full, and forming it takes longer than the iterations it saves.
func (k *tileClass[T]) affordable() bool {
	p := k.pattern
	return k.size()*(p.Band+1)*linalg.SizeOf[T]() <= ownFactorBytes*k.ownRows*k.ownCols &&
		len(p.Data)*p.Taps*p.Taps <= ownFactorWork
}

// mean of the positive weights, 1 if there are none.
func mean(w []float64) float64 {
	sum, n := 0.0, 0
	for _, v := range w {
		if v > 0 {
			sum += v
			n++
		}
	}
	if n == 0 {
		return 1
	}
	return sum / float64(n)
}

// factorExact assembles and factors the banded matrices of a group.
func (s *schwarz[T]) factorExact(g *exactGroup[T], a *tiles.Weights, lambda float64) error {
	m, band := g.class.size(), g.class.pattern.Band
	g.batch = linalg.NewBandedBatch[T](m, band, len(g.tiles))
	low := make([]float64, m*(band+1))
	rounded := make([]T, len(low))
	for i, id := range g.tiles {
		g.class.pattern.Banded(low, lambda, a.At(&s.tiles[id], g.class.pattern))
		for j, v := range low {
			rounded[j] = T(v)
		}
		g.batch.Set(i, rounded)
	}
	if err := g.batch.Factor(); err != nil {
		if e, ok := err.(*linalg.NotPositiveDefiniteError); ok {
			return notSPD(&s.tiles[g.tiles[e.System]], err)
		}
		return err
	}
	return nil
}

// room allocates the work arrays for the largest batch.
func (s *schwarz[T]) room() {
	x, y, work := 0, 0, 0
	for i := range s.shared {
		g := &s.shared[i]
		n := min(batchTiles, len(g.tiles)*s.m.channels) * g.class.size()
		x, y = max(x, n), max(y, n)
		for _, c := range g.corrections {
			work = max(work, 2*len(c.rows))
		}
	}
	for i := range s.exact {
		g := &s.exact[i]
		x = max(x, s.m.channels*g.class.size()*g.batch.Lanes())
	}
	s.x, s.y, s.work = make([]T, x), make([]T, y), make([]T, work)
}
