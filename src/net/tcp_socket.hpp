// TCP over the box's loopback: tcp(7).
#pragma once

#include "net/inet_options.hpp"
#include "net/tcp_endpoint.hpp"

namespace tine::net {

/// The open file description of a TCP endpoint; closes it when the last descriptor goes.
class TcpSocket final : public Socket {
public:
  TcpSocket(Network &network, int domain, Ref<TcpEndpoint> endpoint, u32 status_flags);
  ~TcpSocket() override;
  [[nodiscard]] static Ref<TcpSocket> create(Network &network, int domain, u32 status_flags,
                                             const Caller &caller);

  [[nodiscard]] Status bind(const SocketAddress &address, const Caller &caller) override;
  [[nodiscard]] Status listen(int backlog, const Caller &caller) override;
  [[nodiscard]] Result<Ref<Socket>> accept(u32 status_flags) override;
  [[nodiscard]] Status connect(ConnectRequest &request) override;
  [[nodiscard]] Result<SocketAddress> local_address() override;
  [[nodiscard]] Result<SocketAddress> peer_address() override;
  [[nodiscard]] Result<u64> send(SendRequest &request) override;
  [[nodiscard]] Result<u64> receive(ReceiveRequest &request) override;
  [[nodiscard]] Status shutdown(int how) override;
  [[nodiscard]] Status set_option(int level, int name, std::span<const std::byte> value,
                                  const Caller &caller) override;
  [[nodiscard]] Result<std::vector<std::byte>> option(int level, int name) override;
  [[nodiscard]] SocketOptions &options() override { return endpoint_->options; }

  [[nodiscard]] u32 poll() override { return endpoint_->poll(); }
  [[nodiscard]] sched::WaitQueue *wait_queue() override { return &endpoint_->wait; }
  [[nodiscard]] bool tells_readiness() const override { return true; }
  [[nodiscard]] const TcpEndpoint &endpoint() const { return *endpoint_; }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, TcpSocket *saved);

protected:
  [[nodiscard]] int take_error() override { return endpoint_->take_error(); }
  [[nodiscard]] bool is_listening() const override { return endpoint_->listening; }
  [[nodiscard]] u64 readable_bytes() override { return endpoint_->received.size(); }

private:
  [[nodiscard]] Result<Ref<fs::File>> make_copy(Copier &copier) override;
  [[nodiscard]] Status start_connecting(ConnectRequest &request);
  [[nodiscard]] Status bind_ephemeral(const InetAddress &to);

  Ref<TcpEndpoint> endpoint_;
  InetOptions inet_options_;
};

/// bind(2)'s checks of an IP address, common to TCP and UDP: EADDRNOTAVAIL, EACCES below port 1024.
[[nodiscard]] Result<InetAddress>
checked_local_address(const Socket &socket, const SocketAddress &address, const Caller &caller);

} // namespace tine::net
