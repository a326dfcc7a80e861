package psfmodel

import (
	"errors"
	"math"
)

// samePlace is the distance in pixels within which two places are one.
const samePlace = 0.5

// distinct are the stars at places, the first of those that are one, and how many others there are.
func distinct(places [][2]float64) (stars []Star, twice int) {
	seen := map[[2]int][][2]float64{}
	for _, p := range places {
		key := [2]int{int(math.Floor(p[0])), int(math.Floor(p[1]))}
		same := false
		for i := range 9 {
			for _, q := range seen[[2]int{key[0] + i/3 - 1, key[1] + i%3 - 1}] {
				same = same || math.Hypot(p[0]-q[0], p[1]-q[1]) <= samePlace
			}
		}
		if same {
			twice++
			continue
		}
		seen[key] = append(seen[key], p)
		stars = append(stars, Star{Place: p})
	}
	return stars, twice
}

// flatAt tells whether the star at a place has flatTop pixels of the value of its peak next to each other, as FindStars does. The peak is
// the largest pixel within two pixels of the place.
func flatAt(frame []float64, rows, cols int, p [2]float64) bool {
	if !(p[0] >= 0 && p[1] >= 0 && p[0] < float64(rows) && p[1] < float64(cols)) {
		return false
	}
	around := func(r, c, reach int, f func(at int)) {
		for i := max(0, r-reach); i <= min(rows-1, r+reach); i++ {
			for j := max(0, c-reach); j <= min(cols-1, c+reach); j++ {
				f(i*cols + j)
			}
		}
	}
	r, c := int(math.Round(p[0])), int(math.Round(p[1]))
	top, lower := -1, false
	around(r, c, 2, func(at int) {
		if top < 0 || !(frame[at] <= frame[top]) && frame[at]-frame[at] == 0 {
			top = at
		}
	})
	if top < 0 {
		return false
	}
	equal := 0
	around(top/cols, top%cols, 1, func(at int) {
		if frame[at] == frame[top] {
			equal++
		}
	})
	around(top/cols, top%cols, 4, func(at int) { lower = lower || frame[at] < frame[top] })
	return equal >= flatTop && lower
}

// onStars is how many of the stars, with rows and columns swapped or not, are within 2 pixels of one that was found.
func onStars(stars, found []Star, swapped bool) (n int) {
	seen := map[[2]int]bool{}
	for _, s := range found {
		for i := range 25 {
			seen[[2]int{int(math.Round(s.Place[0])) + i/5 - 2, int(math.Round(s.Place[1])) + i%5 - 2}] = true
		}
	}
	for _, s := range stars {
		p := s.Place
		if swapped {
			p[0], p[1] = p[1], p[0]
		}
		if v := p[0] + p[1]; v-v == 0 && seen[[2]int{int(math.Round(p[0])), int(math.Round(p[1]))}] {
			n++
		}
	}
	return n
}

// noStar is the error where no star could be used.
func noStar(c StarCounts) error {
	text := "psfmodel: no star is left: " + c.String()
	if 2*(c.Missing+c.AtEdge) >= c.Given-c.Twice && c.Given > 0 {
		text += "; PSFs with fewer pixels a side (-size N, odd) need fewer pixels around each star"
	}
	return errors.New(text)
}
