#include "native_oracle.hpp"

#include <asm/hwcap2.h>
#include <asm/prctl.h>
#include <atomic>
#include <cpuid.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <unistd.h>

namespace tine::test {

namespace {

constexpr std::array<int, 5> caught_signals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};

// ucontext's register numbers in the order of the SDM's.
constexpr std::array<int, 16> context_gpr{REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                          REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                          REG_R12, REG_R13, REG_R14, REG_R15};

// The XSAVE area in a signal frame: legacy region, header, YMM_Hi128 in the standard format.
constexpr u64 xsave_header = 512;
constexpr u64 xsave_ymm_high = 576;
constexpr u64 xsave_xmm = 160;
constexpr u64 x87_bit = 1, sse_bit = 2, avx_bit = 4;

enum class Stage : int { outside, entering, inside };

/// What the handlers work on; no thread-local storage, since FS is the guest's when they begin.
struct Running {
  volatile Stage stage = Stage::outside;
  const cpu::CpuState *start = nullptr;
  Outcome *outcome = nullptr;
  u64 host_fs = 0, host_gs = 0;
  gregset_t host_registers;
  std::array<u8, 32> host_x87_control;
  sigset_t host_mask;
  int ticks = 0;
};
Running running;
std::array<struct sigaction, 65> previous_actions;
alignas(64) std::array<u8, 65536> alternate_stack;

/// Whether the kernel saves what WRFSBASE and WRGSBASE wrote. One that does not (an old one, or a
/// guest's) lets the instructions run where the machine has them, and loses the base at the next
/// switch of threads: the kernel's Documentation/arch/x86/x86_64/fsgs.rst says to ask AT_HWCAP2
/// first.
const bool kernel_saves_bases = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) != 0;

/// arch_prctl by hand: the C library's function may use FS.
void arch_prctl(int what, u64 argument) {
  u64 result = SYS_arch_prctl;
  asm volatile("syscall" : "+a"(result) : "D"(what), "S"(argument) : "rcx", "r11", "memory");
}

u64 read_fs_base() {
  u64 base = 0;
  if (kernel_saves_bases)
    asm volatile("rdfsbase %0" : "=r"(base));
  else
    arch_prctl(ARCH_GET_FS, reinterpret_cast<u64>(&base));
  return base;
}
u64 read_gs_base() {
  u64 base = 0;
  if (kernel_saves_bases)
    asm volatile("rdgsbase %0" : "=r"(base));
  else
    arch_prctl(ARCH_GET_GS, reinterpret_cast<u64>(&base));
  return base;
}
void write_fs_base(u64 base) {
  if (kernel_saves_bases)
    asm volatile("wrfsbase %0" ::"r"(base));
  else
    arch_prctl(ARCH_SET_FS, base);
}
void write_gs_base(u64 base) {
  if (kernel_saves_bases)
    asm volatile("wrgsbase %0" ::"r"(base));
  else
    arch_prctl(ARCH_SET_GS, base);
}

u8 *xsave_area(ucontext_t &context) {
  return reinterpret_cast<u8 *>(context.uc_mcontext.fpregs);
}

void load_guest(ucontext_t &context, const cpu::CpuState &state) {
  for (std::size_t i = 0; i < 16; ++i)
    context.uc_mcontext.gregs[context_gpr[i]] = static_cast<greg_t>(state.gpr[i]);
  context.uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(state.rip);
  context.uc_mcontext.gregs[REG_EFL] = static_cast<greg_t>(state.rflags);
  u8 *area = xsave_area(context);
  std::memcpy(area, state.fxsave.data(), xsave_xmm);
  for (std::size_t i = 0; i < 16; ++i) {
    std::memcpy(area + xsave_xmm + 16 * i, state.ymm[i].data(), 16);
    std::memcpy(area + xsave_ymm_high + 16 * i, state.ymm[i].data() + 16, 16);
  }
  u64 components = 0;
  std::memcpy(&components, area + xsave_header, 8);
  components |= x87_bit | sse_bit | avx_bit;
  std::memcpy(area + xsave_header, &components, 8);
}

void store_guest(ucontext_t &context, cpu::CpuState &state) {
  for (std::size_t i = 0; i < 16; ++i)
    state.gpr[i] = static_cast<u64>(context.uc_mcontext.gregs[context_gpr[i]]);
  state.rip = static_cast<u64>(context.uc_mcontext.gregs[REG_RIP]);
  state.rflags = static_cast<u64>(context.uc_mcontext.gregs[REG_EFL]);
  const u8 *area = xsave_area(context);
  u64 components = 0;
  std::memcpy(&components, area + xsave_header, 8);
  // A component that isn't in the area is in its initial state.
  if (components & x87_bit)
    std::memcpy(state.fxsave.data(), area, xsave_xmm);
  else
    state.fxsave = cpu::CpuState().fxsave;
  std::memcpy(&state.fxsave[fxsave_mxcsr], area + fxsave_mxcsr, 4);
  for (std::size_t i = 0; i < 16; ++i) {
    state.ymm[i].fill(0);
    if (components & sse_bit)
      std::memcpy(state.ymm[i].data(), area + xsave_xmm + 16 * i, 16);
    if (components & avx_bit)
      std::memcpy(state.ymm[i].data() + 16, area + xsave_ymm_high + 16 * i, 16);
  }
}

void enter(ucontext_t &context) {
  std::memcpy(&running.host_registers, &context.uc_mcontext.gregs, sizeof(gregset_t));
  std::memcpy(running.host_x87_control.data(), xsave_area(context), 32);
  running.host_mask = context.uc_sigmask;
  sigdelset(&context.uc_sigmask, SIGALRM);
  load_guest(context, *running.start);
  running.ticks = 0;
  running.stage = Stage::inside;
  write_gs_base(running.start->gs_base);
  write_fs_base(running.start->fs_base);
}

void leave(int signal, const siginfo_t &info, ucontext_t &context, u64 fs_base, u64 gs_base) {
  Outcome &outcome = *running.outcome;
  store_guest(context, outcome.state);
  outcome.state.fs_base = fs_base;
  outcome.state.gs_base = gs_base;
  outcome.timed_out = signal == SIGALRM;
  if (!outcome.timed_out) {
    outcome.signal = signal;
    outcome.code = info.si_code;
    outcome.address = reinterpret_cast<u64>(info.si_addr);
    outcome.trap_number = static_cast<u64>(context.uc_mcontext.gregs[REG_TRAPNO]);
    outcome.error_code = static_cast<u64>(context.uc_mcontext.gregs[REG_ERR]);
  }
  std::memcpy(&context.uc_mcontext.gregs, &running.host_registers, sizeof(gregset_t));
  const cpu::CpuState initial;
  std::memcpy(xsave_area(context), initial.fxsave.data(), xsave_xmm);
  std::memcpy(xsave_area(context), running.host_x87_control.data(), 2);
  std::memcpy(xsave_area(context) + fxsave_mxcsr, running.host_x87_control.data() + fxsave_mxcsr,
              4);
  context.uc_sigmask = running.host_mask;
  running.stage = Stage::outside;
}

void forward(int signal, siginfo_t *info, void *context) {
  const struct sigaction &previous = previous_actions[static_cast<std::size_t>(signal)];
  if (previous.sa_flags & SA_SIGINFO)
    return previous.sa_sigaction(signal, info, context);
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN)
    return previous.sa_handler(signal);
  ::signal(signal, SIG_DFL); // the instruction repeats and ends the process
}

void on_signal(int signal, siginfo_t *info, void *context) {
  if (running.stage == Stage::outside)
    return forward(signal, info, context);
  if (running.stage == Stage::entering)
    return enter(*static_cast<ucontext_t *>(context));
  const u64 fs_base = read_fs_base(), gs_base = read_gs_base();
  write_fs_base(running.host_fs);
  write_gs_base(running.host_gs);
  if (signal == SIGALRM && ++running.ticks < 3) {
    write_gs_base(gs_base);
    write_fs_base(fs_base);
    return;
  }
  leave(signal, *info, *static_cast<ucontext_t *>(context), fs_base, gs_base);
}

void start_watchdog() {
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &alarm, nullptr);
  struct sigevent event = {};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGALRM;
#ifndef sigev_notify_thread_id
  event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
#else
  event.sigev_notify_thread_id = static_cast<pid_t>(syscall(SYS_gettid));
#endif
  timer_t timer = nullptr;
  const struct itimerspec period = {{0, 100'000'000}, {0, 100'000'000}};
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
      timer_settime(timer, 0, &period, nullptr) != 0)
    std::perror("native oracle: timer"), std::abort();
}

} // namespace

NativeOracle &NativeOracle::instance() {
  static NativeOracle oracle;
  return oracle;
}

NativeOracle::NativeOracle() {
  const u64 size = (code_region.pages + data_pages) * page_size;
  const int file = memfd_create("native-oracle", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, static_cast<off_t>(size)) != 0)
    std::perror("native oracle: memfd"), std::abort();
  void *alias = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
  if (alias == MAP_FAILED)
    std::perror("native oracle: alias"), std::abort();
  alias_ = {static_cast<u8 *>(alias), size};
  u64 offset = 0;
  const auto map = [&](const Region &region, int protection) {
    void *place = reinterpret_cast<void *>(region.address);
    if (mmap(place, region.size(), protection, MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE,
             file, static_cast<off_t>(offset)) != place)
      std::perror("native oracle: the guest's addresses are taken"), std::abort();
    offset += region.size();
  };
  map(code_region, PROT_READ | PROT_EXEC);
  for (const Region &region : data_regions)
    map(region, region.writable ? PROT_READ | PROT_WRITE : PROT_READ);
  close(file);
  start_watchdog();
}

void NativeOracle::install_handlers() {
  stack_t stack_of_handlers = {};
  stack_of_handlers.ss_sp = alternate_stack.data();
  stack_of_handlers.ss_size = alternate_stack.size();
  sigaltstack(&stack_of_handlers, nullptr);
  const auto install = [](int signal) {
    struct sigaction action = {}, old = {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    sigaction(signal, nullptr, &old);
    if ((old.sa_flags & SA_SIGINFO) && old.sa_sigaction == on_signal)
      return;
    previous_actions[static_cast<std::size_t>(signal)] = old;
    if (old.sa_flags & SA_SIGINFO)
      action.sa_mask = old.sa_mask;
    // Guest code runs with the watchdog's signal unblocked; it must not interrupt our handlers.
    sigaddset(&action.sa_mask, SIGALRM);
    sigaction(signal, &action, nullptr);
  };
  for (const int signal : caught_signals)
    install(signal);
  install(SIGALRM);
}

Outcome NativeOracle::run(const cpu::CpuState &state) {
  Outcome outcome;
  running.start = &state;
  running.outcome = &outcome;
  running.host_fs = read_fs_base();
  running.host_gs = read_gs_base();
  running.stage = Stage::entering;
  asm volatile("int3" ::
                   : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                     "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
  return outcome;
}

/// Intel SDM volume 3, 9.1.3: what was written at another linear address than it is fetched from is
/// sure to be fetched after a serializing instruction alone.
void NativeOracle::write_code(u64 address, std::span<const u8> code) {
  std::memcpy(&alias_[address - code_region.address], code.data(), code.size());
  unsigned a = 0, b = 0, c = 0, d = 0;
  __cpuid(0, a, b, c, d);
}

void NativeOracle::load(const MemoryImage &image) {
  std::memcpy(&alias_[code_region.size()], image.bytes.data(), image.bytes.size());
}

void NativeOracle::store(MemoryImage &image) const {
  std::memcpy(image.bytes.data(), &alias_[code_region.size()], image.bytes.size());
}

void NativeOracle::protect(u64 address, u64 length, int protection) {
  if (mprotect(reinterpret_cast<void *>(address), length, protection) != 0)
    std::perror("native oracle: mprotect"), std::abort();
}

} // namespace tine::test
