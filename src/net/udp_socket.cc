#include "net/udp_socket.hpp"

#include "net/interface.hpp"
#include "net/tcp_socket.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <netinet/in.h>
#include <poll.h>

namespace tine::net {
namespace {

constexpr u64 largest_v4 = 65507, largest_v6 = 65527;
/// What a datagram takes of the receive buffer beyond its bytes.
constexpr u64 datagram_overhead = 512;

template <typename T> void add(ReceiveRequest &request, int level, int type, const T &value) {
  request.control.push_back({level, type, option_bytes(value)});
}

} // namespace

UdpSocket::UdpSocket(Network &network, int domain, u32 status_flags, const Caller &caller)
    : Socket(network, domain, SOCK_DGRAM, IPPROTO_UDP, status_flags) {
  family = domain;
  owner = caller.credentials.euid;
  local = InetAddress::any(domain, 0);
}

UdpSocket::UdpSocket(Network &network, int domain, u32 status_flags)
    : Socket(network, domain, SOCK_DGRAM, IPPROTO_UDP, status_flags) {
  family = domain;
}

UdpSocket::~UdpSocket() {
  if (in_table)
    network().udp.remove(*this);
}

Status UdpSocket::bind(const SocketAddress &address, const Caller &caller) {
  const InetAddress wanted = TINE_TRY(checked_local_address(*this, address, caller));
  if (in_table)
    return Errno{EINVAL};
  return network().udp.bind(*this, wanted);
}

Status UdpSocket::connect(ConnectRequest &request) {
  if (request.to.length < sizeof(sa_family_t))
    return Errno{EINVAL};
  if (request.to.family() == AF_UNSPEC) {
    remote = {};
    return Done{};
  }
  const InetAddress named = TINE_TRY(InetAddress::from(request.to, domain()));
  const InetAddress to = TINE_TRY(route(network(), named));
  if (to.is_v4() && v6_only)
    return Errno{ENETUNREACH};
  if (!in_table) {
    TINE_TRY(network().udp.bind(*this, source_for(to)));
  } else if (local.is_any()) {
    const u16 port = local.port;
    local = source_for(to);
    local.port = port;
  }
  remote = to;
  return Done{};
}

Result<SocketAddress> UdpSocket::local_address() {
  return local.to_socket_address(domain());
}

Result<SocketAddress> UdpSocket::peer_address() {
  if (!is_connected())
    return Errno{ENOTCONN};
  return remote.to_socket_address(domain());
}

Result<InetAddress> UdpSocket::destination(const SendRequest &request) const {
  if (!request.to) {
    if (!is_connected())
      return Errno{EDESTADDRREQ};
    return remote;
  }
  SocketAddress address = *request.to;
  // udp(7): AF_UNSPEC is taken as AF_INET. An AF_INET6 socket takes AF_INET addresses as v4-mapped.
  if (domain() == AF_INET && address.length >= sizeof(sockaddr_in) && address.family() == AF_UNSPEC)
    address.storage.ss_family = AF_INET;
  const int family_of_address =
      domain() == AF_INET6 && address.family() == AF_INET ? AF_INET : domain();
  const InetAddress to = TINE_TRY(InetAddress::from(address, family_of_address));
  if (to.port == 0)
    return Errno{EINVAL};
  if (to.is_v4() && v6_only)
    return Errno{ENETUNREACH};
  return route(network(), to);
}

Result<u64> UdpSocket::send(SendRequest &request) {
  if (request.flags & MSG_OOB)
    return Errno{EOPNOTSUPP};
  // "EACCES: … the user tried to send to a broadcast address without having the broadcast flag
  // set".
  if (request.to && domain() == AF_INET && options().broadcast == 0 &&
      reinterpret_cast<const sockaddr_in &>(request.to->storage).sin_addr.s_addr ==
          INADDR_BROADCAST)
    return Errno{EACCES};
  const InetAddress to = TINE_TRY(destination(request));
  if (const int error = take_error())
    return Errno{error};
  if (no_more_sends_)
    return Errno{EPIPE};
  const u64 size = request.data.remaining();
  if (size > (to.is_v4() ? largest_v4 : largest_v6))
    return Errno{EMSGSIZE};
  if (!in_table)
    TINE_TRY(network().udp.bind(*this, InetAddress::any(domain(), 0)));
  Datagram datagram;
  datagram.data.resize(size);
  if (size != 0 && TINE_TRY(request.data.copy_in(datagram.data)) != size)
    return Errno{EFAULT};
  datagram.from = local.is_any() ? source_for(to) : local;
  datagram.from.port = local.port;
  datagram.to = to;
  ::clock_gettime(CLOCK_REALTIME, &datagram.arrived);
  if (InetBinding *receiver = network().udp.find_receiver(datagram.from, to))
    static_cast<UdpSocket *>(receiver)->deliver(std::move(datagram));
  else if (is_connected() && to == remote)
    error_ = ECONNREFUSED; // the port-unreachable message comes back: udp(7)
  if (error_ != 0)
    wait_.wake_all();
  return size;
}

void UdpSocket::deliver(Datagram datagram) {
  const u64 charge = datagram.data.size() + datagram_overhead;
  if (queued_bytes_ + charge > options_.receive_buffer && !queue_.empty())
    return; // no room: a datagram may be lost
  queued_bytes_ += charge;
  queue_.push_back(std::move(datagram));
  wait_.wake_all();
}

void UdpSocket::add_control(ReceiveRequest &request, const Datagram &datagram) const {
  if (options_.timestamp_ns != 0)
    add(request, SOL_SOCKET, SCM_TIMESTAMPNS, datagram.arrived);
  else if (options_.timestamp != 0)
    add(request, SOL_SOCKET, SCM_TIMESTAMP,
        timeval{datagram.arrived.tv_sec, datagram.arrived.tv_nsec / 1000});
  if (inet_options_.value(IPPROTO_IP, IP_PKTINFO) != 0 && datagram.to.is_v4()) {
    in_pktinfo info{};
    info.ipi_ifindex = loopback_index;
    info.ipi_addr.s_addr = info.ipi_spec_dst.s_addr = htonl(datagram.to.v4_address());
    add(request, IPPROTO_IP, IP_PKTINFO, info);
  }
  if (inet_options_.value(IPPROTO_IP, IP_RECVTTL) != 0 && datagram.to.is_v4())
    add(request, IPPROTO_IP, IP_TTL, i32{64});
  if (inet_options_.value(IPPROTO_IP, IP_RECVTOS) != 0 && datagram.to.is_v4())
    add(request, IPPROTO_IP, IP_TOS, u8{0});
  if (inet_options_.value(IPPROTO_IPV6, IPV6_RECVPKTINFO) != 0 && domain() == AF_INET6) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, datagram.to.bytes.data(), datagram.to.bytes.size());
    info.ipi6_ifindex = loopback_index;
    add(request, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  if (inet_options_.value(IPPROTO_IPV6, IPV6_RECVHOPLIMIT) != 0 && !datagram.to.is_v4())
    add(request, IPPROTO_IPV6, IPV6_HOPLIMIT, i32{64});
}

Result<u64> UdpSocket::receive(ReceiveRequest &request) {
  if (request.flags & MSG_ERRQUEUE)
    return Errno{EAGAIN};
  if (request.flags & MSG_OOB)
    return Errno{EOPNOTSUPP};
  if (const int error = take_error())
    return Errno{error};
  if (queue_.empty()) {
    if (no_more_receives_ && (request.flags & MSG_DONTWAIT) == 0)
      return u64{0};
    return Errno{EAGAIN};
  }
  const Datagram &datagram = queue_.front();
  const u64 size = datagram.data.size();
  u64 copied = 0;
  if (size != 0 && request.data.remaining() != 0)
    copied = TINE_TRY(request.data.copy_out(datagram.data));
  request.from = datagram.from.to_socket_address(domain());
  add_control(request, datagram);
  if (copied < size)
    request.result_flags |= MSG_TRUNC;
  if ((request.flags & MSG_PEEK) == 0) {
    queued_bytes_ -= size + datagram_overhead;
    queue_.pop_front();
  }
  return (request.flags & MSG_TRUNC) != 0 ? size : copied;
}

Status UdpSocket::shutdown(int how) {
  if (how < SHUT_RD || how > SHUT_RDWR)
    return Errno{EINVAL};
  no_more_receives_ |= how != SHUT_WR;
  no_more_sends_ |= how != SHUT_RD;
  wait_.wake_all();
  if (!is_connected())
    return Errno{ENOTCONN};
  return Done{};
}

u32 UdpSocket::poll() {
  u32 events = POLLOUT | POLLWRNORM | POLLWRBAND;
  if (error_ != 0)
    events |= POLLERR;
  if (no_more_receives_)
    events |= POLLRDHUP | POLLIN | POLLRDNORM;
  if (no_more_receives_ && no_more_sends_)
    events |= POLLHUP;
  if (!queue_.empty())
    events |= POLLIN | POLLRDNORM;
  return events;
}

Status UdpSocket::set_option(int level, int name, std::span<const std::byte> value,
                             const Caller &caller) {
  if (level != SOL_SOCKET) {
    if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY && in_table)
      return Errno{EINVAL};
    TINE_TRY(inet_options_.set(level, name, value, IPPROTO_UDP));
    v6_only = inet_options_.value(IPPROTO_IPV6, IPV6_V6ONLY) != 0;
    return Done{};
  }
  TINE_TRY(Socket::set_option(level, name, value, caller));
  reuse_address = options_.reuse_address != 0;
  reuse_port = options_.reuse_port != 0;
  return Done{};
}

Result<std::vector<std::byte>> UdpSocket::option(int level, int name) {
  if (level == SOL_SOCKET)
    return Socket::option(level, name);
  return inet_options_.get(level, name, IPPROTO_UDP);
}

} // namespace tine::net
