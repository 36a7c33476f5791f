#include "net/unix_socket.hpp"

#include "fs/caller.hpp"

#include <algorithm>
#include <cstring>

namespace tine::net {

UnixSocket::UnixSocket(Network &network, Ref<UnixEndpoint> endpoint, u32 status_flags)
    : Socket(network, AF_UNIX, endpoint->type, 0, status_flags), endpoint_(std::move(endpoint)) {
  endpoint_->inode_number = inode_number();
}

UnixSocket::~UnixSocket() {
  endpoint_->close();
}

Result<Ref<UnixSocket>> UnixSocket::create(Network &network, int type, int protocol,
                                           u32 status_flags, const Caller &caller) {
  if (protocol != 0 && protocol != PF_UNIX)
    return Errno{EPROTONOSUPPORT};
  if (type == SOCK_RAW)
    type = SOCK_DGRAM;
  if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
    return Errno{ESOCKTNOSUPPORT};
  Ref<UnixEndpoint> endpoint = make_ref<UnixEndpoint>(network, type);
  endpoint->owner = caller.unix_credentials();
  return make_ref<UnixSocket>(network, std::move(endpoint), status_flags);
}

void UnixSocket::connect_pair(UnixSocket &a, UnixSocket &b, const Caller &caller) {
  UnixEndpoint::connect_pair(a.endpoint_, b.endpoint_);
  a.endpoint_->peer_credentials = b.endpoint_->peer_credentials = caller.unix_credentials();
}

Status UnixSocket::bind_abstract(const std::string &name) {
  if (!network().abstract_names.emplace(name, endpoint_.get()).second)
    return Errno{EADDRINUSE};
  endpoint_->name.text = name;
  return Done{};
}

Status UnixSocket::bind(const SocketAddress &address, const Caller &caller) {
  const UnixName name = TINE_TRY(UnixName::from(address));
  if (name.is_unnamed()) { // autobind
    if (!endpoint_->name.is_unnamed())
      return Done{};
    const std::string free = network().free_abstract_name();
    return free.empty() ? Status{Errno{ENOSPC}} : bind_abstract(free);
  }
  if (!endpoint_->name.is_unnamed()) {
    // As Linux, which makes the name first: one that there is, is in use whatever the socket has.
    const auto taken = name.is_abstract() ? Result<Ref<RefCounted>>(Errno{ENOENT})
                                          : find_socket_node(caller, name.text);
    return Errno{taken || taken.error() == Errno{ECONNREFUSED} ? EADDRINUSE : EINVAL};
  }
  if (name.is_abstract())
    return bind_abstract(name.text);
  endpoint_->inode = TINE_TRY(make_socket_node(caller, name.text, 0777));
  endpoint_->name = name;
  network().path_names()[endpoint_->inode.get()] = endpoint_.get();
  return Done{};
}

Status UnixSocket::listen(int backlog, const Caller &caller) {
  if (type() == SOCK_DGRAM)
    return Errno{EOPNOTSUPP};
  const bool may_listen = endpoint_->state == UnixEndpoint::State::unconnected ||
                          endpoint_->state == UnixEndpoint::State::listening;
  if (endpoint_->name.is_unnamed() || !may_listen)
    return Errno{EINVAL};
  constexpr u32 somaxconn = 4096;
  endpoint_->backlog = std::min(static_cast<u32>(backlog), somaxconn);
  endpoint_->state = UnixEndpoint::State::listening;
  endpoint_->owner = caller.unix_credentials();
  endpoint_->wait.wake_all(); // a longer backlog lets waiting connections in
  return Done{};
}

Result<Ref<Socket>> UnixSocket::accept(u32 status_flags) {
  if (type() == SOCK_DGRAM)
    return Errno{EOPNOTSUPP};
  if (endpoint_->state != UnixEndpoint::State::listening || endpoint_->no_more_receives)
    return Errno{EINVAL};
  if (endpoint_->accept_queue.empty())
    return Errno{EAGAIN};
  Ref<UnixEndpoint> accepted = std::move(endpoint_->accept_queue.front());
  endpoint_->accept_queue.pop_front();
  endpoint_->wait.wake_all(); // those that wait for room in the backlog
  return Ref<Socket>(make_ref<UnixSocket>(network(), std::move(accepted), status_flags));
}

Result<Ref<UnixEndpoint>> UnixSocket::find(const SocketAddress &address, const Caller &caller) {
  const UnixName name = TINE_TRY(UnixName::from(address));
  if (name.is_unnamed())
    return Errno{ECONNREFUSED};
  UnixEndpoint *found = nullptr;
  if (name.is_abstract()) {
    const auto entry = network().abstract_names.find(name.text);
    found = entry == network().abstract_names.end() ? nullptr : entry->second;
  } else {
    const Ref<RefCounted> inode = TINE_TRY(find_socket_node(caller, name.text));
    const auto entry = network().path_names().find(inode.get());
    found = entry == network().path_names().end() ? nullptr : entry->second;
  }
  if (!found)
    return Errno{ECONNREFUSED};
  if (found->type != type())
    return Errno{EPROTOTYPE};
  return Ref<UnixEndpoint>(found);
}

Status UnixSocket::connect_datagram(ConnectRequest &request) {
  if (request.to.family() == AF_UNSPEC) {
    endpoint_->disconnect_datagram();
    endpoint_->state = UnixEndpoint::State::unconnected;
    return Done{};
  }
  const Ref<UnixEndpoint> other = TINE_TRY(find(request.to, request.caller));
  if (other->peer && other->peer != endpoint_)
    return Errno{EPERM};
  if (endpoint_->peer != other)
    endpoint_->disconnect_datagram();
  endpoint_->peer = other;
  endpoint_->state = UnixEndpoint::State::connected;
  other->datagram_clients.push_back(endpoint_.get());
  return Done{};
}

Status UnixSocket::connect(ConnectRequest &request) {
  if (type() == SOCK_DGRAM)
    return connect_datagram(request);
  const Ref<UnixEndpoint> listener = TINE_TRY(find(request.to, request.caller));
  if (listener->state != UnixEndpoint::State::listening || listener->no_more_receives)
    return Errno{ECONNREFUSED};
  if (endpoint_->state == UnixEndpoint::State::connected)
    return Errno{EISCONN};
  if (endpoint_->state != UnixEndpoint::State::unconnected)
    return Errno{EINVAL};
  if (listener->accept_queue.size() > listener->backlog) {
    request.wait_for = &listener->wait;
    return Errno{EAGAIN};
  }
  if (endpoint_->options.pass_credentials != 0 && endpoint_->name.is_unnamed())
    TINE_TRY(bind_abstract(network().free_abstract_name()));
  const Ref<UnixEndpoint> accepted = make_ref<UnixEndpoint>(network(), type());
  UnixEndpoint::connect_pair(endpoint_, accepted);
  accepted->name = listener->name;
  accepted->owner = listener->owner;
  accepted->options.pass_credentials = listener->options.pass_credentials;
  accepted->peer_credentials = request.caller.unix_credentials();
  endpoint_->peer_credentials = listener->owner;
  listener->accept_queue.push_back(accepted);
  listener->wait.wake_all();
  endpoint_->wait.wake_all();
  return Done{};
}

Result<SocketAddress> UnixSocket::local_address() {
  return endpoint_->name.to_socket_address();
}

Result<SocketAddress> UnixSocket::peer_address() {
  if (!endpoint_->peer)
    return Errno{ENOTCONN};
  return endpoint_->peer->name.to_socket_address();
}

Result<u64> UnixSocket::send(SendRequest &request) {
  if (request.flags & MSG_OOB)
    return Errno{EOPNOTSUPP};
  if (type() == SOCK_STREAM)
    return send_stream(request);
  return send_datagram(request);
}

Result<u64> UnixSocket::receive(ReceiveRequest &request) {
  if (request.flags & MSG_OOB)
    return Errno{type() == SOCK_STREAM ? EINVAL : EOPNOTSUPP};
  if (type() == SOCK_STREAM)
    return receive_stream(request);
  return receive_datagram(request);
}

Status UnixSocket::shutdown(int how) {
  if (how < SHUT_RD || how > SHUT_RDWR)
    return Errno{EINVAL};
  const bool receives = how != SHUT_WR, sends = how != SHUT_RD;
  endpoint_->no_more_receives |= receives;
  endpoint_->no_more_sends |= sends;
  const Ref<UnixEndpoint> peer = endpoint_->peer;
  if (peer && type() != SOCK_DGRAM) {
    peer->no_more_receives |= sends;
    peer->no_more_sends |= receives;
    peer->wait.wake_all();
  }
  endpoint_->wait.wake_all();
  return Done{};
}

Result<std::vector<std::byte>> UnixSocket::option(int level, int name) {
  if (level == SOL_SOCKET && name == SO_PEERCRED) {
    const bool listening = endpoint_->state == UnixEndpoint::State::listening;
    return option_bytes(listening ? endpoint_->owner : endpoint_->peer_credentials);
  }
  if (level == SOL_SOCKET && name == SO_PEERSEC)
    return Errno{ENOPROTOOPT};
  if (level != SOL_SOCKET)
    return Errno{EOPNOTSUPP};
  return Socket::option(level, name);
}

u64 UnixSocket::readable_bytes() {
  if (type() != SOCK_STREAM && type() != SOCK_SEQPACKET)
    return endpoint_->queue.empty() ? 0 : endpoint_->queue.front().data.size();
  u64 bytes = 0;
  for (const UnixMessage &message : endpoint_->queue)
    bytes += message.rest().size();
  return bytes;
}

UnixCredentials UnixSocket::sender_credentials(const SendRequest &request) const {
  if (request.credentials)
    return *request.credentials;
  if (request.caller)
    return request.caller->unix_credentials();
  // write(2): the process that writes; its ids are taken to be those of who made the socket.
  UnixCredentials credentials = endpoint_->owner;
  if (const fs::Caller *writer = fs::current_caller())
    credentials.pid = writer->process().value;
  return credentials;
}

} // namespace tine::net
