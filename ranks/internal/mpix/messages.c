//go:build mpi

// The caller's own messages, with wildcards and with buffers that may be longer or
// shorter than the message.
//
// No receive is posted before the length of its message is known, because a message that
// is too long for its buffer is unsafe in MPI: Open MPI 4.1 with shared memory copies all
// of it, beyond the end of the buffer, and MPICH ends the program.

#include "internal.h"
#include <stdlib.h>

static MPI_Datatype type(int elem) { return elem == 8 ? MPI_DOUBLE : MPI_BYTE; }

int mpix_send(mpix_comm *c, const char *buf, long long n, int elem, int dst, int tag) {
  if (n > mpix_limit) return MPIX_TOO_LONG;
  return MPI_Send(buf, (int)n, type(elem), dst, tag, c->user);
}

// Negative src and tag are wildcards.
int mpix_recv(mpix_comm *c, char *buf, long long n, int elem, int src, int tag) {
  MPI_Message m;
  MPI_Status st;
  int err = MPI_Mprobe(src < 0 ? MPI_ANY_SOURCE : src, tag < 0 ? MPI_ANY_TAG : tag, c->user, &m, &st);
  if (err) return err;
  c->source = st.MPI_SOURCE;
  c->tag = st.MPI_TAG;
  MPI_Get_count(&st, type(elem), &c->count);
  if (c->count != MPI_UNDEFINED && c->count <= n) return MPI_Mrecv(buf, c->count, type(elem), &m, &st);

  // The message is too long: receive it elsewhere, so that the next receive gets the
  // next message.
  int bytes;
  MPI_Get_count(&st, MPI_BYTE, &bytes);
  MPI_Datatype as = bytes == MPI_UNDEFINED ? type(elem) : MPI_BYTE;
  int count = bytes == MPI_UNDEFINED ? c->count : bytes;
  char *drain = malloc((size_t)count * (as == MPI_BYTE ? 1 : elem) + 1);
  if (!drain) return MPI_ERR_NO_MEM;
  err = MPI_Mrecv(drain, count, as, &m, &st);
  free(drain);
  if (err) return err;
  if (c->count != MPI_UNDEFINED) return MPIX_TRUNCATED;
  c->count = bytes;
  return MPIX_RAGGED;
}

int mpix_sendrecv(mpix_comm *c, const char *send, long long nsend, int dst, int stag, char *recv, long long nrecv,
                  int elem, int src, int rtag) {
  MPI_Request sending;
  if (nsend > mpix_limit) return MPIX_TOO_LONG;
  int err = MPI_Isend(send, (int)nsend, type(elem), dst, stag, c->user, &sending);
  if (err) return err;
  err = mpix_recv(c, recv, nrecv, elem, src, rtag);
  int sent = MPI_Wait(&sending, MPI_STATUS_IGNORE);
  return err ? err : sent;
}

int mpix_bcast(mpix_comm *c, char *buf, long long n, int elem, int root) {
  int err;
  do {
    int part = (int)(n < mpix_limit ? n : mpix_limit);
    err = MPI_Bcast(buf, part, type(elem), root, c->own);
    buf += (long long)part * elem;
    n -= part;
  } while (!err && n > 0);
  return err;
}

int mpix_barrier(mpix_comm *c) { return MPI_Barrier(c->own); }

// Begins to compute the minimum over the ranks, without waiting for them.
int mpix_vote(mpix_comm *c, int value) {
  c->vote = value;
  return MPI_Iallreduce(&c->vote, &c->voted, 1, MPI_INT, MPI_MIN, c->own, &c->voting);
}

// Tells whether all ranks have voted; then c->voted is the result.
int mpix_voted(mpix_comm *c, int *done) { return MPI_Test(&c->voting, done, MPI_STATUS_IGNORE); }
