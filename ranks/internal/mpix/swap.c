//go:build mpi

// Exchanges in which both sides know how long each message is, all receives
// posted before anything is waited for.
//
// The length is part of the tag, so that a message of another length does not match and
// cannot exceed its buffer (see messages.c). A rank that has waited for a while checks
// whether its peer has sent another message instead, and reports that.

#include "internal.h"
#include <sched.h>
#include <stdlib.h>

static int tag_of(int kind, long long n) {
  static long long lengths = 0; // that tags can tell apart
  if (!lengths) {
    int *ub, found;
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &ub, &found);
    lengths = ((found ? *ub : 32767) - MPIX_KINDS + 1LL) / MPIX_KINDS;
  }
  return kind + MPIX_KINDS * (int)(n % lengths);
}

// Makes sure that there is room for n messages each way.
static int reserve(mpix_comm *c, long long n) {
  if (n <= c->room) return MPI_SUCCESS;
  free(c->reqs);
  free(c->stats);
  free(c->settled);
  c->reqs = malloc(2 * n * sizeof *c->reqs);
  c->stats = malloc(2 * n * sizeof *c->stats);
  c->settled = malloc(n);
  c->room = c->reqs && c->stats && c->settled ? n : 0;
  return c->room ? MPI_SUCCESS : MPI_ERR_NO_MEM;
}

static int mismatch(mpix_comm *c, long long peer, int kind, long long count, long long want) {
  c->bad_peer = (int)peer;
  c->bad_kind = kind;
  c->bad_count = count;
  c->bad_want = want;
  return MPIX_MISMATCH;
}

// Receives a message and drops it.
static int drain(MPI_Comm comm, const MPI_Status *head, int count) {
  double *room = malloc(count * sizeof *room + 1);
  if (!room) return MPI_ERR_NO_MEM;
  int err = MPI_Recv(room, count, MPI_DOUBLE, head->MPI_SOURCE, head->MPI_TAG, comm, MPI_STATUS_IGNORE);
  free(room);
  return err;
}

// Looks for receives whose peer has sent another message. Messages between two ranks keep
// their order: if a message has arrived and the expected one has not, it was sent instead
// of it; MPI_Cancel tells whether the expected one has arrived meanwhile. A message of the
// same call is consumed, so that the next calls match again, and *first is set to the
// mismatch. A message of another call is returned as an error at once.
static int look_for_strays(mpix_comm *c, int kind, long long n, const long long *from, const long long *rcounts,
                           int *first) {
  for (long long i = 0; i < n; i++) {
    int done, there, cancelled, count;
    MPI_Status head, st;
    if (from[i] < 0 || c->settled[i]) continue;
    int err = MPI_Request_get_status(c->reqs[i], &done, &st);
    if (err || done) continue;
    if ((err = MPI_Iprobe((int)from[i], MPI_ANY_TAG, c->own, &there, &head))) return err;
    if (!there) continue;
    if ((err = MPI_Cancel(&c->reqs[i])) || (err = MPI_Wait(&c->reqs[i], &st)) ||
        (err = MPI_Test_cancelled(&st, &cancelled)))
      return err;
    c->settled[i] = 1;
    if (!cancelled) continue;
    MPI_Get_count(&head, MPI_DOUBLE, &count);
    int sent = head.MPI_TAG % MPIX_KINDS;
    if (sent != kind) return mismatch(c, from[i], sent, count, rcounts[i]);
    if ((err = drain(c->own, &head, count))) return err;
    if (!*first) *first = mismatch(c, from[i], sent, count, rcounts[i]);
  }
  return MPI_SUCCESS;
}

// Sends a message to each to[i] and receives one from each from[i]. recv advances by
// rcounts. send advances by scounts, unless spread is 0: then every peer gets the same. A
// negative peer means no message; its part of the buffer is skipped.
static int swap(mpix_comm *c, int kind, long long n, const long long *to, const long long *scounts, const double *send,
                int spread, const long long *from, const long long *rcounts, double *recv) {
  const double pause = 1e-3; // seconds between two checks for other messages
  const unsigned often = mpix_crowded ? 1 : 64; // polls between two looks at the clock: where cores are shared a poll may take milliseconds
  double look = 0;
  int err = reserve(c, n), first = MPI_SUCCESS, done = 0;
  MPI_Request *reqs = c->reqs;
  for (long long i = 0; i < n && !err; i++) {
    reqs[i] = reqs[n + i] = MPI_REQUEST_NULL;
    c->settled[i] = 0;
    if (scounts[i] > mpix_limit || rcounts[i] > mpix_limit) err = MPIX_TOO_LONG;
  }
  for (long long i = 0; i < n && !err; recv += rcounts[i++])
    if (from[i] >= 0)
      err = MPI_Irecv(recv, (int)rcounts[i], MPI_DOUBLE, (int)from[i], tag_of(kind, rcounts[i]), c->own, &reqs[i]);
  for (long long i = 0; i < n && !err; i++) {
    if (to[i] >= 0)
      err = MPI_Isend(send, (int)scounts[i], MPI_DOUBLE, (int)to[i], tag_of(kind, scounts[i]), c->own, &reqs[n + i]);
    if (spread) send += scounts[i];
  }
  for (unsigned polls = 1; !err; polls++) {
    err = MPI_Testall((int)(2 * n), reqs, &done, c->stats);
    if (err || done) break;
    if (polls % often == 0) {
      double now = MPI_Wtime();
      if (!look) look = now + pause;
      if (now >= look) {
        err = look_for_strays(c, kind, n, from, rcounts, &first);
        look = now + pause;
      }
    }
    if (mpix_crowded) sched_yield();
  }
  if (err) return err; // the job ends: the receives still posted do not matter
  for (long long i = 0; i < n && !first; i++) {
    int count; // differs only if two lengths have the same tag
    if (from[i] < 0 || c->settled[i]) continue;
    MPI_Get_count(&c->stats[i], MPI_DOUBLE, &count);
    if (count != rcounts[i]) first = mismatch(c, from[i], kind, count, rcounts[i]);
  }
  return first;
}

int mpix_exchange(mpix_comm *c, long long n, const long long *peers, const long long *scounts, const double *send,
                  const long long *rcounts, double *recv) {
  return swap(c, MPIX_EXCHANGE, n, peers, scounts, send, 1, peers, rcounts, recv);
}

// One message of a reduction each way; none where the peer is negative.
int mpix_swap(mpix_comm *c, const double *send, long long nsend, long long dst, double *recv, long long nrecv,
              long long src) {
  return swap(c, MPIX_REDUCE, 1, &dst, &nsend, send, 1, &src, &nrecv, recv);
}

int mpix_alltoallv(mpix_comm *c, const long long *scounts, const double *send, const long long *rcounts, double *recv) {
  for (int r = 0; r < c->size; r++) c->to[r] = r;
  return swap(c, MPIX_ALLTOALL, c->size, c->to, scounts, send, 1, c->to, rcounts, recv);
}

// Where this rank's part of a gather begins.
static long long offset(const mpix_comm *c, const long long *counts) {
  long long at = 0;
  for (int r = 0; r < c->rank; r++) at += counts[r];
  return at;
}

// Sends every rank's src to root, or to all ranks if root < 0.
static int gather(mpix_comm *c, double *dst, const long long *counts, const double *src, int root) {
  int gets = root < 0 || root == c->rank;
  for (int r = 0; r < c->size; r++) {
    if (counts[r] > mpix_limit) return MPIX_TOO_LONG;
    c->sends[r] = counts[c->rank];
    c->to[r] = root < 0 || root == r ? r : -1;
    c->from[r] = gets ? r : -1;
  }
  if (gets && dst + offset(c, counts) == src) c->to[c->rank] = c->from[c->rank] = -1; // it is there already
  return swap(c, MPIX_GATHER, c->size, c->to, c->sends, src, 0, c->from, counts, dst);
}

int mpix_gatherv(mpix_comm *c, double *dst, const long long *counts, const double *src, int root) {
  return gather(c, dst, counts, src, root);
}

// MPI's own function, unless its int cannot count the elements; all ranks decide alike.
int mpix_allgatherv(mpix_comm *c, double *dst, const long long *counts, const double *src) {
  long long total = 0;
  for (int r = 0; r < c->size; r++) {
    c->counts[r] = (int)counts[r];
    c->offsets[r] = (int)total;
    total += counts[r];
  }
  if (total > mpix_limit) return gather(c, dst, counts, src, -1);
  const void *from = dst + c->offsets[c->rank] == src ? MPI_IN_PLACE : src;
  return MPI_Allgatherv(from, c->counts[c->rank], MPI_DOUBLE, dst, c->counts, c->offsets, MPI_DOUBLE, c->own);
}
