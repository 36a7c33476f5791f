// prctl, arch_prctl, personality: attributes of processes and threads.
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
    if ((credentials.permitted & credentials.inheritable & bit) == 0 ||
        (call.thread.secure_bits & SECBIT_NO_CAP_AMBIENT_RAISE) != 0)
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

/// capabilities(7), "The securebits flags": a locked one can't be changed, nor unlocked.
SyscallResult set_secure_bits(Call &call, u64 bits) {
  constexpr u64 all_bits = SECURE_ALL_BITS, all_locks = SECURE_ALL_LOCKS;
  const u64 locks = call.thread.secure_bits & all_locks;
  if ((bits & ~(all_bits | all_locks)) != 0 || (locks & ~bits) != 0 ||
      ((locks >> 1) & (bits ^ call.thread.secure_bits)) != 0 ||
      !call.thread.credentials.capable_here(CAP_SETPCAP))
    return Errno{EPERM};
  call.thread.secure_bits = static_cast<u32>(bits);
  return 0;
}

SyscallResult set_keep_capabilities(Call &call, u64 keep) {
  u32 &bits = call.thread.secure_bits;
  if (keep > 1)
    return Errno{EINVAL};
  if ((bits & SECBIT_KEEP_CAPS_LOCKED) != 0)
    return Errno{EPERM};
  bits = keep != 0 ? bits | SECBIT_KEEP_CAPS : bits & ~u32{SECBIT_KEEP_CAPS};
  return 0;
}

/// PR_SET_SECCOMP: seccomp(2) with other words.
SyscallResult set_seccomp(Call &call, u64 mode, GuestAddress filter) {
  if (mode == SECCOMP_MODE_STRICT)
    return sys_seccomp(call, SECCOMP_SET_MODE_STRICT, 0, {});
  if (mode == SECCOMP_MODE_FILTER)
    return sys_seccomp(call, SECCOMP_SET_MODE_FILTER, 0, filter);
  return Errno{EINVAL};
}

/// PR_MCE_KILL: kept and reported, since no memory of a box fails.
SyscallResult set_memory_failure_policy(Call &call, u64 operation, u64 policy, u64 rest) {
  if (rest != 0)
    return Errno{EINVAL};
  if (operation == PR_MCE_KILL_CLEAR && policy == 0)
    call.thread.memory_failure_policy = PR_MCE_KILL_DEFAULT;
  else if (operation == PR_MCE_KILL_SET && policy <= PR_MCE_KILL_DEFAULT)
    call.thread.memory_failure_policy = static_cast<u8>(policy);
  else
    return Errno{EINVAL};
  return 0;
}

/// PR_SET_IO_FLUSHER, PR_GET_IO_FLUSHER: kept and reported.
SyscallResult io_flusher(Call &call, int option, u64 value, u64 rest) {
  if (!call.thread.credentials.capable(CAP_SYS_RESOURCE))
    return Errno{EPERM};
  const bool is_set = option == PR_SET_IO_FLUSHER;
  if (rest != 0 || value > (is_set ? 1U : 0U))
    return Errno{EINVAL};
  if (is_set)
    call.thread.is_io_flusher = value != 0;
  return !is_set && call.thread.is_io_flusher ? 1 : 0;
}

/// PR_SET_THP_DISABLE, PR_GET_THP_DISABLE: kept and reported; the box has no huge pages.
SyscallResult huge_pages_disabled(Call &call, int option, u64 value, u64 rest) {
  const bool is_set = option == PR_SET_THP_DISABLE;
  if (rest != 0 || (!is_set && value != 0))
    return Errno{EINVAL};
  if (is_set)
    call.process.huge_pages_disabled = value != 0;
  return !is_set && call.process.huge_pages_disabled ? 1 : 0;
}

/// PR_GET_SPECULATION_CTRL: nothing can be switched off for a thread (PR_SPEC_NOT_AFFECTED).
SyscallResult speculation(u64 which, u64 rest) {
  if (rest != 0)
    return Errno{EINVAL};
  return which <= PR_SPEC_L1D_FLUSH ? SyscallResult{PR_SPEC_NOT_AFFECTED}
                                    : SyscallResult{Errno{ENODEV}};
}

/// PR_SET_SPECULATION_CTRL: "ENXIO: Control of the selected speculation misfeature is not
/// possible".
SyscallResult set_speculation(u64 which, u64 control, u64 rest) {
  if (rest != 0)
    return Errno{EINVAL};
  if (which > PR_SPEC_L1D_FLUSH)
    return Errno{ENODEV};
  const bool is_control = control == PR_SPEC_ENABLE || control == PR_SPEC_DISABLE ||
                          control == PR_SPEC_FORCE_DISABLE || control == PR_SPEC_DISABLE_NOEXEC;
  return is_control || which == PR_SPEC_STORE_BYPASS ? Errno{ENXIO} : Errno{ERANGE};
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
    return set_keep_capabilities(call, second);
  case PR_GET_KEEPCAPS:
    return (thread.secure_bits & SECBIT_KEEP_CAPS) != 0 ? 1 : 0;
  case PR_GET_SECCOMP:
    return u64{thread.seccomp_mode}; // who is in strict mode can't ask
  case PR_SET_SECCOMP:
    return set_seccomp(call, second, GuestAddress{third});
  case PR_CAPBSET_READ:
    return read_bounding(call, second);
  case PR_CAPBSET_DROP:
    return drop_bounding(call, second);
  case PR_CAP_AMBIENT:
    return ambient(call, second, third, fourth | fifth);
  case PR_GET_SECUREBITS:
    return thread.secure_bits;
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
  case PR_SET_SPECULATION_CTRL:
    return set_speculation(second, third, fourth | fifth);
  case PR_SET_SYSCALL_USER_DISPATCH:
    // Only off, which it is.
    return second == PR_SYS_DISPATCH_OFF && (third | fourth | fifth) == 0
               ? SyscallResult{0}
               : SyscallResult{Errno{EINVAL}};
  case PR_SET_TSC:
    return second == PR_TSC_ENABLE ? SyscallResult{0} : SyscallResult{Errno{EINVAL}};
  case PR_GET_TSC:
    return call.memory.write_object(address, u32{PR_TSC_ENABLE});
  case PR_SET_THP_DISABLE:
  case PR_GET_THP_DISABLE:
    return huge_pages_disabled(call, option, second, third | fourth | fifth);
  case PR_MCE_KILL:
    return set_memory_failure_policy(call, second, third, fourth | fifth);
  case PR_MCE_KILL_GET:
    return (second | third | fourth | fifth) != 0 ? SyscallResult{Errno{EINVAL}}
                                                  : SyscallResult{thread.memory_failure_policy};
  case PR_SET_IO_FLUSHER:
  case PR_GET_IO_FLUSHER:
    return io_flusher(call, option, second, third | fourth | fifth);
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

SyscallResult sys_acct(Call &call, GuestAddress) {
  return call.thread.credentials.capable(CAP_SYS_PACCT) ? Errno{ENOSYS} : Errno{EPERM};
}

} // namespace tine::syscall
