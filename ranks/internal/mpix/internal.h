#include "mpix.h"

// The most elements in one MPI call. Tests lower it.
extern long long mpix_limit;

// Whether more ranks than cores share this machine: then waiting ranks yield the core.
extern int mpix_crowded;
