// Package halo divides an array of cells between ranks, one box of cells for each,
// and fills the ring of cells around each box from the ranks that own them.
//
// # Problem
//
// A domain of 1, 2 or 3 axes is covered by owned boxes, one for each rank. A rank
// computes on its extended box: its owned box grown by a width along each axis, which
// is the radius of its stencil or the overlap of its subdomain. The cells of the
// extended box that the rank does not own are its ring. Let RO_i be the restriction to
// the extended box of rank i, EO_i its transpose (extension by zero) and D_i diagonal
// weights that form a partition of unity (Plan.Weights):
//
//	sum_i EO_i D_i RO_i = I.
//
// CopyBox and AddBox apply RO_i and EO_i to arrays over the whole domain. GatherTo and
// ScatterFrom move such an array from all ranks to one rank and back. Exchange and
// AddBack, below, act on arrays that stay divided.
//
// Outside the domain an array is zero (Zero), its mirror image (Reflect) or its
// periodic copy (Periodic), so that each ring cell has one source cell or none. Let S
// be the map from all owned cells to all ring cells that copies each source. Then
// Exchange is [I 0; S 0] on (owned, ring), and AddBack is its transpose [I S'; 0 0]:
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
// Arrays are row-major. An owned array is planes x owned shape. An extended array is
// planes x (owned shape + 2 width), also where the ring lies outside the domain.
//
// # Cost
//
// An exchange is one message to and from each neighbour, in one round that includes
// the corners and all planes: 8 bytes for each received ring cell and plane. Each cell
// is also copied once into the message and once out of it. A plan needs no
// communication: each rank computes both sides of its messages from the geometry, in
// time proportional to the number of its neighbours.
//
// Source: Cai and Sarkis, A restricted additive Schwarz preconditioner, SIAM J. Sci.
// Comput. 21 (1999) 792, for RO_i and the owner's weights.
package halo
