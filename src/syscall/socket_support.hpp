// What the handlers of the family `sockets` share.
#pragma once

#include "net/socket.hpp"
#include "syscall/call.hpp"

#include <sys/socket.h>

namespace tine::syscall {

/// The socket of a descriptor. EBADF, ENOTSOCK.
[[nodiscard]] Result<Ref<net::Socket>> socket_of(Call &call, int fd);
[[nodiscard]] net::Caller caller_of(Call &call);
/// Installs a new descriptor at the lowest free number. EMFILE.
[[nodiscard]] Result<int> install(Call &call, Ref<fs::File> file, bool close_on_exec);

/// A struct sockaddr from guest memory. EINVAL for a bad length, EFAULT.
[[nodiscard]] Result<net::SocketAddress> read_address(Call &call, GuestAddress address, u64 length);
/// Value-result, as accept(2) and getsockname(2) have it: as much as fits, and the true length.
[[nodiscard]] Status write_address(Call &call, const net::SocketAddress &from, GuestAddress address,
                                   GuestAddress length);

/// The thread sleeps until the socket (or `queue`) changes or `timeout` is over; EAGAIN when it is,
/// or what `on_timeout` says. With a timeout a signal is always EINTR: signal(7).
[[nodiscard]] SyscallResult wait_for(Call &call, net::Socket &socket, sched::WaitQueue *queue,
                                     u32 events, const std::optional<Nanoseconds> &timeout,
                                     Errno on_timeout = Errno{EAGAIN});

// ---- ancillary data: socket_control.cc ----
struct SentControl {
  std::vector<Ref<fs::File>> files;
  std::optional<net::UnixCredentials> credentials;
};
/// Takes what msg_control of sendmsg(2) holds. EINVAL, EBADF, EPERM, ESRCH, ENOBUFS, EFAULT.
[[nodiscard]] Result<SentControl> read_control(Call &call, const msghdr &message);
/// Writes what was received to msg_control, and sets msg_controllen and MSG_CTRUNC. Descriptors
/// that don't fit are closed.
/// As the caller's namespaces have them.
[[nodiscard]] net::UnixCredentials shown_credentials(const Call &call, net::UnixCredentials ids);
[[nodiscard]] Status write_control(Call &call, msghdr &message, net::ReceiveRequest &received,
                                   bool pass_credentials);

} // namespace tine::syscall
