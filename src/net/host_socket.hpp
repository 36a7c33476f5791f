// `--net=host`: a socket of the box that is one of the host.
#pragma once

#include "base/unique_fd.hpp"
#include "net/socket.hpp"
#include "sched/host_events.hpp"

namespace tine::net {

/// Owns a non-blocking host socket. Its readiness comes from HostEvents: prepare_wait watches once.
class HostSocket final : public Socket {
public:
  HostSocket(Network &network, sched::HostEvents &events, UniqueFd host, int domain, int type,
             int protocol, u32 status_flags);
  ~HostSocket() override;
  [[nodiscard]] static Result<Ref<Socket>> create(Network &network, sched::HostEvents &events,
                                                  int domain, int type, int protocol,
                                                  u32 status_flags);

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
  [[nodiscard]] SocketOptions &options() override { return options_; }
  [[nodiscard]] Result<u64> ioctl(const fs::IoctlCall &call) override;

  [[nodiscard]] u32 poll() override;
  [[nodiscard]] sched::WaitQueue *wait_queue() override { return &wait_; }
  void prepare_wait(u32 events) override;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, HostSocket *saved);

protected:
  [[nodiscard]] int take_error() override;
  [[nodiscard]] bool is_listening() const override { return listening_; }

private:
  [[nodiscard]] Result<Ref<fs::File>> make_copy(Copier &copier) override;

  sched::HostEvents &events_;
  UniqueFd host_;
  /// The copy of one that was connected: the connection is the original's. An error is reported
  /// once, then the end.
  bool is_reset_ = false;
  int reset_error_ = 0;
  SocketOptions options_; ///< the timeouts; all else the host keeps
  bool connecting_ = false;
  bool listening_ = false;
  bool withheld_ = false; ///< the copy of one that listens: the connections are the original's
  sched::WaitQueue wait_;
};

} // namespace tine::net
