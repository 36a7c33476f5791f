// send*(2) and recv*(2).
#include "process/signals.hpp"
#include "syscall/handlers.hpp"
#include "syscall/socket_support.hpp"

#include <algorithm>
#include <poll.h>
#include <sys/uio.h>

namespace tine::syscall {
namespace {

using Ranges = std::vector<memory::IoBuffer::Range>;

constexpr u64 largest_transfer = 0x7ffff000; ///< MAX_RW_COUNT
constexpr u32 message_limit = 1024;          ///< UIO_MAXIOV, of messages and of ranges
constexpr Nanoseconds nanoseconds_per_second = 1'000'000'000;

/// One message, of whichever call; `progress` are the bytes that earlier tries moved.
struct Message {
  net::Socket &socket;
  Ranges ranges;
  u32 flags;
  u64 &progress;
};

Result<Ranges> read_ranges(Call &call, const msghdr &message) {
  if (message.msg_iovlen > message_limit)
    return Errno{EMSGSIZE};
  std::vector<iovec> vectors(message.msg_iovlen);
  TINE_TRY(call.memory.read(GuestAddress{reinterpret_cast<u64>(message.msg_iov)},
                            std::as_writable_bytes(std::span(vectors))));
  Ranges ranges;
  u64 total = 0;
  for (const iovec &vector : vectors) {
    if (static_cast<i64>(vector.iov_len) < 0)
      return Errno{EINVAL};
    const u64 length = std::min<u64>(vector.iov_len, largest_transfer - total);
    total += length;
    ranges.push_back({GuestAddress{reinterpret_cast<u64>(vector.iov_base)}, length});
  }
  return ranges;
}

u32 effective_flags(const net::Socket &socket, u64 flags) {
  return static_cast<u32>(flags) | (socket.is_nonblocking() ? u32{MSG_DONTWAIT} : 0);
}

void raise_broken_pipe(Call &call) {
  siginfo_t info{};
  info.si_signo = SIGPIPE;
  info.si_code = SI_USER;
  info.si_pid = call.process.pid.value;
  info.si_uid = call.thread.credentials.uid;
  process::send_signal(call.thread, info);
}

/// Sends, as far as it goes. A blocking stream sends all, unless it fails on the way.
SyscallResult send(Call &call, Message message, std::optional<net::SocketAddress> to,
                   SentControl control) {
  const net::Caller caller = caller_of(call);
  memory::IoBuffer data(call.memory, std::move(message.ranges));
  data.advance(message.progress);
  net::SendRequest request{data, message.flags, std::move(to), {}, control.credentials, &caller};
  if (message.progress == 0)
    request.files = std::move(control.files);
  for (;;) {
    const Result<u64> sent = message.socket.send(request);
    if (sent) {
      message.progress += *sent;
      if (message.socket.is_stream() && data.remaining() != 0 && *sent != 0)
        continue;
      return message.progress;
    }
    if (sent.error() == Errno{EAGAIN} && (message.flags & MSG_DONTWAIT) == 0) {
      const SyscallResult waiting = wait_for(call, message.socket, request.wait_for, POLLOUT,
                                             message.socket.options().send_timeout);
      if (waiting.kind() == SyscallResult::Kind::blocked)
        return waiting;
    }
    if (message.progress != 0)
      return message.progress;
    if (sent.error() == Errno{EPIPE} && (message.flags & MSG_NOSIGNAL) == 0 &&
        message.socket.is_stream())
      raise_broken_pipe(call);
    return sent.error();
  }
}

/// Receives; with MSG_WAITALL a stream goes on until the buffer is full.
SyscallResult receive(Call &call, const Message &message, net::ReceiveRequest &request) {
  const bool waits_for_all = (message.flags & MSG_WAITALL) != 0 &&
                             (message.flags & (MSG_PEEK | MSG_DONTWAIT)) == 0 &&
                             message.socket.is_stream();
  request.data.advance(message.progress);
  for (;;) {
    const Result<u64> received = message.socket.receive(request);
    if (received) {
      message.progress += *received;
      if (waits_for_all && *received != 0 && request.data.remaining() != 0 && request.files.empty())
        continue;
      return message.progress;
    }
    // recv(2): what is on the error queue is never waited for.
    if (received.error() == Errno{EAGAIN} && (message.flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) == 0) {
      const SyscallResult waiting =
          wait_for(call, message.socket, nullptr, POLLIN, message.socket.options().receive_timeout);
      if (waiting.kind() == SyscallResult::Kind::blocked)
        return waiting;
    }
    if (message.progress != 0)
      return message.progress;
    return received.error();
  }
}

/// Linux's copy_msghdr_from_user.
Status check_name_length(const msghdr &header) {
  return header.msg_name && static_cast<i32>(header.msg_namelen) < 0 ? Errno{EINVAL}
                                                                     : Status(Done{});
}

SyscallResult send_message(Call &call, net::Socket &socket, GuestAddress address, u32 flags,
                           u64 &progress) {
  const msghdr header = TINE_TRY(call.memory.read_object<msghdr>(address));
  std::optional<net::SocketAddress> to;
  TINE_TRY(check_name_length(header));
  if (header.msg_name && header.msg_namelen != 0)
    to = TINE_TRY(read_address(call, GuestAddress{reinterpret_cast<u64>(header.msg_name)},
                               std::min<u64>(header.msg_namelen, sizeof(sockaddr_storage))));
  Ranges ranges = TINE_TRY(read_ranges(call, header));
  SentControl control = TINE_TRY(read_control(call, header));
  return send(call, {socket, std::move(ranges), flags, progress}, std::move(to),
              std::move(control));
}

SyscallResult receive_message(Call &call, net::Socket &socket, GuestAddress address, u32 flags,
                              u64 &progress) {
  msghdr header = TINE_TRY(call.memory.read_object<msghdr>(address));
  TINE_TRY(check_name_length(header));
  Ranges ranges = TINE_TRY(read_ranges(call, header));
  memory::IoBuffer data(call.memory, ranges);
  net::ReceiveRequest request{data, flags, {}, {}, {}, {}};
  const SyscallResult result = receive(call, {socket, {}, flags, progress}, request);
  if (result.kind() != SyscallResult::Kind::value || result.value() < 0)
    return result;
  header.msg_flags = static_cast<int>(request.result_flags | (flags & MSG_CMSG_CLOEXEC));
  if (header.msg_name) {
    const auto bytes = request.from.bytes();
    const std::size_t room = std::min<std::size_t>(bytes.size(), header.msg_namelen);
    TINE_TRY(
        call.memory.write(GuestAddress{reinterpret_cast<u64>(header.msg_name)}, bytes.first(room)));
    header.msg_namelen = request.from.length;
  }
  TINE_TRY(write_control(call, header, request,
                         socket.domain() == AF_UNIX && socket.options().pass_credentials != 0));
  TINE_TRY(call.memory.write_object(address, header));
  return result;
}

} // namespace

SyscallResult sys_sendto(Call &call, int fd, GuestAddress buffer, u64 size, u64 flags,
                         GuestAddress address, u64 length) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  std::optional<net::SocketAddress> to;
  if (!address.is_null())
    to = TINE_TRY(read_address(call, address, length));
  return send(call,
              {*socket, Ranges{{buffer, std::min(size, largest_transfer)}},
               effective_flags(*socket, flags), call.state().progress},
              std::move(to), {});
}

SyscallResult sys_recvfrom(Call &call, int fd, GuestAddress buffer, u64 size, u64 flags,
                           GuestAddress address, GuestAddress length) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  const u32 all_flags = effective_flags(*socket, flags);
  memory::IoBuffer data(call.memory, buffer, std::min(size, largest_transfer));
  net::ReceiveRequest request{data, all_flags, {}, {}, {}, {}};
  const SyscallResult result =
      receive(call, {*socket, {}, all_flags, call.state().progress}, request);
  if (result.kind() != SyscallResult::Kind::value || result.value() < 0 || address.is_null())
    return result;
  TINE_TRY(write_address(call, request.from, address, length));
  return result;
}

SyscallResult sys_sendmsg(Call &call, int fd, GuestAddress message, u64 flags) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  return send_message(call, *socket, message, effective_flags(*socket, flags),
                      call.state().progress);
}

SyscallResult sys_recvmsg(Call &call, int fd, GuestAddress message, u64 flags) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  return receive_message(call, *socket, message, effective_flags(*socket, flags),
                         call.state().progress);
}

namespace {
/// The box's CLOCK_MONOTONIC, which is the same clock before and after it was saved.
Nanoseconds box_time(const Call &call) {
  return time::TimerQueue::now() + call.kernel.monotonic_offset;
}
} // namespace

// Of the calls that move several messages, `progress` counts messages, and scratch[0] the bytes of
// the message under way.

SyscallResult sys_sendmmsg(Call &call, int fd, GuestAddress messages, u32 count, u64 flags) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  u64 &done = call.state().progress;
  u64 &bytes = call.state().scratch[0];
  for (count = std::min(count, message_limit); done < count; ++done, bytes = 0) {
    const GuestAddress message = messages + done * sizeof(mmsghdr);
    const SyscallResult result =
        send_message(call, *socket, message, effective_flags(*socket, flags), bytes);
    if (result.kind() != SyscallResult::Kind::value)
      return result;
    if (result.value() < 0)
      return done != 0 ? SyscallResult{done} : result;
    TINE_TRY(call.memory.write_object(message + offsetof(mmsghdr, msg_len),
                                      static_cast<u32>(result.value())));
  }
  return done;
}

SyscallResult sys_recvmmsg(Call &call, int fd, GuestAddress messages, u32 count, u64 flags,
                           GuestAddress timeout) {
  const Ref<net::Socket> socket = TINE_TRY(socket_of(call, fd));
  u64 &done = call.state().progress;
  u64 &bytes = call.state().scratch[0];
  u64 &end = call.state().scratch[1];
  if (!timeout.is_null() && end == 0) {
    const timespec limit = TINE_TRY(call.memory.read_object<timespec>(timeout));
    if (limit.tv_sec < 0 || limit.tv_nsec < 0 || limit.tv_nsec >= nanoseconds_per_second)
      return Errno{EINVAL};
    end = static_cast<u64>(box_time(call) + limit.tv_sec * nanoseconds_per_second + limit.tv_nsec);
  }
  u32 all_flags = effective_flags(*socket, flags & ~u64{MSG_WAITFORONE});
  for (count = std::min(count, message_limit); done < count;) {
    if (done != 0 && (flags & MSG_WAITFORONE) != 0)
      all_flags |= MSG_DONTWAIT;
    const GuestAddress message = messages + done * sizeof(mmsghdr);
    const SyscallResult result = receive_message(call, *socket, message, all_flags, bytes);
    if (result.kind() != SyscallResult::Kind::value)
      return result;
    if (result.value() < 0)
      return done != 0 ? SyscallResult{done} : result;
    TINE_TRY(call.memory.write_object(message + offsetof(mmsghdr, msg_len),
                                      static_cast<u32>(result.value())));
    ++done;
    bytes = 0;
    // recvmmsg(2), BUGS: the timeout is looked at after each datagram only.
    if (end != 0 && box_time(call) >= static_cast<Nanoseconds>(end))
      break;
  }
  return done;
}

} // namespace tine::syscall
