// Package halo cuts a grid of cells into boxes, one a rank, and keeps the rings
// around them filled.
//
// # Problem
//
// A domain of 1, 2 or 3 axes is tiled by owned boxes. A rank works on its
// extended box: the owned one grown by a width per axis, the reach of its stencil
// or the overlap of its subdomain. With RO_i the restriction to the extended box
// of rank i, EO_i its transpose (extension by zero) and D_i a partition of unity,
//
//	sum_i EO_i D_i RO_i = I,
//
// exactly, to the last bit, for the owner's weights D_i in {0, 1} (Plan.Weights).
// RO_i and EO_i between whole arrays are CopyBox and AddBox; between ranks they
// are Exchange and AddBack below, and GatherTo and ScatterFrom move whole arrays
// to and from one rank.
//
// Outside the domain stands nothing (Zero), its mirror image (Reflect) or its
// periodic copy (Periodic), so each extended cell has one source cell or none.
// With S the map from all owned cells to all ring cells that this defines, Exchange
// is [I 0; S 0] on (owned, ring) and AddBack its transpose [I S'; 0 0]:
//
//	<Exchange x, y> = <x, AddBack y>.
//
// # Use
//
//	d, err := halo.Decompose([]int{1024, 1024}, comm.Size())
//	p, err := halo.NewPlan(d, comm.Rank(), []int{4, 4}, halo.Reflect)
//	p.Scatter(ext, owned, channels)
//	err = p.Exchange(comm, ext, channels) // every sweep
//
// # Shapes
//
// Arrays are row-major. An owned array is planes x owned shape, an extended one
// planes x (owned shape + 2 width), whether or not the ring is in the domain.
//
// # Cost
//
// An exchange is one message with each neighbour in one round, corners included,
// of 8 bytes per received ring cell and plane; planes travel together. Beside
// the message itself every cell is copied once on each side. A plan follows from geometry alone: every rank
// derives both sides of each of its messages without communication, in time
// proportional to its neighbours.
package halo
