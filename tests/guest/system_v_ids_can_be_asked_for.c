// proc_sys_kernel(5), /proc/sys/kernel/{msg,sem,shm}_next_id: the id of the next object; -1 once it
// is used. Where its place is taken the next one is meant. /proc/sys/kernel/sem: as many numbers as
// are written. IPC_SET to nobody's id is EINVAL.
#include "namespaces.h"

#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static int make(int kind) {
  return kind == 0   ? msgget(IPC_PRIVATE, 0600)
         : kind == 1 ? semget(IPC_PRIVATE, 1, 0600)
                     : shmget(IPC_PRIVATE, 4096, 0600);
}

int main(void) {
  static const char *paths[] = {"/proc/sys/kernel/msg_next_id", "/proc/sys/kernel/sem_next_id",
                                "/proc/sys/kernel/shm_next_id"};
  NEED(unshare(CLONE_NEWIPC) == 0);
  for (int kind = 0; kind < 3; ++kind) {
    CHECK_THAT(write_text(paths[kind], "77") == 0, paths[kind]);
    CHECK(strcmp(read_text(paths[kind]), "77\n") == 0);
    CHECK(make(kind) == 77 && strcmp(read_text(paths[kind]), "-1\n") == 0);
    CHECK(make(kind) == 0);
    CHECK(write_text(paths[kind], "77") == 0 && make(kind) == 78);
    CHECK(write_text(paths[kind], "100000") == 0 && make(kind) == 100000);
    CHECK(write_text(paths[kind], "-1") == EINVAL && write_text(paths[kind], "x") == EINVAL);
  }
  CHECK(write_text("/proc/sys/kernel/shmmni", "32769") == EINVAL);
  CHECK(write_text("/proc/sys/kernel/sem", "10") == 0);
  CHECK(strncmp(read_text("/proc/sys/kernel/sem"), "10\t1024000000\t500\t", 18) == 0);
  CHECK_ERRNO(semget(IPC_PRIVATE, 11, 0600), EINVAL);
  CHECK(write_text("/proc/sys/kernel/sem", "32000 1024000000 500 40000") == ERANGE);
  CHECK(write_text("/proc/sys/fs/mqueue/msg_max", "0") == EINVAL);
  CHECK(write_text("/proc/sys/fs/mqueue/msg_max", "65537") == EINVAL);
  struct shmid_ds state;
  NEED(shmctl(77, IPC_STAT, &state) == 0);
  state.shm_perm.uid = (uid_t)-1;
  CHECK_ERRNO(shmctl(77, IPC_SET, &state), EINVAL);
  struct {
    long type;
    char text[8];
  } message = {1, "message"};
  NEED(msgsnd(77, &message, 8, 0) == 0);
  CHECK_ERRNO(msgrcv(77, &message, 1, 0, MSG_COPY | IPC_NOWAIT), E2BIG);
  CHECK_ERRNO(msgrcv(77, &message, 1, 0, MSG_COPY | MSG_NOERROR | IPC_NOWAIT), EINVAL);
  CHECK(msgrcv(77, &message, 8, 0, MSG_COPY | IPC_NOWAIT) == 8);
  return finish();
}
