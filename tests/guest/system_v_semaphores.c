// semget(2), semop(2), semctl(2): all operations or none, waiting in turn, SEM_UNDO, removal.
#include "check.h"

#include <pthread.h>
#include <sys/sem.h>

union semun {
  int value;
  struct semid_ds *state;
  unsigned short *values;
};

static int set;
static int operate(int number, int by, int flags) {
  struct sembuf one = {(unsigned short)number, (short)by, (short)flags};
  return semop(set, &one, 1);
}
static int value(int number) {
  return semctl(set, number, GETVAL);
}
/// Until `count` processes wait for the semaphore (for zero: GETZCNT).
static void wait_for(int number, int command, int count) {
  for (int i = 0; i < 5000 && semctl(set, number, command) != count; ++i)
    sleep_ms(1);
}

static void test_get(void) {
  key_t key = (key_t)(0x7e570000 + getpid());
  CHECK_ERRNO(semget(key, 1, 0), ENOENT);
  CHECK_ERRNO(semget(key, 0, IPC_CREAT | 0600), EINVAL);
  CHECK_ERRNO(semget(key, -1, IPC_CREAT | 0600), EINVAL);
  int id = semget(key, 3, IPC_CREAT | IPC_EXCL | 0640);
  NEED(id >= 0);
  CHECK_ERRNO(semget(key, 3, IPC_CREAT | IPC_EXCL | 0640), EEXIST);
  CHECK_ERRNO(semget(key, 4, 0), EINVAL);
  CHECK(semget(key, 0, 0) == id);
  struct semid_ds state;
  CHECK(semctl(id, 0, IPC_STAT, (union semun){.state = &state}) == 0 && state.sem_nsems == 3 &&
        state.sem_perm.mode == 0640 && state.sem_otime == 0 && state.sem_ctime != 0);
  CHECK(semctl(id, 0, IPC_RMID) == 0);
}

static void test_operations(void) {
  unsigned short all[3] = {1, 2, 3}, got[3];
  CHECK(semctl(set, 0, SETALL, (union semun){.values = all}) == 0);
  CHECK(semctl(set, 0, GETALL, (union semun){.values = got}) == 0 &&
        memcmp(all, got, sizeof all) == 0);
  struct sembuf two[] = {{0, -1, 0}, {1, -3, IPC_NOWAIT}};
  CHECK_ERRNO(semop(set, two, 2), EAGAIN);
  CHECK_THAT(value(0) == 1, "nothing was done of operations that can't all be done");
  two[1].sem_op = -2;
  CHECK(semop(set, two, 2) == 0 && value(0) == 0 && value(1) == 0);
  CHECK(semctl(set, 1, GETPID) == getpid());
  CHECK_ERRNO(operate(0, -1, IPC_NOWAIT), EAGAIN);
  CHECK(operate(0, 0, IPC_NOWAIT) == 0);
  CHECK_ERRNO(operate(2, 0, IPC_NOWAIT), EAGAIN);
  CHECK_ERRNO(operate(3, 1, 0), EFBIG);
  CHECK(operate(0, 32767, 0) == 0);
  CHECK_ERRNO(operate(0, 1, 0), ERANGE);
  CHECK_ERRNO(semctl(set, 0, SETVAL, (union semun){.value = 32768}), ERANGE);
  CHECK_ERRNO(semctl(set, 3, GETVAL), EINVAL);
  CHECK_ERRNO(semop(set, two, 0), EINVAL);
  CHECK_ERRNO(semop(set, two, 501), E2BIG);
  CHECK_ERRNO(semop(set, (struct sembuf *)8, 1), EFAULT);
  CHECK(semctl(set, 0, SETVAL, (union semun){.value = 0}) == 0);
  struct timespec soon = {0, 2000000}, bad = {0, -1};
  struct sembuf down = {0, -1, 0};
  CHECK_ERRNO(semtimedop(set, &down, 1, &soon), EAGAIN);
  CHECK_ERRNO(semtimedop(set, &down, 1, &bad), EINVAL);
  CHECK(semctl(set, 0, GETNCNT) == 0);
}

static void test_waiting(void) {
  pid_t children[2];
  for (int i = 0; i < 2; ++i) {
    children[i] = fork();
    NEED(children[i] >= 0);
    if (children[i] == 0)
      _exit(operate(0, -2 + i, 0) != 0);
    wait_for(0, GETNCNT, i + 1);
  }
  CHECK(semctl(set, 0, GETNCNT) == 2);
  CHECK(operate(0, 1, 0) == 0);
  int status;
  CHECK_THAT(waitpid(children[1], &status, 0) == children[1] && status == 0,
             "one that can go on is not held up by an earlier one that can't");
  CHECK(semctl(set, 0, GETNCNT) == 1 && value(0) == 0);
  CHECK(operate(0, 2, 0) == 0 && semctl(set, 0, GETNCNT) == 0);
  CHECK(waitpid(children[0], &status, 0) == children[0] && status == 0);
  CHECK(operate(0, 1, 0) == 0);
  pid_t child = fork();
  if (child == 0)
    _exit(operate(0, 0, 0) != 0);
  wait_for(0, GETZCNT, 1);
  CHECK(semctl(set, 0, GETZCNT) == 1 && semctl(set, 0, GETNCNT) == 0);
  CHECK(operate(0, -1, 0) == 0);
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  child = fork();
  if (child == 0) {
    signal(SIGALRM, SIG_DFL);
    operate(0, -1, 0);
    _exit(0);
  }
  wait_for(0, GETNCNT, 1);
  kill(child, SIGKILL);
  CHECK(waitpid(child, &status, 0) == child && semctl(set, 0, GETNCNT) == 0);
}

static void on_signal(int number) {
  (void)number;
}
static void test_interruption_and_removal(void) {
  pid_t child = fork();
  if (child == 0) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    _exit(operate(0, -1, 0) == -1 ? errno : 0);
  }
  wait_for(0, GETNCNT, 1);
  kill(child, SIGUSR1);
  int status;
  CHECK_THAT(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == EINTR,
             "semop is never restarted");
  child = fork();
  if (child == 0)
    _exit(operate(0, -1, 0) == -1 ? errno : 0);
  wait_for(0, GETNCNT, 1);
  CHECK(semctl(set, 0, IPC_RMID) == 0);
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == EIDRM);
  CHECK_ERRNO(value(0), EINVAL);
}

static void *with_undo(void *unused) {
  CHECK(operate(0, 5, SEM_UNDO) == 0);
  return unused;
}
static void test_undo(void) {
  NEED(semctl(set, 0, SETVAL, (union semun){.value = 10}) == 0);
  IN_CHILD({
    CHECK(operate(0, -3, SEM_UNDO) == 0 && operate(0, 1, SEM_UNDO) == 0);
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, with_undo, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK_THAT(value(0) == 13, "a thread's adjustments are the process's: its end undoes nothing");
  });
  CHECK(value(0) == 10);
  IN_CHILD({
    CHECK(operate(0, 1, SEM_UNDO) == 0);
    CHECK(semctl(set, 0, SETVAL, (union semun){.value = 7}) == 0); // clears what is to be undone
  });
  CHECK(value(0) == 7);
  pid_t child = fork();
  if (child == 0) {
    operate(0, -7, SEM_UNDO);
    execl("/bin/sleep", "sleep", "1000", NULL);
    _exit(9);
  }
  for (int i = 0; i < 5000 && value(0) != 0; ++i)
    sleep_ms(1);
  sleep_ms(50); // the exec
  CHECK_THAT(value(0) == 0, "exec keeps adjustments");
  kill(child, SIGKILL);
  CHECK(waitpid(child, NULL, 0) == child && value(0) == 7);
}

int main(void) {
  test_get();
  set = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
  NEED(set >= 0);
  test_operations();
  test_undo();
  NEED(semctl(set, 0, SETVAL, (union semun){.value = 0}) == 0);
  test_waiting();
  IN_CHILD({
    NEED(setgid(4321) == 0 && setuid(4321) == 0);
    CHECK_ERRNO(operate(0, 1, 0), EACCES);
    CHECK_ERRNO(semctl(set, 0, IPC_RMID), EPERM);
  });
  test_interruption_and_removal();
  return finish();
}
