// What translated code reaches through GS: the registers that do not fit, the TLBs, the jump cache.
#pragma once

#include "base/types.hpp"
#include "cpu/context_offsets.h"
#include "cpu/cpu_state.hpp"

#include <array>
#include <atomic>
#include <cstddef>

namespace tine::cpu {

/// One translation as the lookup sequence wants it: host = host_start + (address - start) if
/// address - start < limit (unsigned), the limit chosen by the size of the access, so that one
/// compare tests the tag, the run's length and that the access doesn't cross the run's end. Smaller
/// accesses near the end are checked again in the stub. An empty entry has limits of zero.
struct TlbEntry {
  u64 start = 0;   ///< guest address of the run
  u64 limit8 = 0;  ///< run bytes - 7: for accesses of up to 8 bytes
  u64 limit64 = 0; ///< run bytes - 63: for accesses of up to 64 bytes
  u64 host = 0;    ///< host address of the run
};
static_assert(sizeof(TlbEntry) == 32);

inline constexpr u32 tlb_entries = 4096;
inline constexpr u32 jump_cache_entries = 65536;
inline constexpr u32 jump_cache_layouts = 4; ///< as many jump caches
inline constexpr u32 code_page_entries = 4096;

/// The run of writable memory that the guest's stack pointer was last seen in, so that a block
/// checks all its stack accesses at once. limits[k]: offsets below it have window_spans[k] bytes of
/// the run above them.
struct StackWindow {
  static constexpr std::array<u32, 5> spans{16, 64, 128, 256, 512};
  static constexpr u64 nowhere = 1; ///< start of an empty window: no run starts there
  u64 start = nowhere;
  u64 delta = 0; ///< host address minus guest address
  std::array<u64, spans.size()> limits{};
};

/// What a memory operand's site last hit: a copy of a TLB entry, at an offset that the site's code
/// knows. So neither finding it nor what is added to the address depends on the address. Sites
/// share them by number. Empty: limits of zero.
struct SiteWindow {
  u64 start = 0, limit8 = 0, limit64 = 0; ///< as in TlbEntry
  u64 delta = 0;                          ///< host address minus guest address
};
static_assert(sizeof(SiteWindow) == 32);
inline constexpr u32 site_windows = 512; ///< for reads, and as many for writes

/// Target of an indirect branch. `host` expects the status flags in VcpuContext::saved_flags.
struct JumpCacheEntry {
  std::atomic<u64> pc; ///< empty: a value that belongs to another entry
  std::atomic<u64> host;
};

/// As the emitted code computes it.
constexpr u16 jump_cache_index(u64 pc) {
  return static_cast<u16>(pc ^ pc >> 16);
}

/// Why translated code came back to C++.
enum class ExitKind : u32 {
  system_call = 1,
  link,       ///< a direct branch that isn't chained: data = link
  indirect,   ///< jump-cache miss: next_pc
  range_miss, ///< data = site: a check for several accesses failed
  read_miss,  ///< data = site, fault_address
  write_miss,
  window,     ///< data = site: a site window was filled often
  helper,     ///< data = site
  raise,      ///< data = site, whose `detail` says what
  poll,       ///< exit_word was set: next_pc
  step,       ///< end of a one-instruction block: next_pc
  load_x87,   ///< a block wants it: next_pc
  host_fault, ///< the signal handler redirected here: state.rip by the handler
};

/// Owned by a vCPU; translated code on the vCPU's host thread reads and writes it without locks.
/// Other threads touch it only while the vCPU is out of guest code, but for the atomics.
struct alignas(4096) VcpuContext {
  VcpuContext *self = nullptr;
  u64 host_rsp = 0;
  CpuState *state = nullptr;
  u64 guest_r10 = 0, guest_r11 = 0;
  u64 spill_rax = 0, spill_rcx = 0, spill_pointer = 0;
  u64 fs_base = 0, gs_base = 0;
  /// Zero, or bits that make the next poll leave guest code.
  std::atomic<u64> exit_word{0};
  u64 fault_address = 0;
  ExitKind exit_kind{};
  u32 exit_data = 0;
  u64 next_pc = 0;
  /// The guest's x87 state is in the registers while guest code runs: from the first block with an
  /// x87 instruction until run() returns. Few stays in guest code need it, and FXRSTOR and FXSAVE
  /// cost more than a system call.
  u8 x87_loaded = 0;
  u8 direction_down = 0; ///< the direction flag: translated code can't read it
  u64 spill_value = 0;
  u64 bounce_pointer = 0;
  u64 spill_rsp = 0;
  u64 resume = 0;
  u32 host_mxcsr = 0x1f80;
  u32 scratch_mxcsr = 0;
  /// Status flags that translated code has put aside: AH as LAHF has it, AL = OF.
  u64 saved_flags = 0;
  /// Where blocks with x87 instructions begin: Thunks::x87_loaded or Thunks::x87_load.
  u64 x87_hook = 0;
  u64 jump_cache_offset = 0; ///< in bytes, of the one that is looked in

  alignas(64) std::array<std::byte, 192> bounce{};
  alignas(64) StackWindow stack_window;
  /// Host addresses of a block's operand groups, while it runs.
  alignas(64) std::array<u64, 8> group_pointers{};

  alignas(4096) std::array<TlbEntry, tlb_entries> tlb_read;
  std::array<TlbEntry, tlb_entries> tlb_write;
  /// The code page (Layout) that was last entered at a page with this index: direct branches across
  /// pages compare it.
  std::array<std::atomic<u32>, code_page_entries> code_pages;
  alignas(4096) std::array<SiteWindow, site_windows> read_windows;
  std::array<SiteWindow, site_windows> write_windows;
  /// Bits 16 to 31 of the windows' starts (a window lies within 64 KiB), those for reads first.
  std::array<u16, 2 * site_windows> window_tags;
  /// How often they may still be filled before C++ looks at who does that.
  std::array<u32, 2 * site_windows> window_counts;
  std::array<u64, 2 * site_windows / 64> windows_used; ///< bits: what is not empty
  /// Last, since most vCPUs use only the first: JumpCache.
  alignas(4096)
      std::array<std::array<JumpCacheEntry, jump_cache_entries>, jump_cache_layouts> jump_caches;
};

static_assert(offsetof(VcpuContext, host_rsp) == CONTEXT_HOST_RSP);
static_assert(offsetof(VcpuContext, state) == CONTEXT_STATE);
static_assert(offsetof(VcpuContext, guest_r10) == CONTEXT_R10);
static_assert(offsetof(VcpuContext, guest_r11) == CONTEXT_R11);
static_assert(offsetof(VcpuContext, spill_rax) == CONTEXT_SPILL_RAX);
static_assert(offsetof(VcpuContext, spill_rcx) == CONTEXT_SPILL_RCX);
static_assert(offsetof(VcpuContext, spill_pointer) == CONTEXT_SPILL_POINTER);
static_assert(offsetof(VcpuContext, fs_base) == CONTEXT_FS_BASE);
static_assert(offsetof(VcpuContext, gs_base) == CONTEXT_GS_BASE);
static_assert(offsetof(VcpuContext, exit_word) == CONTEXT_EXIT_WORD);
static_assert(offsetof(VcpuContext, fault_address) == CONTEXT_FAULT_ADDRESS);
static_assert(offsetof(VcpuContext, exit_kind) == CONTEXT_EXIT_KIND);
static_assert(offsetof(VcpuContext, exit_data) == CONTEXT_EXIT_DATA);
static_assert(offsetof(VcpuContext, next_pc) == CONTEXT_NEXT_PC);
static_assert(offsetof(VcpuContext, x87_loaded) == CONTEXT_X87_LOADED);
static_assert(offsetof(VcpuContext, direction_down) == CONTEXT_DIRECTION_DOWN);
static_assert(offsetof(VcpuContext, spill_value) == CONTEXT_SPILL_VALUE);
static_assert(offsetof(VcpuContext, bounce_pointer) == CONTEXT_BOUNCE_POINTER);
static_assert(offsetof(VcpuContext, spill_rsp) == CONTEXT_SPILL_RSP);
static_assert(offsetof(VcpuContext, resume) == CONTEXT_RESUME);
static_assert(offsetof(VcpuContext, host_mxcsr) == CONTEXT_HOST_MXCSR);
static_assert(offsetof(VcpuContext, stack_window) == CONTEXT_STACK_WINDOW);
static_assert(offsetof(VcpuContext, group_pointers) == CONTEXT_GROUP_POINTERS);
static_assert(offsetof(VcpuContext, saved_flags) == CONTEXT_SAVED_FLAGS);
static_assert(offsetof(VcpuContext, x87_hook) == CONTEXT_X87_HOOK);
static_assert(offsetof(VcpuContext, tlb_read) == CONTEXT_TLB_READ);
static_assert(offsetof(VcpuContext, tlb_write) == CONTEXT_TLB_WRITE);
static_assert(offsetof(VcpuContext, jump_caches) == CONTEXT_JUMP_CACHES);
static_assert(offsetof(VcpuContext, jump_cache_offset) == CONTEXT_JUMP_CACHE_OFFSET);
static_assert(offsetof(VcpuContext, code_pages) == CONTEXT_CODE_PAGES);
static_assert(offsetof(VcpuContext, read_windows) == CONTEXT_READ_WINDOWS);
static_assert(offsetof(VcpuContext, write_windows) == CONTEXT_WRITE_WINDOWS);
static_assert(offsetof(VcpuContext, window_tags) == CONTEXT_WINDOW_TAGS);
static_assert(offsetof(VcpuContext, window_counts) == CONTEXT_WINDOW_COUNTS);
static_assert(offsetof(VcpuContext, windows_used) == CONTEXT_WINDOWS_USED);
static_assert(offsetof(CpuState, rip) == STATE_RIP);
static_assert(offsetof(CpuState, rflags) == STATE_RFLAGS);
static_assert(offsetof(CpuState, ymm) == STATE_YMM);
static_assert(offsetof(CpuState, fxsave) == STATE_FXSAVE);

/// Runs translated code at context.resume with the registers of context.state, until it exits.
extern "C" void tine_cpu_enter(VcpuContext *context);
/// Where translated code goes to leave; r10 and r11 are free there, all else is the guest's.
extern "C" void tine_cpu_exit();
extern "C" void tine_cpu_exit_after_fault();

} // namespace tine::cpu
