// rseq(2).
#include "process/rseq.hpp"

#include "syscall/handlers.hpp"

namespace tine::syscall {
namespace {

constexpr u32 smallest_area = 32, area_alignment = 32;
constexpr int unregister = 1; // RSEQ_FLAG_UNREGISTER

SyscallResult remove_area(Call &call, GuestAddress area, u32 length, u32 signature) {
  process::Thread &thread = call.thread;
  if (thread.rseq.is_null() || thread.rseq != area || thread.rseq_size != length)
    return Errno{EINVAL};
  if (thread.rseq_signature != signature)
    return Errno{EPERM};
  TINE_TRY(process::clear_rseq(thread));
  thread.rseq = {};
  return 0;
}

} // namespace

SyscallResult sys_rseq(Call &call, GuestAddress area, u32 length, int flags, u32 signature) {
  process::Thread &thread = call.thread;
  if (flags == unregister)
    return remove_area(call, area, length, signature);
  if (flags != 0)
    return Errno{EINVAL};
  if (!thread.rseq.is_null()) {
    if (thread.rseq != area || thread.rseq_size != length)
      return Errno{EINVAL};
    return thread.rseq_signature != signature ? Errno{EPERM} : Errno{EBUSY};
  }
  if (length < smallest_area || area.value % area_alignment != 0)
    return Errno{EINVAL};
  if (area.value > user_address_limit - length)
    return Errno{EFAULT};
  thread.rseq = area;
  thread.rseq_size = length;
  thread.rseq_signature = signature;
  thread.rseq_cpu = -1;
  process::resume_rseq(thread);
  return 0;
}

} // namespace tine::syscall
