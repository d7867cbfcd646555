#define _GNU_SOURCE
#include "CLinuxIO.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int linux_spawn(
    pid_t *process, const char *program, char *const arguments[], char *const environment[], const char *directory, int input,
    int output, int errors) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int status = posix_spawn_file_actions_init(&actions);
    if (status != 0) return status;
    status = posix_spawnattr_init(&attributes);
    if (status != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return status;
    }
    // A program started by one that ignores or blocks signals would do so too, and could then not be stopped.
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    const int resets[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGCHLD};
    for (unsigned i = 0; i < sizeof resets / sizeof *resets; i++) sigaddset(&usual, resets[i]);
    if ((status = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)) == 0 &&
        (status = posix_spawnattr_setsigmask(&attributes, &none)) == 0 &&
        (status = posix_spawnattr_setsigdefault(&attributes, &usual)) == 0 &&
        (status = posix_spawn_file_actions_addchdir_np(&actions, directory)) == 0 &&
        (status = input < 0 ? posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
                            : posix_spawn_file_actions_adddup2(&actions, input, 0)) == 0 &&
        (status = posix_spawn_file_actions_adddup2(&actions, output, 1)) == 0 &&
        (status = posix_spawn_file_actions_adddup2(&actions, errors, 2)) == 0 &&
        // It may outlive its parent, and must not keep the parent's sockets and pipes open then.
        (status = posix_spawn_file_actions_addclosefrom_np(&actions, 3)) == 0)
        status = posix_spawnp(process, program, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

int linux_pidfd(pid_t process) {
    return (int)syscall(SYS_pidfd_open, process, 0);
}

int linux_name_thread(const char *name) {
    return prctl(PR_SET_NAME, name, 0, 0, 0);
}
