#include <mpi.h>

// Which library this header belongs to: handles of Open MPI are pointers, of others integers.
#ifdef OPEN_MPI
enum { MPIX_OPEN_MPI = 1 };
#else
enum { MPIX_OPEN_MPI = 0 };
#endif

// Return values of the functions beside the codes of MPI.
enum {
  MPIX_MISMATCH = -1,  // a message of another length or call than expected: see bad_*
  MPIX_TRUNCATED = -2, // a message longer than the buffer: see source, tag, count
  MPIX_RAGGED = -3,    // a message that is no whole number of elements
  MPIX_TOO_LONG = -4   // more elements in one message than MPI's int can count
};

// The calls whose messages go over a communicator's second half.
enum { MPIX_REDUCE, MPIX_EXCHANGE, MPIX_ALLTOALL, MPIX_GATHER, MPIX_KINDS };

// A communicator: the caller's messages use one MPI communicator, all other messages a
// second one, where no wildcard of the caller can match them. A call leaves its results
// beside the code here, where Go reads them.
typedef struct {
  MPI_Comm user, own;
  int rank, size;
  int source, tag, count;       // of the last receive; elements
  int bad_peer, bad_kind;       // of the last mismatch
  long long bad_count, bad_want;
  int vote, voted;              // of mpix_vote
  MPI_Request voting;
  int *counts, *offsets;        // scratch, one for each rank
  long long *to, *from, *sends; // likewise
  MPI_Request *reqs;            // scratch of swap, for as many exchanges as room says
  MPI_Status *stats;
  char *settled;
  long long room;
} mpix_comm;

int mpix_world(mpix_comm **out);
int mpix_split(mpix_comm *c, int colour, int key, mpix_comm **out);

int mpix_send(mpix_comm *c, const char *buf, long long n, int elem, int dst, int tag);
int mpix_recv(mpix_comm *c, char *buf, long long n, int elem, int src, int tag);
int mpix_sendrecv(mpix_comm *c, const char *send, long long nsend, int dst, int stag, char *recv, long long nrecv,
                  int elem, int src, int rtag);

int mpix_exchange(mpix_comm *c, long long n, const long long *peers, const long long *scounts, const double *send,
                  const long long *rcounts, double *recv);
int mpix_swap(mpix_comm *c, const double *send, long long nsend, long long dst, double *recv, long long nrecv,
              long long src);
int mpix_alltoallv(mpix_comm *c, const long long *scounts, const double *send, const long long *rcounts, double *recv);
int mpix_gatherv(mpix_comm *c, double *dst, const long long *counts, const double *src, int root);
int mpix_allgatherv(mpix_comm *c, double *dst, const long long *counts, const double *src);
int mpix_bcast(mpix_comm *c, char *buf, long long n, int elem, int root);
int mpix_barrier(mpix_comm *c);

int mpix_vote(mpix_comm *c, int value);
int mpix_voted(mpix_comm *c, int *done);
void mpix_error_string(int code, char *text);
int mpix_cores(mpix_comm *c);
int mpix_machine_cores(void);
void mpix_share_verdict(mpix_comm *c);
int mpix_claim_verdict(int code);
int mpix_verdict(void);
void mpix_abort(int code);
void mpix_set_limit(long long n);
double mpix_loop(mpix_comm *c, int how, int times, long long peer, const double *send, double *recv, long long n);
