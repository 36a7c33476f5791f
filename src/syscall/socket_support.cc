#include "syscall/socket_support.hpp"

#include <algorithm>

namespace tine::syscall {

Result<Ref<net::Socket>> socket_of(Call &call, int fd) {
  const Ref<fs::File> file = TINE_TRY(call.thread.files->get(fd));
  Ref<net::Socket> socket = ref_cast<net::Socket>(file);
  if (!socket)
    return Errno{ENOTSOCK};
  return socket;
}

net::Caller caller_of(Call &call) {
  return {call.process.pid, call.thread.credentials, *call.thread.fs};
}

Result<int> install(Call &call, Ref<fs::File> file, bool close_on_exec) {
  return call.thread.files->install(std::move(file), close_on_exec, 0,
                                    call.process.limits[RLIMIT_NOFILE].current);
}

Result<net::SocketAddress> read_address(Call &call, GuestAddress address, u64 length) {
  net::SocketAddress result;
  // The length is an int in the kernel's interface.
  const i32 size = static_cast<i32>(length);
  if (size < 0 || static_cast<u64>(size) > sizeof result.storage)
    return Errno{EINVAL};
  result.length = static_cast<u32>(size);
  TINE_TRY(call.memory.read(
      address, std::as_writable_bytes(std::span(&result.storage, 1)).first(result.length)));
  return result;
}

Status write_address(Call &call, const net::SocketAddress &from, GuestAddress address,
                     GuestAddress length) {
  const i32 room = TINE_TRY(call.memory.read_object<i32>(length));
  if (room < 0)
    return Errno{EINVAL};
  const auto bytes = from.bytes();
  TINE_TRY(call.memory.write(
      address, bytes.first(std::min<std::size_t>(bytes.size(), static_cast<u32>(room)))));
  return call.memory.write_object(length, from.length);
}

SyscallResult wait_for(Call &call, net::Socket &socket, sched::WaitQueue *queue, u32 events,
                       const std::optional<Nanoseconds> &timeout, Errno on_timeout) {
  if (call.timed_out())
    return on_timeout;
  if (timeout)
    call.set_timeout(*timeout);
  if (sched::WaitQueue *own = socket.wait_queue())
    call.thread.wait_on(*own);
  if (queue)
    call.thread.wait_on(*queue);
  socket.prepare_wait(events);
  return blocked(timeout ? Interrupt::no_restart : Interrupt::restart);
}

} // namespace tine::syscall
