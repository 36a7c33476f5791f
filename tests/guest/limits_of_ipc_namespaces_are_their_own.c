// ipc_namespaces(7): "each IPC namespace has … the POSIX message queue interfaces in
// /proc/sys/fs/mqueue; the System V IPC interfaces in /proc/sys/kernel". shmget(2), msgget(2),
// semget(2), mq_overview(7).
#include "check.h"
#include "namespaces.h"
#include <sys/msg.h>
#include <sys/shm.h>

static void read_setting(const char *path, char *text, size_t size) {
  int fd = open(path, O_RDONLY);
  NEED(fd >= 0);
  ssize_t length = read(fd, text, size - 1);
  NEED(length > 0);
  text[length] = 0;
  close(fd);
}

static int write_setting(const char *path, const char *text) {
  int fd = open(path, O_WRONLY);
  NEED(fd >= 0);
  ssize_t length = write(fd, text, strlen(text));
  close(fd);
  return length == (ssize_t)strlen(text);
}

static const char *settings[] = {"/proc/sys/kernel/shmmni", "/proc/sys/kernel/msgmni",
                                 "/proc/sys/kernel/msgmnb", "/proc/sys/kernel/sem",
                                 "/proc/sys/fs/mqueue/msg_max"};
enum { count = sizeof settings / sizeof *settings };

int main(void) {
  char before[count][64], text[64];
  for (int i = 0; i < count; ++i)
    read_setting(settings[i], before[i], sizeof before[i]);
  IN_CHILD({
    NEED(unshare(CLONE_NEWIPC) == 0);
    CHECK(write_setting(settings[0], "1\n") && write_setting(settings[1], "1") &&
          write_setting(settings[2], "77"));
    CHECK(write_setting(settings[3], "10 20 30 40") && write_setting(settings[4], "7"));
    read_setting(settings[3], text, sizeof text);
    CHECK(strcmp(text, "10\t20\t30\t40\n") == 0);
    read_setting(settings[4], text, sizeof text);
    CHECK(strcmp(text, "7\n") == 0);
    // They hold.
    CHECK(shmget(IPC_PRIVATE, 4096, 0600) >= 0);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 4096, 0600), ENOSPC);
    int queue = msgget(IPC_PRIVATE, 0600);
    struct msqid_ds state;
    CHECK(queue >= 0 && msgctl(queue, IPC_STAT, &state) == 0 && state.msg_qbytes == 77);
    CHECK_ERRNO(msgget(IPC_PRIVATE, 0600), ENOSPC);
    CHECK(!write_setting(settings[0], "nonsense") && errno == EINVAL);
  });
  for (int i = 0; i < count; ++i) {
    read_setting(settings[i], text, sizeof text);
    CHECK_THAT(strcmp(text, before[i]) == 0, settings[i]);
  }
  return finish();
}
