//go:build !mpi

package ranks

import "context"

// launchWorld is for binaries that have MPI.
func launchWorld(_ context.Context, _ Options, j job, _ func(context.Context, Comm) error) (bool, error) {
	if j.launcher == "" || j.size == 1 || j.size == 0 && j.rank == 0 {
		return false, nil
	}
	return true, j.refuse("this binary was built without MPI: build it with -tags mpi, or start it without the launcher and give it in-process ranks")
}

// MPI says that this binary has no MPI.
func MPI() MPIInfo { return MPIInfo{} }
