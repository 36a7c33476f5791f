// tcp(7), udp(7), ip(7): over 127.0.0.1: connect, accept, refusal, end of stream, datagrams,
// options.
#include "check.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

int main(void) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, value = 0;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                     peer;
  socklen_t length = sizeof address;
  CHECK(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
  CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(listener, 8) == 0);
  CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0 && address.sin_port != 0);
  pid_t child = fork();
  if (child == 0) {
    int client = socket(AF_INET, SOCK_STREAM, 0);
    static char block[300000];
    memset(block, 'd', sizeof block);
    NEED(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
    for (size_t sent = 0; sent < sizeof block;) {
      ssize_t now = send(client, block + sent, sizeof block - sent, 0);
      NEED(now > 0);
      sent += (size_t)now;
    }
    shutdown(client, SHUT_WR);
    char answer[8];
    NEED(recv(client, answer, 8, 0) == 4);
    _exit(memcmp(answer, "done", 4) != 0);
  }
  length = sizeof peer;
  int accepted = accept(listener, (struct sockaddr *)&peer, &length);
  CHECK(accepted >= 0 && peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && length == sizeof peer);
  static char block[65536];
  long total = 0;
  for (ssize_t now; (now = recv(accepted, block, sizeof block, 0)) > 0;)
    total += now;
  CHECK(total == 300000);
  CHECK(send(accepted, "done", 4, 0) == 4);
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
  length = sizeof value;
  CHECK(getsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &value, &length) == 0 && value == 1);
  CHECK(getsockopt(accepted, SOL_SOCKET, SO_TYPE, &value, &length) == 0 && value == SOCK_STREAM);
  CHECK(close(accepted) == 0 && close(listener) == 0);
  int client = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_ERRNO(connect(client, (struct sockaddr *)&address, sizeof address), ECONNREFUSED);
  CHECK_ERRNO(send(socket(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_NOSIGNAL), EPIPE);
  int a = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
  address.sin_port = 0;
  length = sizeof address;
  CHECK(bind(a, (struct sockaddr *)&address, sizeof address) == 0 &&
        getsockname(a, (struct sockaddr *)&address, &length) == 0);
  CHECK_ERRNO(recv(a, block, 10, 0), EAGAIN);
  CHECK(sendto(b, "datagram", 8, 0, (struct sockaddr *)&address, sizeof address) == 8);
  struct pollfd poller = {a, POLLIN, 0};
  CHECK(poll(&poller, 1, 5000) == 1);
  length = sizeof peer;
  CHECK(recvfrom(a, block, 100, 0, (struct sockaddr *)&peer, &length) == 8 &&
        memcmp(block, "datagram", 8) == 0);
  CHECK(sendto(a, "back", 4, 0, (struct sockaddr *)&peer, sizeof peer) == 4 &&
        recv(b, block, 100, 0) == 4);
  CHECK_ERRNO(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
  CHECK_ERRNO(bind(open("/dev/null", O_RDONLY), (struct sockaddr *)&address, sizeof address),
              ENOTSOCK);
  return finish();
}
