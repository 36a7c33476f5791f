#include "memory/node_pool.hpp"

#include "memory/frame_arena.hpp"

#include <algorithm>

namespace tine::memory {
namespace {
/// Taken from the host at once: 256 KiB of nodes.
constexpr u32 step_nodes = 1024;
/// Sharing makes nodes few: twice the least number that maps every frame once, and room for small
/// address spaces, which use about ten nodes for a handful of pages.
constexpr u64 base_nodes = u64{1} << 24;
} // namespace

Result<std::unique_ptr<NodePool>> NodePool::create(FrameArena &frames) {
  std::unique_ptr<NodePool> pool(new NodePool(frames));
  u64 count = base_nodes + (frames.limit_bytes() >> page_shift) / entries_per_node * 2;
  for (;; count /= 2) {
    count = (count + step_nodes - 1) / step_nodes * step_nodes;
    auto memory = HostRange::reserve(count * sizeof(Node), HostRange::Pages::normal);
    if (memory) {
      pool->node_memory_ = std::move(*memory);
      break;
    }
    if (count <= 16 * step_nodes)
      return Errno{ENOMEM};
  }
  const u64 info_bytes = round_up_to_page(count * sizeof(Info));
  pool->info_memory_ = TINE_TRY(HostRange::reserve(info_bytes, HostRange::Pages::normal));
  TINE_TRY(pool->info_memory_.make_accessible(0, info_bytes));
  pool->nodes_ = reinterpret_cast<Node *>(pool->node_memory_.base());
  pool->info_ = reinterpret_cast<Info *>(pool->info_memory_.base());
  pool->reserved_ = static_cast<u32>(count);
  return pool;
}

Result<u32> NodePool::allocate() {
  if (frames_.must_fail()) [[unlikely]]
    return frames_.refuse();
  u32 node = 0;
  if (!free_.empty()) {
    node = free_.back();
    free_.pop_back();
  } else {
    if (next_ >= committed_) {
      if (committed_ == reserved_)
        return frames_.refuse();
      TINE_TRY(node_memory_.commit(u64{committed_} * sizeof(Node), step_nodes * sizeof(Node)));
      committed_ += step_nodes;
    }
    node = next_++;
  }
  info_[node] = Info{.written = 0, .epoch = 0, .count = 1};
  ++in_use_;
  return node;
}

} // namespace tine::memory
