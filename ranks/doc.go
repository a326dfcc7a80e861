// Package ranks is the SPMD runtime: what one rank of a program can say to
// another. Every rank runs the same function, knows its number and the number of
// ranks, owns its part of the data, and meets the others only in the calls of a
// Comm. There are two transports with the same semantics, those of MPI:
//
//	in-process  ranks are goroutines that copy out of each other's buffers (default)
//	MPI         ranks are processes, on one machine or many (build tag mpi)
//
// A main function looks like this, and serves both:
//
//	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
//	defer stop()
//	err := ranks.Launch(ctx, ranks.Options{Ranks: n}, func(ctx context.Context, c ranks.Comm) error {
//		x := []float64{float64(c.Rank())}
//		return c.Allreduce(x, x, ranks.Sum)
//	})
//	if err != nil {
//		if !ranks.Quiet(err) { // under mpirun rank 0 speaks for all
//			fmt.Fprintln(os.Stderr, err)
//		}
//		os.Exit(1)
//	}
//
// # What a body must know
//
// A Comm belongs to its rank and is used by one goroutine at a time. Messages
// between two ranks with the same tag arrive in the order of sending. Send may or
// may not wait for its receive; Options.Sync makes it wait, which shows programs
// that rely on buffering. Collectives, Exchange and plain messages are matched
// apart from each other, and those of different communicators too.
// Communicators from Split live until Launch returns.
//
// Cancelling is collective: signals reach the ranks at different steps, or only
// one of them, so each puts ctx.Err() != nil into an Allreduce (Max) that it does
// anyway, once an iteration, and all return ctx's error, or context.Canceled, at
// the same step. AgreeError does the same for errors.
//
// # Reductions
//
// Reduce and Allreduce fold along one binary tree fixed by the number of ranks
// (reduce.go), on both transports and at every length, so that a run can be
// repeated to the last bit, and the in-process run of a program checks the one on
// a cluster. Only the payload of a NaN may differ. In-process each rank folds its
// share of the elements out of all buffers, n P additions in all; by messages a
// short operand goes by recursive doubling, n log P sent by each rank, a long one
// by recursive halving, about 2 n (Rabenseifner, Optimization of collective
// reduction operations, 2004).
//
// # Mistakes
//
// Calls that do not fit together are errors that wrap ErrMismatch where they can
// be seen: in-process between any two collectives; under MPI in Exchange,
// Alltoallv, Gatherv and the reductions. Bcast, Allgatherv and Barrier are MPI's
// own there, and what they do with wrong counts is up to the library. In-process,
// ranks that all wait for each other are told so.
//
// # MPI
//
//	go build -tags mpi                      Open MPI, by pkg-config ompi-c
//	CC=mpicc go build -tags mpi,mpienv      whatever mpicc stands for
//	CGO_CFLAGS="$(pkg-config --cflags mpich)" CGO_LDFLAGS="$(pkg-config --libs mpich)" \
//	go build -tags mpi,mpich                MPICH; the variables come before gompi's flags, which name Open MPI
//
// MPI runs at the thread level "multiple", the only one beside "single" that
// gompi offers. Under MPI GOMAXPROCS is set to the rank's share of the cores it may
// run on, unless the variable is set. A process started by mpirun or srun beside
// others that cannot take part, for want of MPI or for the wrong one, refuses to run.
//
// # Cost
//
// An exchange with one neighbour, both ways, at 8 bytes: about 0.45 us in-process;
// under MPI 0.2 us more than the same calls in C, of which the two clock readings
// for Stats are 0.07. No call of an iteration allocates. BenchmarkInProcess and
// BenchmarkMPI print the tables.
package ranks
