// prctl, arch_prctl, personality, seccomp: attributes of processes and threads.
#include "syscall/handlers.hpp"

#include <asm/prctl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>

namespace tine::syscall {
namespace {

constexpr u64 name_size = 16; // TASK_COMM_LEN

/// struct sock_fprog.
struct FilterProgram {
  u64 length, instructions;
};

SyscallResult set_name(Call &call, GuestAddress address) {
  std::string name;
  for (u64 i = 0; i + 1 < name_size; ++i) {
    const char c = TINE_TRY(call.memory.read_object<char>(address + i));
    if (c == '\0')
      break;
    name.push_back(c);
  }
  call.thread.name = std::move(name);
  return 0;
}

SyscallResult get_name(Call &call, GuestAddress address) {
  char name[name_size] = {};
  call.thread.name.copy(name, name_size - 1);
  return call.memory.write_object(address, name);
}

SyscallResult read_bounding(const Call &call, u64 capability) {
  if (capability > CAP_LAST_CAP)
    return Errno{EINVAL};
  return call.thread.credentials.bounding >> capability & 1;
}

SyscallResult drop_bounding(Call &call, u64 capability) {
  if (!call.thread.credentials.capable_here(CAP_SETPCAP))
    return Errno{EPERM};
  if (capability > CAP_LAST_CAP)
    return Errno{EINVAL};
  call.thread.credentials.bounding &= ~(u64{1} << capability);
  return 0;
}

/// PR_CAP_AMBIENT, prctl(2).
SyscallResult ambient(Call &call, u64 operation, u64 capability, u64 rest) {
  fs::Credentials &credentials = call.thread.credentials;
  if (operation == PR_CAP_AMBIENT_CLEAR_ALL) {
    if ((capability | rest) != 0)
      return Errno{EINVAL};
    credentials.ambient = 0;
    return 0;
  }
  if (capability > CAP_LAST_CAP || rest != 0)
    return Errno{EINVAL};
  const u64 bit = u64{1} << capability;
  switch (operation) {
  case PR_CAP_AMBIENT_IS_SET:
    return credentials.ambient >> capability & 1;
  case PR_CAP_AMBIENT_RAISE:
    if ((credentials.permitted & credentials.inheritable & bit) == 0)
      return Errno{EPERM};
    credentials.ambient |= bit;
    return 0;
  case PR_CAP_AMBIENT_LOWER:
    credentials.ambient &= ~bit;
    return 0;
  default:
    return Errno{EINVAL};
  }
}

SyscallResult set_dumpable(Call &call, u64 value) {
  if (value > 1)
    return Errno{EINVAL};
  call.process.dumpable = static_cast<int>(value);
  return 0;
}

SyscallResult set_death_signal(Call &call, u64 signal) {
  if (signal > process::highest_signal)
    return Errno{EINVAL};
  call.process.parent_death_signal = static_cast<int>(signal);
  return 0;
}

/// Only "keep capabilities", by PR_SET_KEEPCAPS, is there; what prctl(2) asks first is EPERM.
SyscallResult set_secure_bits(const Call &call, u64 bits) {
  const u64 present = call.thread.keep_capabilities ? SECBIT_KEEP_CAPS : 0;
  if ((bits & ~u64{SECURE_ALL_BITS | SECURE_ALL_LOCKS}) != 0 ||
      !call.thread.credentials.capable_here(CAP_SETPCAP))
    return Errno{EPERM};
  return bits == present ? SyscallResult{0} : SyscallResult{Errno{EINVAL}};
}

/// PR_GET_SPECULATION_CTRL: nothing can be switched off for a thread (PR_SPEC_NOT_AFFECTED).
SyscallResult speculation(u64 which, u64 rest) {
  if (rest != 0)
    return Errno{EINVAL};
  return which <= PR_SPEC_L1D_FLUSH ? SyscallResult{PR_SPEC_NOT_AFFECTED}
                                    : SyscallResult{Errno{ENODEV}};
}

SyscallResult set_no_new_privileges(Call &call, u64 value, u64 rest) {
  if (value != 1 || rest != 0)
    return Errno{EINVAL};
  call.thread.no_new_privileges = true;
  return 0;
}

} // namespace

SyscallResult sys_prctl(Call &call, int option, u64 second, u64 third, u64 fourth, u64 fifth) {
  process::Thread &thread = call.thread;
  process::Process &process = call.process;
  const GuestAddress address{second};
  switch (option) {
  case PR_SET_NAME:
    return set_name(call, address);
  case PR_GET_NAME:
    return get_name(call, address);
  case PR_SET_PDEATHSIG:
    return set_death_signal(call, second);
  case PR_GET_PDEATHSIG:
    return call.memory.write_object(address, process.parent_death_signal);
  case PR_SET_CHILD_SUBREAPER:
    process.is_subreaper = second != 0;
    return 0;
  case PR_GET_CHILD_SUBREAPER:
    return call.memory.write_object(address, process.is_subreaper ? 1 : 0);
  case PR_SET_DUMPABLE:
    return set_dumpable(call, second);
  case PR_GET_DUMPABLE:
    return process.dumpable;
  case PR_SET_NO_NEW_PRIVS:
    return set_no_new_privileges(call, second, third | fourth | fifth);
  case PR_GET_NO_NEW_PRIVS:
    return (second | third | fourth | fifth) != 0 ? SyscallResult{Errno{EINVAL}}
                                                  : SyscallResult{thread.no_new_privileges ? 1 : 0};
  case PR_SET_KEEPCAPS:
    if (second > 1)
      return Errno{EINVAL};
    thread.keep_capabilities = second != 0;
    return 0;
  case PR_GET_KEEPCAPS:
    return thread.keep_capabilities ? 1 : 0;
  case PR_GET_SECCOMP:
    return 0; // no filter: seccomp(2) has none here
  case PR_SET_SECCOMP:
    if (second == SECCOMP_MODE_FILTER) // struct sock_fprog: EFAULT comes first
      TINE_TRY(call.memory.read_object<FilterProgram>(GuestAddress{third}));
    return Errno{EINVAL};
  case PR_CAPBSET_READ:
    return read_bounding(call, second);
  case PR_CAPBSET_DROP:
    return drop_bounding(call, second);
  case PR_CAP_AMBIENT:
    return ambient(call, second, third, fourth | fifth);
  case PR_GET_SECUREBITS:
    return thread.keep_capabilities ? SECBIT_KEEP_CAPS : 0;
  case PR_SET_SECUREBITS:
    return set_secure_bits(call, second);
  case PR_SET_TIMERSLACK:
    thread.timer_slack = second == 0 ? thread.default_timer_slack : second;
    return 0;
  case PR_GET_TIMERSLACK:
    return thread.timer_slack;
  case PR_GET_TIMING:
    return 0; // PR_TIMING_STATISTICAL
  case PR_SET_TIMING:
    return second == PR_TIMING_STATISTICAL ? SyscallResult{0} : SyscallResult{Errno{EINVAL}};
  case PR_TASK_PERF_EVENTS_DISABLE:
  case PR_TASK_PERF_EVENTS_ENABLE:
    return 0; // "all performance counters attached to the calling process": there are none
  case PR_GET_SPECULATION_CTRL:
    return speculation(second, third | fourth | fifth);
  case PR_SET_SYSCALL_USER_DISPATCH:
    // Only off, which it is.
    return second == PR_SYS_DISPATCH_OFF && (third | fourth | fifth) == 0
               ? SyscallResult{0}
               : SyscallResult{Errno{EINVAL}};
  case PR_GET_TSC:
    return call.memory.write_object(address, u32{PR_TSC_ENABLE});
  case PR_GET_THP_DISABLE:
    return (second | third | fourth | fifth) != 0 ? SyscallResult{Errno{EINVAL}} : SyscallResult{0};
  case PR_MCE_KILL_GET:
    return (second | third | fourth | fifth) != 0 ? SyscallResult{Errno{EINVAL}}
                                                  : SyscallResult{PR_MCE_KILL_DEFAULT};
  case PR_GET_TID_ADDRESS:
    return call.memory.write_object(address, thread.clear_child_tid.value);
  case PR_SET_VMA: // PR_SET_VMA_ANON_NAME: a name for /proc/PID/maps, which an old kernel refuses
                   // too
  default:
    return Errno{EINVAL};
  }
}

SyscallResult sys_arch_prctl(Call &call, u64 code, GuestAddress address) {
  switch (code) {
  case ARCH_SET_FS:
    if (address.value >= user_address_limit)
      return Errno{EPERM};
    call.thread.cpu.fs_base = address.value;
    return 0;
  case ARCH_SET_GS:
    if (address.value >= user_address_limit)
      return Errno{EPERM};
    call.thread.cpu.gs_base = address.value;
    return 0;
  case ARCH_GET_FS:
    return call.memory.write_object(address, call.thread.cpu.fs_base);
  case ARCH_GET_GS:
    return call.memory.write_object(address, call.thread.cpu.gs_base);
  case ARCH_GET_CPUID:
    return 1;
  default:
    return Errno{EINVAL};
  }
}

SyscallResult sys_personality(Call &call, u64 persona) {
  const u32 old = call.process.personality;
  if (static_cast<u32>(persona) != 0xffffffff)
    call.process.personality = static_cast<u32>(persona);
  return u64{old};
}

/// No filters: what programs ask to find out whether there are any is answered so.
SyscallResult sys_seccomp(Call &call, int operation, u64 flags, GuestAddress address) {
  if (operation == SECCOMP_SET_MODE_FILTER && flags == 0) // struct sock_fprog: EFAULT comes first
    TINE_TRY(call.memory.read_object<FilterProgram>(address));
  return Errno{EINVAL};
}

SyscallResult sys_acct(Call &call, GuestAddress) {
  return call.thread.credentials.capable(CAP_SYS_PACCT) ? Errno{ENOSYS} : Errno{EPERM};
}

} // namespace tine::syscall
