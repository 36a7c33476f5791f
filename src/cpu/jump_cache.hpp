// What a vCPU knows of where the code of indirect branches lies.
#pragma once

#include "cpu/vcpu_context.hpp"

#include <array>
#include <utility>
#include <vector>

namespace tine::cpu {

/// The jump caches of a vCPU's context: one for each of the layouts (by their versions) that it ran
/// last, as hardware keeps entries for several PCIDs; to fill one anew at each switch between two
/// programs may take longer than what they do in between. Code pages are kept with them, and put
/// into the context when their layout is selected. Owned by the vCPU. Changed with the kernel lock
/// held, by the vCPU's own thread or while that is out of guest code; find() is its own thread's.
class JumpCache {
public:
  explicit JumpCache(VcpuContext &context);

  /// Host code for the pc in the selected layout; null if it isn't known.
  [[nodiscard]] const u8 *find(u64 pc) const;
  void remember(u64 pc, const u8 *host);
  /// In every layout.
  void forget(u64 pc);
  void remember_code_page(u64 page, u32 id);

  /// The layout that code runs in from now on.
  void select(u64 version);
  /// The selected layout is called so from now on.
  void rename(u64 version) { selected().version = version; }
  /// Empties what is for the selected layout; what is for any.
  void flush();
  void flush_all();

private:
  struct Layout {
    u64 version = 0;                             ///< 0: never selected
    u64 last_selected = 0;                       ///< counts selections
    std::vector<u16> targets;                    ///< entries that may not be empty
    std::vector<std::pair<u16, u32>> code_pages; ///< entries, and while it isn't selected their ids
  };
  [[nodiscard]] Layout &selected() { return layouts_[selected_]; }
  void note_target(u16 index);
  void empty_targets(std::size_t layout);
  void take_code_pages_out();

  VcpuContext &context_;
  std::array<Layout, jump_cache_layouts> layouts_;
  std::size_t selected_ = 0;
  u64 selections_ = 0;
};

} // namespace tine::cpu
