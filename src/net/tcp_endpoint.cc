#include "net/tcp_endpoint.hpp"

#include <algorithm>
#include <poll.h>

namespace tine::net {
namespace {

/// What Linux's buffers grow to over lo (net.ipv4.tcp_wmem), when the program didn't set them.
constexpr u64 default_capacity = 2'621'440;

/// The state numbers of tcpi_state and /proc/net/tcp. The header that names them, netinet/tcp.h,
/// can't be included together with linux/tcp.h.
enum : u8 {
  tcp_established = 1,
  tcp_syn_sent = 2,
  tcp_fin_wait2 = 5,
  tcp_close = 7,
  tcp_close_wait = 8,
  tcp_last_ack = 9,
  tcp_listen = 10,
};

} // namespace

u8 TcpEndpoint::state_number() const {
  switch (state) {
  case State::listening:
    return tcp_listen;
  case State::connecting:
    return tcp_syn_sent;
  case State::connected:
    if (end_sent)
      return end_received ? tcp_last_ack : tcp_fin_wait2;
    return end_received ? tcp_close_wait : tcp_established;
  default:
    return tcp_close;
  }
}

u64 TcpEndpoint::capacity() const {
  const bool is_set = options.send_buffer_set || (peer && peer->options.receive_buffer_set);
  if (!is_set)
    return default_capacity;
  return u64{options.send_buffer} + (peer ? peer->options.receive_buffer : 0);
}

u32 TcpEndpoint::poll() const {
  u32 events = 0;
  if (error != 0)
    events |= POLLERR;
  if (state == State::listening)
    return events | (accept_queue.empty() ? 0U : POLLIN | POLLRDNORM);
  const bool no_receives = no_more_receives || end_received;
  if ((no_receives && end_sent) || state == State::unconnected)
    events |= POLLHUP;
  if (no_receives)
    events |= POLLIN | POLLRDNORM | POLLRDHUP;
  if (state == State::connecting)
    return events;
  if (received.size() >= static_cast<u64>(std::max(options.receive_low_water, 1)))
    events |= POLLIN | POLLRDNORM;
  // A third of the buffer is free: sk_stream_is_writeable.
  if (end_sent || !peer || peer->received.size() * 3 <= capacity() * 2)
    events |= POLLOUT | POLLWRNORM;
  return events;
}

void TcpEndpoint::establish(const Ref<TcpEndpoint> &client) {
  const Ref<TcpEndpoint> server = make_ref<TcpEndpoint>(network);
  server->family = family;
  server->v6_only = v6_only;
  server->reuse_address = reuse_address;
  server->reuse_port = reuse_port;
  server->owner = owner;
  server->options = options;
  server->local = client->remote;
  server->remote = client->local;
  server->peer = client;
  server->state = State::connected;
  network.tcp.add(*server);
  client->peer = server;
  client->state = State::connected;
  client->listener = nullptr;
  accept_queue.push_back(server);
  client->wait.wake_all();
  wait.wake_all();
}

void TcpEndpoint::receive_connection(const Ref<TcpEndpoint> &client) {
  if (accept_queue.size() <= backlog) {
    establish(client);
    return;
  }
  client->state = State::connecting;
  client->listener = Ref<TcpEndpoint>(this);
  waiting_clients.push_back(client);
}

void TcpEndpoint::admit_waiting() {
  while (!waiting_clients.empty() && accept_queue.size() <= backlog) {
    const Ref<TcpEndpoint> client = std::move(waiting_clients.front());
    waiting_clients.pop_front();
    establish(client);
  }
}

void TcpEndpoint::receive_end() {
  end_received = true;
  wait.wake_all();
}

void TcpEndpoint::receive_reset() {
  // tcp_reset: EPIPE if the peer had ended its side before, else ECONNRESET.
  error = state == State::connecting ? ECONNREFUSED : end_received ? EPIPE : ECONNRESET;
  state = State::unconnected;
  listener = nullptr;
  peer = nullptr;
  remote.port = 0;
  end_received = end_sent = true;
  unbind();
  wait.wake_all();
}

void TcpEndpoint::send_end() {
  if (std::exchange(end_sent, true))
    return;
  if (peer)
    peer->receive_end();
  wait.wake_all();
}

void TcpEndpoint::unbind() {
  if (in_table)
    network.tcp.remove(*this);
}

void TcpEndpoint::stop_listening() {
  listening = false;
  for (const Ref<TcpEndpoint> &server : std::exchange(accept_queue, {})) {
    if (server->peer)
      server->peer->receive_reset();
    server->peer = nullptr;
    server->close();
  }
  for (const Ref<TcpEndpoint> &client : std::exchange(waiting_clients, {}))
    client->receive_reset();
}

void TcpEndpoint::close() {
  if (state == State::closed)
    return;
  const Ref<TcpEndpoint> self(this);
  if (state == State::listening)
    stop_listening();
  if (listener) {
    std::erase(listener->waiting_clients, self);
    listener = nullptr;
  }
  if (peer) {
    const bool resets = !received.empty() || (options.linger && options.linger_seconds == 0);
    if (resets)
      peer->receive_reset();
    else
      send_end();
  }
  state = State::closed;
  peer = nullptr;
  received.clear();
  unbind();
  wait.wake_all();
}

} // namespace tine::net
