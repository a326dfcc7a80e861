// Package scaling makes strong and weak scaling studies of parallel programs. It runs
// one job on different numbers of ranks in random order, repeats the runs until the
// medians of the times are known well enough, counts only runs whose answer is that of
// one rank, and reports speed-up, efficiency and where the efficiency is lost.
//
// # Definitions
//
// T(p) is the median wall time on p ranks of the timed part of the job, which is the call
// of the solver without input and output. Its interval contains the median of the
// distribution with 95 % probability, whatever that distribution is (order statistics,
// see Median). Then
//
//	strong scaling, one problem:      speed-up S = T(1)/T(p), efficiency E = S/p
//	weak scaling, p times the work:   efficiency E = T(1)/T(p), scaled speed-up S = E p
//	E = E_iterations E_per-iteration, E_iterations = n(1)/n(p)
//
// with n(p) the number of iterations: the first factor is the numerical efficiency of the
// method, the second one that of its implementation and of the machine. The POP metrics
// split E by the time C_r that rank r computes:
//
//	load balance             mean C / max C
//	communication efficiency max C / T
//	parallel efficiency      load balance x communication efficiency
//	computation scaling      sum C(1) / sum C(p), weak: p times that
//	global efficiency        parallel efficiency x computation scaling
//
// D'Amore's scale-up Sc = T(1)/(p T_loc), with T_loc the largest computing time of a rank
// in one iteration, is E T(p)/T_loc by definition. A large Sc therefore says that the
// method needs many iterations.
//
// Where there are more ranks than cores, ranks share cores. Such rows are marked as
// oversubscribed, C_r is processor time there, and a time with a core for every rank
// comes from the model alone (Link): T = max over ranks of (C_r + messages_r x latency +
// bytes_r / bandwidth).
//
// # Use
//
//	records := []scaling.Record{}
//	err := study.Run(ctx, launcher, scaling.Observer{Keep: func(r scaling.Record) error {
//		records = append(records, r)
//		return nil
//	}})
//	summary := scaling.Summarise(study, records)
//	err = scaling.WriteHTML(file, &scaling.Report{Title: study.Title, Studies: []scaling.Summary{summary}})
//
// A Launcher starts the runs, as processes or in any other way. The package starts no
// process, reads no file and is not collective: it is used by one process.
//
// # Sources
//
// D'Amore, A resource-efficient model for deep kernel learning (scale-up); Hoefler and
// Belli, Scientific Benchmarking of Parallel Computing Systems, SC 2015 (medians and
// intervals); POP Standard Metrics, pop-coe.eu; Alexandrov, Ionescu, Schauser and
// Scheiman, LogGP, SPAA 1995 (model).
package scaling
