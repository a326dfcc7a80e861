// Package loadbalance moves observations between ranks until all hold the same
// number of them, moving as few as that takes: DyDD, diffusion scheduling on the
// graph of subdomains, and the boundaries that move with it.
//
// # The schedule
//
// On a connected graph with loads l_i and mean lb, the flow over the edges that
// balances it and is smallest in the Euclidean norm is
//
//	delta_ij = x_i - x_j,   L x = l - lb,   L = Deg - Adj,
//
// delta_ij going from i to j. Observations do not divide: the targets t_i are
// floor(m/p) or ceil(m/p), the larger ones for the most loaded nodes (ties by
// number); edges outside a spanning tree are rounded, and those of the tree follow
// from conservation, leaves first. So the end is always E = floor(m/p)/ceil(m/p),
// the best there is.
//
// # The boundaries
//
// A Partition cuts space into jagged strips: along the first axis into slabs,
// every slab along the second on its own, and so on. Each level is a chain, and on
// a chain a flow is a shift of the cuts. Observations with the same coordinate are
// told apart by their numbers, so that a cut can always be made where the schedule
// wants it.
//
// Sources: Hu, Blake, Emerson, Concurrency: Pract. Exper. 10 (1998) 467, for the
// minimal flow; D'Amore, Cacciapuoti, Mele, for DyDD: repair of empty subdomains,
// schedule, migration, new boundaries.
package loadbalance
