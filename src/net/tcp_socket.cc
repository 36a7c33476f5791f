#include "net/tcp_socket.hpp"

#include <algorithm>
#include <cstring>
#include <linux/capability.h>
#include <linux/tcp.h>
#include <netinet/in.h>

namespace tine::net {
namespace {

constexpr u16 first_unprivileged_port = 1024; ///< net.ipv4.ip_unprivileged_port_start
constexpr u32 default_send_buffer = 16384, default_receive_buffer = 131072;
using State = TcpEndpoint::State;

} // namespace

Result<InetAddress> checked_local_address(const Socket &socket, const SocketAddress &address,
                                          const Caller &caller) {
  const int domain = socket.domain();
  InetAddress local;
  // For compatibility AF_UNSPEC means AF_INET if the address is INADDR_ANY: __inet_bind.
  if (domain == AF_INET && address.length >= sizeof(sockaddr_in) && address.family() == AF_UNSPEC) {
    SocketAddress as_inet = address;
    as_inet.storage.ss_family = AF_INET;
    local = TINE_TRY(InetAddress::from(as_inet, AF_INET));
    if (!local.is_any())
      return Errno{EAFNOSUPPORT};
  } else {
    local = TINE_TRY(InetAddress::from(address, domain));
  }
  TINE_TRY(check_local(socket.network(), local));
  if (local.port != 0 && local.port < first_unprivileged_port &&
      !caller.credentials.capable_in(socket.network().owner.get(), CAP_NET_BIND_SERVICE))
    return Errno{EACCES};
  return local;
}

TcpSocket::TcpSocket(Network &network, int domain, Ref<TcpEndpoint> endpoint, u32 status_flags)
    : Socket(network, domain, SOCK_STREAM, IPPROTO_TCP, status_flags),
      endpoint_(std::move(endpoint)) {
  endpoint_->inode_number = inode_number();
}

TcpSocket::~TcpSocket() {
  endpoint_->close();
}

Ref<TcpSocket> TcpSocket::create(Network &network, int domain, u32 status_flags,
                                 const Caller &caller) {
  Ref<TcpEndpoint> endpoint = make_ref<TcpEndpoint>(network);
  endpoint->family = domain;
  endpoint->owner = caller.credentials.euid;
  endpoint->local = InetAddress::any(domain, 0);
  endpoint->options.send_buffer = default_send_buffer;
  endpoint->options.receive_buffer = default_receive_buffer;
  return make_ref<TcpSocket>(network, domain, std::move(endpoint), status_flags);
}

Status TcpSocket::bind(const SocketAddress &address, const Caller &caller) {
  const InetAddress local = TINE_TRY(checked_local_address(*this, address, caller));
  if (endpoint_->in_table || endpoint_->state != State::unconnected)
    return Errno{EINVAL};
  return network().tcp.bind(*endpoint_, local);
}

Status TcpSocket::listen(int backlog, const Caller &) {
  TcpEndpoint &endpoint = *endpoint_;
  if (endpoint.state != State::unconnected && endpoint.state != State::listening)
    return Errno{EINVAL};
  if (!endpoint.in_table)
    TINE_TRY(network().tcp.bind(endpoint, endpoint.local.is_any() ? InetAddress::any(domain(), 0)
                                                                  : endpoint.local));
  if (!endpoint.listening)
    TINE_TRY(network().tcp.check_listen(endpoint));
  constexpr u32 somaxconn = 4096;
  endpoint.backlog = std::min(static_cast<u32>(backlog), somaxconn);
  endpoint.state = State::listening;
  endpoint.listening = true;
  endpoint.end_received = endpoint.end_sent = endpoint.no_more_receives = false;
  endpoint.admit_waiting();
  return Done{};
}

Result<Ref<Socket>> TcpSocket::accept(u32 status_flags) {
  if (!endpoint_->listening)
    return Errno{EINVAL};
  if (endpoint_->accept_queue.empty())
    return Errno{EAGAIN};
  Ref<TcpEndpoint> accepted = std::move(endpoint_->accept_queue.front());
  endpoint_->accept_queue.pop_front();
  endpoint_->admit_waiting();
  Ref<TcpSocket> socket =
      make_ref<TcpSocket>(network(), domain(), std::move(accepted), status_flags);
  socket->inet_options_ = inet_options_;
  return Ref<Socket>(std::move(socket));
}

Status TcpSocket::bind_ephemeral(const InetAddress &to) {
  InetAddress source = source_for(to);
  if (!endpoint_->in_table)
    return network().tcp.bind(*endpoint_, source);
  // Bound to the wildcard: the route decides on the address, the port stays.
  if (endpoint_->local.is_any()) {
    source.port = endpoint_->local.port;
    endpoint_->local = source;
  }
  return Done{};
}

Status TcpSocket::start_connecting(ConnectRequest &request) {
  TcpEndpoint &endpoint = *endpoint_;
  const InetAddress named = TINE_TRY(InetAddress::from(request.to, domain()));
  const InetAddress to = TINE_TRY(route(network(), named));
  if (to.is_v4() && endpoint.v6_only)
    return Errno{ENETUNREACH};
  endpoint.error = 0;
  endpoint.end_received = endpoint.end_sent = endpoint.no_more_receives = false;
  TINE_TRY(bind_ephemeral(to));
  endpoint.remote = to;
  endpoint.connect_result_pending = true;
  if (InetBinding *listener = network().tcp.find_listener(to)) {
    static_cast<TcpEndpoint *>(listener)->receive_connection(endpoint_);
  } else {
    endpoint.state = State::connecting;
    endpoint.receive_reset();
  }
  // Over lo the answer is there at once, but a non-blocking caller is told of it by poll(2).
  if (request.nonblocking)
    return Errno{EINPROGRESS};
  if (const int error = endpoint.take_error())
    return Errno{error};
  if (endpoint.state == State::connecting)
    return Errno{EAGAIN};
  endpoint.connect_result_pending = false;
  return Done{};
}

Status TcpSocket::connect(ConnectRequest &request) {
  TcpEndpoint &endpoint = *endpoint_;
  if (request.to.length < sizeof(sa_family_t))
    return Errno{EINVAL};
  if (request.to.family() == AF_UNSPEC) {
    if (endpoint.peer)
      endpoint.peer->receive_reset();
    endpoint.peer = nullptr;
    if (endpoint.state == State::connected) {
      endpoint.state = State::unconnected;
      endpoint.unbind();
    }
    return Done{};
  }
  switch (endpoint.state) {
  case State::unconnected:
    if (endpoint.connect_result_pending) {
      endpoint.connect_result_pending = false;
      if (const int error = endpoint.take_error())
        return Errno{error};
    }
    return start_connecting(request);
  case State::connecting:
    return Errno{request.nonblocking ? EALREADY : EAGAIN};
  case State::connected:
    return std::exchange(endpoint.connect_result_pending, false) ? Status{Done{}} : Errno{EISCONN};
  default:
    return Errno{EISCONN};
  }
}

Result<SocketAddress> TcpSocket::local_address() {
  return endpoint_->local.to_socket_address(domain());
}

Result<SocketAddress> TcpSocket::peer_address() {
  if (endpoint_->state != State::connected)
    return Errno{ENOTCONN};
  return endpoint_->remote.to_socket_address(domain());
}

Result<u64> TcpSocket::send(SendRequest &request) {
  TcpEndpoint &endpoint = *endpoint_;
  if (request.flags & MSG_OOB)
    return Errno{EOPNOTSUPP};
  if (endpoint.state == State::connecting)
    return Errno{EAGAIN};
  if (const int error = endpoint.take_error())
    return Errno{error};
  if (endpoint.state != State::connected || endpoint.end_sent)
    return Errno{EPIPE};
  TcpEndpoint &peer = *endpoint.peer;
  if (peer.state == State::closed) {
    // The segment goes out and a RST comes back: this call succeeds, the next one fails.
    const u64 size = request.data.remaining();
    endpoint.receive_reset();
    return size;
  }
  if (request.data.remaining() == 0)
    return u64{0};
  const u64 capacity = endpoint.capacity();
  if (peer.received.size() >= capacity)
    return Errno{EAGAIN};
  const u64 count = TINE_TRY(peer.received.append(request.data, capacity - peer.received.size()));
  peer.wait.wake_all();
  return count;
}

Result<u64> TcpSocket::receive(ReceiveRequest &request) {
  TcpEndpoint &endpoint = *endpoint_;
  if (request.flags & MSG_ERRQUEUE)
    return Errno{EAGAIN};
  if (request.flags & MSG_OOB)
    return Errno{EINVAL};
  if (endpoint.listening)
    return Errno{ENOTCONN};
  if (!endpoint.received.empty()) {
    const bool peek = (request.flags & MSG_PEEK) != 0;
    // tcp(7): MSG_TRUNC discards the bytes instead of copying them.
    const Result<u64> count = (request.flags & MSG_TRUNC) != 0 && !peek
                                  ? Result<u64>{endpoint.received.discard(request.data.remaining())}
                                  : endpoint.received.take(request.data, peek);
    if (count && !peek && endpoint.peer)
      endpoint.peer->wait.wake_all();
    return count;
  }
  if (const int error = endpoint.take_error())
    return Errno{error};
  if (endpoint.end_received || endpoint.no_more_receives || request.data.remaining() == 0)
    return u64{0};
  if (endpoint.state == State::unconnected)
    return Errno{ENOTCONN};
  return Errno{EAGAIN};
}

Status TcpSocket::shutdown(int how) {
  TcpEndpoint &endpoint = *endpoint_;
  if (how < SHUT_RD || how > SHUT_RDWR)
    return Errno{EINVAL};
  if (endpoint.listening) {
    if (how == SHUT_WR)
      return Done{};
    // inet_shutdown: a listener that no longer receives is closed.
    const Ref<TcpEndpoint> closed = endpoint_;
    endpoint_ = make_ref<TcpEndpoint>(network());
    endpoint_->family = closed->family;
    endpoint_->local = closed->local;
    endpoint_->options = closed->options;
    endpoint_->inode_number = closed->inode_number;
    closed->close();
    return Done{};
  }
  if (endpoint.state != State::connected)
    return Errno{ENOTCONN};
  if (how != SHUT_RD)
    endpoint.send_end();
  if (how != SHUT_WR)
    endpoint.no_more_receives = true;
  endpoint.wait.wake_all();
  return Done{};
}

Status TcpSocket::set_option(int level, int name, std::span<const std::byte> value,
                             const Caller &caller) {
  if (level != SOL_SOCKET) {
    if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY && endpoint_->in_table)
      return Errno{EINVAL};
    TINE_TRY(inet_options_.set(level, name, value, IPPROTO_TCP));
    endpoint_->v6_only = inet_options_.value(IPPROTO_IPV6, IPV6_V6ONLY) != 0;
    return Done{};
  }
  TINE_TRY(Socket::set_option(level, name, value, caller));
  endpoint_->reuse_address = endpoint_->options.reuse_address != 0;
  endpoint_->reuse_port = endpoint_->options.reuse_port != 0;
  return Done{};
}

Result<std::vector<std::byte>> TcpSocket::option(int level, int name) {
  if (level == SOL_SOCKET)
    return Socket::option(level, name);
  if (level == IPPROTO_TCP && name == TCP_INFO) {
    tcp_info info{};
    info.tcpi_state = endpoint_->state_number();
    info.tcpi_snd_mss = info.tcpi_rcv_mss = 32768;
    info.tcpi_pmtu = 65535;
    return option_bytes(info);
  }
  return inet_options_.get(level, name, IPPROTO_TCP);
}

} // namespace tine::net
