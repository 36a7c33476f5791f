// A socket, whatever its family: what the system calls of the family `sockets` act on.
//
// Nothing here blocks. What can't be done now is EAGAIN, and the system call decides whether to
// wait on `wait_for` (or wait_queue()) and call again.
#pragma once

#include "fs/credentials.hpp"
#include "fs/file.hpp"
#include "net/network.hpp"
#include "net/socket_address.hpp"

#include <optional>
#include <vector>

namespace tine::fs {
class FileSystemContext;
}

namespace tine::net {

/// struct ucred, as SCM_CREDENTIALS and SO_PEERCRED carry it.
struct UnixCredentials {
  i32 pid = 0;
  u32 uid = ~u32{0};
  u32 gid = ~u32{0};
  bool operator==(const UnixCredentials &) const = default;
  void archive(Archive &archive) { archive(pid, uid, gid); }
};

/// Who makes the call.
struct Caller {
  Pid pid;
  const fs::Credentials &credentials;
  const fs::FileSystemContext &fs;

  [[nodiscard]] UnixCredentials unix_credentials() const {
    return {pid.value, credentials.uid, credentials.gid};
  }
};

/// Ancillary data other than SCM_RIGHTS and SCM_CREDENTIALS.
struct ControlMessage {
  int level = 0;
  int type = 0;
  std::vector<std::byte> data;
};

struct SendRequest {
  memory::IoBuffer &data;
  u32 flags = 0; ///< MSG_*; MSG_DONTWAIT also stands for O_NONBLOCK
  std::optional<SocketAddress> to;
  std::vector<Ref<fs::File>> files;           ///< SCM_RIGHTS
  std::optional<UnixCredentials> credentials; ///< SCM_CREDENTIALS, already checked
  const Caller *caller = nullptr;             ///< null: write(2)
  sched::WaitQueue *wait_for = nullptr; ///< set with EAGAIN if it isn't the socket's own queue
};

struct ReceiveRequest {
  memory::IoBuffer &data;
  u32 flags = 0; ///< MSG_*; MSG_DONTWAIT also stands for O_NONBLOCK
  // Results.
  SocketAddress from;
  std::vector<Ref<fs::File>> files;
  std::optional<UnixCredentials> credentials;
  std::vector<ControlMessage> control;
  u32 result_flags = 0; ///< MSG_TRUNC, MSG_EOR...
};

struct ConnectRequest {
  const SocketAddress &to;
  const Caller &caller;
  bool nonblocking = false;
  sched::WaitQueue *wait_for = nullptr;
};

/// What setsockopt(2) at SOL_SOCKET sets and most protocols only remember. Sizes are as getsockopt
/// reports them: twice what was set (socket(7)).
struct SocketOptions {
  i32 reuse_address = 0, reuse_port = 0, keep_alive = 0, broadcast = 0, dont_route = 0,
      oob_inline = 0, priority = 0, mark = 0, timestamp = 0, timestamp_ns = 0, pass_credentials = 0,
      receive_low_water = 1, no_check = 0, incoming_cpu = -1, busy_poll = 0, pass_security = 0,
      lock_filter = 0, peek_offset = -1;
  u32 send_buffer = 212992, receive_buffer = 212992;
  bool send_buffer_set = false, receive_buffer_set = false;
  bool linger = false;
  i32 linger_seconds = 0;
  std::optional<Nanoseconds> send_timeout, receive_timeout;
  void archive(Archive &archive);
};

/// Base of the open file descriptions of sockets. Guarded by the kernel lock.
class Socket : public fs::File {
public:
  Socket(Network &network, int domain, int type, int protocol, u32 status_flags);
  ~Socket() override;

  [[nodiscard]] virtual Status bind(const SocketAddress &address, const Caller &caller) = 0;
  [[nodiscard]] virtual Status listen(int backlog, const Caller &caller);
  /// EAGAIN while none is waiting. `status_flags` are the new description's.
  [[nodiscard]] virtual Result<Ref<Socket>> accept(u32 status_flags);
  /// EINPROGRESS (a non-blocking caller returns it), EAGAIN (wait and call again).
  [[nodiscard]] virtual Status connect(ConnectRequest &request) = 0;
  [[nodiscard]] virtual Result<SocketAddress> local_address() = 0;
  /// ENOTCONN.
  [[nodiscard]] virtual Result<SocketAddress> peer_address() = 0;
  [[nodiscard]] virtual Result<u64> send(SendRequest &request) = 0;
  [[nodiscard]] virtual Result<u64> receive(ReceiveRequest &request) = 0;
  [[nodiscard]] virtual Status shutdown(int how) = 0;
  /// Value as in memory; ENOPROTOOPT, EINVAL, EDOM.
  [[nodiscard]] virtual Status set_option(int level, int name, std::span<const std::byte> value,
                                          const Caller &caller);
  [[nodiscard]] virtual Result<std::vector<std::byte>> option(int level, int name);
  /// A stream: a send that took only a part goes on when there is room.
  [[nodiscard]] virtual bool is_stream() const { return type_ == SOCK_STREAM; }

  [[nodiscard]] Result<u64> read(memory::IoBuffer &to) override;
  [[nodiscard]] Result<u64> write(memory::IoBuffer &from) override;
  [[nodiscard]] Result<struct stat> stat() override;
  [[nodiscard]] Result<u64> ioctl(const fs::IoctlCall &call) override;
  [[nodiscard]] std::string description() override;

  [[nodiscard]] int domain() const { return domain_; }
  [[nodiscard]] int type() const { return type_; }
  [[nodiscard]] int protocol() const { return protocol_; }
  [[nodiscard]] u64 inode_number() const { return inode_number_; }
  [[nodiscard]] Network &network() const { return *network_; }
  [[nodiscard]] virtual SocketOptions &options() = 0;

protected:
  /// SO_ERROR: the pending error, which is cleared; 0 if there is none.
  [[nodiscard]] virtual int take_error() = 0;
  [[nodiscard]] virtual bool is_listening() const { return false; }
  /// FIONREAD and SIOCOUTQ.
  [[nodiscard]] virtual u64 readable_bytes() { return 0; }
  [[nodiscard]] virtual u64 unsent_bytes() { return 0; }
  /// The network in the copy of a box.
  [[nodiscard]] Result<Ref<Network>> network_in(Copier &copier) const {
    return copier.copy(network_);
  }
  /// For archive_head of the classes of sockets: File::archive_file with the network, and the
  /// number, which stays. `make(network, flags)`.
  template <typename Make>
  [[nodiscard]] static Ref<RefCounted> archive_socket(Archive &archive, Socket *saved,
                                                      Make &&make) {
    return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
      Ref<Network> network(saved ? saved->network_.get() : nullptr);
      u64 number = saved ? saved->inode_number_ : 0;
      archive.required(network);
      archive(number);
      if (!archive.ok())
        return nullptr;
      const Ref<Socket> made = make(*network, flags);
      if (made)
        made->inode_number_ = number;
      return made;
    });
  }
  /// A copy keeps its number.
  void keep_number(const Socket &original) { inode_number_ = original.inode_number_; }

private:
  const Ref<Network> network_;
  int domain_;
  int type_;
  int protocol_;
  u64 inode_number_;
};

/// Bytes of a trivially copyable option value.
template <typename T> [[nodiscard]] std::vector<std::byte> option_bytes(const T &value) {
  const auto bytes = std::as_bytes(std::span<const T, 1>(&value, 1));
  return {bytes.begin(), bytes.end()};
}

/// An int option's value. EINVAL if it is shorter.
[[nodiscard]] Result<int> option_int(std::span<const std::byte> value);

} // namespace tine::net
