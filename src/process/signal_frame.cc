// The frame that a signal handler runs on, and the way back: arch/x86's struct rt_sigframe.
//
//   higher addresses   the interrupted code's stack, its red zone of 128 bytes
//                      XSAVE area, aligned to 64, with FP_XSTATE_MAGIC2 behind it
//   rsp in handler ->  struct Frame: return address (the restorer), ucontext, siginfo
#include "process/signals.hpp"

#include "process/kernel.hpp"

#include <cstring>
#include <vector>

namespace tine::process {
namespace {

/// struct sigcontext of arch/x86/include/uapi/asm/sigcontext.h.
struct SignalContext {
  u64 r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
  u16 cs, gs, fs, ss;
  u64 error_code, trap_number, old_mask, cr2, fp_state;
  u64 reserved[8];
};
static_assert(sizeof(SignalContext) == 256);

struct UserContext {
  u64 flags, link;
  u64 stack_address;
  u32 stack_flags, padding;
  u64 stack_size;
  SignalContext context;
  SignalSet mask;
};

struct Frame {
  u64 return_address;
  UserContext user;
  siginfo_t info;
};
static_assert(sizeof(Frame) == 440);

/// struct _fpx_sw_bytes, in the last 48 bytes of the FXSAVE region.
struct SoftwareBytes {
  u32 magic1, extended_size;
  u64 features;
  u32 xstate_size;
};
constexpr u32 magic1 = 0x46505853, magic2 = 0x46505845;
constexpr u64 red_zone = 128;
/// uc_flags: the frame has XSAVE state; ss is saved and to be restored.
constexpr u64 uc_fp_xstate = 1, uc_sigcontext_ss = 2, uc_strict_restore_ss = 4;
/// The flags that sigreturn takes from the frame: AC OF DF TF SF ZF AF PF CF RF.
constexpr u64 restorable_flags = 0x50dd5;
constexpr u32 on_stack = 1, stack_disabled = 2, auto_disarm = u32{1} << 31;

bool is_on(const Thread::AlternateStack &stack, u64 sp) {
  return (stack.flags & auto_disarm) == 0 && sp > stack.address && sp - stack.address <= stack.size;
}

u64 choose_stack(const Thread &thread, const SignalAction &action) {
  const Thread::AlternateStack &stack = thread.alternate_stack;
  const u64 sp = thread.cpu.gpr[cpu::rsp];
  if ((action.flags & SA_ONSTACK) != 0 && stack.size != 0 && (stack.flags & stack_disabled) == 0 &&
      !is_on(stack, sp))
    return stack.address + stack.size;
  return sp - red_zone;
}

/// A frame that was to be on the alternate stack doesn't fit on it: "don't overflow it, send
/// SIGSEGV".
bool leaves_alternate_stack(const Thread &thread, const SignalAction &action, u64 frame_address) {
  const Thread::AlternateStack &stack = thread.alternate_stack;
  if (stack.size == 0 || (stack.flags & stack_disabled) != 0)
    return false;
  const bool on_it = is_on(stack, thread.cpu.gpr[cpu::rsp]) || (action.flags & SA_ONSTACK) != 0;
  return on_it && !(frame_address > stack.address && frame_address - stack.address <= stack.size);
}

SignalContext save_registers(const Thread &thread, u64 fp_state, SignalSet mask) {
  const auto &gpr = thread.cpu.gpr;
  SignalContext context{};
  context.r8 = gpr[cpu::r8], context.r9 = gpr[cpu::r9], context.r10 = gpr[cpu::r10];
  context.r11 = gpr[cpu::r11], context.r12 = gpr[cpu::r12], context.r13 = gpr[cpu::r13];
  context.r14 = gpr[cpu::r14], context.r15 = gpr[cpu::r15], context.di = gpr[cpu::rdi];
  context.si = gpr[cpu::rsi], context.bp = gpr[cpu::rbp], context.bx = gpr[cpu::rbx];
  context.dx = gpr[cpu::rdx], context.ax = gpr[cpu::rax], context.cx = gpr[cpu::rcx];
  context.sp = gpr[cpu::rsp], context.ip = thread.cpu.rip, context.flags = thread.cpu.rflags;
  context.cs = cpu::user_code_segment, context.ss = cpu::user_stack_segment;
  context.error_code = thread.last_fault.error_code;
  context.trap_number = thread.last_fault.trap_number;
  context.cr2 = thread.last_fault.address;
  context.old_mask = mask.bits;
  context.fp_state = fp_state;
  return context;
}

void restore_registers(Thread &thread, const SignalContext &context) {
  auto &gpr = thread.cpu.gpr;
  gpr[cpu::r8] = context.r8, gpr[cpu::r9] = context.r9, gpr[cpu::r10] = context.r10;
  gpr[cpu::r11] = context.r11, gpr[cpu::r12] = context.r12, gpr[cpu::r13] = context.r13;
  gpr[cpu::r14] = context.r14, gpr[cpu::r15] = context.r15, gpr[cpu::rdi] = context.di;
  gpr[cpu::rsi] = context.si, gpr[cpu::rbp] = context.bp, gpr[cpu::rbx] = context.bx;
  gpr[cpu::rdx] = context.dx, gpr[cpu::rax] = context.ax, gpr[cpu::rcx] = context.cx;
  gpr[cpu::rsp] = context.sp, thread.cpu.rip = context.ip;
  thread.cpu.rflags =
      (thread.cpu.rflags & ~restorable_flags) | (context.flags & restorable_flags) | 2;
}

/// Writes the XSAVE area with the marks that tell user space (and sigreturn) how large it is.
Status write_fp_state(Thread &thread, u64 address) {
  const u64 size = cpu::CpuState::xsave_size();
  std::vector<std::byte> area(size + sizeof magic2);
  thread.cpu.store_xsave(std::span(area).first(size));
  SoftwareBytes bytes{magic1, static_cast<u32>(area.size()), 0, static_cast<u32>(size)};
  // The header's XSTATE_BV follows the 512 bytes of the legacy region.
  constexpr u64 supported = 7; // x87, SSE, AVX
  bytes.features = size > 576 ? supported : 3;
  std::memcpy(area.data() + cpu::software_bytes_offset, &bytes, sizeof bytes);
  std::memcpy(area.data() + size, &magic2, sizeof magic2);
  return thread.memory->write(GuestAddress{address}, area);
}

/// The handler starts with x87 and SSE at their initial values.
void reset_fp_state(cpu::CpuState &state) {
  const cpu::CpuState initial;
  state.ymm = initial.ymm;
  state.fxsave = initial.fxsave;
}

Status read_fp_state(Thread &thread, u64 address) {
  if (address == 0) {
    reset_fp_state(thread.cpu);
    return Done{};
  }
  if ((address & 63) != 0)
    return Errno{EFAULT};
  const u64 size = cpu::CpuState::xsave_size();
  std::vector<std::byte> area(size);
  constexpr u64 legacy_size = 512;
  TINE_TRY(thread.memory->read(GuestAddress{address}, std::span(area).first(legacy_size)));
  SoftwareBytes bytes;
  std::memcpy(&bytes, area.data() + cpu::software_bytes_offset, sizeof bytes);
  const bool is_extended = bytes.magic1 == magic1 && bytes.xstate_size >= legacy_size + 64 &&
                           bytes.xstate_size <= size && bytes.xstate_size <= bytes.extended_size;
  if (is_extended) {
    const auto end_mark =
        TINE_TRY(thread.memory->read_object<u32>(GuestAddress{address + bytes.xstate_size}));
    if (end_mark == magic2) {
      const auto rest = std::span(area).subspan(legacy_size, bytes.xstate_size - legacy_size);
      TINE_TRY(thread.memory->read(GuestAddress{address + legacy_size}, rest));
      return thread.cpu.load_xsave(area) ? Status{Done{}} : Status{Errno{EFAULT}};
    }
  }
  // FXSAVE only: XSTATE_BV says x87 and SSE.
  constexpr u64 fx_only = 3;
  std::memcpy(area.data() + legacy_size, &fx_only, sizeof fx_only);
  return thread.cpu.load_xsave(area) ? Status{Done{}} : Status{Errno{EFAULT}};
}

} // namespace

Status enter_handler(Thread &thread, const SignalAction &action, const siginfo_t &info,
                     SignalSet mask_to_restore) {
  constexpr u64 sa_restorer = 0x04000000;
  if ((action.flags & sa_restorer) == 0)
    return Errno{EFAULT}; // x86-64 has no trampoline of the kernel's
  const u64 fp_size = cpu::CpuState::xsave_size() + sizeof magic2;
  const u64 fp_state = (choose_stack(thread, action) - fp_size) & ~u64{63};
  const u64 frame_address = ((fp_state - sizeof(Frame)) & ~u64{15}) - 8;
  if (leaves_alternate_stack(thread, action, frame_address))
    return Errno{EFAULT};

  Frame frame{};
  frame.return_address = action.restorer;
  frame.user.flags = uc_fp_xstate | uc_sigcontext_ss | uc_strict_restore_ss;
  frame.user.stack_address = thread.alternate_stack.address;
  frame.user.stack_flags = thread.alternate_stack.flags;
  frame.user.stack_size = thread.alternate_stack.size;
  frame.user.context = save_registers(thread, fp_state, mask_to_restore);
  frame.user.mask = mask_to_restore;
  frame.info = info;
  TINE_TRY(write_fp_state(thread, fp_state));
  TINE_TRY(thread.memory->write_object(GuestAddress{frame_address}, frame));

  if ((thread.alternate_stack.flags & auto_disarm) != 0)
    thread.alternate_stack = {};
  auto &gpr = thread.cpu.gpr;
  gpr[cpu::rdi] = static_cast<u64>(info.si_signo);
  gpr[cpu::rsi] = frame_address + offsetof(Frame, info);
  gpr[cpu::rdx] = frame_address + offsetof(Frame, user);
  gpr[cpu::rax] = 0;
  gpr[cpu::rsp] = frame_address;
  thread.cpu.rip = action.handler;
  thread.cpu.rflags &= ~(cpu::trap_flag | cpu::direction_flag | cpu::resume_flag);
  reset_fp_state(thread.cpu);
  return Done{};
}

void return_from_signal(Thread &thread) {
  const GuestAddress frame_address{thread.cpu.gpr[cpu::rsp] - sizeof(u64)};
  const auto frame = thread.memory->read_object<Frame>(frame_address);
  if (!frame.ok() || !read_fp_state(thread, frame->user.context.fp_state).ok()) {
    force_signal(thread, kernel_signal(SIGSEGV));
    return;
  }
  thread.signal_mask = frame->user.mask & ~unblockable_signals;
  restore_registers(thread, frame->user.context);
  const u32 flags = frame->user.stack_flags & ~on_stack;
  if ((flags & ~auto_disarm) == 0 && frame->user.stack_size >= 2048)
    thread.alternate_stack = {frame->user.stack_address, frame->user.stack_size, flags};
  else if ((flags & stack_disabled) != 0)
    thread.alternate_stack = {};
}

} // namespace tine::process
