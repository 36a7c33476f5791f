// AF_NETLINK, NETLINK_ROUTE: enough of rtnetlink(7) for getifaddrs(3), if_nameindex(3) and `ip`.
#pragma once

#include "net/socket.hpp"

#include <deque>

namespace tine::net {

/// A netlink socket. The kernel answers a request while it is sent; answers wait in queue_.
class NetlinkSocket final : public Socket {
public:
  NetlinkSocket(Network &network, int type, u32 status_flags);

  [[nodiscard]] Status bind(const SocketAddress &address, const Caller &caller) override;
  [[nodiscard]] Status connect(ConnectRequest &request) override;
  [[nodiscard]] Result<SocketAddress> local_address() override;
  [[nodiscard]] Result<SocketAddress> peer_address() override;
  [[nodiscard]] Result<u64> send(SendRequest &request) override;
  [[nodiscard]] Result<u64> receive(ReceiveRequest &request) override;
  [[nodiscard]] Status shutdown(int) override { return Errno{EOPNOTSUPP}; }
  [[nodiscard]] Status set_option(int level, int name, std::span<const std::byte> value,
                                  const Caller &caller) override;
  /// A datagram from the kernel.
  void deliver(std::vector<std::byte> message);
  [[nodiscard]] SocketOptions &options() override { return options_; }
  [[nodiscard]] bool is_stream() const override { return false; }
  [[nodiscard]] u32 poll() override;
  [[nodiscard]] sched::WaitQueue *wait_queue() override { return &wait_; }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, NetlinkSocket *saved);
  void archive_body(Archive &archive);

protected:
  [[nodiscard]] int take_error() override { return 0; }

private:
  [[nodiscard]] Result<Ref<fs::File>> make_copy(Copier &copier) override;
  void choose_port(i32 wanted);

  SocketOptions options_;
  u32 port_ = 0; ///< nl_pid; 0: not bound
  u32 groups_ = 0;
  std::deque<std::vector<std::byte>> queue_;
  sched::WaitQueue wait_;
};

/// The answers to the messages of one request, one element a datagram.
[[nodiscard]] std::vector<std::vector<std::byte>>
answer_netlink(Network &network, std::span<const std::byte> request, u32 port);

} // namespace tine::net
