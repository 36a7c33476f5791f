// ipc_namespaces(7), network_namespaces(7): objects of one are not in the other; lo is down at
// first.
#include "namespaces.h"

#include <arpa/inet.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

/// Namespaces that the parent user namespace owns can't be joined from below.
static void ipc(int is_user) {
  const int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  NEED(segment >= 0);
  char *shown = shmat(segment, NULL, 0);
  NEED(shown != (void *)-1);
  strcpy(shown, "outside");
  struct stat before, after;
  const int outer = open("/proc/self/ns/ipc", O_RDONLY);
  NEED(outer >= 0 && fstat(outer, &before) == 0);
  CHECK(unshare(CLONE_NEWIPC) == 0);
  CHECK(stat("/proc/self/ns/ipc", &after) == 0 && before.st_ino != after.st_ino);
  CHECK_THAT(strcmp(shown, "outside") == 0, "a segment stays attached");
  CHECK_ERRNO(shmctl(segment, IPC_RMID, NULL), EINVAL);
  CHECK(shmdt(shown) == 0);
  const key_t key = 0x74696e65;
  const int own = semget(key, 1, IPC_CREAT | IPC_EXCL | 0600);
  CHECK(own >= 0);
  mqd_t queue = mq_open("/namespaces", O_CREAT | O_RDWR, 0600, NULL);
  CHECK(queue >= 0);
  if (is_user)
    CHECK_ERRNO(setns(outer, CLONE_NEWIPC), EPERM);
  else
    IN_CHILD({
      CHECK(setns(outer, CLONE_NEWIPC) == 0);
      CHECK_ERRNO(semget(key, 1, 0), ENOENT);
      CHECK_ERRNO(mq_open("/namespaces", O_RDWR), ENOENT);
      CHECK(shmctl(segment, IPC_RMID, NULL) == 0);
    });
  CHECK(semctl(own, 0, IPC_RMID) == 0 && mq_unlink("/namespaces") == 0);
}

static int try_connect(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  NEED(client >= 0);
  const int error = connect(client, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
  close(client);
  return error;
}

static int listener(uint16_t *port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof address;
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  NEED(server >= 0 && bind(server, (struct sockaddr *)&address, sizeof address) == 0);
  NEED(listen(server, 5) == 0 && getsockname(server, (struct sockaddr *)&address, &size) == 0);
  *port = ntohs(address.sin_port);
  return server;
}

static short flags_of_loopback(int by) {
  struct ifreq request = {.ifr_name = "lo"};
  NEED(ioctl(by, SIOCGIFFLAGS, &request) == 0);
  return request.ifr_flags;
}

static void network(int is_user) {
  uint16_t port, own_port;
  const int server = listener(&port);
  const int outer = open("/proc/self/ns/net", O_RDONLY);
  NEED(outer >= 0);
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0tine-namespaces"};
  const int abstract = socket(AF_UNIX, SOCK_STREAM, 0);
  NEED(abstract >= 0 && bind(abstract, (struct sockaddr *)&name, sizeof name) == 0);
  NEED(listen(abstract, 1) == 0);
  CHECK(try_connect(port) == 0);
  CHECK(unshare(CLONE_NEWNET) == 0);
  const int any = socket(AF_INET, SOCK_DGRAM, 0);
  NEED(any >= 0);
  CHECK((flags_of_loopback(any) & IFF_UP) == 0);
  CHECK(try_connect(port) == ENETUNREACH);
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  CHECK(ioctl(any, SIOCSIFFLAGS, &request) == 0);
  CHECK((flags_of_loopback(any) & IFF_UP) != 0);
  CHECK_THAT(try_connect(port) == ECONNREFUSED, "the listener is in the other namespace");
  const int own = listener(&own_port);
  CHECK(try_connect(own_port) == 0);
  const int client = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK_ERRNO(connect(client, (struct sockaddr *)&name, sizeof name), ECONNREFUSED);
  if (is_user)
    CHECK_ERRNO(setns(outer, CLONE_NEWNET), EPERM);
  else
    CHECK(setns(outer, CLONE_NEWNET) == 0 && try_connect(port) == 0);
  // A socket stays in the namespace that it was made in.
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(own_port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(connect(any, (struct sockaddr *)&address, sizeof address) == 0);
  close(own);
  close(server);
}

int main(void) {
  CHECK_ERRNO(clone_into(CLONE_NEWIPC | CLONE_SYSVSEM), EINVAL);
  for (int as_user = geteuid() != 0; as_user < 2; ++as_user) {
    IN_CHILD({
      if (as_user)
        become_root_inside();
      IN_CHILD(ipc(as_user));
      IN_CHILD(network(as_user));
    });
  }
  return finish();
}
