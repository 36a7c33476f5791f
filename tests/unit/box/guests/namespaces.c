// Processes in namespaces of their own while the box is forked.
#define _GNU_SOURCE
#include "guest.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static int write_text(const char *path, const char *text) {
  const int file = open(path, O_WRONLY);
  const ssize_t size = (ssize_t)strlen(text);
  return file >= 0 && write(file, text, (size_t)size) == size && close(file) == 0;
}

static ino_t number_of(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 ? status.st_ino : 0;
}

static int segment, server, users;
static char *attached;
static struct sockaddr_in address = {.sin_family = AF_INET};
static ino_t networks;
static pid_t child;

static void fill(void) {
  struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  socklen_t size = sizeof address;
  segment = shmget(77, 4096, IPC_CREAT | 0600);
  attached = shmat(segment, NULL, 0);
  strcpy(attached, "kept");
  server = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (ioctl(server, SIOCSIFFLAGS, &up) != 0 ||
      bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 3) != 0 ||
      getsockname(server, (struct sockaddr *)&address, &size) != 0 ||
      mount("proc", "/proc", "proc", 0, NULL) != 0 || sethostname("within", 6) != 0)
    _exit(6);
  networks = number_of("/proc/self/ns/net");
  users = open("/proc/self/ns/user", O_RDONLY);
  child = fork();
  if (child == 0)
    for (;;)
      pause();
}

static void look(void) {
  struct utsname name;
  struct stat status;
  char target[8] = "";
  CHECK("pids", getpid() == 1 && getppid() == 0 && child == 2 && kill(2, 0) == 0);
  CHECK("users", getuid() == 0 && getgid() == 0);
  CHECK("proc", readlink("/proc/self", target, sizeof target) == 1 && target[0] == '1' &&
                    access("/proc/2", F_OK) == 0 && access("/proc/3", F_OK) != 0);
  CHECK("names", uname(&name) == 0 && strcmp(name.nodename, "within") == 0);
  CHECK("numbers", number_of("/proc/self/ns/net") == networks && fstat(users, &status) == 0 &&
                       status.st_ino == number_of("/proc/self/ns/user"));
  CHECK("segment", strcmp(attached, "kept") == 0 && shmget(77, 4096, 0) == segment &&
                       shmctl(segment, IPC_RMID, NULL) == 0);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  CHECK("network", connect(client, (struct sockaddr *)&address, sizeof address) == 0 &&
                       accept(server, NULL, NULL) >= 0);
  CHECK("fork", waitpid(fork() == 0 ? (_exit(getpid()), 0) : 3, &(int){0}, 0) == 3);
  CHECK("shield", kill(1, SIGKILL) == 0);
}

int main(void) {
  char map[32];
  const unsigned uid = geteuid(), gid = getegid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET |
              CLONE_NEWUTS) != 0)
    return 7;
  snprintf(map, sizeof map, "0 %u 1", uid);
  if (!write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/uid_map", map))
    return 8;
  snprintf(map, sizeof map, "0 %u 1", gid);
  if (!write_text("/proc/self/gid_map", map))
    return 9;
  const pid_t first = fork();
  if (first == 0) {
    fill();
    say("ready");
    next_line(); // here the box is forked
    look();
    _exit(0);
  }
  int status;
  CHECK("end", waitpid(first, &status, 0) == first && status == 0);
  say("done");
  return 0;
}
