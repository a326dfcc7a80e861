//go:build mpi

#define _GNU_SOURCE
#include "internal.h"
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

long long mpix_limit = INT_MAX;
int mpix_crowded = 0;

void mpix_set_limit(long long n) { mpix_limit = n; }

// Takes over user and makes the rest of a communicator around it.
static int make(MPI_Comm user, mpix_comm **out) {
  mpix_comm *c = calloc(1, sizeof *c);
  if (!c) return MPI_ERR_NO_MEM;
  int err;
  c->user = user;
  c->voting = MPI_REQUEST_NULL;
  if ((err = MPI_Comm_set_errhandler(user, MPI_ERRORS_RETURN)) || (err = MPI_Comm_dup(user, &c->own)) ||
      (err = MPI_Comm_set_errhandler(c->own, MPI_ERRORS_RETURN)) || (err = MPI_Comm_rank(user, &c->rank)) ||
      (err = MPI_Comm_size(user, &c->size)))
    return err;
  c->counts = malloc(2 * c->size * sizeof *c->counts);
  c->to = malloc(3 * c->size * sizeof *c->to);
  if (!c->counts || !c->to) return MPI_ERR_NO_MEM;
  c->offsets = c->counts + c->size;
  c->from = c->to + c->size;
  c->sends = c->from + c->size;
  *out = c;
  return MPI_SUCCESS;
}

int mpix_world(mpix_comm **out) {
  MPI_Comm user;
  int err = MPI_Comm_dup(MPI_COMM_WORLD, &user);
  return err ? err : make(user, out);
}

int mpix_split(mpix_comm *c, int colour, int key, mpix_comm **out) {
  MPI_Comm user;
  *out = NULL;
  int err = MPI_Comm_split(c->own, colour < 0 ? MPI_UNDEFINED : colour, key, &user);
  if (err || user == MPI_COMM_NULL) return err;
  return make(user, out);
}

// text has room for MPI_MAX_ERROR_STRING characters.
void mpix_error_string(int code, char *text) {
  int n = 0;
  MPI_Error_string(code, text, &n);
  text[n] = 0;
}

// The cores of this machine, whether this process may use them or not.
int mpix_machine_cores(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }

// This rank's fair share of the cores that it may run on, some of them together with other
// ranks of its machine: 2 for 4 unbound ranks on 8 cores, 1 if each rank is bound to one
// core. 0 if unknown. Collective.
int mpix_cores(mpix_comm *c) {
  MPI_Comm machine;
  cpu_set_t mine;
  static int users[CPU_SETSIZE];
  double share = 0;
  int known = !sched_getaffinity(0, sizeof mine, &mine);
  if (MPI_Comm_split_type(c->own, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine)) return 0;
  for (int i = 0; i < CPU_SETSIZE; i++) users[i] = known && CPU_ISSET(i, &mine);
  int err = MPI_Allreduce(MPI_IN_PLACE, users, CPU_SETSIZE, MPI_INT, MPI_SUM, machine);
  MPI_Comm_free(&machine);
  if (err || !known) return 0;
  for (int i = 0; i < CPU_SETSIZE; i++)
    if (CPU_ISSET(i, &mine)) share += 1.0 / users[i];
  mpix_crowded = share < 1 - 1e-9;
  return mpix_crowded ? 1 : (int)(share + 1e-9);
}

// The exit status of the rank that ends the job, 0 while the job runs: one word that all
// ranks of a machine read and write in shared memory.
static int own_verdict = 0;
static int *verdict = &own_verdict;

// Collective. If the ranks cannot share memory, each has a verdict of its own.
void mpix_share_verdict(mpix_comm *c) {
  MPI_Comm machine;
  MPI_Win win;
  MPI_Aint size;
  int unit, rank, *word, err;
  if (MPI_Comm_split_type(c->own, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine)) return;
  MPI_Comm_rank(machine, &rank);
  err = MPI_Win_allocate_shared(rank == 0 ? sizeof *word : 0, sizeof *word, MPI_INFO_NULL, machine, &word, &win);
  if (!err) err = MPI_Win_shared_query(win, 0, &size, &unit, &word);
  if (!err && rank == 0) *word = 0;
  if (!err && !MPI_Barrier(machine)) verdict = word;
}

// Declares that this rank ends the job, unless another has done so before; then false.
int mpix_claim_verdict(int code) {
  int running = 0;
  return __atomic_compare_exchange_n(verdict, &running, code, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

int mpix_verdict(void) { return __atomic_load_n(verdict, __ATOMIC_SEQ_CST); }

void mpix_abort(int code) { MPI_Abort(MPI_COMM_WORLD, code); }
