// shmop(2): "After a fork(2), the child inherits the attached shared memory segments. After an
// execve(2), all attached shared memory segments are detached from the process."
#include "check.h"

#include <sys/shm.h>

int main(int argc, char **argv) {
  if (argc > 1) {
    struct shmid_ds state;
    int id = atoi(argv[1]);
    CHECK_THAT(shmctl(id, IPC_STAT, &state) == 0 && state.shm_nattch == 1, "exec detached it");
    return finish();
  }
  int id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
  NEED(id >= 0);
  volatile int *memory = shmat(id, NULL, 0);
  NEED(memory != (void *)-1);
  memory[0] = 5;
  struct shmid_ds state;
  CHECK(shmctl(id, IPC_STAT, &state) == 0 && state.shm_nattch == 1 && state.shm_segsz == 8192);
  IN_CHILD({
    CHECK(memory[0] == 5);
    memory[0] = 6;
    CHECK(shmctl(id, IPC_STAT, &state) == 0 && state.shm_nattch == 2);
    char number[16];
    snprintf(number, sizeof number, "%d", id);
    execl("/proc/self/exe", "again", number, NULL);
    NEED(0);
  });
  CHECK(memory[0] == 6);
  CHECK(shmctl(id, IPC_RMID, NULL) == 0);
  CHECK(memory[0] == 6);
  CHECK(shmdt((void *)memory) == 0);
  CHECK_ERRNO(shmctl(id, IPC_STAT, &state), EINVAL);
  return finish();
}
