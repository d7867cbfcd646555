#ifndef CLINUXIO_H
#define CLINUXIO_H

// The Linux calls that Swift's Glibc module leaves out.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/types.h>

/// Starts `program` (found in PATH) in `directory`, in a session of its own so that a terminal's Ctrl-C doesn't reach it. Its input comes from
/// `input`, or from /dev/null where that is negative; output and errors go to the other two, and no other descriptor is open in it. Returns 0 and the
/// process id, or an errno.
int linux_spawn(
    pid_t *process, const char *program, char *const arguments[], char *const environment[], const char *directory, int input,
    int output, int errors);

/// A descriptor that becomes readable when the process ends; -1 and errno when there is no such process.
int linux_pidfd(pid_t process);

/// Names the calling thread for tools such as top; the kernel keeps 15 bytes.
int linux_name_thread(const char *name);

#endif
