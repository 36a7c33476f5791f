// fork(2): "The child does not inherit semaphore adjustments from its parent (semop(2))."
#include "check.h"

#include <sys/sem.h>

static int semaphore;
static int operate(short by) {
  struct sembuf operation = {.sem_num = 0, .sem_op = by, .sem_flg = SEM_UNDO};
  return semop(semaphore, &operation, 1);
}
int main(void) {
  semaphore = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
  NEED(semaphore >= 0);
  NEED(semctl(semaphore, 0, SETVAL, 10) == 0);
  IN_CHILD({
    CHECK(operate(-4) == 0);
    CHECK(semctl(semaphore, 0, GETVAL) == 6);
    IN_CHILD(CHECK(semctl(semaphore, 0, GETVAL) == 6););
    CHECK_THAT(semctl(semaphore, 0, GETVAL) == 6, "the grandchild undoes nothing");
  });
  CHECK_THAT(semctl(semaphore, 0, GETVAL) == 10, "the child's exit undoes its own");
  CHECK(semctl(semaphore, 0, IPC_RMID) == 0);
  CHECK_ERRNO(semctl(semaphore, 0, GETVAL), EINVAL);
  return finish();
}
