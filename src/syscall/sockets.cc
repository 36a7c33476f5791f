// socket(2), socketpair(2), and the calls that name and connect sockets.
#include "net/host_socket.hpp"
#include "net/netlink_socket.hpp"
#include "net/tcp_socket.hpp"
#include "net/udp_socket.hpp"
#include "net/unix_socket.hpp"
#include "process/namespaces.hpp"
#include "syscall/handlers.hpp"
#include "syscall/socket_support.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>

namespace tine::syscall {
namespace {

constexpr int type_mask = 0xf;

Result<Ref<net::Socket>> create_inet(Call &call, int domain, int type, int protocol, u32 flags) {
  const net::Caller caller = caller_of(call);
  constexpr int protocol_limit = 263; // IPPROTO_MAX
  if (protocol < 0 || protocol >= protocol_limit)
    return Errno{EINVAL};
  switch (type) {
  case SOCK_STREAM:
    if (protocol != 0 && protocol != IPPROTO_TCP)
      return Errno{EPROTONOSUPPORT};
    return Ref<net::Socket>(
        net::TcpSocket::create(process::network_of(call.thread), domain, flags, caller));
  case SOCK_DGRAM:
    if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
      return Errno{EACCES}; // net.ipv4.ping_group_range is empty
    if (protocol != 0 && protocol != IPPROTO_UDP)
      return Errno{EPROTONOSUPPORT};
    return Ref<net::Socket>(
        make_ref<net::UdpSocket>(process::network_of(call.thread), domain, flags, caller));
  case SOCK_RAW:
    return Errno{
        caller.credentials.capable_in(process::network_of(call.thread).owner.get(), CAP_NET_RAW)
            ? EPROTONOSUPPORT
            : EPERM};
  default:
    return Errno{ESOCKTNOSUPPORT};
  }
}

Result<Ref<net::Socket>> create_netlink(Call &call, int type, int protocol, u32 flags) {
  if (type != SOCK_RAW && type != SOCK_DGRAM)
    return Errno{ESOCKTNOSUPPORT};
  if (protocol != NETLINK_ROUTE)
    return Errno{EPROTONOSUPPORT};
  return Ref<net::Socket>(
      make_ref<net::NetlinkSocket>(process::network_of(call.thread), type, flags));
}

Result<Ref<net::Socket>> create(Call &call, int domain, int type, int protocol, u32 flags) {
  const bool is_host = domain == AF_INET || domain == AF_INET6 ||
                       (domain == AF_NETLINK && protocol == NETLINK_ROUTE);
  const bool is_first = process::network_of(call.thread).id == 0;
  if (call.kernel.options.host_network && is_host && is_first)
    return net::HostSocket::create(process::network_of(call.thread), call.kernel.host.events,
                                   domain, type, protocol, flags);
  switch (domain) {
  case AF_UNIX: {
    Ref<net::UnixSocket> socket = TINE_TRY(net::UnixSocket::create(
        process::network_of(call.thread), type, protocol, flags, caller_of(call)));
    return Ref<net::Socket>(std::move(socket));
  }
  case AF_INET:
  case AF_INET6:
    return create_inet(call, domain, type, protocol, flags);
  case AF_NETLINK:
    return create_netlink(call, type, protocol, flags);
  default:
    return Errno{EAFNOSUPPORT};
  }
}

struct TypeAndFlags {
  int type;
  u32 status_flags;
  bool close_on_exec;
};

Result<TypeAndFlags> split_type(u64 type) {
  const int flags = static_cast<int>(type) & ~type_mask;
  if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
    return Errno{EINVAL};
  return TypeAndFlags{static_cast<int>(type) & type_mask,
                      (flags & SOCK_NONBLOCK) != 0 ? u32{O_NONBLOCK} : 0,
                      (flags & SOCK_CLOEXEC) != 0};
}

} // namespace

SyscallResult sys_socket(Call &call, int domain, u64 type, int protocol) {
  const TypeAndFlags what = TINE_TRY(split_type(type));
  Ref<net::Socket> socket = TINE_TRY(create(call, domain, what.type, protocol, what.status_flags));
  return install(call, std::move(socket), what.close_on_exec);
}

SyscallResult sys_socketpair(Call &call, int domain, u64 type, int protocol, GuestAddress result) {
  const TypeAndFlags what = TINE_TRY(split_type(type));
  if (domain != AF_UNIX)
    return Errno{domain == AF_INET || domain == AF_INET6 ? EOPNOTSUPP : EAFNOSUPPORT};
  const net::Caller caller = caller_of(call);
  Ref<net::UnixSocket> ends[2];
  for (Ref<net::UnixSocket> &end : ends)
    end = TINE_TRY(net::UnixSocket::create(process::network_of(call.thread), what.type, protocol,
                                           what.status_flags, caller));
  net::UnixSocket::connect_pair(*ends[0], *ends[1], caller);
  int descriptors[2];
  descriptors[0] = TINE_TRY(install(call, ends[0], what.close_on_exec));
  const Result<int> second = install(call, ends[1], what.close_on_exec);
  Status status = second ? Status{Done{}} : second.error();
  if (status.ok()) {
    descriptors[1] = *second;
    status = call.memory.write_object(result, descriptors);
    if (!status.ok())
      (void)call.thread.files->close(descriptors[1]);
  }
  if (!status.ok())
    (void)call.thread.files->close(descriptors[0]);
  return status;
}

SyscallResult sys_bind(Call &call, int fd, GuestAddress address, u64 length) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  const net::SocketAddress local = TINE_TRY(read_address(call, address, length));
  return socket->bind(local, caller_of(call));
}

SyscallResult sys_listen(Call &call, int fd, int backlog) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  return socket->listen(backlog, caller_of(call));
}

SyscallResult sys_accept4(Call &call, int fd, GuestAddress address, GuestAddress length,
                          u64 flags) {
  if (static_cast<int>(flags) & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
    return Errno{EINVAL};
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  const u32 status_flags = (flags & SOCK_NONBLOCK) != 0 ? u32{O_NONBLOCK} : 0;
  Result<Ref<net::Socket>> accepted = socket->accept(status_flags);
  if (!accepted) {
    if (accepted.error() != Errno{EAGAIN} || socket->is_nonblocking())
      return accepted.error();
    return wait_for(call, *socket, nullptr, POLLIN, socket->options().receive_timeout);
  }
  const Ref<net::Socket> connection = std::move(*accepted);
  const int descriptor = TINE_TRY(install(call, connection, (flags & SOCK_CLOEXEC) != 0));
  if (!address.is_null()) {
    const Result<net::SocketAddress> peer = connection->peer_address();
    // The peer may be gone already: inet_accept reports it as ECONNABORTED.
    const Status written =
        peer ? write_address(call, *peer, address, length) : Status{Errno{ECONNABORTED}};
    if (!written.ok()) {
      (void)call.thread.files->close(descriptor);
      return written.error();
    }
  }
  return descriptor;
}

SyscallResult sys_accept(Call &call, int fd, GuestAddress address, GuestAddress length) {
  return sys_accept4(call, fd, address, length, 0);
}

SyscallResult sys_connect(Call &call, int fd, GuestAddress address, u64 length) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  const net::SocketAddress to = TINE_TRY(read_address(call, address, length));
  net::ConnectRequest request{to, caller_of(call), socket->is_nonblocking()};
  const Status connected = socket->connect(request);
  if (connected.ok() || connected.error() != Errno{EAGAIN} || socket->is_nonblocking())
    return connected;
  return wait_for(call, *socket, request.wait_for, POLLOUT, socket->options().send_timeout,
                  socket->domain() == AF_UNIX ? Errno{EAGAIN} : Errno{EINPROGRESS});
}

SyscallResult sys_getsockname(Call &call, int fd, GuestAddress address, GuestAddress length) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  const net::SocketAddress local = TINE_TRY(socket->local_address());
  return write_address(call, local, address, length);
}

SyscallResult sys_getpeername(Call &call, int fd, GuestAddress address, GuestAddress length) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  const net::SocketAddress peer = TINE_TRY(socket->peer_address());
  return write_address(call, peer, address, length);
}

SyscallResult sys_shutdown(Call &call, int fd, int how) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  return socket->shutdown(how);
}

SyscallResult sys_setsockopt(Call &call, int fd, int level, int name, GuestAddress value,
                             u64 length) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  const i32 size = static_cast<i32>(length);
  constexpr i32 largest = 65536;
  if (size < 0 || size > largest)
    return Errno{EINVAL};
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  TINE_TRY(call.memory.read(value, bytes));
  return socket->set_option(level, name, bytes, caller_of(call));
}

SyscallResult sys_getsockopt(Call &call, int fd, int level, int name, GuestAddress value,
                             GuestAddress length) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  const i32 room = TINE_TRY(call.memory.read_object<i32>(length));
  if (room < 0)
    return Errno{EINVAL};
  std::vector<std::byte> bytes = TINE_TRY(socket->option(level, name));
  if (net::UnixCredentials peer;
      level == SOL_SOCKET && name == SO_PEERCRED && bytes.size() == sizeof peer) {
    std::memcpy(&peer, bytes.data(), sizeof peer);
    peer = shown_credentials(call, peer);
    std::memcpy(bytes.data(), &peer, sizeof peer);
  }
  const std::size_t size = std::min(bytes.size(), static_cast<std::size_t>(room));
  TINE_TRY(call.memory.write(value, std::span(bytes).first(size)));
  return call.memory.write_object(length, static_cast<i32>(size));
}

} // namespace tine::syscall
