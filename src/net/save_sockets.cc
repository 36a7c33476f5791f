// A saved box: its sockets, with what is on its way between them.
#include "fs/inode.hpp"
#include "net/host_socket.hpp"
#include "net/netlink_socket.hpp"
#include "net/saved_classes.hpp"
#include "net/tcp_socket.hpp"
#include "net/udp_socket.hpp"
#include "net/unix_socket.hpp"

#include <algorithm>
#include <netinet/in.h>

namespace tine::net {
namespace {

template <typename T> bool has_null(const std::deque<Ref<T>> &references) {
  return std::any_of(references.begin(), references.end(), [](const Ref<T> &one) { return !one; });
}

} // namespace

void add_saved_classes(ArchiveClasses &classes) {
  classes.add<Network>("network");
  classes.add<UnixEndpoint>("unix endpoint");
  classes.add<UnixSocket>("unix socket");
  classes.add<TcpEndpoint>("tcp endpoint");
  classes.add<TcpSocket>("tcp socket");
  classes.add<UdpSocket>("udp socket");
  classes.add<NetlinkSocket>("netlink socket");
  classes.add<HostSocket>("host socket");
}

void SocketOptions::archive(Archive &archive) {
  archive(reuse_address, reuse_port, keep_alive, broadcast, dont_route, oob_inline, priority, mark,
          timestamp, timestamp_ns, pass_credentials, receive_low_water, no_check, incoming_cpu,
          busy_poll, pass_security, lock_filter, peek_offset, send_buffer, receive_buffer,
          send_buffer_set, receive_buffer_set, linger, linger_seconds, send_timeout,
          receive_timeout);
}

void InetOptions::archive(Archive &archive) {
  std::vector<std::array<i32, 3>> values;
  for (const auto &[key, value] : values_)
    values.push_back({key.first, key.second, value});
  archive(values);
  if (archive.is_reading())
    for (const std::array<i32, 3> &one : values)
      values_[{one[0], one[1]}] = one[2];
}

void ByteQueue::archive(Archive &archive) {
  archive(chunks_, consumed_);
  if (!archive.is_reading())
    return;
  u64 size = 0;
  bool valid = !chunks_.empty() || consumed_ == 0;
  for (const std::vector<std::byte> &chunk : chunks_) {
    valid = valid && !chunk.empty();
    size += chunk.size();
  }
  if (!valid || (!chunks_.empty() && consumed_ >= chunks_.front().size())) {
    clear();
    return archive.fail("it has a queue that can't be");
  }
  size_ = size - consumed_;
}

/// The box's first network is there already, in its kernel.
Ref<RefCounted> Network::archive_head(Archive &archive, Network *saved) {
  u64 id = saved ? saved->id : 0;
  Ref<fs::UserNamespace> owner = saved ? saved->owner : nullptr;
  archive(id, owner);
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  Network &first = *archive.context<Network>();
  if (id == 0)
    return Ref<RefCounted>(&first);
  return make_ref<Network>(first.shared_path_names_, id, owner);
}

/// At the end: sockets that are made take numbers.
void Network::archive_body(Archive &archive) {
  archive.at_end([keep = Ref<Network>(this)](Archive &end) {
    end(keep->loopback_up, keep->has_address, keep->next_inode_, keep->next_autobind_);
  });
}

// ---- AF_UNIX ----

Ref<RefCounted> UnixSocket::archive_head(Archive &archive, UnixSocket *saved) {
  return archive_socket(archive, saved, [&](Network &network, u32 flags) -> Ref<Socket> {
    Ref<UnixEndpoint> endpoint = saved ? saved->endpoint_ : nullptr;
    archive.required(endpoint);
    return saved || !archive.ok() ? nullptr : make_ref<UnixSocket>(network, endpoint, flags);
  });
}

Ref<RefCounted> UnixEndpoint::archive_head(Archive &archive, UnixEndpoint *saved) {
  Ref<Network> network = saved ? saved->keeper : nullptr;
  i32 type = saved ? saved->type : 0;
  archive.required(network);
  archive(type);
  if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
    archive.fail("it has a socket that can't be");
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  return make_ref<UnixEndpoint>(*network, type);
}

void UnixMessage::archive(Archive &archive) {
  archive(data, consumed, files, credentials, charge);
  archive.required(sender);
  if (consumed > data.size())
    archive.fail("it has a message that can't be");
}

void UnixEndpoint::archive_body(Archive &archive) {
  archive.choice(state, State::closed);
  archive(options, name.text, peer_credentials, owner, inode_number, peer, accept_queue, backlog,
          sent, no_more_receives, no_more_sends, error, queue);
  auto *named = dynamic_cast<fs::Inode *>(inode.get());
  Ref<fs::Inode> node(named);
  const auto path_name = network.path_names().find(inode.get());
  const auto abstract = network.abstract_names.find(name.text);
  bool has_path = inode && path_name != network.path_names().end() && path_name->second == this;
  bool has_abstract = abstract != network.abstract_names.end() && abstract->second == this;
  archive(node, has_path, has_abstract);
  constexpr std::size_t longest_name = 108; // sockaddr_un
  if (name.text.size() > longest_name || (node && node->type() != S_IFSOCK))
    archive.fail("it has a socket that can't be");
  if (archive.is_reading() && archive.ok()) {
    inode = node;
    if (has_path && node)
      network.path_names().emplace(node.get(), this);
    if (has_abstract)
      network.abstract_names.emplace(name.text, this);
  }
  if (has_null(accept_queue))
    archive.fail("it has a socket that can't be");
  if (!archive.ok()) { // it is closed with what it has
    queue.clear();
    accept_queue.clear();
    return;
  }
  // Clients aren't kept: those that nobody else refers to aren't there.
  archive.at_end([keep = Ref<UnixEndpoint>(this)](Archive &end) {
    std::vector<UnixEndpoint *> clients;
    for (UnixEndpoint *client : keep->datagram_clients)
      if (end.has(static_cast<const RefCounted *>(client)))
        clients.push_back(client);
    end.sequence(clients, [&](UnixEndpoint *&client) { end.weak(client); });
    if (!end.is_reading())
      return;
    keep->datagram_clients = std::move(clients);
    keep->check_restored(end);
  });
}

void UnixEndpoint::check_restored(Archive &archive) {
  const bool stream = type != SOCK_DGRAM;
  const bool valid =
      std::all_of(
          datagram_clients.begin(), datagram_clients.end(),
          [&](const UnixEndpoint *client) { return client && client->peer.get() == this; }) &&
      std::all_of(
          accept_queue.begin(), accept_queue.end(),
          [&](const Ref<UnixEndpoint> &waiting) { return waiting && waiting.get() != this; }) &&
      (!peer || (peer->type == type && (!stream || peer->peer.get() == this || !peer->peer)));
  if (!valid || (stream && !datagram_clients.empty()) || (stream && peer.get() == this)) {
    datagram_clients.clear();
    accept_queue.clear();
    archive.fail("it has a socket that can't be");
  }
}

// ---- TCP ----

Ref<RefCounted> TcpSocket::archive_head(Archive &archive, TcpSocket *saved) {
  return archive_socket(archive, saved, [&](Network &network, u32 flags) -> Ref<Socket> {
    Ref<TcpEndpoint> endpoint = saved ? saved->endpoint_ : nullptr;
    i32 domain = saved ? saved->domain() : 0;
    InetOptions inet_options = saved ? saved->inet_options_ : InetOptions{};
    archive.required(endpoint);
    archive(domain, inet_options);
    if (domain != AF_INET && domain != AF_INET6)
      archive.fail("it has a socket that can't be");
    if (saved || !archive.ok())
      return nullptr;
    auto made = make_ref<TcpSocket>(network, domain, endpoint, flags);
    made->inet_options_ = std::move(inet_options);
    return made;
  });
}

Ref<RefCounted> TcpEndpoint::archive_head(Archive &archive, TcpEndpoint *saved) {
  Ref<Network> network = saved ? saved->keeper : nullptr;
  archive.required(network);
  if (saved || !archive.ok())
    return Ref<RefCounted>(saved);
  return make_ref<TcpEndpoint>(*network);
}

void TcpEndpoint::archive_body(Archive &archive) {
  InetBinding::archive(archive);
  archive.choice(state, State::closed);
  bool bound = in_table;
  archive(bound, options, inode_number, received, end_received, end_sent, no_more_receives,
          connect_result_pending, error, backlog, peer, listener, accept_queue, waiting_clients);
  if (has_null(accept_queue) || has_null(waiting_clients))
    archive.fail("it has a connection that can't be");
  if (!archive.ok()) { // it is closed with what it has
    accept_queue.clear();
    waiting_clients.clear();
  }
  if (!archive.is_reading() || !archive.ok())
    return;
  if (family != AF_INET && family != AF_INET6)
    return archive.fail("it has a socket that can't be");
  if (bound)
    network.tcp.add(*this);
  archive.at_end([keep = Ref<TcpEndpoint>(this)](Archive &end) { keep->check_restored(end); });
}

void TcpEndpoint::check_restored(Archive &archive) {
  const auto is_other = [this](const Ref<TcpEndpoint> &end) { return end && end.get() != this; };
  // An end that was closed has let go of the other, which still knows it.
  const bool has_valid_peer =
      !peer || (peer.get() != this &&
                (peer->peer.get() == this || (!peer->peer && peer->state == State::closed)));
  if (!has_valid_peer || (state == State::connected && !end_sent && !peer) ||
      listener.get() == this || !std::all_of(accept_queue.begin(), accept_queue.end(), is_other) ||
      !std::all_of(waiting_clients.begin(), waiting_clients.end(), is_other)) {
    accept_queue.clear();
    waiting_clients.clear();
    archive.fail("it has a connection that can't be");
  }
}

// ---- UDP and netlink ----

Ref<RefCounted> UdpSocket::archive_head(Archive &archive, UdpSocket *saved) {
  return archive_socket(archive, saved, [&](Network &network, u32 flags) -> Ref<Socket> {
    i32 domain = saved ? saved->domain() : 0;
    archive(domain);
    if (domain != AF_INET && domain != AF_INET6)
      archive.fail("it has a socket that can't be");
    return saved || !archive.ok() ? nullptr : make_ref<UdpSocket>(network, domain, flags);
  });
}

void UdpSocket::archive_body(Archive &archive) {
  InetBinding::archive(archive);
  bool bound = in_table;
  archive(bound, options_, inet_options_, queue_, queued_bytes_, no_more_receives_, no_more_sends_,
          error_);
  if (!archive.is_reading() || !archive.ok())
    return;
  if (family != AF_INET && family != AF_INET6)
    return archive.fail("it has a socket that can't be");
  if (bound)
    this->network().udp.add(*this);
}

Ref<RefCounted> NetlinkSocket::archive_head(Archive &archive, NetlinkSocket *saved) {
  return archive_socket(archive, saved, [&](Network &network, u32 flags) -> Ref<Socket> {
    i32 type = saved ? saved->type() : 0;
    archive(type);
    return saved || !archive.ok() ? nullptr : make_ref<NetlinkSocket>(network, type, flags);
  });
}

void NetlinkSocket::archive_body(Archive &archive) {
  archive(options_, port_, groups_, queue_);
}

// ---- --net=host ----

/// As in a fork: connections to the outside are reset, and who listened gets none any more.
Ref<RefCounted> HostSocket::archive_head(Archive &archive, HostSocket *saved) {
  return archive_socket(archive, saved, [&](Network &network, u32 flags) -> Ref<Socket> {
    i32 domain = saved ? saved->domain() : 0, type = saved ? saved->type() : 0,
        protocol = saved ? saved->protocol() : 0;
    bool listening = saved && saved->listening_, withheld = saved && saved->withheld_,
         is_reset = saved && saved->is_reset_;
    i32 reset_error = saved ? saved->reset_error_ : 0;
    SocketOptions options = saved ? saved->options_ : SocketOptions{};
    archive(domain, type, protocol, listening, withheld, is_reset, reset_error, options);
    if (saved || !archive.ok())
      return nullptr;
    auto *events = archive.context<sched::HostEvents>();
    if (events == nullptr || (domain != AF_INET && domain != AF_INET6)) {
      archive.fail("it uses the host's network, which must be allowed");
      return nullptr;
    }
    UniqueFd host(::socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
    if (!host) {
      archive.fail("the host gives no socket");
      return nullptr;
    }
    auto made =
        make_ref<HostSocket>(network, *events, std::move(host), domain, type, protocol, flags);
    made->options_ = options;
    made->listening_ = listening;
    made->withheld_ = withheld;
    made->is_reset_ = is_reset;
    made->reset_error_ = reset_error;
    return made;
  });
}

} // namespace tine::net
