// ptrace(2): decodes the request, finds the tracee.
#include "process/ptrace.hpp"
#include "syscall/handlers.hpp"

#include <algorithm>
#include <asm/prctl.h>
#include <cstring>
#include <elf.h>
#include <linux/ptrace.h>
#include <signal.h>

namespace tine::syscall {
namespace {

using process::ResumeKind;
using process::Thread;

constexpr u64 all_options = PTRACE_O_MASK & ~u64{PTRACE_O_SUSPEND_SECCOMP};
constexpr u64 linux_siginfo_size = 128;
constexpr u64 fp_registers_size = 512;

struct Request {
  Call &call;
  Thread &tracee;
  u64 address, data;
  [[nodiscard]] GuestAddress to() const { return GuestAddress{data}; }
};

Result<Thread *> find_thread(Call &call, int pid) {
  Thread *thread = call.kernel.find_thread(Pid{pid});
  return thread != nullptr ? Result<Thread *>{thread} : Errno{ESRCH};
}

// ---- starting ----

/// Who attaches to a stopped thread may use ptrace on it at once: the call ends when the thread has
/// left that stop for its tracer's (Linux's JOBCTL_TRAPPING).
SyscallResult wait_for_trap(Call &call, int pid) {
  const Thread *tracee = call.kernel.find_thread(Pid{pid});
  if (tracee == nullptr || tracee->must_exit || !process::is_traced(*tracee) ||
      tracee->trace->tracer != call.thread.tid || !tracee->trace->trap_pending)
    return 0;
  call.thread.wait_on(call.process.child_changed);
  return blocked(Interrupt::uninterruptible);
}

SyscallResult start_tracing(Call &call, int request, int pid, u64 address, u64 data) {
  if (call.state().retrying)
    return wait_for_trap(call, pid);
  Thread *tracee = TINE_TRY(find_thread(call, pid));
  if (request == PTRACE_ATTACH) {
    TINE_TRY(process::attach(call.thread, *tracee));
    return wait_for_trap(call, pid);
  }
  // "PTRACE_SEIZE: addr must be 0; data contains a bit mask of ptrace options".
  if (address != 0 || (data & ~all_options) != 0)
    return Errno{EIO};
  TINE_TRY(process::seize(call.thread, *tracee, static_cast<u32>(data)));
  return wait_for_trap(call, pid);
}

// ---- memory and registers ----

SyscallResult peek(Request request) {
  u64 word = 0;
  if (!request.tracee.memory
           ->force_read(GuestAddress{request.address}, std::as_writable_bytes(std::span(&word, 1)))
           .ok())
    return Errno{EIO};
  return request.call.memory.write_object(request.to(), word);
}

SyscallResult poke(Request request) {
  const Status status = request.tracee.memory->force_write(
      GuestAddress{request.address}, std::as_bytes(std::span(&request.data, 1)));
  return status.ok() ? SyscallResult{0} : Errno{EIO};
}

SyscallResult peek_user(Request request) {
  return request.call.memory.write_object(
      request.to(), TINE_TRY(process::peek_user(request.tracee, request.address)));
}

SyscallResult set_registers(Request request) {
  const auto regs = TINE_TRY(request.call.memory.read_object<process::UserRegs>(request.to()));
  return process::write_user_regs(request.tracee, regs);
}

SyscallResult get_fp_registers(Request request) {
  const auto area = process::read_extended_state(request.tracee);
  std::vector<std::byte> legacy(area.begin(), area.begin() + fp_registers_size);
  std::fill_n(legacy.begin() + 464, 48, std::byte{}); // the software bytes are XSTATE's alone
  return request.call.memory.write(request.to(), legacy);
}

SyscallResult set_fp_registers(Request request) {
  std::vector<std::byte> area(fp_registers_size);
  TINE_TRY(request.call.memory.read(request.to(), area));
  return process::write_fp_registers(request.tracee, area);
}

/// PTRACE_GETREGSET and SETREGSET: struct iovec says where, and how much there was.
struct Vector {
  u64 base, length;
};

Result<std::vector<std::byte>> read_register_set(Thread &tracee, u64 type) {
  std::vector<std::byte> area = process::read_extended_state(tracee);
  switch (type) {
  case NT_PRSTATUS: {
    const process::UserRegs regs = process::read_user_regs(tracee);
    const auto bytes = std::as_bytes(std::span(regs));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  }
  case NT_PRFPREG:
    area.resize(fp_registers_size);
    std::fill_n(area.begin() + 464, 48, std::byte{});
    return area;
  case NT_X86_XSTATE:
    return area;
  default:
    return Errno{EINVAL};
  }
}

SyscallResult get_register_set(Request request) {
  auto vector = TINE_TRY(request.call.memory.read_object<Vector>(request.to()));
  const auto area = TINE_TRY(read_register_set(request.tracee, request.address));
  if (vector.length % sizeof(u64) != 0)
    return Errno{EINVAL};
  vector.length = std::min<u64>(vector.length, area.size());
  TINE_TRY(
      request.call.memory.write(GuestAddress{vector.base}, std::span(area).first(vector.length)));
  return request.call.memory.write_object(request.to(), vector);
}

Status write_register_set(Thread &tracee, u64 type, std::span<const std::byte> area) {
  switch (type) {
  case NT_PRSTATUS: {
    std::vector<u64> values(area.size() / sizeof(u64));
    std::memcpy(values.data(), area.data(), values.size() * sizeof(u64));
    return process::write_user_regs(tracee, values);
  }
  case NT_PRFPREG:
    return process::write_fp_registers(tracee, area);
  default:
    return process::write_extended_state(tracee, area);
  }
}

SyscallResult set_register_set(Request request) {
  auto vector = TINE_TRY(request.call.memory.read_object<Vector>(request.to()));
  const auto now = TINE_TRY(read_register_set(request.tracee, request.address));
  if (vector.length % sizeof(u64) != 0)
    return Errno{EINVAL};
  vector.length = std::min<u64>(vector.length, now.size());
  std::vector<std::byte> area(vector.length);
  TINE_TRY(request.call.memory.read(GuestAddress{vector.base}, area));
  TINE_TRY(write_register_set(request.tracee, request.address, area));
  return request.call.memory.write_object(request.to(), vector);
}

SyscallResult arch_prctl(Request request) {
  process::Thread &tracee = request.tracee;
  const GuestAddress where{request.address};
  switch (request.data) {
  case ARCH_GET_FS:
    return request.call.memory.write_object(where, tracee.cpu.fs_base);
  case ARCH_GET_GS:
    return request.call.memory.write_object(where, tracee.cpu.gs_base);
  case ARCH_SET_FS:
  case ARCH_SET_GS:
    if (request.address >= user_address_limit)
      return Errno{EPERM};
    (request.data == ARCH_SET_FS ? tracee.cpu.fs_base : tracee.cpu.gs_base) = request.address;
    return 0;
  default:
    return Errno{EINVAL};
  }
}

// ---- the stop ----

SyscallResult set_options(Request request) {
  if ((request.data & ~all_options) != 0)
    return Errno{EINVAL};
  request.tracee.trace->options = static_cast<u32>(request.data);
  return 0;
}

/// "EINVAL: in a group stop there is no siginfo".
SyscallResult get_signal_info(Request request) {
  if (!request.tracee.trace->info)
    return Errno{EINVAL};
  return request.call.memory.write_object(request.to(), *request.tracee.trace->info);
}

SyscallResult set_signal_info(Request request) {
  const auto info = TINE_TRY(request.call.memory.read_object<siginfo_t>(request.to()));
  if (!request.tracee.trace->info)
    return Errno{EINVAL};
  request.tracee.trace->info = info;
  return 0;
}

/// "PTRACE_GETSIGMASK: addr is the size of the buffer": that of the kernel's set.
SyscallResult signal_mask(Request request, bool set) {
  if (request.address != sizeof(process::SignalSet))
    return Errno{EINVAL};
  Thread &tracee = request.tracee;
  auto &mask =
      tracee.syscall_state.saved_mask ? *tracee.syscall_state.saved_mask : tracee.signal_mask;
  if (!set)
    return request.call.memory.write_object(request.to(), mask);
  const auto wanted = TINE_TRY(request.call.memory.read_object<process::SignalSet>(request.to()));
  tracee.signal_mask = wanted & ~process::unblockable_signals;
  return 0;
}

/// "PTRACE_PEEKSIGINFO: read siginfo_t structures without removing signals from a queue".
SyscallResult peek_signal_queue(Request request) {
  struct Arguments {
    u64 offset;
    u32 flags;
    i32 count;
  };
  const auto arguments =
      TINE_TRY(request.call.memory.read_object<Arguments>(GuestAddress{request.address}));
  if ((arguments.flags & ~u32{PTRACE_PEEKSIGINFO_SHARED}) != 0 || arguments.count < 0)
    return Errno{EINVAL};
  const Thread &tracee = request.tracee;
  const bool shared = (arguments.flags & PTRACE_PEEKSIGINFO_SHARED) != 0;
  const auto &queue = (shared ? tracee.process->pending : tracee.pending).queue();
  i64 copied = 0;
  for (u64 i = arguments.offset; i < queue.size() && copied < arguments.count; ++i, ++copied) {
    const Status status = request.call.memory.write_object(
        request.to() + static_cast<u64>(copied) * linux_siginfo_size, queue[i]);
    if (!status.ok())
      return copied > 0 ? SyscallResult(copied) : SyscallResult(status.error());
  }
  return copied;
}

/// Which stop it is follows from its si_code.
u64 fill_syscall_info(const Thread &tracee, ptrace_syscall_info &info) {
  const process::TraceState &trace = *tracee.trace;
  const process::UserRegs regs = process::read_user_regs(tracee);
  info.arch = 0xc000003e; // AUDIT_ARCH_X86_64
  info.instruction_pointer = tracee.cpu.rip;
  info.stack_pointer = tracee.cpu.gpr[cpu::rsp];
  const int code = trace.info ? trace.info->si_code : 0;
  const bool is_call = trace.info && trace.info->si_signo == SIGTRAP &&
                       (code == (SIGTRAP | 0x80) || code == SIGTRAP);
  const bool is_filtered = trace.info && code == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
  if (is_filtered || (is_call && trace.message == PTRACE_EVENTMSG_SYSCALL_ENTRY)) {
    info.op = is_filtered ? PTRACE_SYSCALL_INFO_SECCOMP : PTRACE_SYSCALL_INFO_ENTRY;
    info.entry.nr = static_cast<u64>(tracee.syscall_number);
    const cpu::Gpr order[] = {cpu::rdi, cpu::rsi, cpu::rdx, cpu::r10, cpu::r8, cpu::r9};
    for (std::size_t i = 0; i < 6; ++i)
      info.entry.args[i] = tracee.cpu.gpr[order[i]];
    if (is_filtered) { // begins as `entry` does
      info.seccomp.ret_data = static_cast<u32>(trace.message);
      return offsetof(ptrace_syscall_info, seccomp.ret_data) + sizeof info.seccomp.ret_data;
    }
    return offsetof(ptrace_syscall_info, entry) + sizeof info.entry;
  }
  if (is_call && trace.message == PTRACE_EVENTMSG_SYSCALL_EXIT) {
    constexpr i64 largest_errno = 4095;
    info.op = PTRACE_SYSCALL_INFO_EXIT;
    info.exit.rval = static_cast<i64>(regs[10]);
    info.exit.is_error = info.exit.rval < 0 && info.exit.rval >= -largest_errno;
    return offsetof(ptrace_syscall_info, exit.is_error) + sizeof info.exit.is_error;
  }
  info.op = PTRACE_SYSCALL_INFO_NONE;
  return offsetof(ptrace_syscall_info, entry);
}

/// "PTRACE_GET_SYSCALL_INFO: returns the number of bytes available to be written by the kernel".
SyscallResult get_syscall_info(Request request) {
  ptrace_syscall_info info{};
  const u64 size = fill_syscall_info(request.tracee, info);
  const u64 wanted = std::min(request.address, size);
  TINE_TRY(
      request.call.memory.write(request.to(), std::as_bytes(std::span(&info, 1)).first(wanted)));
  return size;
}

/// "PTRACE_GET_RSEQ_CONFIGURATION": where the tracee registered its rseq area.
SyscallResult get_rseq(Request request) {
  struct Configuration {
    u64 address;
    u32 size, signature, flags, padding;
  };
  const Thread &tracee = request.tracee;
  const Configuration configuration{tracee.rseq.value, tracee.rseq_size, tracee.rseq_signature, 0,
                                    0};
  const u64 wanted = std::min<u64>(request.address, sizeof configuration);
  TINE_TRY(request.call.memory.write(request.to(),
                                     std::as_bytes(std::span(&configuration, 1)).first(wanted)));
  return u64{sizeof configuration};
}

SyscallResult resume(Request request, ResumeKind kind) {
  if (request.data > 64)
    return Errno{EIO};
  process::resume(request.tracee, kind, static_cast<int>(request.data));
  return 0;
}

SyscallResult detach(Request request) {
  if (request.data > 64)
    return Errno{EIO};
  process::detach(request.tracee, static_cast<int>(request.data));
  return 0;
}

SyscallResult request_of_stopped(u64 number, Request request) {
  switch (number) {
  case PTRACE_PEEKTEXT:
  case PTRACE_PEEKDATA:
    return peek(request);
  case PTRACE_POKETEXT:
  case PTRACE_POKEDATA:
    return poke(request);
  case PTRACE_PEEKUSR:
    return peek_user(request);
  case PTRACE_POKEUSR:
    return process::poke_user(request.tracee, request.address, request.data);
  case PTRACE_GETREGS:
    return request.call.memory.write_object(request.to(), process::read_user_regs(request.tracee));
  case PTRACE_SETREGS:
    return set_registers(request);
  case PTRACE_GETFPREGS:
    return get_fp_registers(request);
  case PTRACE_SETFPREGS:
    return set_fp_registers(request);
  case PTRACE_GETREGSET:
    return get_register_set(request);
  case PTRACE_SETREGSET:
    return set_register_set(request);
  case PTRACE_ARCH_PRCTL:
    return arch_prctl(request);
  case PTRACE_OLDSETOPTIONS:
  case PTRACE_SETOPTIONS:
    return set_options(request);
  case PTRACE_GETEVENTMSG:
    return request.call.memory.write_object(request.to(), request.tracee.trace->message);
  case PTRACE_GETSIGINFO:
    return get_signal_info(request);
  case PTRACE_SETSIGINFO:
    return set_signal_info(request);
  case PTRACE_GETSIGMASK:
  case PTRACE_SETSIGMASK:
    return signal_mask(request, number == PTRACE_SETSIGMASK);
  case PTRACE_PEEKSIGINFO:
    return peek_signal_queue(request);
  case PTRACE_GET_SYSCALL_INFO:
    return get_syscall_info(request);
  case PTRACE_GET_RSEQ_CONFIGURATION:
    return get_rseq(request);
  case PTRACE_LISTEN:
    return process::listen(request.tracee);
  case PTRACE_CONT:
    return resume(request, ResumeKind::run);
  case PTRACE_SYSCALL:
    return resume(request, ResumeKind::to_next_call);
  case PTRACE_SYSEMU:
    return resume(request, ResumeKind::emulate_calls);
  case PTRACE_SINGLESTEP:
    return resume(request, ResumeKind::step);
  case PTRACE_SYSEMU_SINGLESTEP:
    return resume(request, ResumeKind::emulate_calls_and_step);
  case PTRACE_DETACH:
    return detach(request);
  default: // PTRACE_SINGLEBLOCK, PTRACE_GET_THREAD_AREA of 32-bit programs, ...
    return Errno{EIO};
  }
}

} // namespace

SyscallResult sys_ptrace(Call &call, u64 request, int pid, u64 address, u64 data) {
  if (request == PTRACE_TRACEME)
    return process::trace_me(call.thread);
  if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
    return start_tracing(call, static_cast<int>(request), pid, address, data);
  Thread *tracee = TINE_TRY(find_thread(call, pid));
  // These two want no stopped tracee, but one of the caller's.
  if (request == PTRACE_KILL || request == PTRACE_INTERRUPT) {
    if (!process::is_traced(*tracee) || tracee->trace->tracer != call.thread.tid)
      return Errno{ESRCH};
    if (request == PTRACE_KILL) {
      process::send_signal(*tracee->process, process::kernel_signal(SIGKILL));
    } else {
      if (!tracee->trace->seized)
        return Errno{EIO};
      process::interrupt(*tracee);
    }
    return 0;
  }
  tracee = TINE_TRY(process::stopped_tracee(call.thread, Pid{pid}));
  return request_of_stopped(request, {call, *tracee, address, data});
}

} // namespace tine::syscall
