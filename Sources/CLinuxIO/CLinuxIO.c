#define _GNU_SOURCE
#include "CLinuxIO.h"

#include <spawn.h>

const short linux_spawn_setsid = POSIX_SPAWN_SETSID;

int linux_name_thread(const char *name) {
    return prctl(PR_SET_NAME, name, 0, 0, 0);
}

int linux_die_with_parent(int signal) {
    return prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0, 0, 0);
}
