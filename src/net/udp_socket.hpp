// UDP over the box's loopback: udp(7).
#pragma once

#include "net/inet_options.hpp"
#include "net/network.hpp"
#include "net/socket.hpp"

#include <deque>

namespace tine::net {

/// A UDP socket. Invariant: queued_bytes_ is the sum of the sizes of queue_.
class UdpSocket final : public Socket, private InetBinding {
public:
  UdpSocket(Network &network, int domain, u32 status_flags, const Caller &caller);
  /// Of a saved box.
  UdpSocket(Network &network, int domain, u32 status_flags);
  /// The copy in the fork of a box.
  UdpSocket(Network &network, const UdpSocket &original);
  ~UdpSocket() override;

  [[nodiscard]] Status bind(const SocketAddress &address, const Caller &caller) override;
  [[nodiscard]] Status connect(ConnectRequest &request) override;
  [[nodiscard]] Result<SocketAddress> local_address() override;
  [[nodiscard]] Result<SocketAddress> peer_address() override;
  [[nodiscard]] Result<u64> send(SendRequest &request) override;
  [[nodiscard]] Result<u64> receive(ReceiveRequest &request) override;
  [[nodiscard]] Status shutdown(int how) override;
  [[nodiscard]] Status set_option(int level, int name, std::span<const std::byte> value,
                                  const Caller &caller) override;
  [[nodiscard]] Result<std::vector<std::byte>> option(int level, int name) override;
  [[nodiscard]] SocketOptions &options() override { return options_; }

  [[nodiscard]] u32 poll() override;
  [[nodiscard]] sched::WaitQueue *wait_queue() override { return &wait_; }
  [[nodiscard]] bool tells_readiness() const override { return true; }
  [[nodiscard]] const InetBinding &binding() const { return *this; }
  [[nodiscard]] u64 queued_bytes() const { return queued_bytes_; }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, UdpSocket *saved);
  void archive_body(Archive &archive);

protected:
  [[nodiscard]] int take_error() override { return std::exchange(error_, 0); }
  [[nodiscard]] u64 readable_bytes() override {
    return queue_.empty() ? 0 : queue_.front().data.size();
  }

private:
  struct Datagram {
    std::vector<std::byte> data;
    InetAddress from;
    InetAddress to;
    timespec arrived{};
    void archive(Archive &archive) {
      archive(data, from.bytes, from.port, to.bytes, to.port, arrived);
    }
  };

  [[nodiscard]] Result<Ref<fs::File>> make_copy(Copier &copier) override;
  void deliver(Datagram datagram);
  [[nodiscard]] Result<InetAddress> destination(const SendRequest &request) const;
  void add_control(ReceiveRequest &request, const Datagram &datagram) const;
  [[nodiscard]] bool is_connected() const { return remote.port != 0; }

  SocketOptions options_;
  InetOptions inet_options_;
  std::deque<Datagram> queue_;
  u64 queued_bytes_ = 0;
  bool no_more_receives_ = false, no_more_sends_ = false;
  int error_ = 0;
  sched::WaitQueue wait_;
};

} // namespace tine::net
