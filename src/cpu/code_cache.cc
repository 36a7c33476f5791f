#include "cpu/code_cache.hpp"

#include "cpu/assembler.hpp"

#include <algorithm>
#include <sys/mman.h>

namespace tine::cpu {
namespace {
constexpr u64 hot_bytes = u64{96} << 20;
constexpr u64 cold_bytes = u64{160} << 20;
constexpr u64 populate_step = u64{1} << 20;
/// More than any block with its stubs takes: 64 instructions of a few hundred bytes.
constexpr u64 block_reserve = u64{64} << 10;
constexpr std::size_t first_bucket_count = std::size_t{1} << 15;

/// Host memory in large steps: a host fault costs more than translating a block.
void populate(u8 *&populated, const u8 *used, const u8 *limit) {
  while (populated < limit && used + block_reserve > populated) {
    const u64 step = std::min<u64>(populate_step, static_cast<u64>(limit - populated));
#ifdef MADV_POPULATE_WRITE
    ::madvise(populated, step, MADV_POPULATE_WRITE);
#endif
    populated += step;
  }
}
} // namespace

Result<std::unique_ptr<CodeCache>> CodeCache::create() {
  void *memory = ::mmap(nullptr, hot_bytes + cold_bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return Errno{ENOMEM};
  ::madvise(memory, hot_bytes + cold_bytes,
            MADV_HUGEPAGE); // translated code is large and jumps about
  std::unique_ptr<CodeCache> cache(new CodeCache);
  cache->base_ = static_cast<u8 *>(memory);
  cache->size_ = hot_bytes + cold_bytes;
  cache->hot_populated_ = cache->base_;
  cache->cold_populated_ = cache->base_ + hot_bytes;
  cache->hot = cache->base_;
  cache->cold = cache->cold_start_ = cache->base_ + hot_bytes;
  cache->buckets_.assign(first_bucket_count, no_index);
  cache->commit();
  return cache;
}

CodeCache::~CodeCache() {
  ::munmap(base_, size_);
}

void CodeCache::commit() {
  populate(hot_populated_, hot, base_ + hot_bytes);
  populate(cold_populated_, cold, base_ + size_);
}

bool CodeCache::has_room() const {
  return hot + block_reserve < base_ + hot_bytes && cold + block_reserve < base_ + size_;
}

u64 CodeCache::code_bytes() const {
  return static_cast<u64>(hot - base_) + static_cast<u64>(cold - (base_ + hot_bytes));
}

void CodeCache::reset() {
  hot = base_;
  cold = cold_start_;
  places.clear();
  sites.clear();
  links.clear();
  blocks_.clear();
  by_frame_.clear();
  std::fill(buckets_.begin(), buckets_.end(), no_index);
  ++generation;
}

BlockIndex CodeCache::find(u64 pc, u32 frame, u32 second_frame, BlockMode mode) const {
  BlockIndex index = buckets_[hash(pc, frame) & (buckets_.size() - 1)];
  while (index != no_index) {
    const Block &candidate = blocks_[index];
    if (candidate.pc == pc && candidate.frame == frame && candidate.mode == mode &&
        (candidate.second_frame == no_index || candidate.second_frame == second_frame))
      return index;
    index = candidate.next_same_hash;
  }
  return no_index;
}

BlockIndex CodeCache::add(const Block &block) {
  if (blocks_.size() >= buckets_.size())
    grow_buckets();
  const BlockIndex index = static_cast<BlockIndex>(blocks_.size());
  blocks_.push_back(block);
  BlockIndex &bucket = buckets_[hash(block.pc, block.frame) & (buckets_.size() - 1)];
  blocks_[index].next_same_hash = bucket;
  bucket = index;
  by_frame_[block.frame].push_back(index);
  if (block.second_frame != no_index && block.second_frame != block.frame)
    by_frame_[block.second_frame].push_back(index);
  return index;
}

void CodeCache::grow_buckets() {
  buckets_.assign(buckets_.size() * 4, no_index);
  for (BlockIndex index = 0; index < blocks_.size(); ++index) {
    Block &block = blocks_[index];
    if (block.dropped)
      continue;
    BlockIndex &bucket = buckets_[hash(block.pc, block.frame) & (buckets_.size() - 1)];
    block.next_same_hash = bucket;
    bucket = index;
  }
}

BlockIndex CodeCache::block_at(const u8 *host) const {
  // Blocks are added in the order of their host code.
  const auto after = std::upper_bound(blocks_.begin(), blocks_.end(), host,
                                      [](const u8 *at, const Block &b) { return at < b.host; });
  if (after == blocks_.begin())
    return no_index;
  const auto found = after - 1;
  return host < found->host_end ? static_cast<BlockIndex>(found - blocks_.begin()) : no_index;
}

const Place *CodeCache::place_at(const Block &block, const u8 *host) const {
  const u32 offset = static_cast<u32>(host - block.host);
  const Place *found = nullptr;
  for (u32 i = 0; i < block.place_count; ++i) {
    const Place &place = places[block.first_place + i];
    if (place.host_offset > offset)
      break;
    found = &place;
  }
  return found;
}

void CodeCache::chain(u32 index, BlockIndex target, u32 code_page) {
  Link &link = links[index];
  if (link.target != no_index)
    return;
  // A vCPU may be between the check and the jump, so the pair is set once for good: another code
  // page than the first goes through the jump cache.
  if (link.page_check && *link.page_check != 0 && *link.page_check != code_page)
    return;
  link.target = target;
  link.next_incoming = blocks_[target].incoming;
  blocks_[target].incoming = index;
  const i32 relative = static_cast<i32>(blocks_[target].host - (link.displacement + 4));
  __atomic_store_n(reinterpret_cast<i32 *>(link.displacement), relative, __ATOMIC_RELEASE);
  if (link.page_check)
    __atomic_store_n(link.page_check, code_page, __ATOMIC_RELEASE);
}

void CodeCache::unchain(u32 index) {
  Link &link = links[index];
  link.target = no_index;
  const i32 relative = static_cast<i32>(link.stub - (link.displacement + 4));
  __atomic_store_n(reinterpret_cast<i32 *>(link.displacement), relative, __ATOMIC_RELEASE);
}

void CodeCache::drop(BlockIndex index) {
  Block &dropped = blocks_[index];
  dropped.dropped = true;
  for (u32 link = dropped.incoming; link != no_index;) {
    const u32 next = links[link].next_incoming;
    unchain(link);
    link = next;
  }
  dropped.incoming = no_index;
  BlockIndex *at = &buckets_[hash(dropped.pc, dropped.frame) & (buckets_.size() - 1)];
  while (*at != index)
    at = &blocks_[*at].next_same_hash;
  *at = dropped.next_same_hash;
}

} // namespace tine::cpu
