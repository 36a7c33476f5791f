// process_vm_readv(2), process_vm_writev(2), process_madvise(2).
#include "process/ptrace.hpp"
#include "syscall/handlers.hpp"
#include "syscall/pidfd.hpp"

#include <limits>
#include <sys/mman.h>
#include <sys/uio.h>

namespace tine::syscall {
namespace {
using memory::Access;
using memory::AddressSpace;
using memory::IoBuffer;

#ifndef MADV_COLLAPSE
constexpr int MADV_COLLAPSE = 25;
#endif

/// "EINVAL: The sum of the iov_len values of either local_iov or remote_iov overflows a ssize_t
/// value"; "liovcnt or riovcnt is too large".
Result<std::vector<IoBuffer::Range>> read_ranges(AddressSpace &memory, GuestAddress vector,
                                                 u64 count) {
  if (count > IOV_MAX)
    return Errno{EINVAL};
  std::vector<IoBuffer::Range> ranges;
  u64 total = 0;
  for (u64 i = 0; i < count; ++i) {
    struct Element {
      u64 base, length;
    };
    const auto element = TINE_TRY(memory.read_object<Element>(vector + i * sizeof(Element)));
    total += element.length;
    if (element.length > static_cast<u64>(std::numeric_limits<i64>::max()) ||
        total > static_cast<u64>(std::numeric_limits<i64>::max()))
      return Errno{EINVAL};
    ranges.push_back({GuestAddress{element.base}, element.length});
  }
  return ranges;
}

/// Permission is that of ptrace(2).
Result<Ref<AddressSpace>> memory_of(Call &call, int pid) {
  const process::Thread *target = call.kernel.find_thread(Pid{pid});
  if (!target) {
    const process::Process *const process = call.kernel.find_process(Pid{pid});
    target = process ? process->leader() : nullptr;
  }
  if (!target || !target->memory)
    return Errno{ESRCH};
  TINE_TRY(process::check_ptrace_access(call.thread, *target));
  return target->memory;
}

/// Copies until one side ends; a fault after the first byte ends it short.
Result<u64> copy(IoBuffer &from, IoBuffer &to) {
  while (from.remaining() > 0 && to.remaining() > 0) {
    const auto source = from.window(Access::read, to.remaining());
    if (!source) {
      if (to.transferred() > 0)
        break;
      return source.error();
    }
    const auto copied = to.copy_out(*source);
    if (!copied) {
      if (to.transferred() > 0)
        break;
      return copied.error();
    }
    from.advance(*copied);
  }
  return to.transferred();
}

struct Vectors {
  GuestAddress local;
  u64 local_count;
  GuestAddress remote;
  u64 remote_count;
};

SyscallResult transfer(Call &call, int pid, const Vectors &vectors, u64 flags, Access access) {
  if (flags != 0)
    return Errno{EINVAL};
  auto local = TINE_TRY(read_ranges(call.memory, vectors.local, vectors.local_count));
  auto remote = TINE_TRY(read_ranges(call.memory, vectors.remote, vectors.remote_count));
  const Ref<AddressSpace> other = TINE_TRY(memory_of(call, pid));
  IoBuffer own_side(call.memory, std::move(local));
  IoBuffer other_side(*other, std::move(remote));
  return access == Access::read ? copy(other_side, own_side) : copy(own_side, other_side);
}
} // namespace

SyscallResult sys_process_vm_readv(Call &call, int pid, GuestAddress local, u64 local_count,
                                   GuestAddress remote, u64 remote_count, u64 flags) {
  return transfer(call, pid, {local, local_count, remote, remote_count}, flags, Access::read);
}

SyscallResult sys_process_vm_writev(Call &call, int pid, GuestAddress local, u64 local_count,
                                    GuestAddress remote, u64 remote_count, u64 flags) {
  return transfer(call, pid, {local, local_count, remote, remote_count}, flags, Access::write);
}

/// process_mrelease(2): "release the memory of a dying process": of one that doesn't die EINVAL, of
/// one that is dead there is nothing left (ESRCH).
SyscallResult sys_process_mrelease(Call &call, int pidfd, u32 flags) {
  if (flags != 0)
    return Errno{EINVAL};
  const auto file = ref_cast<process::PidFile>(TINE_TRY(call.thread.files->get(pidfd)));
  if (!file)
    return Errno{EBADF};
  const process::Process &target = *file->process();
  if (target.is_zombie())
    return Errno{ESRCH};
  // Each thread gives its memory up at its next step in the kernel.
  return target.exiting ? SyscallResult{0} : SyscallResult{Errno{EINVAL}};
}

SyscallResult sys_process_madvise(Call &call, int pidfd, GuestAddress vector, u64 count, int advice,
                                  u32 flags) {
  if (flags != 0)
    return Errno{EINVAL};
  const auto ranges = TINE_TRY(read_ranges(call.memory, vector, count));
  Pid id = call.process.pid;
  if (pidfd != pidfd_self_thread && pidfd != pidfd_self_process) {
    const auto file = ref_cast<process::PidFile>(TINE_TRY(call.thread.files->get(pidfd)));
    if (!file)
      return Errno{EBADF};
    id = file->process()->pid;
  }
  const Ref<AddressSpace> target = TINE_TRY(memory_of(call, id.value));
  // "MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_COLLAPSE": what doesn't change contents; for the
  // process itself all of madvise(2), since Linux 6.13.
  const bool harmless = advice == MADV_COLD || advice == MADV_PAGEOUT || advice == MADV_WILLNEED ||
                        advice == MADV_COLLAPSE;
  if (!harmless && target.get() != &call.memory)
    return Errno{EINVAL};
  u64 advised = 0;
  for (const IoBuffer::Range &range : ranges) {
    const Status status = target->advise(range.address, range.length, advice);
    if (!status.ok())
      return advised != 0 ? SyscallResult(advised) : SyscallResult(status.error());
    advised += range.length;
  }
  return advised;
}

} // namespace tine::syscall
