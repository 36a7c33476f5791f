// One end of a TCP connection over lo. There are no segments: what one end sends is in the other's
// receive queue at once.
#pragma once

#include "net/byte_queue.hpp"
#include "net/network.hpp"
#include "net/socket.hpp"

namespace tine::net {

/// Invariants: `peer` points back while both ends live; a closed endpoint has an empty queue and is
/// in no port table. Kept alive by its socket, its peer, or a listener's queue.
class TcpEndpoint final : public RefCounted, public InetBinding {
public:
  enum class State : u8 {
    unconnected,
    listening,
    connecting, ///< waits for room in the listener's backlog: SYN_SENT
    connected,
    closed,
  };

  explicit TcpEndpoint(Network &network_) : keeper(&network_), network(network_) {}

  /// As Linux's, for /proc/net/tcp and TCP_INFO: 1 ESTABLISHED ... 10 LISTEN.
  [[nodiscard]] u8 state_number() const;
  [[nodiscard]] u32 poll() const;
  [[nodiscard]] int take_error() { return std::exchange(error, 0); }
  /// Bytes that may wait in the peer's queue.
  [[nodiscard]] u64 capacity() const;

  /// A connection of `client` comes in: it is accepted into the queue, waits as SYN_SENT if the
  /// backlog is full, or is refused.
  void receive_connection(const Ref<TcpEndpoint> &client);
  /// Lets waiting clients in while the backlog has room.
  void admit_waiting();
  /// A FIN from the peer.
  void receive_end();
  /// A RST from the peer.
  void receive_reset();
  void send_end();
  /// The socket is closed; unread data or SO_LINGER with time 0 make it a reset: RFC 2525, 2.17.
  void close();
  void unbind();
  /// The endpoint in the copy of a box, what is in its queues included. Filled by the copier,
  /// later.
  [[nodiscard]] Result<Ref<TcpEndpoint>> copy(Copier &copier) const;

  const Ref<Network> keeper; ///< of `network`
  Network &network;
  State state = State::unconnected;
  SocketOptions options;
  u64 inode_number = 0;

  Ref<TcpEndpoint> peer;
  ByteQueue received;
  bool end_received = false; ///< the peer's FIN
  bool end_sent = false;     ///< our FIN: SEND_SHUTDOWN
  bool no_more_receives = false;
  bool connect_result_pending = false; ///< connect(2) has not reported success yet
  int error = 0;

  u32 backlog = 0;
  std::deque<Ref<TcpEndpoint>> accept_queue;
  std::deque<Ref<TcpEndpoint>> waiting_clients;
  Ref<TcpEndpoint> listener; ///< while connecting
  sched::WaitQueue wait;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, TcpEndpoint *saved);
  void archive_body(Archive &archive);

private:
  void check_restored(Archive &archive);
  [[nodiscard]] Status copy_rest(Copier &copier, TcpEndpoint &made) const;
  void establish(const Ref<TcpEndpoint> &client);
  void stop_listening();
};

} // namespace tine::net
