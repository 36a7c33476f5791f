// Faults that the host's processor raises in translated code: they are the guest's.
#include "cpu/vcpu_impl.hpp"

#include <csignal>
#include <sys/mman.h>
#include <sys/ucontext.h>

namespace tine::cpu {
namespace {
constexpr int fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
struct sigaction previous_actions[NSIG];

/// An address fault in translated code would be tine's own error: the guest's addresses are checked
/// before. What the processor reports without an address (#GP) is the guest's.
bool is_guests(int signal, const siginfo_t &info) {
  return signal != SIGSEGV || info.si_code == SI_KERNEL;
}

void fall_back(int signal) {
  // The instruction runs again and meets whoever handled the signal before.
  ::sigaction(signal, &previous_actions[signal], nullptr);
}

void handle_fault(int signal, siginfo_t *info, void *raw_context) {
  // The guest may have set AC, which the host's code can't run with.
  asm volatile("pushfq\n\tandl $~0x40000, (%%rsp)\n\tpopfq" ::: "cc", "memory");
  auto *machine_context = &static_cast<ucontext_t *>(raw_context)->uc_mcontext;
  VcpuImpl *const vcpu = current_vcpu();
  const u64 host_pc = static_cast<u64>(machine_context->gregs[REG_RIP]);
  if (!vcpu || !vcpu->machine.cache->contains(reinterpret_cast<const u8 *>(host_pc)) ||
      !is_guests(signal, *info)) {
    fall_back(signal);
    return;
  }
  HostFault &fault = vcpu->host_fault;
  fault.signal = signal;
  fault.code = info->si_code;
  fault.address = reinterpret_cast<u64>(info->si_addr);
  fault.trap_number = static_cast<u64>(machine_context->gregs[REG_TRAPNO]);
  fault.error_code = static_cast<u64>(machine_context->gregs[REG_ERR]);
  fault.host_pc = host_pc;
  // Leave as any other exit does, with every register as it is but the stack pointer: some
  // processors can't return from a signal to one that isn't canonical (IRET raises #GP on family
  // 1Ah of AMD).
  vcpu->context->exit_kind = ExitKind::host_fault;
  vcpu->context->spill_rsp = static_cast<u64>(machine_context->gregs[REG_RSP]);
  machine_context->gregs[REG_RSP] = static_cast<greg_t>(vcpu->context->host_rsp);
  machine_context->gregs[REG_RIP] =
      static_cast<greg_t>(reinterpret_cast<u64>(&tine_cpu_exit_after_fault));
}
} // namespace

void install_fault_handlers(MachineImpl &) {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_sigaction = handle_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (int signal : fault_signals)
      ::sigaction(signal, &action, &previous_actions[signal]);
    return true;
  }();
  (void)installed;
}

void install_alternate_stack() {
  // In guest code rsp is the guest's, so no handler may run on it.
  constexpr std::size_t size = std::size_t{64} << 10;
  struct Stack {
    void *memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ~Stack() {
      stack_t off{};
      off.ss_flags = SS_DISABLE;
      ::sigaltstack(&off, nullptr);
      ::munmap(memory, size);
    }
  };
  thread_local Stack stack;
  stack_t description{};
  description.ss_sp = stack.memory;
  description.ss_size = size;
  ::sigaltstack(&description, nullptr);
}

} // namespace tine::cpu
