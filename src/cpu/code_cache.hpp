// Translation blocks, where they live, how they are found and chained.
#pragma once

#include "base/result.hpp"
#include "base/types.hpp"
#include "cpu/host_table.hpp"

#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
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

/// A place in code memory, from its start: records hold these instead of pointers, so that they are
/// half as large and mean the same wherever the host maps the cache.
using CodeOffset = u32;

/// Guest code at one place, from one frame (two if its only instruction crosses a page).
struct Block {
  u64 pc = 0;
  u32 frame = no_index;
  u32 second_frame = no_index;
  CodeOffset host = 0;          ///< expects the status flags in hardware
  CodeOffset indirect_host = 0; ///< expects them in context.saved_flags
  CodeOffset host_end = 0;
  u32 incoming = no_index; ///< head of the list of links that jump here
  BlockIndex next_same_hash = no_index;
  BlockIndex next_of_frame = no_index;
  BlockIndex next_target =
      no_index;        ///< CodePages: blocks of the page that are jumped to indirectly
  u32 first_place = 0; ///< into CodeCache's places: one per instruction
  u16 place_count = 0;
  u16 flags_live = 0; ///< status flags that its code reads before writing them
  BlockMode mode = BlockMode::normal;
  bool dropped = false;
  bool is_target = false; ///< in that list
};

/// Where the host code of an instruction begins.
struct Place {
  u16 host_offset = 0;  ///< from the block's host code
  u16 guest_offset = 0; ///< from the block's pc
  u8 spilled = 0xff;    ///< register that is in context.spill_pointer while the instruction runs
  bool flags_saved = false; ///< status flags are in context.saved_flags meanwhile
};

/// A direct branch that can be chained.
struct Link {
  u64 target_pc = 0;
  CodeOffset displacement = 0; ///< of the jump to patch
  CodeOffset stub = 0;         ///< where it goes while it isn't chained
  BlockIndex source = no_index;
  BlockIndex target = no_index; ///< chained to
  u32 next_incoming = no_index;
  CodeOffset page_check = 0; ///< across pages: the code page to compare, none is 0. 0: no check
};

/// What C++ must know of a place that left translated code.
struct Site {
  u64 pc = 0;
  CodeOffset resume = 0; ///< host code of the instruction, to start it again
  BlockIndex block = no_index;
  /// Of a check for several accesses: from the operand's registers to the first byte; `size` bytes.
  i32 low = 0;
  CodeOffset variant = 0; ///< displacement of the jump for when one entry doesn't hold them
  u16 size = 0;
  u8 detail = 0;
  u8 length = 0;
  u8 base = 4, index = 0xff, scale = 0; ///< of a check for several accesses: rsp if the stack's
  bool write = true;
  bool in_group = false; ///< operand groups were checked before it in the block
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

  HostTable<Place> places;
  HostTable<Site> sites;
  HostTable<Link> links;

  [[nodiscard]] u8 *at(CodeOffset offset) const { return base_ + offset; }
  [[nodiscard]] CodeOffset offset_of(const u8 *host) const {
    return static_cast<CodeOffset>(host - base_);
  }
  /// Makes the jump whose displacement lies at `displacement` go to `target`, while vCPUs run it.
  void redirect(CodeOffset displacement, CodeOffset target) {
    __atomic_store_n(reinterpret_cast<i32 *>(at(displacement)),
                     static_cast<i32>(target - (displacement + 4)), __ATOMIC_RELEASE);
  }

  /// `code_page`: the target's, for a link across pages.
  void chain(u32 link, BlockIndex target, u32 code_page = 0);
  /// Removes every block made from the frame and unchains what jumps there; calls `dropped` for
  /// each.
  template <typename Function> void drop_frame(u32 frame, Function &&dropped) {
    const auto found = by_frame_.find(frame);
    if (found == by_frame_.end())
      return;
    const FrameBlocks of_frame = std::move(found->second);
    by_frame_.erase(found);
    const auto drop_one = [&](BlockIndex index) {
      if (blocks_[index].dropped)
        return;
      drop(index);
      dropped(blocks_[index]);
    };
    for (BlockIndex index = of_frame.first; index != no_index; index = blocks_[index].next_of_frame)
      drop_one(index);
    for (BlockIndex index : of_frame.crossing_into)
      drop_one(index);
  }

  /// Room for one more block, host code and stubs; false: reset first.
  [[nodiscard]] bool has_room() const;
  void reset();

  // ---- saved code (saved_code.hpp) ----
  /// What is in the cache, but for the tables that are public.
  struct Contents {
    std::span<const std::byte> hot, cold;
    std::span<const Block> blocks;
  };
  [[nodiscard]] Contents contents() const;
  struct Sizes {
    u64 hot, cold, places, sites, links, blocks;
  };
  struct Room {
    std::span<std::byte> hot, cold;
    std::span<Place> places;
    std::span<Site> sites;
    std::span<Link> links;
    std::span<Block> blocks;
  };
  /// Room in an empty cache for the caller to fill; none if it doesn't fit.
  [[nodiscard]] std::optional<Room> make_room(const Sizes &sizes);
  /// The blocks of the list were made from what the frame holds: they can be found from now on.
  /// Bytes of their code.
  u64 activate(BlockIndex first, u32 frame);
  [[nodiscard]] bool is_empty() const { return blocks_.size() == 0; }
  [[nodiscard]] std::span<Block> blocks() { return blocks_.records(); }

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

  /// Sites of memory operands take windows in turn.
  u32 next_read_window = 0, next_write_window = 0;
  /// Sites that go from page to page: they ask the TLB.
  void add_scattered_site(u32 frame, u64 pc) { scattered_.insert(site_key(frame, pc)); }
  [[nodiscard]] bool has_scattered_site(u32 frame, u64 pc) const {
    return !scattered_.empty() && scattered_.contains(site_key(frame, pc));
  }
  /// What jumps to the block asks for its code again; the caller forgets it in the jump caches.
  void drop_block(BlockIndex index) {
    if (!blocks_[index].dropped)
      drop(index);
  }

private:
  /// Blocks made from a frame: a list through next_of_frame, and those that only end in it.
  struct FrameBlocks {
    BlockIndex first = no_index;
    std::vector<BlockIndex> crossing_into;
  };

  CodeCache();
  void grow_buckets(std::size_t count);
  void enter(BlockIndex index);
  void drop(BlockIndex index);
  void unchain(u32 link);
  [[nodiscard]] static std::size_t hash(u64 pc, u32 frame) {
    return static_cast<std::size_t>((pc ^ (u64{frame} << 7)) * 0x9e3779b97f4a7c15ULL >> 36);
  }

  [[nodiscard]] static u64 site_key(u32 frame, u64 pc) {
    return u64{frame} << page_shift | (pc & page_mask);
  }

  u8 *base_ = nullptr;
  u64 size_ = 0;
  u8 *hot_populated_ = nullptr, *cold_populated_ = nullptr, *cold_start_ = nullptr;
  HostTable<Block> blocks_;
  std::vector<BlockIndex> buckets_;
  std::unordered_map<u32, FrameBlocks> by_frame_;
  std::unordered_set<u64> scattered_;
};

} // namespace tine::cpu
