// bind(2), sendmsg(2), sendto(2), recv(2): what they refuse, and in which order.
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(void) {
  char byte = 'x';
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "name"};
  struct sockaddr_un other = {.sun_family = AF_UNIX, .sun_path = "other"};
  int local = socket(AF_UNIX, SOCK_STREAM, 0);
  NEED(local >= 0 && bind(local, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK_ERRNO(bind(local, (struct sockaddr *)&name, sizeof name), EADDRINUSE);
  CHECK_ERRNO(bind(local, (struct sockaddr *)&other, sizeof other), EINVAL);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), stream = socket(AF_INET, SOCK_STREAM, 0);
  NEED(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
       listen(listener, 1) == 0 &&
       getsockname(listener, (struct sockaddr *)&address, &length) == 0 &&
       connect(stream, (struct sockaddr *)&address, sizeof address) == 0);
  int accepted = accept(listener, NULL, NULL);
  NEED(accepted >= 0 && send(accepted, &byte, 1, 0) == 1);
  CHECK_ERRNO(recv(stream, &byte, 1, MSG_ERRQUEUE), EAGAIN);
  CHECK(recv(stream, &byte, 1, 0) == 1);
  int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK_ERRNO(recv(datagrams, &byte, 1, MSG_ERRQUEUE), EAGAIN);
  struct iovec part = {&byte, 1};
  struct msghdr message = {
      .msg_name = &address, .msg_namelen = (socklen_t)-1, .msg_iov = &part, .msg_iovlen = 1};
  CHECK_ERRNO(sendmsg(datagrams, &message, 0), EINVAL);
  CHECK_ERRNO(recvmsg(datagrams, &message, MSG_DONTWAIT), EINVAL);
  address.sin_addr.s_addr = htonl(INADDR_BROADCAST);
  CHECK_ERRNO(sendto(datagrams, &byte, 1, 0, (struct sockaddr *)&address, sizeof address), EACCES);
  int ttl = 0;
  CHECK_ERRNO(setsockopt(datagrams, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl), EINVAL);
  ttl = 5;
  CHECK(setsockopt(datagrams, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl) == 0);
  CHECK_ERRNO(setsockopt(datagrams, IPPROTO_IP, IP_ADD_MEMBERSHIP, &ttl, sizeof ttl), EINVAL);
  int file = open("file", O_RDWR | O_CREAT, 0600), count = -1;
  NEED(file >= 0 && ftruncate(file, 100) == 0 && lseek(file, 30, SEEK_SET) == 30);
  CHECK(ioctl(file, FIONREAD, &count) == 0 && count == 70);
  return finish();
}
