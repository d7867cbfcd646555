#ifndef CLINUXIO_H
#define CLINUXIO_H

// The Linux calls that Swift's Glibc module leaves out.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>

/// posix_spawn in a session of its own: a GNU extension hidden from Swift behind _GNU_SOURCE.
extern const short linux_spawn_setsid;

/// Has the kernel send `signal` to the calling process when the thread that started it ends.
int linux_die_with_parent(int signal);

/// Names the calling thread for tools such as top; the kernel keeps 15 bytes.
int linux_name_thread(const char *name);

#endif
