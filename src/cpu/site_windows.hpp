// The site windows of one vCPU: emptied when a translation goes, judged when they are filled often.
#pragma once

#include "cpu/vcpu_context.hpp"
#include "memory/address_space.hpp"

#include <bitset>
#include <span>

namespace tine::cpu {

/// Translated code fills the windows from the TLB (emit_window.cc); they may hold what the TLB has
/// given up since. Changed with the kernel lock held and the vCPU out of guest code.
class SiteWindows {
public:
  explicit SiteWindows(VcpuContext &context);

  void flush();
  void flush_reads(PageRange range) { flush(read_side, range); }
  void flush_writes(PageRange range) { flush(write_side, range); }
  /// Empties windows for writes that reach the host page.
  void flush_writes_to(const std::byte *host);
  [[nodiscard]] bool writes_reach(const std::byte *host) const;
  /// After an exit because a window was filled `fills` times: whether that took so little time that
  /// its site should do without.
  [[nodiscard]] bool was_filled_fast();

private:
  static constexpr u32 read_side = 0, write_side = 1;
  static constexpr u32 fills = 64;
  /// Cycles a fill (some 20) may be apart: closer, and fills take a tenth of the time.
  static constexpr u64 cycles_apart = 400;
  void flush(u32 side, PageRange range);
  void clear(u32 number);
  [[nodiscard]] SiteWindow &window(u32 number) const;
  [[nodiscard]] static bool reaches(const SiteWindow &window, const std::byte *host);

  VcpuContext &context_;
  std::array<u64, 2 * site_windows> last_look_{}; ///< time stamp counter
};

} // namespace tine::cpu
