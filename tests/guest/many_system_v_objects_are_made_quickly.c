// msgget(2), semget(2): as many as /proc/sys/kernel/{msgmni,sem} say, ENOSPC beyond; making one
// takes no longer when there are many.
#include "namespaces.h"

#include <sys/msg.h>
#include <sys/sem.h>

enum { count = 20000 };

int main(void) {
  NEED(unshare(CLONE_NEWIPC) == 0);
  NEED(write_text("/proc/sys/kernel/msgmni", "20000") == 0);
  NEED(write_text("/proc/sys/kernel/sem", "32000 20000 500 32000") == 0);
  static int queues[count], sets[count];
  const int64_t start = monotonic_ns();
  int made = 0;
  for (int i = 0; i < count; ++i) {
    queues[i] = msgget(1 + i, IPC_CREAT | IPC_EXCL | 0600);
    sets[i] = semget(1 + i, 1, IPC_CREAT | IPC_EXCL | 0600);
    made += queues[i] >= 0 && sets[i] >= 0;
  }
  CHECK(made == count);
  CHECK_ERRNO(msgget(IPC_PRIVATE, 0600), ENOSPC);
  CHECK_ERRNO(semget(IPC_PRIVATE, 1, 0600), ENOSPC);
  CHECK(msgget(77, 0) == queues[76] && semget(count, 0, 0) == sets[count - 1]);
  CHECK_ERRNO(msgget(count, IPC_CREAT | IPC_EXCL), EEXIST);
  NEED(msgctl(queues[76], IPC_RMID, NULL) == 0 && semctl(sets[76], 0, IPC_RMID) == 0);
  CHECK_ERRNO(msgget(77, 0), ENOENT);
  CHECK(semget(77, 2, IPC_CREAT | 0600) == -1 && errno == ENOSPC);
  CHECK(semget(77, 1, IPC_CREAT | 0600) >= 0 && msgget(77, IPC_CREAT | 0600) >= 0);
  CHECK_THAT(monotonic_ns() - start < 5000000000LL, "it took less than 5 s");
  return finish();
}
