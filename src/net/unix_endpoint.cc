#include "net/unix_endpoint.hpp"

#include <algorithm>
#include <bit>
#include <poll.h>

namespace tine::net {
namespace {

constexpr std::size_t maximum_datagrams = 10; ///< net.unix.max_dgram_qlen

} // namespace

void UnixEndpoint::connect_pair(const Ref<UnixEndpoint> &a, const Ref<UnixEndpoint> &b) {
  a->peer = b;
  b->peer = a;
  a->state = b->state = State::connected;
  if (a->type == SOCK_DGRAM) {
    a->datagram_clients.push_back(b.get());
    b->datagram_clients.push_back(a.get());
  }
}

u64 UnixEndpoint::charge_of(u64 size) {
  constexpr u64 header = 256, shared_info = 320, largest_linear = page_size - shared_info;
  const u64 paged = size > largest_linear ? round_up_to_page(size - largest_linear) : 0;
  const u64 linear = size - std::min(size, paged) + shared_info;
  return header + std::bit_ceil(std::max<u64>(linear, 512)) + paged;
}

bool UnixEndpoint::is_full_for(const UnixEndpoint &from) const {
  return this != &from && peer.get() != &from && queue.size() > maximum_datagrams;
}

void UnixEndpoint::enqueue(UnixMessage message) {
  message.sender->sent += message.charge;
  queue.push_back(std::move(message));
  wait.wake_all();
}

void UnixEndpoint::pop_message() {
  const UnixMessage message = std::move(queue.front());
  queue.pop_front();
  message.sender->sent -= message.charge;
  message.sender->wait.wake_all();
  if (type == SOCK_DGRAM) {
    wait.wake_all(); // those that wait to send to a full queue
    for (UnixEndpoint *client : std::vector(datagram_clients))
      client->wait.wake_all();
  }
}

void UnixEndpoint::disconnect_datagram() {
  const Ref<UnixEndpoint> old = std::exchange(peer, nullptr);
  if (!old)
    return;
  std::erase(old->datagram_clients, this);
  while (!queue.empty())
    pop_message();
  if (old->peer.get() == this && old->state != State::closed) {
    old->error = ECONNRESET;
    old->wait.wake_all();
  }
}

void UnixEndpoint::forget_name() {
  if (inode)
    network.path_names().erase(inode.get());
  else if (name.is_abstract())
    network.abstract_names.erase(name.text);
  inode = nullptr;
}

void UnixEndpoint::close() {
  if (state == State::closed)
    return;
  // Keeps this alive while the references to it go.
  const Ref<UnixEndpoint> self(this);
  const bool had_unread = !queue.empty();
  const bool is_datagram = type == SOCK_DGRAM;
  state = State::closed;
  // An accepted endpoint has its listener's name, but isn't the one that is found by it.
  const auto owner_of_name = network.abstract_names.find(name.text);
  if (inode || (owner_of_name != network.abstract_names.end() && owner_of_name->second == this))
    forget_name();
  for (const Ref<UnixEndpoint> &waiting : accept_queue) {
    if (waiting->peer) {
      // A connection that nobody accepted is reset.
      waiting->peer->error = ECONNRESET;
    }
    waiting->close();
  }
  accept_queue.clear();
  if (is_datagram) {
    if (peer)
      std::erase(peer->datagram_clients, this);
    peer = nullptr;
    for (UnixEndpoint *client : std::vector(datagram_clients))
      client->wait.wake_all();
  } else if (const Ref<UnixEndpoint> other = std::exchange(peer, nullptr)) {
    other->no_more_receives = other->no_more_sends = true;
    if (had_unread)
      other->error = ECONNRESET;
    other->wait.wake_all();
  }
  while (!queue.empty())
    pop_message();
  wait.wake_all();
}

u32 UnixEndpoint::poll() const {
  u32 events = 0;
  if (error != 0)
    events |= POLLERR;
  if (no_more_receives && no_more_sends)
    events |= POLLHUP;
  if (no_more_receives)
    events |= POLLRDHUP | POLLIN | POLLRDNORM;
  if (!queue.empty() || !accept_queue.empty())
    events |= POLLIN | POLLRDNORM;
  if (type != SOCK_DGRAM && state == State::unconnected)
    events |= POLLHUP;
  const bool peer_full = type == SOCK_DGRAM && peer && peer->is_full_for(*this);
  if (is_writable() && state != State::listening && !peer_full)
    events |= POLLOUT | POLLWRNORM | POLLWRBAND;
  return events;
}

} // namespace tine::net
