// Translation blocks, where they live, how they are found and chained.
#pragma once

#include "base/result.hpp"
#include "base/types.hpp"

#include <memory>
#include <unordered_map>
#include <vector>

namespace tine::cpu {

using BlockIndex = u32;
inline constexpr u32 no_index = 0xffffffff;

/// How a block was translated.
enum class BlockMode : u8 {
  normal,
  no_window,       ///< as normal, without use of the stack window
  one_instruction, ///< leaves after one instruction: single-stepping
  bounced,         ///< one instruction, whose memory operand is the vCPU's bounce buffer
};

/// Guest code at one place, from one frame (two if its only instruction crosses a page).
struct Block {
  u64 pc = 0;
  u32 frame = 0;
  u32 second_frame = no_index;
  BlockMode mode = BlockMode::normal;
  bool dropped = false;
  u16 flags_live = 0;                ///< status flags that its code reads before writing them
  const u8 *host = nullptr;          ///< expects the status flags in hardware
  const u8 *indirect_host = nullptr; ///< expects them in context.saved_flags
  const u8 *host_end = nullptr;
  u32 incoming = no_index; ///< head of the list of links that jump here
  BlockIndex next_same_hash = no_index;
  u32 first_place = 0; ///< into CodeCache's places: one per instruction
  u32 place_count = 0;
};

/// Where the host code of an instruction begins.
struct Place {
  u32 host_offset = 0;  ///< from the block's host code
  u16 guest_offset = 0; ///< from the block's pc
  u8 spilled = 0xff;    ///< register that is in context.spill_pointer while the instruction runs
  bool flags_saved = false; ///< status flags are in context.saved_flags meanwhile
};

/// A direct branch that can be chained.
struct Link {
  u8 *displacement = nullptr; ///< of the jump to patch
  const u8 *stub = nullptr;   ///< where it goes while it isn't chained
  u64 target_pc = 0;
  BlockIndex source = no_index;
  BlockIndex target = no_index; ///< chained to
  u32 next_incoming = no_index;
  u32 *page_check = nullptr; ///< across pages: the code page to compare, none is 0
};

/// What C++ must know of a place that left translated code.
struct Site {
  u64 pc = 0;
  const u8 *resume = nullptr; ///< host code of the instruction, to start it again
  BlockIndex block = no_index;
  u16 size = 0;
  u8 detail = 0;
  u8 length = 0;
  i32 stack_low = 0;     ///< of a stack check: from rsp to its first byte; `size` bytes
  u8 *variant = nullptr; ///< displacement of the jump for when they don't fit in one window
};

/// Guarded by the kernel lock, except that translated code runs without it. Memory of blocks is
/// reclaimed by reset() only, with every vCPU out of translated code.
class CodeCache {
public:
  static Result<std::unique_ptr<CodeCache>> create();
  ~CodeCache();
  CodeCache(const CodeCache &) = delete;
  CodeCache &operator=(const CodeCache &) = delete;

  /// `second_frame`: what lies on the page after pc's, if an instruction at pc may reach it.
  [[nodiscard]] BlockIndex find(u64 pc, u32 frame, u32 second_frame, BlockMode mode) const;
  BlockIndex add(const Block &block);
  [[nodiscard]] Block &block(BlockIndex index) { return blocks_[index]; }
  [[nodiscard]] BlockIndex block_at(const u8 *host) const;
  /// The place whose host code contains `host`.
  [[nodiscard]] const Place *place_at(const Block &block, const u8 *host) const;

  std::vector<Place> places;
  std::vector<Site> sites;
  std::vector<Link> links;

  /// `code_page`: the target's, for a link across pages.
  void chain(u32 link, BlockIndex target, u32 code_page = 0);
  /// Removes every block made from the frame and unchains what jumps there; calls `dropped` for
  /// each.
  template <typename Function> void drop_frame(u32 frame, Function &&dropped) {
    const auto found = by_frame_.find(frame);
    if (found == by_frame_.end())
      return;
    const std::vector<BlockIndex> indices = std::move(found->second);
    by_frame_.erase(found);
    for (BlockIndex index : indices)
      if (!blocks_[index].dropped) {
        drop(index);
        dropped(blocks_[index]);
      }
  }

  /// Room for one more block, host code and stubs; false: reset first.
  [[nodiscard]] bool has_room() const;
  void reset();

  u8 *hot = nullptr;  ///< where the next block's code goes
  u8 *cold = nullptr; ///< where its stubs go
  void commit();      ///< after hot and cold have moved: populates ahead

  [[nodiscard]] bool contains(const u8 *host) const {
    return host >= base_ && host < base_ + size_;
  }
  [[nodiscard]] u64 code_bytes() const;

  /// Shared thunks are emitted here once, before any block.
  void set_thunks_end(u8 *end) {
    cold = end;
    cold_start_ = end;
  }

  u64 generation = 0; ///< counts resets

private:
  CodeCache() = default;
  void grow_buckets();
  void drop(BlockIndex index);
  void unchain(u32 link);
  [[nodiscard]] static std::size_t hash(u64 pc, u32 frame) {
    return static_cast<std::size_t>((pc ^ (u64{frame} << 7)) * 0x9e3779b97f4a7c15ULL >> 36);
  }

  u8 *base_ = nullptr;
  u64 size_ = 0;
  u8 *hot_populated_ = nullptr, *cold_populated_ = nullptr, *cold_start_ = nullptr;
  std::vector<Block> blocks_;
  std::vector<BlockIndex> buckets_;
  std::unordered_map<u32, std::vector<BlockIndex>> by_frame_;
};

} // namespace tine::cpu
