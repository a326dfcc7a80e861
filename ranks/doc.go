// Package ranks runs one function on several ranks (SPMD: single program, multiple
// data) and lets them exchange messages. Every rank knows its number and the number of
// ranks, holds its own part of the data, and communicates only by the methods of a
// Comm, whose semantics are those of MPI. There are two transports:
//
//	in-process  ranks are goroutines that copy from each other's memory (default)
//	MPI         ranks are processes, on one machine or many (build tag mpi)
//
// A main function is the same for both:
//
//	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
//	defer stop()
//	err := ranks.Launch(ctx, ranks.Options{Ranks: n}, func(ctx context.Context, c ranks.Comm) error {
//		x := []float64{float64(c.Rank())}
//		return c.Allreduce(x, x, ranks.Sum)
//	})
//	if err != nil {
//		if !ranks.Quiet(err) { // under mpirun only rank 0 prints the common error
//			fmt.Fprintln(os.Stderr, err)
//		}
//		os.Exit(1)
//	}
//
// # Rules for the function
//
// A Comm belongs to its rank; one goroutine at a time may use it. Messages between two
// ranks with the same tag arrive in the order in which they were sent. Send may return
// at once or wait for its receive; with Options.Sync it always waits, which reveals
// programs that depend on buffering. Collectives, Exchange, plain messages and different
// communicators never receive each other's messages. Communicators from Split stay valid
// until Launch returns.
//
// Collective methods and functions must be called by all ranks in the same order. If one
// rank returns early because of an error that only it knows, the others wait for it. So
// a function that can fail on one rank ends with AgreeError, which gives the error to
// all, and one that checks its arguments begins with AgreeSame.
//
// All ranks must also agree to stop. A signal reaches them at different iterations, or
// reaches only one of them: each rank puts ctx.Err() != nil as 0 or 1 into an Allreduce
// (Max) of every iteration, and all return ctx.Err(), or context.Canceled, in the same
// iteration.
//
// # Reductions
//
// Reduce and Allreduce add along one binary tree that depends only on the number of
// ranks (reduce.go), on both transports and for every length. So a run gives the same
// bits each time, and in-process ranks give the same bits as MPI on a cluster; only the
// payload of a NaN may differ. In-process, each rank reduces its share of the elements
// from all buffers, n P additions in all. By messages, a short operand is reduced by
// recursive doubling, n log P elements sent by each rank, and a long one by recursive
// halving, about 2 n elements (Rabenseifner, Optimization of collective reduction
// operations, 2004).
//
// # Calls that do not match
//
// Calls of different ranks that do not match give an error that wraps ErrMismatch:
// in-process for all collectives; under MPI for Exchange, Alltoallv, Gatherv and the
// reductions. Under MPI, Bcast, Allgatherv and Barrier are functions of the MPI library,
// which decides what wrong counts do. In-process ranks that all wait for each other get
// ErrDeadlock.
//
// # MPI
//
//	go build -tags mpi                      Open MPI, by pkg-config ompi-c
//	CC=mpicc go build -tags mpi,mpienv      the library of the mpicc in the path
//	CGO_CFLAGS="$(pkg-config --cflags mpich)" CGO_LDFLAGS="$(pkg-config --libs mpich)" \
//	go build -tags mpi,mpich                MPICH; the variables come before gompi's flags, which name Open MPI
//
// MPI runs at the thread level "multiple". Launch sets GOMAXPROCS to the rank's share of
// the cores that it may run on, unless the environment sets it. A process that mpirun or
// srun has started together with others returns an error if it has no MPI or another one.
//
// # Cost
//
// An exchange of 8 bytes with one neighbour, both ways, takes about 0.45 us in-process.
// Under MPI it takes 0.2 us more than the same calls in C, 0.07 us of it for reading the
// clock for Stats. Calls do not allocate after the first iteration. BenchmarkInProcess
// and BenchmarkMPI print the tables.
package ranks
