// Nodes of page tables: 64 entries of 4 bytes, addressed by index, counted, shared between page
// tables.
#pragma once

#include "base/result.hpp"
#include "base/types.hpp"
#include "memory/host_range.hpp"

#include <array>
#include <emmintrin.h>
#include <memory>
#include <vector>

namespace tine::memory {

class FrameArena;

/// Owns every node. Invariants: a node's count is the number of entries of distinct nodes, and of
/// roots, that name it; a node with count zero is on the free list and all its entries are zero.
/// Node 0 doesn't exist: it stands for an absent one. A count can't overflow, since each reference
/// takes a node or an address space of its own. Guarded by the kernel lock.
class NodePool {
public:
  static constexpr u32 entries_per_node = 64;
  using Node = std::array<u32, entries_per_node>;

  static Result<std::unique_ptr<NodePool>> create(FrameArena &frames);

  /// A node with count 1, all entries zero. ENOMEM.
  [[nodiscard]] Result<u32> allocate();
  /// Bit i: entry i isn't zero.
  [[nodiscard]] static u64 present_mask(const Node &node);
  /// For a node whose count is zero and whose entries are zero already.
  void free(u32 node) {
    free_.push_back(node);
    --in_use_;
  }
  [[nodiscard]] Node &node(u32 index) const { return nodes_[index]; }
  [[nodiscard]] u32 reference_count(u32 node) const { return info_[node].count; }
  void add_reference(u32 node) { ++info_[node].count; }
  /// The count that is left.
  u32 drop_reference(u32 node) { return --info_[node].count; }

  /// Whether a write to entry `index` of leaf `node` was let through before in `epoch`; and it is
  /// now.
  bool test_and_set_written(u32 node, u32 index, u32 epoch) {
    Info &info = info_[node];
    if (info.epoch != epoch) {
      info.epoch = epoch;
      info.written = 0;
    }
    const u64 bit = u64{1} << index;
    const bool before = (info.written & bit) != 0;
    info.written |= bit;
    return before;
  }
  /// A number that no other call returned (2^32 calls apart; only counters depend on it).
  u32 new_epoch() { return ++last_epoch_; }

  [[nodiscard]] u64 nodes_in_use() const { return in_use_; }
  /// All nodes that were ever used have indices below this one.
  [[nodiscard]] u32 node_bound() const { return next_; }

private:
  /// What the pool knows of a node apart from its entries. `written` is only a counter's memory: it
  /// tells a page that is reused by its last owner from a TLB miss.
  struct Info {
    u64 written = 0;
    u32 epoch = 0;
    u32 count = 0;
  };

  explicit NodePool(FrameArena &frames) : frames_(frames) {}

  FrameArena &frames_;
  HostRange node_memory_, info_memory_;
  Node *nodes_ = nullptr;
  Info *info_ = nullptr;
  u32 next_ = 1;
  u32 committed_ = 0;
  u32 reserved_ = 0;
  u32 last_epoch_ = 0;
  u64 in_use_ = 0;
  std::vector<u32> free_;
};

inline u64 NodePool::present_mask(const Node &node) {
  const __m128i zero = _mm_setzero_si128();
  u64 absent = 0;
  for (u32 i = 0; i < entries_per_node; i += 16) {
    const auto is_zero = [&](u32 quarter) {
      const void *const four = node.data() + i + 4 * quarter;
      return _mm_cmpeq_epi32(_mm_loadu_si128(static_cast<const __m128i *>(four)), zero);
    };
    const __m128i sixteen = _mm_packs_epi16(_mm_packs_epi32(is_zero(0), is_zero(1)),
                                            _mm_packs_epi32(is_zero(2), is_zero(3)));
    absent |= u64{static_cast<u32>(_mm_movemask_epi8(sixteen))} << i;
  }
  return ~absent;
}

} // namespace tine::memory
