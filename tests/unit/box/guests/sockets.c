// Sockets inside the box: what is queued, who is connected, who listens.
#define _GNU_SOURCE
#include "guest.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int send_descriptor(int socket, int fd) {
  char byte = 'f', control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec data = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return sendmsg(socket, &message, 0) == 1;
}
static int receive_descriptor(int socket) {
  char byte, control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec data = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (recvmsg(socket, &message, MSG_DONTWAIT) != 1)
    return -1;
  int fd = -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header)
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

int main(void) {
  int stream[2], datagram[2], carrier[2], pipe_ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, stream) || socketpair(AF_UNIX, SOCK_DGRAM, 0, datagram) ||
      socketpair(AF_UNIX, SOCK_STREAM, 0, carrier) || pipe(pipe_ends))
    return 1;
  if (write(stream[0], "stream", 6) != 6 || write(datagram[0], "one", 3) != 3 ||
      write(datagram[0], "three", 5) != 5 || write(pipe_ends[1], "pipe", 4) != 4)
    return 1;
  // A pipe in the queue of a socket in the queue of a socket, all else closed; and a long chain.
  int inner[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, inner) || !send_descriptor(inner[0], pipe_ends[0]) ||
      !send_descriptor(carrier[0], inner[1]))
    return 1;
  close(pipe_ends[0]);
  close(inner[0]);
  close(inner[1]);
  int chain = open("/dev/null", O_RDONLY);
  enum { links = 2000 };
  for (int i = 0; i < links; ++i) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || !send_descriptor(pair[0], chain))
      return 1;
    close(chain);
    close(pair[0]);
    chain = pair[1];
  }
  // A name of the file system and an abstract one.
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/tmp/box_socket"};
  const int named = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un abstract = {.sun_family = AF_UNIX, .sun_path = "\0box"};
  const int unnamed = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (bind(named, (void *)&name, sizeof name) || listen(named, 5) ||
      bind(unnamed, (void *)&abstract, sizeof(sa_family_t) + 4))
    return 1;
  const int waiting = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(waiting, (void *)&name, sizeof name) || write(waiting, "early", 5) != 5)
    return 1;
  // TCP and UDP.
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (void *)&address, sizeof address) || listen(listener, 5) ||
      getsockname(listener, (void *)&address, &length))
    return 1;
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(client, (void *)&address, sizeof address) || write(client, "tcp", 3) != 3)
    return 1;
  const int server = accept(listener, NULL, NULL);
  const int pending = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(pending, (void *)&address, sizeof address) || write(pending, "pending", 7) != 7)
    return 1;
  struct sockaddr_in udp_address = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int udp = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);
  length = sizeof udp_address;
  if (bind(udp, (void *)&udp_address, sizeof udp_address) ||
      getsockname(udp, (void *)&udp_address, &length) ||
      sendto(sender, "udp", 3, 0, (void *)&udp_address, sizeof udp_address) != 3)
    return 1;
  struct stat before, after;
  fstat(server, &before);

  say("ready");
  next_line(); // here the box is forked

  char bytes[64] = "";
  fstat(server, &after);
  CHECK("number", before.st_ino == after.st_ino && before.st_dev == after.st_dev);
  CHECK("stream", read(stream[1], bytes, sizeof bytes) == 6 && memcmp(bytes, "stream", 6) == 0);
  CHECK("back", write(stream[1], "back", 4) == 4 && read(stream[0], bytes, sizeof bytes) == 4);
  CHECK("datagrams",
        read(datagram[1], bytes, sizeof bytes) == 3 && read(datagram[1], bytes, sizeof bytes) == 5);
  const int carried = receive_descriptor(carrier[1]);
  const int pipe_end = receive_descriptor(carried);
  CHECK("descriptor in flight",
        read(pipe_end, bytes, sizeof bytes) == 4 && memcmp(bytes, "pipe", 4) == 0);
  int depth = 0;
  for (int next; (next = receive_descriptor(chain)) >= 0; chain = next, ++depth)
    close(chain);
  CHECK("chain of descriptors in flight", depth == links);
  const int accepted = accept(named, NULL, NULL);
  CHECK("waiting connection", read(accepted, bytes, sizeof bytes) == 5 &&
                                  write(accepted, "late", 4) == 4 &&
                                  read(waiting, bytes, sizeof bytes) == 4);
  const int second = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK("path name",
        connect(second, (void *)&name, sizeof name) == 0 && accept(named, NULL, NULL) >= 0);
  CHECK("abstract name", sendto(socket(AF_UNIX, SOCK_DGRAM, 0), "a", 1, 0, (void *)&abstract,
                                sizeof(sa_family_t) + 4) == 1 &&
                             read(unnamed, bytes, sizeof bytes) == 1);
  CHECK("tcp", read(server, bytes, sizeof bytes) == 3 && memcmp(bytes, "tcp", 3) == 0 &&
                   write(server, "answer", 6) == 6 && read(client, bytes, sizeof bytes) == 6);
  const int late = accept(listener, NULL, NULL);
  CHECK("tcp backlog", read(late, bytes, sizeof bytes) == 7 && memcmp(bytes, "pending", 7) == 0);
  const int third = socket(AF_INET, SOCK_STREAM, 0);
  CHECK("tcp listener",
        connect(third, (void *)&address, sizeof address) == 0 && accept(listener, NULL, NULL) >= 0);
  close(client);
  CHECK("tcp end", read(server, bytes, sizeof bytes) == 0);
  CHECK("udp", read(udp, bytes, sizeof bytes) == 3 && memcmp(bytes, "udp", 3) == 0);
  const int more = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK("udp port", sendto(more, "x", 1, 0, (void *)&udp_address, sizeof udp_address) == 1 &&
                        read(udp, bytes, sizeof bytes) == 1);
  say("done");
  return 0;
}
