package halo

// Box is a half-open box [Lo, Hi) of integer cells in 1, 2 or 3 dimensions.
type Box struct{ Lo, Hi []int }

// Border says what stands outside the domain.
type Border int

const (
	Zero     Border = iota // nothing: halo cells outside the domain hold 0
	Reflect                // half-sample mirror: cell -1 is cell 0, -2 is 1 (DCT-II); mirrored again where the halo is wider than the domain
	Periodic
)
