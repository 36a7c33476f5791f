// Pages of code as places: a number for each, and what is known of each from an earlier run.
#pragma once

#include "cpu/kept_code.hpp"
#include "cpu/saved_code.hpp"
#include "memory/mapping.hpp"

#include <unordered_map>
#include <vector>

namespace tine::cpu {

/// Where a page's bytes come from; identity 0: from nothing that outlives this run.
struct PageOrigin {
  u64 identity = 0; ///< of its object: IdentifyObject
  u64 object_page = 0;
};

/// The origin of a page that shows what its object holds: not copied, not written.
[[nodiscard]] PageOrigin origin_of(const std::optional<memory::Mapping> &mapping, PageNumber page,
                                   FrameNumber frame, const IdentifyObject &identify);

/// A number (a *code page*) for each pair of page and frame that code was entered at. Direct
/// branches across pages compare it (VcpuContext::code_pages), so it is never given twice, not in
/// later runs either. Owned by the machine, guarded by the kernel lock.
class CodePages {
public:
  /// The number of a pair that may have been seen before. If it is new and a saved cache has blocks
  /// for such a page, they can be found from now on.
  u32 enter(u64 page, u32 frame, const PageOrigin &origin, const memory::FrameArena &frames,
            CodeCache &cache);
  /// The number of a pair that was entered.
  [[nodiscard]] u32 number_of(u64 page, u32 frame) const;

  /// The block was jumped to indirectly.
  void add_target(CodeCache &cache, BlockIndex index);
  /// Calls `visit` for the blocks of the code page that were ever jumped to indirectly: a program
  /// that begins to use the page may well do that again.
  template <typename Visit>
  void for_each_target(u32 code_page, CodeCache &cache, Visit &&visit) const {
    for (BlockIndex index = entries_[code_page].first_target; index != no_index;
         index = cache.block(index).next_target)
      if (!cache.block(index).dropped)
        visit(cache.block(index));
  }

  /// What read_saved_code() found, with so much code. Nothing was entered yet.
  void take_saved(const SavedPages &saved, u64 code_bytes);
  /// The cache was reset: what was saved is gone.
  void forget_saved();
  /// For write_saved_code(): the pages that a later run can find again. Sorts the blocks into their
  /// lists as that wants it; no code may run afterwards.
  [[nodiscard]] SavedPages collect(const memory::FrameArena &frames, CodeCache &cache) const;
  [[nodiscard]] u64 restored() const { return restored_; }
  /// What the file is to say of this run and of those before it.
  [[nodiscard]] u32 wasted_runs() const {
    return 2 * restored_bytes_ < loaded_bytes_ ? wasted_runs_ + 1 : 0;
  }

private:
  struct Entry {
    u64 page = 0;
    u32 frame = no_index;
    PageOrigin origin;
    BlockIndex first_target = no_index; ///< list through Block::next_target
  };
  /// Pages have 35 bits, frames 29.
  [[nodiscard]] static u64 key(u64 page, u32 frame) { return page << 29 | (frame & 0x1fffffff); }
  /// A saved page that nobody has used yet, taken out of `saved_`; none: its number is 0.
  [[nodiscard]] SavedPage take_match(u64 page, u32 frame, const PageOrigin &origin,
                                     const memory::FrameArena &frames);

  std::unordered_map<u64, u32> numbers_;
  std::vector<Entry> entries_{1};                 ///< by number; 0 is none
  std::unordered_multimap<u64, SavedPage> saved_; ///< by page
  u64 restored_ = 0;                              ///< pages of the file that were used
  u64 loaded_bytes_ = 0, restored_bytes_ = 0;     ///< of code, in the file and in these pages
  u32 wasted_runs_ = 0;                           ///< before this one
};

} // namespace tine::cpu
