#include "net/host_socket.hpp"

#include "fs/fork_rights.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

namespace tine::net {
namespace {

constexpr u64 bounce_size = 256 * 1024;
/// What the caller decides on, not the host.
constexpr u32 own_flags = MSG_CMSG_CLOEXEC | MSG_WAITALL | MSG_WAITFORONE;

Errno host_error() {
  return Errno{errno};
}

sockaddr *host_address(SocketAddress &address) {
  return reinterpret_cast<sockaddr *>(&address.storage);
}
const sockaddr *host_address(const SocketAddress &address) {
  return reinterpret_cast<const sockaddr *>(&address.storage);
}

} // namespace

HostSocket::HostSocket(Network &network, sched::HostEvents &events, UniqueFd host, int domain,
                       int type, int protocol, u32 status_flags)
    : Socket(network, domain, type, protocol, status_flags), events_(events),
      host_(std::move(host)) {}

HostSocket::~HostSocket() {
  events_.unwatch(host_.get(), wait_);
}

Result<Ref<Socket>> HostSocket::create(Network &network, sched::HostEvents &events, int domain,
                                       int type, int protocol, u32 status_flags) {
  UniqueFd host(::socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (!host)
    return host_error();
  return Ref<Socket>(
      make_ref<HostSocket>(network, events, std::move(host), domain, type, protocol, status_flags));
}

Status HostSocket::bind(const SocketAddress &address, const Caller &) {
  if (::bind(host_.get(), host_address(address), address.length) != 0)
    return host_error();
  return Done{};
}

/// "Connections to the outside are reset in the copy": those of the original's peer would not know
/// two of them apart. One that has no peer yet begins anew. One that listens is the original's,
/// unless both were asked to share it: then each connection goes to who accepts it first.
Result<Ref<fs::File>> HostSocket::make_copy(Copier &copier) {
  const auto *rights = copier.context<fs::ForkRights>();
  const bool listens = listening_ && !withheld_ && rights != nullptr && rights->listen;
  UniqueFd host(listens ? ::fcntl(host_.get(), F_DUPFD_CLOEXEC, 3)
                        : ::socket(domain(), type() | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol()));
  if (!host)
    return host_error();
  Ref<HostSocket> made =
      make_ref<HostSocket>(*TINE_TRY(network_in(copier)), events_, std::move(host), domain(),
                           type(), protocol(), status_flags());
  made->keep_number(*this);
  made->options_ = options_;
  SocketAddress peer;
  peer.length = sizeof peer.storage;
  const bool has_peer = ::getpeername(host_.get(), host_address(peer), &peer.length) == 0;
  made->listening_ = listening_;
  made->withheld_ = (listening_ && !listens) || withheld_;
  made->is_reset_ = is_reset_ || connecting_ || (has_peer && is_stream());
  made->reset_error_ = is_reset_ ? reset_error_ : made->is_reset_ ? ECONNRESET : 0;
  return Ref<fs::File>(made);
}

Status HostSocket::listen(int backlog, const Caller &) {
  if (is_reset_)
    return Errno{EINVAL};
  if (::listen(host_.get(), backlog) != 0)
    return host_error();
  listening_ = true;
  return Done{};
}

Result<Ref<Socket>> HostSocket::accept(u32 status_flags) {
  if (withheld_)
    return Errno{EAGAIN};
  UniqueFd host(::accept4(host_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!host)
    return host_error();
  return Ref<Socket>(make_ref<HostSocket>(network(), events_, std::move(host), domain(), type(),
                                          protocol(), status_flags));
}

Status HostSocket::connect(ConnectRequest &request) {
  if (is_reset_)
    return Errno{reset_error_ != 0 ? std::exchange(reset_error_, 0) : ECONNABORTED};
  if (::connect(host_.get(), host_address(request.to), request.to.length) == 0) {
    connecting_ = false;
    return Done{};
  }
  const int error = errno;
  // A blocking caller comes back when the socket is writable; then connect tells how it ended.
  if (!request.nonblocking && (error == EINPROGRESS || error == EALREADY)) {
    connecting_ = true;
    return Errno{EAGAIN};
  }
  if (connecting_ && error == EISCONN) {
    connecting_ = false;
    return Done{};
  }
  return Errno{error};
}

Result<SocketAddress> HostSocket::local_address() {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (::getsockname(host_.get(), host_address(address), &address.length) != 0)
    return host_error();
  return address;
}

Result<SocketAddress> HostSocket::peer_address() {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (::getpeername(host_.get(), host_address(address), &address.length) != 0)
    return host_error();
  return address;
}

Result<u64> HostSocket::send(SendRequest &request) {
  if (!request.files.empty() || request.credentials)
    return Errno{EINVAL};
  if (is_reset_)
    return Errno{reset_error_ != 0 ? std::exchange(reset_error_, 0) : EPIPE};
  const u64 size = request.data.remaining();
  if (size > bounce_size && !is_stream())
    return Errno{EMSGSIZE};
  // Through a buffer of our own: the host must not hold a guest's frame.
  std::vector<std::byte> bytes(std::min(size, bounce_size));
  memory::IoBuffer source = request.data;
  if (!bytes.empty())
    bytes.resize(TINE_TRY(source.copy_in(bytes)));
  const ssize_t sent = ::sendto(
      host_.get(), bytes.data(), bytes.size(),
      static_cast<int>((request.flags & ~own_flags) | MSG_DONTWAIT | MSG_NOSIGNAL),
      request.to ? host_address(*request.to) : nullptr, request.to ? request.to->length : 0);
  if (sent < 0)
    return host_error();
  request.data.advance(static_cast<u64>(sent));
  return static_cast<u64>(sent);
}

Result<u64> HostSocket::receive(ReceiveRequest &request) {
  if (reset_error_ != 0)
    return Errno{std::exchange(reset_error_, 0)};
  if (is_reset_)
    return u64{0};
  std::vector<std::byte> bytes(std::min(request.data.remaining(), bounce_size));
  std::vector<std::byte> control(1024);
  iovec vector{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_name = &request.from.storage;
  message.msg_namelen = sizeof request.from.storage;
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t received = ::recvmsg(host_.get(), &message,
                                     static_cast<int>((request.flags & ~own_flags) | MSG_DONTWAIT));
  if (received < 0)
    return host_error();
  request.from.length = message.msg_namelen;
  request.result_flags =
      static_cast<u32>(message.msg_flags) & (MSG_TRUNC | MSG_EOR | MSG_OOB | MSG_ERRQUEUE);
  for (cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    const auto *data = reinterpret_cast<const std::byte *>(CMSG_DATA(header));
    request.control.push_back(
        {header->cmsg_level, header->cmsg_type, {data, data + (header->cmsg_len - CMSG_LEN(0))}});
  }
  const u64 count = std::min(static_cast<u64>(received), bytes.size());
  if (count != 0)
    TINE_TRY(request.data.copy_out(std::span(bytes).first(count)));
  return static_cast<u64>(received);
}

Status HostSocket::shutdown(int how) {
  if (::shutdown(host_.get(), how) != 0)
    return host_error();
  wait_.wake_all();
  return Done{};
}

Status HostSocket::set_option(int level, int name, std::span<const std::byte> value,
                              const Caller &caller) {
  if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
    return Socket::set_option(level, name, value, caller);
  if (level == SOL_SOCKET && (name == SO_ATTACH_BPF || name == SO_ATTACH_FILTER))
    return Errno{EOPNOTSUPP}; // the value holds guest addresses
  if (::setsockopt(host_.get(), level, name, value.data(), static_cast<socklen_t>(value.size())) !=
      0)
    return host_error();
  return Done{};
}

Result<std::vector<std::byte>> HostSocket::option(int level, int name) {
  if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
    return Socket::option(level, name);
  std::vector<std::byte> bytes(1024);
  socklen_t size = static_cast<socklen_t>(bytes.size());
  if (::getsockopt(host_.get(), level, name, bytes.data(), &size) != 0)
    return host_error();
  bytes.resize(size);
  return bytes;
}

Result<u64> HostSocket::ioctl(const fs::IoctlCall &call) {
  if (call.request != FIONREAD && call.request != TIOCOUTQ)
    return Socket::ioctl(call);
  int value = 0;
  if (::ioctl(host_.get(), call.request, &value) != 0)
    return host_error();
  TINE_TRY(call.space.write_object(GuestAddress{call.argument}, value));
  return u64{0};
}

u32 HostSocket::poll() {
  if (withheld_)
    return 0;
  if (is_reset_)
    return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLHUP | POLLRDHUP |
           (reset_error_ != 0 ? POLLERR : 0);
  pollfd entry{host_.get(), POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM, 0};
  if (::poll(&entry, 1, 0) < 0)
    return POLLERR;
  return static_cast<u32>(entry.revents);
}

void HostSocket::prepare_wait(u32 events) {
  // An error or the end wakes, whatever was asked for; POLL* and EPOLL* are the same numbers.
  events_.watch(host_.get(), (events & (EPOLLIN | EPOLLOUT | EPOLLPRI)) | EPOLLRDHUP, wait_);
}

int HostSocket::take_error() {
  if (is_reset_)
    return std::exchange(reset_error_, 0);
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(host_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    return errno;
  return error;
}

} // namespace tine::net
