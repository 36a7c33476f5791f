// AF_UNIX sockets: unix(7).
#pragma once

#include "net/unix_endpoint.hpp"

namespace tine::net {

/// The open file description of an endpoint; closes it when the last descriptor goes.
class UnixSocket final : public Socket {
public:
  UnixSocket(Network &network, Ref<UnixEndpoint> endpoint, u32 status_flags);
  ~UnixSocket() override;

  /// SOCK_STREAM, SOCK_DGRAM (SOCK_RAW means the same) or SOCK_SEQPACKET.
  [[nodiscard]] static Result<Ref<UnixSocket>> create(Network &network, int type, int protocol,
                                                      u32 status_flags, const Caller &caller);
  /// socketpair(2): connects two new sockets.
  static void connect_pair(UnixSocket &a, UnixSocket &b, const Caller &caller);

  [[nodiscard]] Status bind(const SocketAddress &address, const Caller &caller) override;
  [[nodiscard]] Status listen(int backlog, const Caller &caller) override;
  [[nodiscard]] Result<Ref<Socket>> accept(u32 status_flags) override;
  [[nodiscard]] Status connect(ConnectRequest &request) override;
  [[nodiscard]] Result<SocketAddress> local_address() override;
  [[nodiscard]] Result<SocketAddress> peer_address() override;
  [[nodiscard]] Result<u64> send(SendRequest &request) override;
  [[nodiscard]] Result<u64> receive(ReceiveRequest &request) override;
  [[nodiscard]] Status shutdown(int how) override;
  [[nodiscard]] Result<std::vector<std::byte>> option(int level, int name) override;
  [[nodiscard]] SocketOptions &options() override { return endpoint_->options; }

  [[nodiscard]] u32 poll() override { return endpoint_->poll(); }
  [[nodiscard]] sched::WaitQueue *wait_queue() override { return &endpoint_->wait; }
  [[nodiscard]] bool tells_readiness() const override { return true; }
  [[nodiscard]] UnixEndpoint &endpoint() const { return *endpoint_; }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, UnixSocket *saved);

protected:
  [[nodiscard]] int take_error() override { return endpoint_->take_error(); }
  [[nodiscard]] bool is_listening() const override {
    return endpoint_->state == UnixEndpoint::State::listening;
  }
  [[nodiscard]] u64 readable_bytes() override;
  [[nodiscard]] u64 unsent_bytes() override { return endpoint_->sent; }

private:
  [[nodiscard]] Result<Ref<fs::File>> make_copy(Copier &copier) override;
  [[nodiscard]] Status bind_abstract(const std::string &name);
  /// The endpoint that `address` names. ECONNREFUSED, EPROTOTYPE, and the errors of a path.
  [[nodiscard]] Result<Ref<UnixEndpoint>> find(const SocketAddress &address, const Caller &caller);
  [[nodiscard]] Status connect_datagram(ConnectRequest &request);
  [[nodiscard]] UnixCredentials sender_credentials(const SendRequest &request) const;
  // unix_stream.cc
  [[nodiscard]] Result<u64> send_stream(SendRequest &request);
  [[nodiscard]] Result<u64> receive_stream(ReceiveRequest &request);
  // unix_datagram.cc
  [[nodiscard]] Result<u64> send_datagram(SendRequest &request);
  [[nodiscard]] Result<u64> receive_datagram(ReceiveRequest &request);
  [[nodiscard]] Result<Ref<UnixEndpoint>> datagram_destination(SendRequest &request);

  Ref<UnixEndpoint> endpoint_;
};

/// Makes the file-system name of a bound socket. EADDRINUSE if the path exists, and the errors of
/// mknod.
[[nodiscard]] Result<Ref<RefCounted>> make_socket_node(const Caller &caller,
                                                       const std::string &path, u32 mode);
/// The inode that `path` names. ECONNREFUSED if it isn't a socket, EACCES without write permission.
[[nodiscard]] Result<Ref<RefCounted>> find_socket_node(const Caller &caller,
                                                       const std::string &path);

} // namespace tine::net
