// The end of an AF_UNIX connection: Linux's struct unix_sock. It lives as long as its socket, a
// message that it sent, or a peer that remembers it.
#pragma once

#include "net/network.hpp"
#include "net/socket.hpp"

#include <deque>

namespace tine::net {

class UnixEndpoint;

/// What one send put into a queue; of a stream, a piece of it.
struct UnixMessage {
  std::vector<std::byte> data;
  u64 consumed = 0; ///< bytes of a stream that were read already
  std::vector<Ref<fs::File>> files;
  UnixCredentials credentials;
  Ref<UnixEndpoint> sender;
  u64 charge = 0; ///< what the message takes of the sender's buffer

  void archive(Archive &archive);
  [[nodiscard]] std::span<const std::byte> rest() const {
    return std::span(data).subspan(consumed);
  }
};

/// Invariants: `peer` of a stream or seqpacket endpoint points back while both live; a closed
/// endpoint has an empty queue and no peer; `sent` is the sum of the charges of its messages in
/// other queues.
class UnixEndpoint final : public RefCounted {
public:
  enum class State : u8 { unconnected, listening, connected, closed };

  UnixEndpoint(Network &network_, int type_) : keeper(&network_), network(network_), type(type_) {}

  /// Of connected sockets: each is the other's peer.
  static void connect_pair(const Ref<UnixEndpoint> &a, const Ref<UnixEndpoint> &b);

  /// Bytes that a message of `size` takes of its sender's buffer, close to Linux's skb truesize.
  [[nodiscard]] static u64 charge_of(u64 size);
  [[nodiscard]] bool has_room() const { return sent < options.send_buffer; }
  /// A quarter of the buffer is free: Linux's unix_writable, what POLLOUT means.
  [[nodiscard]] bool is_writable() const { return sent * 4 <= options.send_buffer; }
  /// A datagram socket takes this many messages from those that it isn't connected to, and one
  /// more.
  [[nodiscard]] bool is_full_for(const UnixEndpoint &from) const;

  void enqueue(UnixMessage message);
  /// Removes the first message and gives its sender room.
  void pop_message();
  void disconnect_datagram();
  /// The socket is closed.
  void close();
  [[nodiscard]] int take_error() { return std::exchange(error, 0); }
  [[nodiscard]] u32 poll() const;
  /// The endpoint in the copy of a box, what is in its queues included. Filled by the copier,
  /// later.
  [[nodiscard]] Result<Ref<UnixEndpoint>> copy(Copier &copier) const;

  const Ref<Network> keeper; ///< of `network`
  Network &network;
  const int type;
  State state = State::unconnected;
  SocketOptions options;
  UnixName name;
  Ref<RefCounted> inode; ///< of a path name
  UnixCredentials peer_credentials;
  UnixCredentials owner; ///< who made it: connect(2), listen(2) and write(2) speak for it
  u64 inode_number = 0;

  Ref<UnixEndpoint> peer;
  std::vector<UnixEndpoint *> datagram_clients; ///< those whose peer this is (SOCK_DGRAM)
  std::deque<UnixMessage> queue;
  std::deque<Ref<UnixEndpoint>> accept_queue;
  u32 backlog = 0;
  u64 sent = 0;
  bool no_more_receives = false; ///< RCV_SHUTDOWN
  bool no_more_sends = false;    ///< SEND_SHUTDOWN
  int error = 0;
  sched::WaitQueue wait;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, UnixEndpoint *saved);
  void archive_body(Archive &archive);

private:
  void check_restored(Archive &archive);
  [[nodiscard]] Status copy_rest(Copier &copier, UnixEndpoint &made) const;
  void forget_name();
};

} // namespace tine::net
