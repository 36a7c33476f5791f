// unix(7): stream, datagram and seqpacket pairs; named and abstract addresses; SCM_RIGHTS and
// SCM_CREDENTIALS; shutdown.
#include "check.h"

#include <sys/socket.h>
#include <sys/un.h>

int main(void) {
  int pair[2];
  char text[64] = "";
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  CHECK(send(pair[0], "hello", 5, 0) == 5 && recv(pair[1], text, 3, MSG_PEEK) == 3 &&
        recv(pair[1], text, 64, 0) == 5);
  CHECK(shutdown(pair[0], SHUT_WR) == 0 && recv(pair[1], text, 64, 0) == 0);
  CHECK_ERRNO(send(pair[0], "x", 1, MSG_NOSIGNAL), EPIPE);
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) == 0);
  CHECK(send(pair[0], "one", 3, 0) == 3 && send(pair[0], "four", 4, 0) == 4);
  CHECK(recv(pair[1], text, 2, MSG_TRUNC) == 3 && recv(pair[1], text, 64, 0) == 4);
  CHECK_ERRNO(recv(pair[1], text, 64, 0), EAGAIN);
  CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
  CHECK(send(pair[0], "ab", 2, 0) == 2 && send(pair[0], "cd", 2, 0) == 2 &&
        recv(pair[1], text, 64, 0) == 2);
  for (int abstract = 0; abstract < 2; ++abstract) {
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path + abstract, abstract ? "tine-guest-unix" : "socket");
    socklen_t length = (socklen_t)(sizeof(sa_family_t) + (abstract ? 16 : 7));
    CHECK_ERRNO(connect(client, (struct sockaddr *)&address, length),
                abstract ? ECONNREFUSED : ENOENT);
    CHECK(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 5) == 0);
    int second = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERRNO(bind(second, (struct sockaddr *)&address, length), EADDRINUSE);
    CHECK(connect(client, (struct sockaddr *)&address, length) == 0);
    int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(accepted >= 0 && write(client, "x", 1) == 1 && read(accepted, text, 8) == 1);
    struct ucred credentials;
    length = sizeof credentials;
    CHECK(getsockopt(accepted, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 &&
          credentials.pid == getpid() && credentials.uid == getuid());
  }
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  IN_CHILD({
    int file = open("sent", O_RDWR | O_CREAT, 0600);
    NEED(write(file, "passed on", 9) == 9);
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec vector = {"f", 1};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &file, sizeof file);
    CHECK(sendmsg(pair[0], &message, 0) == 1);
  });
  char control[CMSG_SPACE(sizeof(int))];
  struct iovec vector = {text, 1};
  struct msghdr message = {.msg_iov = &vector,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
  CHECK(recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC) == 1);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  CHECK(header && header->cmsg_type == SCM_RIGHTS);
  int received = -1;
  if (header)
    memcpy(&received, CMSG_DATA(header), sizeof received);
  CHECK(pread(received, text, 64, 0) == 9 && memcmp(text, "passed on", 9) == 0);
  CHECK(fcntl(received, F_GETFD) == FD_CLOEXEC);
  return finish();
}
