//go:build mpi

// The calls of an exchange in a C loop, for the benchmark that measures the cost of Go.

#include "internal.h"

// Exchanges n elements with peer, times times, and returns the seconds of one exchange. how: 0 MPI_Sendrecv, 1 MPI_Irecv, MPI_Isend and MPI_Waitall, 2 mpix_exchange.
double mpix_loop(mpix_comm *c, int how, int times, long long peer, const double *send, double *recv, long long n) {
  double start = MPI_Wtime();
  for (int i = 0; i < times; i++) {
    MPI_Request reqs[2];
    switch (how) {
    case 0:
      MPI_Sendrecv(send, (int)n, MPI_DOUBLE, (int)peer, 0, recv, (int)n, MPI_DOUBLE, (int)peer, 0, c->user,
                   MPI_STATUS_IGNORE);
      break;
    case 1:
      MPI_Irecv(recv, (int)n, MPI_DOUBLE, (int)peer, 0, c->user, &reqs[0]);
      MPI_Isend(send, (int)n, MPI_DOUBLE, (int)peer, 0, c->user, &reqs[1]);
      MPI_Waitall(2, reqs, MPI_STATUSES_IGNORE);
      break;
    default:
      mpix_exchange(c, 1, &peer, &n, send, &n, recv);
    }
  }
  return (MPI_Wtime() - start) / times;
}
