// io_setup(2), io_submit(2), io_getevents(2), io_cancel(2), io_destroy(2). An operation is done
// while it is submitted, which io_submit(2) allows; what it came to waits in the context.
#include "process/aio.hpp"

#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"
#include "syscall/poll_support.hpp"

#include <algorithm>
#include <cstddef>
#include <poll.h>
#include <sys/mman.h>

namespace tine::syscall {
namespace {

using process::AsynchronousContext;

/// /proc/sys/fs/aio-max-nr.
constexpr u32 most_operations = 65536;
/// Linux doubles what is asked for, and fills the ring's pages: as many fit into one.
constexpr u32 least_capacity = 127;

/// The id of a context is the address of a page that io_setup mapped. EINVAL.
Result<AsynchronousContext *> context_of(Call &call, u64 id) {
  if (!call.process.asynchronous_io)
    return Errno{EINVAL};
  auto &contexts = call.process.asynchronous_io->contexts;
  const auto found = contexts.find(id);
  return found == contexts.end() ? Result<AsynchronousContext *>(Errno{EINVAL}) : &found->second;
}

Result<memory::IoBuffer> buffer_of(Call &call, const iocb &operation) {
  const bool vectored =
      operation.aio_lio_opcode == IOCB_CMD_PREADV || operation.aio_lio_opcode == IOCB_CMD_PWRITEV;
  const GuestAddress address{operation.aio_buf};
  if (vectored)
    return read_iovec(call, address, static_cast<i64>(operation.aio_nbytes));
  memory::IoBuffer buffer(call.memory, address, operation.aio_nbytes);
  buffer.truncate(transfer_limit);
  return buffer;
}

/// A file without positions (a pipe, a socket) ignores the offset.
Result<u64> transfer_bytes(fs::File &file, memory::IoBuffer buffer, const iocb &operation) {
  const auto offset = static_cast<u64>(operation.aio_offset);
  const bool reads =
      operation.aio_lio_opcode == IOCB_CMD_PREAD || operation.aio_lio_opcode == IOCB_CMD_PREADV;
  const Result<u64> count = reads ? file.read_at(buffer, offset)
                                  : file.write_at(buffer, TINE_TRY(file.write_position(offset)));
  if (count || count.error() != Errno{ESPIPE})
    return count;
  return reads ? file.read(buffer) : file.write(buffer);
}

/// What is wrong with the operation itself, so that it isn't submitted at all.
Result<Ref<fs::File>> check_operation(Call &call, const iocb &operation) {
  const Ref<fs::File> file = TINE_TRY(file_of(call, static_cast<int>(operation.aio_fildes)));
  if (operation.aio_reserved2 != 0 || static_cast<i64>(operation.aio_nbytes) < 0)
    return Errno{EINVAL};
  switch (operation.aio_lio_opcode) {
  case IOCB_CMD_PREAD:
  case IOCB_CMD_PREADV:
    return file->is_readable() ? Result<Ref<fs::File>>(file) : Errno{EBADF};
  case IOCB_CMD_PWRITE:
  case IOCB_CMD_PWRITEV:
    return file->is_writable() ? Result<Ref<fs::File>>(file) : Errno{EBADF};
  case IOCB_CMD_FSYNC:
  case IOCB_CMD_FDSYNC:
    return file;
  default:
    return Errno{EINVAL};
  }
}

/// EAGAIN of a file that blocks is passed on: the call then waits.
Result<u64> carry_out(Call &call, fs::File &file, const iocb &operation) {
  if (operation.aio_lio_opcode == IOCB_CMD_FSYNC || operation.aio_lio_opcode == IOCB_CMD_FDSYNC) {
    TINE_TRY(file.sync());
    return u64{0};
  }
  memory::IoBuffer buffer = TINE_TRY(buffer_of(call, operation));
  return transfer_bytes(file, std::move(buffer), operation);
}

Result<Ref<fs::EventFile>> event_file_of(Call &call, const iocb &operation) {
  if ((operation.aio_flags & IOCB_FLAG_RESFD) == 0)
    return Ref<fs::EventFile>();
  const auto file =
      ref_cast<fs::EventFile>(TINE_TRY(file_of(call, static_cast<int>(operation.aio_resfd))));
  return file ? Result<Ref<fs::EventFile>>(file) : Errno{EINVAL};
}

enum class Submitted : u8 { done, must_wait };

Result<Submitted> submit_one(Call &call, AsynchronousContext &context, GuestAddress address) {
  auto operation = TINE_TRY(call.memory.read_object<iocb>(address));
  const Ref<fs::File> file = TINE_TRY(check_operation(call, operation));
  const Ref<fs::EventFile> event_file = TINE_TRY(event_file_of(call, operation));
  if (context.completed.size() >= context.capacity)
    return Errno{EAGAIN};
  operation.aio_key = 0;
  TINE_TRY(call.memory.write_object(address + offsetof(iocb, aio_key), operation.aio_key));
  const Result<u64> result = carry_out(call, *file, operation);
  if (!result && result.error() == Errno{EAGAIN} && !file->is_nonblocking() &&
      file->wait_queue() != nullptr) {
    call.thread.wait_on(*file->wait_queue());
    file->prepare_wait(POLLIN | POLLOUT);
    return Submitted::must_wait;
  }
  const i64 value = result ? static_cast<i64>(*result) : -static_cast<i64>(result.error());
  context.completed.push_back({operation.aio_data, address.value, value, 0});
  context.changed->wake_all();
  if (event_file) {
    u64 one = 1;
    memory::IoBuffer buffer(std::as_writable_bytes(std::span(&one, 1)));
    (void)event_file->write(buffer);
  }
  return Submitted::done;
}

Status put_events(Call &call, AsynchronousContext &context, u64 count, GuestAddress address) {
  for (u64 i = 0; i < count; ++i) {
    TINE_TRY(call.memory.write_object(address + i * sizeof(io_event), context.completed.front()));
    context.completed.pop_front();
  }
  return Done{};
}

SyscallResult get_events(Call &call, u64 id, i64 least, i64 most, GuestAddress events,
                         GuestAddress timeout) {
  std::optional<Nanoseconds> duration;
  if (!timeout.is_null())
    duration = TINE_TRY(read_timeout(call, timeout));
  AsynchronousContext &context = *TINE_TRY(context_of(call, id));
  if (least < 0 || most < 0 || least > most)
    return Errno{EINVAL};
  const u64 available = context.completed.size();
  if (available < static_cast<u64>(least) && start_wait(call, duration)) {
    call.thread.wait_on(*context.changed);
    return blocked(Interrupt::no_restart);
  }
  const u64 count = std::min<u64>(available, static_cast<u64>(most));
  TINE_TRY(put_events(call, context, count, events));
  return count;
}

} // namespace

SyscallResult sys_io_setup(Call &call, u32 operations, GuestAddress address) {
  const u64 given = TINE_TRY(call.memory.read_object<u64>(address));
  if (given != 0 || operations == 0)
    return Errno{EINVAL};
  if (operations > most_operations)
    return Errno{EAGAIN};
  memory::MapRequest request;
  request.length = page_size;
  request.protection = {.read = true, .write = true};
  request.name = "/[aio] (deleted)";
  const GuestAddress page = TINE_TRY(call.memory.map(request));
  Status status = call.memory.advise(page, page_size, MADV_DONTFORK);
  if (status.ok())
    status = call.memory.write_object(address, page.value);
  if (!status.ok()) {
    (void)call.memory.unmap(page, page_size);
    return status;
  }
  if (!call.process.asynchronous_io)
    call.process.asynchronous_io = std::make_unique<process::AsynchronousIo>();
  call.process.asynchronous_io->contexts[page.value].capacity =
      std::max(operations * 2, least_capacity);
  return 0;
}

SyscallResult sys_io_destroy(Call &call, u64 id) {
  AsynchronousContext &context = *TINE_TRY(context_of(call, id));
  context.changed->wake_all();
  call.process.asynchronous_io->contexts.erase(id);
  (void)call.memory.unmap(GuestAddress{id}, page_size);
  return 0;
}

SyscallResult sys_io_submit(Call &call, u64 id, i64 count, GuestAddress operations) {
  AsynchronousContext &context = *TINE_TRY(context_of(call, id));
  if (count < 0)
    return Errno{EINVAL};
  u64 &progress = call.state().progress; // operations that were submitted
  while (progress < static_cast<u64>(count)) {
    const auto address = call.memory.read_object<u64>(operations + progress * sizeof(u64));
    const Result<Submitted> one =
        address ? submit_one(call, context, GuestAddress{*address}) : address.error();
    if (!one)
      return progress != 0 ? SyscallResult(progress) : SyscallResult(one.error());
    if (*one == Submitted::must_wait)
      return blocked();
    ++progress;
  }
  return progress;
}

SyscallResult sys_io_cancel(Call &call, u64 id, GuestAddress operation, GuestAddress) {
  TINE_TRY(call.memory.read_object<u32>(operation + offsetof(iocb, aio_key)));
  TINE_TRY(context_of(call, id));
  return Errno{EINVAL}; // no operation is ever under way
}

SyscallResult sys_io_getevents(Call &call, u64 id, i64 least, i64 most, GuestAddress events,
                               GuestAddress timeout) {
  return get_events(call, id, least, most, events, timeout);
}

SyscallResult sys_io_pgetevents(Call &call, u64 id, i64 least, i64 most, GuestAddress events,
                                GuestAddress timeout, GuestAddress mask) {
  if (!mask.is_null()) {
    struct Mask {
      u64 address, size;
    };
    const auto given = TINE_TRY(call.memory.read_object<Mask>(mask));
    TINE_TRY(replace_mask(call, GuestAddress{given.address}, given.size));
  }
  return get_events(call, id, least, most, events, timeout);
}

} // namespace tine::syscall
