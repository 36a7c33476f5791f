// The fork of a box: its sockets, with what is on its way between them.
#include "fs/inode.hpp"
#include "net/netlink_socket.hpp"
#include "net/tcp_socket.hpp"
#include "net/udp_socket.hpp"
#include "net/unix_socket.hpp"

#include <netinet/in.h>

namespace tine::net {

// ---- AF_UNIX ----

Result<Ref<fs::File>> UnixSocket::make_copy(Copier &copier) {
  const Ref<UnixEndpoint> endpoint = TINE_TRY(copier.copy(endpoint_));
  Ref<UnixSocket> made =
      make_ref<UnixSocket>(*TINE_TRY(network_in(copier)), endpoint, status_flags());
  made->keep_number(*this);
  endpoint->inode_number = endpoint_->inode_number;
  return Ref<fs::File>(made);
}

Result<Ref<UnixEndpoint>> UnixEndpoint::copy(Copier &copier) const {
  Ref<UnixEndpoint> made = make_ref<UnixEndpoint>(*TINE_TRY(copier.copy(keeper)), type);
  made->state = state;
  made->options = options;
  made->name = name;
  made->peer_credentials = peer_credentials;
  made->owner = owner;
  made->inode_number = inode_number;
  made->backlog = backlog;
  made->sent = sent;
  made->no_more_receives = no_more_receives;
  made->no_more_sends = no_more_sends;
  made->error = error;
  copier.later([this, &copier, made] { return copy_rest(copier, *made); });
  return made;
}

/// What leads to other endpoints, and to files that are on their way.
Status UnixEndpoint::copy_rest(Copier &copier, UnixEndpoint &made) const {
  if (auto *named = dynamic_cast<fs::Inode *>(inode.get()))
    made.inode = TINE_TRY(named->copy(copier, nullptr, name.text));
  if (const auto found = network.path_names().find(inode.get());
      inode && found != network.path_names().end() && found->second == this)
    made.network.path_names().emplace(made.inode.get(), &made);
  if (const auto found = network.abstract_names.find(name.text);
      found != network.abstract_names.end() && found->second == this)
    made.network.abstract_names.emplace(name.text, &made);
  made.peer = TINE_TRY(copier.copy(peer));
  // Clients aren't kept: those that nobody else refers to aren't there.
  copier.at_end([this, &copier, &made]() -> Status {
    for (const UnixEndpoint *client : datagram_clients)
      if (UnixEndpoint *known = copier.find(*client))
        made.datagram_clients.push_back(known);
    return Done{};
  });
  for (const Ref<UnixEndpoint> &waiting : accept_queue)
    made.accept_queue.push_back(TINE_TRY(copier.copy(waiting)));
  for (const UnixMessage &message : queue) {
    UnixMessage copied{message.data, message.consumed, {}, message.credentials, {}, message.charge};
    for (const Ref<fs::File> &file : message.files)
      copied.files.push_back(TINE_TRY(copier.copy(file)));
    copied.sender = TINE_TRY(copier.copy(message.sender));
    made.queue.push_back(std::move(copied));
  }
  return Done{};
}

// ---- TCP ----

Result<Ref<fs::File>> TcpSocket::make_copy(Copier &copier) {
  const Ref<TcpEndpoint> endpoint = TINE_TRY(copier.copy(endpoint_));
  Ref<TcpSocket> made =
      make_ref<TcpSocket>(*TINE_TRY(network_in(copier)), domain(), endpoint, status_flags());
  made->keep_number(*this);
  made->inet_options_ = inet_options_;
  endpoint->inode_number = endpoint_->inode_number;
  return Ref<fs::File>(made);
}

Result<Ref<TcpEndpoint>> TcpEndpoint::copy(Copier &copier) const {
  Ref<TcpEndpoint> made = make_ref<TcpEndpoint>(*TINE_TRY(copier.copy(keeper)));
  static_cast<InetBinding &>(*made) = *this;
  made->in_table = false;
  if (in_table)
    made->network.tcp.add(*made);
  made->state = state;
  made->options = options;
  made->inode_number = inode_number;
  made->received = received;
  made->end_received = end_received;
  made->end_sent = end_sent;
  made->no_more_receives = no_more_receives;
  made->connect_result_pending = connect_result_pending;
  made->error = error;
  made->backlog = backlog;
  copier.later([this, &copier, made] { return copy_rest(copier, *made); });
  return made;
}

Status TcpEndpoint::copy_rest(Copier &copier, TcpEndpoint &made) const {
  made.peer = TINE_TRY(copier.copy(peer));
  made.listener = TINE_TRY(copier.copy(listener));
  for (const Ref<TcpEndpoint> &server : accept_queue)
    made.accept_queue.push_back(TINE_TRY(copier.copy(server)));
  for (const Ref<TcpEndpoint> &client : waiting_clients)
    made.waiting_clients.push_back(TINE_TRY(copier.copy(client)));
  return Done{};
}

// ---- UDP and netlink ----

UdpSocket::UdpSocket(Network &network, const UdpSocket &original)
    : Socket(network, original.domain(), SOCK_DGRAM, IPPROTO_UDP, original.status_flags()),
      InetBinding(original), options_(original.options_), inet_options_(original.inet_options_),
      queue_(original.queue_), queued_bytes_(original.queued_bytes_),
      no_more_receives_(original.no_more_receives_), no_more_sends_(original.no_more_sends_),
      error_(original.error_) {
  keep_number(original);
  in_table = false;
  if (original.in_table)
    network.udp.add(*this);
}

Result<Ref<fs::File>> UdpSocket::make_copy(Copier &copier) {
  return Ref<fs::File>(make_ref<UdpSocket>(*TINE_TRY(network_in(copier)), *this));
}

Result<Ref<fs::File>> NetlinkSocket::make_copy(Copier &copier) {
  Ref<NetlinkSocket> made =
      make_ref<NetlinkSocket>(*TINE_TRY(network_in(copier)), type(), status_flags());
  made->keep_number(*this);
  made->options_ = options_;
  made->port_ = port_;
  made->groups_ = groups_;
  made->queue_ = queue_;
  return Ref<fs::File>(made);
}

} // namespace tine::net
