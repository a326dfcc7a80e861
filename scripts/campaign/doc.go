// Command campaign looks for faults of tessera by making things go wrong:
//
//	go run -tags native,mpi ./scripts/campaign -short       about 3 minutes on 2 cores
//	go run -tags native,mpi ./scripts/campaign              about 20 minutes
//
// It walks the registry of jobs, so that a new job takes part at once. For each job it
//
//   - kills runs at random times, in-process and, where there is an mpirun, under it:
//     the program or one rank, with SIGKILL, SIGTERM and SIGINT; then it continues the run
//     on another number of ranks and compares the answer with that of an undisturbed run;
//   - damages each file of a checkpoint in each class of its bytes and continues from it;
//   - changes each file that the job reads, and its config, and runs it;
//   - fills a disk of a few kilobytes at different points of a run;
//   - starts two runs in one output directory.
//
// A trial ends in one of three ways. "right": the answer is that of an undisturbed run, or
// the input was still one. "refused": the program said clearly what is wrong and claimed
// nothing. "wrong" is everything else: a wrong answer that claims to be right, half a
// result, an answer that is lost, a crash, a run without an end, a process or a hidden file
// that stays. The last lines are a table of the numbers; the exit status is 1 if one trial
// was wrong. Each wrong trial is printed with the flag that repeats it.
//
// With the variable asProgram in its environment, the command is tessera itself, built with
// the same tags: so nothing else has to be built. -program names another one.
package main
