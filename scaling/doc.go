// Package scaling makes strong and weak scaling studies: it runs one job on different
// numbers of ranks, in random order and until the medians are known well enough, holds
// every answer to the one-rank answer before its time counts, and tells what the ranks
// bought and where the rest went.
//
// T(p) is the median time of the part of the job that is studied, on p ranks, with the
// interval that contains the median with 95 % probability whatever the distribution of
// the times (order statistics). Beside it stand
//
//	speed-up S = T(1)/T(p), efficiency E = S/p (strong) or T(1)/T(p) (weak, p times the work)
//	E = E_iterations E_per-iteration, E_iterations = n(1)/n(p): what the method loses, and what the machine
//
// and the factors of the POP project, from the time C_r that rank r computes,
//
//	load balance             mean C / max C
//	communication efficiency max C / T
//	parallel efficiency      their product
//	computation scaling      sum C(1) / sum C(p)    (weak: p times that)
//	global efficiency        the product of both
//
// and the scale-up of D'Amore, Sc = T(1)/(p T_loc), T_loc the largest time that a
// rank computes in one iteration, which is E T(p)/T_loc whatever is measured: a large
// value says that many iterations are needed.
//
// More ranks than cores take turns: such rows are marked, their factors come from
// processor time, and a time for as many cores as ranks comes from Model alone.
//
// Sources: D'Amore, A resource-efficient model for deep kernel learning; Hoefler and
// Belli, Scientific Benchmarking of Parallel Computing Systems, SC 2015; POP Standard
// Metrics, pop-coe.eu; Alexandrov, Ionescu, Schauser, Scheiman, LogGP, SPAA 1995.
package scaling
