#include "cpu/vcpu_impl.hpp"

#include "cpu/host_table.hpp"

#include <algorithm>
#include <asm/prctl.h>
#include <cstring>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tine::cpu {
namespace {
constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t context_bytes = (sizeof(VcpuContext) + huge_page - 1) / huge_page * huge_page;
/// With the jump cache of the first layout.
constexpr std::size_t first_used_bytes =
    offsetof(VcpuContext, jump_caches) + sizeof(VcpuContext::jump_caches) / jump_cache_layouts;

VcpuContext *map_context() {
  // Huge pages: TLBs and jump cache are read at random.
  auto *const reserved =
      static_cast<std::byte *>(::mmap(nullptr, context_bytes + huge_page, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (reserved == MAP_FAILED)
    return nullptr;
  std::byte *const memory =
      reserved + (huge_page - reinterpret_cast<u64>(reserved) % huge_page) % huge_page;
  if (memory != reserved)
    ::munmap(reserved, static_cast<std::size_t>(memory - reserved));
  ::munmap(memory + context_bytes, static_cast<std::size_t>(reserved + huge_page - memory));
  ::madvise(memory, context_bytes, MADV_HUGEPAGE);
  populate_host_memory(memory, first_used_bytes);
  auto *context = reinterpret_cast<VcpuContext *>(memory);
  context->self = context;
  context->host_mxcsr = 0x1f80;
  context->stack_window.start = StackWindow::nowhere;
  return context;
}
} // namespace

VcpuImpl *&current_vcpu() {
  thread_local VcpuImpl *current = nullptr;
  return current;
}

std::unique_ptr<Vcpu> Vcpu::create(Machine &machine, u32 /*index*/) {
  return std::make_unique<VcpuImpl>(static_cast<MachineImpl &>(machine));
}

VcpuImpl::VcpuImpl(MachineImpl &owner)
    : machine(owner), context(map_context()), read_tlb(context->tlb_read),
      write_tlb(context->tlb_write), windows(*context), jump_cache(*context) {
  install_on_thread();
  const KernelGuard guard(machine.lock);
  machine.vcpus.push_back(this);
}

/// GS base and the alternate stack belong to the host thread: set when a vCPU first runs there.
void VcpuImpl::install_on_thread() {
  thread_local const VcpuContext *installed = nullptr;
  thread_local u64 installed_serial = 0;
  if (installed == context && installed_serial == serial_)
    return;
  ::syscall(SYS_arch_prctl, ARCH_SET_GS, context);
  install_alternate_stack();
  installed = context;
  installed_serial = serial_;
}

VcpuImpl::~VcpuImpl() {
  {
    const KernelGuard guard(machine.lock);
    std::erase(machine.vcpus, this);
  }
  ::munmap(context, context_bytes);
}

// ---- spaces ----

void VcpuImpl::drop_stack_window() {
  context->stack_window.start = StackWindow::nowhere;
  context->stack_window.limits.fill(0);
  ++stack_window_drops_;
}

void VcpuImpl::drop_stack_window(PageRange range) {
  const StackWindow &window = context->stack_window;
  if (window.limits[0] != 0 && window.start < address_of(range.end()).value &&
      window.start + window.limits[0] + StackWindow::spans[0] > address_of(range.first).value)
    drop_stack_window();
}

bool VcpuImpl::stack_window_holds(const std::byte *host) const {
  const StackWindow &window = context->stack_window;
  const u64 offset = reinterpret_cast<u64>(host) - (window.start + window.delta);
  return window.limits[0] != 0 && offset < window.limits[0] + StackWindow::spans[0] - 1;
}

void VcpuImpl::synchronize(memory::AddressSpace &wanted) {
  if (space.load() != &wanted) {
    read_tlb.flush();
    write_tlb.flush();
    windows.flush();
    drop_stack_window();
    space = &wanted;
    observer = static_cast<SpaceObserver *>(wanted.observer());
  }
  jump_cache.select(observer->version);
}

void VcpuImpl::forget(memory::AddressSpace &old) {
  if (space.load() != &old)
    return;
  machine.stop(*this);
  read_tlb.flush();
  write_tlb.flush();
  windows.flush();
  drop_stack_window();
  space = nullptr;
  observer = nullptr;
}

// ---- running ----

void VcpuImpl::set_x87_loaded(bool loaded) {
  context->x87_loaded = loaded;
  context->x87_hook =
      reinterpret_cast<u64>(loaded ? machine.thunks.x87_loaded : machine.thunks.x87_load);
}

/// What it reads was written before the code that left was; ThreadSanitizer doesn't see what
/// machine code orders.
__attribute__((no_sanitize("thread"))) void VcpuImpl::note_departure() {
  departure_.generation = machine.cache->generation;
  switch (context->exit_kind) {
  case ExitKind::link:
    departure_.target = machine.cache->links[context->exit_data].target_pc;
    break;
  case ExitKind::system_call:
  case ExitKind::poll:
  case ExitKind::step:
  case ExitKind::load_x87:
  case ExitKind::host_fault:
    break;
  default: // an indirect branch that was a direct one has no site
    if (context->exit_data < machine.cache->sites.size())
      departure_.site = machine.cache->sites[context->exit_data];
  }
}

bool VcpuImpl::enter(CpuState &state, const u8 *host) {
  in_guest.store(true);
  if (context->exit_word.load() == 0) {
    if (!host && !single_step_)
      host = jump_cache.find(state.rip);
    if (host) {
      context->resume = reinterpret_cast<u64>(host);
      context->direction_down = (state.rflags & direction_flag) != 0;
      tine_cpu_enter(context);
      note_departure();
      in_guest.store(false, std::memory_order_release);
      if (single_step_)
        state.rflags |= trap_flag;
      return true;
    }
  }
  in_guest.store(false);
  return false;
}

Exit VcpuImpl::run(CpuState &state, memory::AddressSpace &wanted) {
  install_on_thread();
  current_vcpu() = this;
  single_step_ = (state.rflags & trap_flag) != 0;
  context->state = &state;
  context->fs_base = state.fs_base;
  context->gs_base = state.gs_base;
  next_host_ = nullptr;
  set_x87_loaded(false);
  Exit exit;
  if (space.load(std::memory_order_relaxed) != &wanted) {
    const KernelGuard guard(machine.lock);
    synchronize(wanted);
  }
  for (;;) {
    const u8 *const host = next_host_;
    next_host_ = nullptr;
    if (enter(state, host)) {
      if (!handle_exit(state, exit))
        break;
      continue;
    }
    const u64 word = context->exit_word.load();
    if (word & exit_preempt) {
      context->exit_word.fetch_and(~exit_preempt);
      exit = Exit{};
      break;
    }
    const KernelGuard guard(machine.lock);
    if (word & exit_stop) {
      context->exit_word.fetch_and(~exit_stop);
      synchronize(wanted);
      continue;
    }
    next_host_ = machine.code_for(
        *this, state.rip, single_step_ ? BlockMode::one_instruction : BlockMode::normal, exit);
    if (!next_host_)
      break;
    if (!single_step_) {
      machine.code_pages.add_target(*machine.cache, machine.last_found);
      jump_cache.remember(
          state.rip, machine.cache->at(machine.cache->block(machine.last_found).indirect_host));
    }
  }
  if (context->x87_loaded) {
    const KernelGuard guard(machine.lock);
    translate_x87_pointers(state);
  }
  current_vcpu() = nullptr;
  return exit;
}

/// Kernel lock held. FXSAVE holds the host addresses of the last x87 instruction and its operand:
/// make them the guest's.
void VcpuImpl::translate_x87_pointers(CpuState &state) {
  u64 pointers[2];
  std::memcpy(pointers, state.fxsave.data() + 8, sizeof pointers);
  const u8 *const instruction = reinterpret_cast<const u8 *>(pointers[0]);
  if (!machine.cache->contains(instruction))
    return;
  const BlockIndex index = machine.cache->block_at(instruction);
  pointers[0] = 0;
  if (index != no_index) {
    const Block &block = machine.cache->block(index);
    if (const Place *place = machine.cache->place_at(block, instruction))
      pointers[0] = block.pc + place->guest_offset;
  }
  if (pointers[1] != 0) {
    const u64 guest = read_tlb.guest_of(pointers[1]);
    pointers[1] = guest ? guest : write_tlb.guest_of(pointers[1]);
  }
  std::memcpy(state.fxsave.data() + 8, pointers, sizeof pointers);
}

} // namespace tine::cpu
