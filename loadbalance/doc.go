// Package loadbalance gives all ranks the same number of scattered points
// (observations), or the same computing cost, and moves few points to get there. The
// method is DyDD (dynamic domain decomposition): a diffusion schedule on the graph of
// subdomains says how many points cross each edge, and the boundaries of the subdomains
// move with the points. Rebalance is the whole method; FrameBoxes does the same for the
// pixels of a frame, which need not be sent.
//
// # The schedule
//
// Let a connected graph have loads l_i and mean load lb. Of all flows over the edges
// after which every load is lb, the one with the smallest Euclidean norm is
//
//	delta_ij = x_i - x_j,   L x = l - lb,   L = Deg - Adj,
//
// where delta_ij goes from node i to node j, Deg is the diagonal matrix of the nodes'
// degrees and Adj the adjacency matrix. Points are whole, so the p subdomains get the
// targets floor(m/p) or ceil(m/p) of m points, the most loaded ones the larger target.
// The flow is rounded on the edges outside a spanning tree, and on the edges of the tree
// it follows from conservation. The balance E = min/max of the loads therefore ends at
// floor(m/p)/ceil(m/p), the largest possible value.
//
// # The boundaries
//
// A Partition cuts space into jagged strips: along the first axis into slabs, each slab
// along the second axis at cuts of its own, and so on. Each level is a chain of
// subdomains, and a flow on a chain is a shift of its cuts. Points with the same
// coordinate are ordered by their IDs, so that a cut can separate any two points.
//
// # Cost
//
// Rebalance of n points on each of p ranks: O(n log n) operations on a rank for each
// axis, 30 Allreduce calls of 15 numbers for each cut for each axis, and one message for
// each pair of ranks between which points move, of 8 (1 + Dim + Cols) bytes for each point.
//
// Sources: Hu, Blake, Emerson, Concurrency: Pract. Exper. 10 (1998) 467, for the
// minimal flow; D'Amore, Cacciapuoti, Mele, for DyDD: repair of empty subdomains,
// schedule, migration, new boundaries.
package loadbalance
