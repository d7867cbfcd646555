#ifndef CLINUXIO_H
#define CLINUXIO_H

// The Linux calls that Swift's Glibc module leaves out.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/types.h>

/// Starts `arguments[0]` (found in PATH) in `directory`, in a session of its own so that a terminal's Ctrl-C doesn't reach it. Input is
/// /dev/null, output and errors go to `output`, and no other descriptor is open in it. Returns 0 and the process id, or an errno.
int linux_spawn(pid_t *process, char *const arguments[], char *const environment[], const char *directory, int output);

/// A descriptor that becomes readable when the process ends; -1 and errno when there is no such process.
int linux_pidfd(pid_t process);

/// Names the calling thread for tools such as top; the kernel keeps 15 bytes.
int linux_name_thread(const char *name);

#endif
