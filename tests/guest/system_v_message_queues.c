// msgget(2), msgop(2), msgctl(2): types, MSG_EXCEPT, MSG_NOERROR, MSG_COPY, a full queue, removal.
#include "check.h"

#include <sys/msg.h>

struct message {
  long type;
  char text[64];
};
static int queue;
static int put(long type, const char *text, int flags) {
  struct message message = {.type = type};
  strcpy(message.text, text);
  return msgsnd(queue, &message, strlen(text) + 1, flags);
}
/// Whether the next message of the type is this one.
static int get_is(long type, int flags, const char *text, long its_type) {
  struct message message = {0};
  ssize_t length = msgrcv(queue, &message, sizeof message.text, type, flags);
  return length == (ssize_t)strlen(text) + 1 && strcmp(message.text, text) == 0 &&
         message.type == its_type;
}
static struct msqid_ds state(void) {
  struct msqid_ds result;
  NEED(msgctl(queue, IPC_STAT, &result) == 0);
  return result;
}

static void test_types(void) {
  struct message message;
  NEED(put(3, "three", 0) == 0 && put(1, "one", 0) == 0 && put(2, "two", 0) == 0 &&
       put(1, "uno", 0) == 0 && put(5, "five", 0) == 0);
  CHECK(state().msg_qnum == 5 && state().__msg_cbytes == 6 + 4 + 4 + 4 + 5);
  CHECK(state().msg_lspid == getpid() && state().msg_lrpid == 0);
  CHECK(get_is(1, MSG_COPY | IPC_NOWAIT, "one", 1) && state().msg_qnum == 5);
  CHECK(get_is(4, MSG_COPY | IPC_NOWAIT, "five", 5));
  CHECK_ERRNO(msgrcv(queue, &message, 64, 5, MSG_COPY | IPC_NOWAIT), ENOMSG);
  CHECK_ERRNO(msgrcv(queue, &message, 64, 0, MSG_COPY), EINVAL);
  CHECK_ERRNO(msgrcv(queue, &message, 64, 0, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT), EINVAL);
  CHECK(get_is(1, 0, "one", 1));
  CHECK(get_is(-2, 0, "uno", 1));
  CHECK(get_is(3, MSG_EXCEPT, "two", 2));
  CHECK_ERRNO(msgrcv(queue, &message, 2, 0, 0), E2BIG);
  CHECK(msgrcv(queue, &message, 2, 0, MSG_NOERROR) == 2 && memcmp(message.text, "th", 2) == 0);
  CHECK_ERRNO(msgrcv(queue, &message, 64, 4, IPC_NOWAIT), ENOMSG);
  CHECK(get_is(0, 0, "five", 5) && state().msg_qnum == 0 && state().msg_lrpid == getpid());
  CHECK_ERRNO(msgrcv(queue, &message, 64, 0, IPC_NOWAIT), ENOMSG);
  CHECK_ERRNO(put(0, "x", 0), EINVAL);
  CHECK_ERRNO(put(-1, "x", 0), EINVAL);
  static char large[8200];
  *(long *)large = 1;
  CHECK_ERRNO(msgsnd(queue, large, 8193, 0), EINVAL);
  CHECK(msgsnd(queue, large, 8192, 0) == 0 && msgsnd(queue, large, 0, 0) == 0);
  CHECK(msgrcv(queue, large, 8192, 0, 0) == 8192 && msgrcv(queue, large, 8192, 0, 0) == 0);
  CHECK_ERRNO(msgsnd(queue, (void *)8, 1, 0), EFAULT);
}

static void on_signal(int number) {
  (void)number;
}
static void test_waiting(void) {
  struct msqid_ds settings = state();
  settings.msg_qbytes = 10;
  CHECK(msgctl(queue, IPC_SET, &settings) == 0 && state().msg_qbytes == 10);
  NEED(put(1, "12345678", 0) == 0);
  CHECK_ERRNO(put(1, "9", IPC_NOWAIT), EAGAIN);
  pid_t child = fork();
  if (child == 0)
    _exit(put(2, "later", 0) != 0);
  sleep_ms(20);
  CHECK(state().msg_qnum == 1);
  CHECK(get_is(0, 0, "12345678", 1));
  CHECK(get_is(0, 0, "later", 2)); // waits for the child
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  child = fork();
  if (child == 0)
    _exit(!get_is(7, 0, "seven", 7));
  sleep_ms(20);
  NEED(put(7, "seven", 0) == 0);
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  child = fork();
  if (child == 0) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval often = {{0, 20000}, {0, 20000}};
    setitimer(ITIMER_REAL, &often, NULL);
    struct message message;
    _exit(msgrcv(queue, &message, 64, 0, 0) == -1 ? errno : 0);
  }
  CHECK_THAT(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == EINTR,
             "msgrcv is never restarted");
  child = fork();
  if (child == 0) {
    struct message message;
    _exit(msgrcv(queue, &message, 64, 0, 0) == -1 ? errno : 0);
  }
  sleep_ms(20);
  CHECK(msgctl(queue, IPC_RMID, NULL) == 0);
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == EIDRM);
  CHECK_ERRNO(put(1, "x", 0), EINVAL);
}

int main(void) {
  key_t key = (key_t)(0x7e570000 + getpid());
  CHECK_ERRNO(msgget(key, 0), ENOENT);
  queue = msgget(key, IPC_CREAT | 0600);
  NEED(queue >= 0);
  CHECK_ERRNO(msgget(key, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
  CHECK(msgget(key, 0) == queue);
  CHECK(state().msg_perm.mode == 0600 && state().msg_qbytes == 16384 && state().msg_stime == 0);
  test_types();
  IN_CHILD({
    NEED(setgid(4321) == 0 && setuid(4321) == 0);
    CHECK_ERRNO(put(1, "x", 0), EACCES);
    CHECK_ERRNO(msgget(key, 0600), EACCES);
    CHECK_ERRNO(msgctl(queue, IPC_RMID, NULL), EPERM);
  });
  test_waiting();
  return finish();
}
