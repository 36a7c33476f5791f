#include "net/netlink_socket.hpp"

#include "net/network.hpp"

#include <algorithm>
#include <cstring>
#include <linux/netlink.h>
#include <poll.h>

namespace tine::net {
namespace {

SocketAddress netlink_address(u32 port, u32 groups) {
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_pid = port;
  address.nl_groups = groups;
  SocketAddress result;
  std::memcpy(&result.storage, &address, sizeof address);
  result.length = sizeof address;
  return result;
}

} // namespace

NetlinkSocket::NetlinkSocket(Network &network, int type, u32 status_flags)
    : Socket(network, AF_NETLINK, type, NETLINK_ROUTE, status_flags) {}

/// The process's id if it is free, else some negative number: netlink_autobind.
void NetlinkSocket::choose_port(i32 wanted) {
  const auto is_taken = [&](u32 port) {
    return std::any_of(network().sockets.begin(), network().sockets.end(), [&](Socket *other) {
      const auto *netlink = dynamic_cast<NetlinkSocket *>(other);
      return netlink && netlink->port_ == port;
    });
  };
  u32 port = static_cast<u32>(wanted);
  for (u32 next = ~u32{4095}; port == 0 || is_taken(port); --next)
    port = next;
  port_ = port;
}

Status NetlinkSocket::bind(const SocketAddress &address, const Caller &caller) {
  sockaddr_nl local{};
  if (address.length < sizeof local || address.family() != AF_NETLINK)
    return Errno{EINVAL};
  std::memcpy(&local, &address.storage, sizeof local);
  if (port_ != 0 && local.nl_pid != port_)
    return Errno{EINVAL};
  if (port_ == 0) {
    choose_port(local.nl_pid != 0 ? static_cast<i32>(local.nl_pid) : caller.pid.value);
    if (local.nl_pid != 0 && port_ != local.nl_pid) {
      port_ = 0;
      return Errno{EADDRINUSE};
    }
  }
  groups_ = local.nl_groups;
  return Done{};
}

Status NetlinkSocket::connect(ConnectRequest &request) {
  if (request.to.family() != AF_NETLINK)
    return Errno{EINVAL};
  if (port_ == 0)
    choose_port(request.caller.pid.value);
  return Done{};
}

Result<SocketAddress> NetlinkSocket::local_address() {
  return netlink_address(port_, groups_);
}

Result<SocketAddress> NetlinkSocket::peer_address() {
  return netlink_address(0, 0);
}

Result<u64> NetlinkSocket::send(SendRequest &request) {
  if (request.to) {
    sockaddr_nl to{};
    if (request.to->length < sizeof to || request.to->family() != AF_NETLINK)
      return Errno{EINVAL};
    std::memcpy(&to, &request.to->storage, sizeof to);
    if (to.nl_pid != 0)
      return Errno{ECONNREFUSED}; // there is only the kernel to talk to
  }
  if (port_ == 0)
    choose_port(request.caller ? request.caller->pid.value : 0);
  const u64 size = request.data.remaining();
  if (size > options_.send_buffer)
    return Errno{EMSGSIZE};
  std::vector<std::byte> bytes(size);
  if (size != 0 && TINE_TRY(request.data.copy_in(bytes)) != size)
    return Errno{EFAULT};
  for (std::vector<std::byte> &answer : answer_netlink(network(), bytes, port_))
    queue_.push_back(std::move(answer));
  wait_.wake_all();
  return size;
}

Result<u64> NetlinkSocket::receive(ReceiveRequest &request) {
  if (queue_.empty())
    return Errno{EAGAIN};
  const std::vector<std::byte> &message = queue_.front();
  const u64 size = message.size();
  u64 copied = 0;
  if (request.data.remaining() != 0)
    copied = TINE_TRY(request.data.copy_out(message));
  request.from = netlink_address(0, 0);
  if (copied < size)
    request.result_flags |= MSG_TRUNC;
  if ((request.flags & MSG_PEEK) == 0)
    queue_.pop_front();
  return (request.flags & MSG_TRUNC) != 0 ? size : copied;
}

Status NetlinkSocket::set_option(int level, int name, std::span<const std::byte> value,
                                 const Caller &caller) {
  if (level != SOL_NETLINK)
    return Socket::set_option(level, name, value, caller);
  switch (name) {
  case NETLINK_EXT_ACK:
  case NETLINK_CAP_ACK:
  case NETLINK_PKTINFO:
  case NETLINK_GET_STRICT_CHK:
    return Done{};
  case NETLINK_ADD_MEMBERSHIP:
  case NETLINK_DROP_MEMBERSHIP:
    // The box's one interface never changes, so a member of a group is never told anything.
    return Done{};
  default:
    return Errno{ENOPROTOOPT};
  }
}

void NetlinkSocket::deliver(std::vector<std::byte> message) {
  queue_.push_back(std::move(message));
  wait_.wake_all();
}

u32 NetlinkSocket::poll() {
  return POLLOUT | POLLWRNORM | POLLWRBAND | (queue_.empty() ? 0U : POLLIN | POLLRDNORM);
}

} // namespace tine::net
