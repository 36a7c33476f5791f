// The vCPU and the machine as the translator's own files see them.
#pragma once

#include "cpu/code_cache.hpp"
#include "cpu/code_pages.hpp"
#include "cpu/jump_cache.hpp"
#include "cpu/kept_code.hpp"
#include "cpu/site_windows.hpp"
#include "cpu/tlb.hpp"
#include "cpu/translate.hpp"
#include "cpu/vcpu.hpp"
#include "cpu/vcpu_context.hpp"

#include <memory>
#include <unordered_map>
#include <vector>

namespace tine::cpu {

class MachineImpl;
class VcpuImpl;

/// Which frame lies at which page that code was entered at. Shared by an address space and its
/// forks until one of them changes; a vCPU's jump cache is valid for one version of one layout.
struct Layout {
  struct Page {
    u32 frame = 0;
    u32 code_page = 0; ///< CodePages
  };
  std::unordered_map<u64, Page> frames;
};

/// What cpu/ keeps with an address space. Guarded by the kernel lock, but for `version`.
class SpaceObserver final : public memory::TranslationObserver {
public:
  SpaceObserver(MachineImpl &machine, memory::AddressSpace &space)
      : machine_(machine), space_(space) {}
  void translations_changed(PageRange range, Change change) override;
  void code_layout_changed(PageRange range) override;

  std::shared_ptr<Layout> layout = std::make_shared<Layout>();
  /// Unique to the layout's contents as far as removals go: equal numbers, equal layouts.
  std::atomic<u64> version{0};

private:
  MachineImpl &machine_;
  memory::AddressSpace &space_;
};

class MachineImpl final : public Machine, public memory::CodeObserver {
public:
  static std::unique_ptr<MachineImpl> create(memory::FrameArena &frames, KernelLock &lock);
  ~MachineImpl() override;

  void attach(memory::AddressSpace &space, const memory::AddressSpace *forked_from) override;
  void detach(memory::AddressSpace &space) override;
  [[nodiscard]] CpuCounters counters() const override;
  void code_frame_changed(FrameNumber frame) override;

  /// Makes sure that the vCPU runs no guest code until the kernel lock is released.
  void stop(VcpuImpl &vcpu);
  /// Host code for `pc` in the vCPU's space, translated if need be; null with `exit` filled in.
  const u8 *code_for(VcpuImpl &vcpu, u64 pc, BlockMode mode, Exit &exit);
  BlockIndex last_found = no_index; ///< the block of code_for's last result
  /// Marks the frame as code and takes away write translations that vCPUs have of it.
  void protect_code(FrameNumber frame);

  memory::FrameArena &frames;
  KernelLock &lock;
  std::unique_ptr<CodeCache> cache;
  Thunks thunks;
  std::vector<VcpuImpl *> vcpus;
  CpuCounters statistics;
  u64 next_layout_version = 1;
  CodePages code_pages;
  IdentifyObject identify_object;
  void reset_cache();

private:
  MachineImpl(memory::FrameArena &arena, KernelLock &kernel_lock)
      : frames(arena), lock(kernel_lock) {}
  [[nodiscard]] bool frame_for_code(VcpuImpl &vcpu, u64 pc, FrameNumber &frame, Exit &exit);
  std::unordered_map<memory::AddressSpace *, std::unique_ptr<SpaceObserver>> observers_;
};

/// Bits of VcpuContext::exit_word; all in its low byte.
inline constexpr u64 exit_preempt = 1; ///< request_exit()
inline constexpr u64 exit_stop = 2;    ///< another thread changes what this vCPU caches

/// A fault that the host's processor raised in translated code, as its signal handler saw it.
struct HostFault {
  int signal = 0, code = 0;
  u64 address = 0, trap_number = 0, error_code = 0, host_pc = 0;
};

class VcpuImpl final : public Vcpu {
public:
  explicit VcpuImpl(MachineImpl &owner);
  ~VcpuImpl() override;

  Exit run(CpuState &state, memory::AddressSpace &space) override;
  void request_exit() override { context->exit_word.fetch_or(exit_preempt); }
  void forget(memory::AddressSpace &space) override;

  /// The stack window stops being valid; counted, since a block relies on it from its check to its
  /// end.
  void drop_stack_window();
  void drop_stack_window(PageRange range);
  /// A translation was taken away: no operand group is good for longer than the instruction.
  void note_removal() { ++removals_; }
  [[nodiscard]] bool stack_window_holds(const std::byte *host) const;

  MachineImpl &machine;
  VcpuContext *context;
  /// In translated code, or about to be: see machine.cc for the race with stop().
  std::atomic<bool> in_guest{false};
  /// The space that the TLBs and the selected jump cache are for. Changed with the kernel lock
  /// held.
  std::atomic<memory::AddressSpace *> space{nullptr};
  SpaceObserver *observer = nullptr;
  Tlb read_tlb, write_tlb;
  SiteWindows windows;
  JumpCache jump_cache;
  HostFault host_fault;

private:
  /// One stay in guest code from `host`, or from state.rip's block if null; the kind of exit.
  [[nodiscard]] bool enter(CpuState &state, const u8 *host);
  void note_departure();
  /// With the kernel lock held: whether the site and link numbers of the departure mean nothing any
  /// more.
  [[nodiscard]] bool was_reset_since() const {
    return machine.cache->generation != departure_.generation;
  }
  /// Handles what one stay in guest code ended with. True: go on (at next_host_ or state.rip).
  bool handle_exit(CpuState &state, Exit &exit);
  bool handle_miss(CpuState &state, bool write, Exit &exit);
  bool handle_non_canonical_target(CpuState &state, Exit &exit);
  void handle_scattered_site(CpuState &state);
  bool handle_range_miss(CpuState &state, Exit &exit);
  bool handle_link(CpuState &state, Exit &exit);
  bool handle_raise(CpuState &state, Exit &exit);
  bool handle_host_fault(CpuState &state, Exit &exit);
  bool run_helper(CpuState &state, Exit &exit);
  bool run_bounced(CpuState &state, const Site &site, u64 address, bool write, Exit &exit);
  bool run_on_bounce_buffer(CpuState &state, const Site &site, std::byte *operand, Exit &exit);
  void check_alignment_first(CpuState &state, const Site &site, u64 address, Exit &exit);
  [[nodiscard]] bool decode_again(const Site &site, Instruction &instruction) const;
  [[nodiscard]] bool writes_own_code(const Site &site, u64 first, u64 last) const;
  [[nodiscard]] bool uses_stack_segment(const Site &site) const;
  void synchronize(memory::AddressSpace &wanted);
  /// Whether entering guest code loads the x87 registers, and leaving it saves them.
  void set_x87_loaded(bool loaded);
  void translate_x87_pointers(CpuState &state);

  void install_on_thread();

  static inline std::atomic<u64> next_serial{1};
  const u64 serial_ = next_serial++; ///< tells a context from an earlier one at the same address
  const u8 *next_host_ = nullptr;
  u64 stack_window_drops_ = 0;
  u64 removals_ = 0;
  /// Where translated code was left, noted while the cache can't be reset: `site`, or the link's
  /// target.
  struct Departure {
    Site site;
    u64 target = 0;
    u64 generation = 0; ///< of the cache
  };
  Departure departure_;
  bool single_step_ = false;
};

/// siginfo of a page fault.
[[nodiscard]] Exit page_fault_exit(memory::FaultOutcome outcome, u64 address,
                                   memory::Access access);
[[nodiscard]] Exit protection_exit();
/// The vCPU whose run() the calling thread is in, if any.
VcpuImpl *&current_vcpu();
/// Installs the process's handlers for faults in translated code, and the thread's alternate stack.
void install_fault_handlers(MachineImpl &machine);
void install_alternate_stack();

} // namespace tine::cpu
