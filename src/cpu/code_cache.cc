#include "cpu/code_cache.hpp"

#include "cpu/assembler.hpp"

#include <algorithm>
#include <sys/mman.h>

namespace tine::cpu {
namespace {
constexpr u64 hot_bytes = u64{96} << 20;
constexpr u64 cold_bytes = u64{160} << 20;
/// Worth huge pages: one of a short program's would cost more than all else of its start.
constexpr u64 large_cold_bytes = u64{1} << 20;
constexpr u64 populate_step = u64{256} << 10;
/// More than any block with its stubs takes: 64 instructions of a few hundred bytes.
constexpr u64 block_reserve = u64{64} << 10;
/// More records of each kind than a block has.
constexpr u64 records_reserve = 1024;
constexpr std::size_t first_bucket_count = std::size_t{1} << 15;

/// An instruction takes 60 bytes of code and one of its kind at most.
constexpr u64 most_places = u64{4} << 20;
constexpr u64 most_sites = most_places, most_links = most_places, most_blocks = most_places;

/// Host memory in large steps: a host fault costs more than translating a block.
void populate(u8 *&populated, const u8 *used, const u8 *limit) {
  while (populated < limit && used + block_reserve > populated) {
    const u64 step = std::min<u64>(populate_step, static_cast<u64>(limit - populated));
    populate_host_memory(populated, step);
    populated += step;
  }
}
} // namespace

CodeCache::CodeCache()
    : places(most_places), sites(most_sites), links(most_links), blocks_(most_blocks) {}

Result<std::unique_ptr<CodeCache>> CodeCache::create() {
  void *memory = ::mmap(nullptr, hot_bytes + cold_bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return Errno{ENOMEM};
  ::madvise(memory, hot_bytes, MADV_HUGEPAGE); // translated code is large and jumps about
  std::unique_ptr<CodeCache> cache(new CodeCache);
  cache->base_ = static_cast<u8 *>(memory);
  cache->size_ = hot_bytes + cold_bytes;
  if (!cache->places.is_reserved() || !cache->sites.is_reserved() || !cache->links.is_reserved() ||
      !cache->blocks_.is_reserved())
    return Errno{ENOMEM};
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
  return hot + block_reserve < base_ + hot_bytes && cold + block_reserve < base_ + size_ &&
         places.room() > records_reserve && sites.room() > records_reserve &&
         links.room() > records_reserve && blocks_.room() > records_reserve;
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
    grow_buckets(buckets_.size() * 4);
  const BlockIndex index = blocks_.push_back(block);
  enter(index);
  if (block.second_frame != no_index && block.second_frame != block.frame)
    by_frame_[block.second_frame].crossing_into.push_back(index);
  return index;
}

/// Into the hash table and the list of its frame.
void CodeCache::enter(BlockIndex index) {
  Block &block = blocks_[index];
  BlockIndex &bucket = buckets_[hash(block.pc, block.frame) & (buckets_.size() - 1)];
  block.next_same_hash = bucket;
  bucket = index;
  BlockIndex &first = by_frame_[block.frame].first;
  block.next_of_frame = first;
  first = index;
}

void CodeCache::grow_buckets(std::size_t count) {
  buckets_.assign(count, no_index);
  for (BlockIndex index = 0; index < blocks_.size(); ++index) {
    Block &block = blocks_[index];
    if (block.dropped || block.frame == no_index)
      continue;
    BlockIndex &bucket = buckets_[hash(block.pc, block.frame) & (buckets_.size() - 1)];
    block.next_same_hash = bucket;
    bucket = index;
  }
}

CodeCache::Contents CodeCache::contents() const {
  return {std::as_bytes(std::span<const u8>(base_, hot)),
          std::as_bytes(std::span<const u8>(cold_start_, cold)), blocks_.records()};
}

std::optional<CodeCache::Room> CodeCache::make_room(const Sizes &sizes) {
  if (!is_empty() || sizes.hot + 2 * block_reserve > hot_bytes ||
      sizes.cold + 2 * block_reserve > static_cast<u64>(base_ + size_ - cold_start_))
    return std::nullopt;
  for (const auto &[wanted, room] :
       {std::pair{sizes.places, places.room()}, std::pair{sizes.sites, sites.room()},
        std::pair{sizes.links, links.room()}, std::pair{sizes.blocks, blocks_.room()}})
    if (wanted + 2 * records_reserve > room)
      return std::nullopt;
  hot = base_ + sizes.hot;
  cold = cold_start_ + sizes.cold;
  if (sizes.cold >= large_cold_bytes)
    ::madvise(base_ + hot_bytes, cold_bytes, MADV_HUGEPAGE);
  commit();
  std::size_t count = buckets_.size();
  while (count < sizes.blocks + sizes.blocks / 4)
    count *= 2;
  if (count > buckets_.size())
    buckets_.assign(count, no_index);
  return Room{std::as_writable_bytes(std::span(base_, hot)),
              std::as_writable_bytes(std::span(cold_start_, cold)),
              places.append(sizes.places),
              sites.append(sizes.sites),
              links.append(sizes.links),
              blocks_.append(sizes.blocks)};
}

u64 CodeCache::activate(BlockIndex first, u32 frame) {
  u64 bytes = 0;
  for (BlockIndex index = first; index != no_index;) {
    Block &block = blocks_[index];
    const BlockIndex next = block.next_of_frame;
    block.frame = frame;
    bytes += block.host_end - block.host;
    enter(index);
    index = next;
  }
  return bytes;
}

BlockIndex CodeCache::block_at(const u8 *host) const {
  // Blocks are added in the order of their host code.
  const CodeOffset offset = offset_of(host);
  const std::span<const Block> blocks = blocks_.records();
  const auto after = std::upper_bound(blocks.begin(), blocks.end(), offset,
                                      [](CodeOffset at, const Block &b) { return at < b.host; });
  if (after == blocks.begin())
    return no_index;
  const auto found = after - 1;
  return offset < found->host_end ? static_cast<BlockIndex>(found - blocks.begin()) : no_index;
}

const Place *CodeCache::place_at(const Block &block, const u8 *host) const {
  const u32 offset = offset_of(host) - block.host;
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
  u32 *const page_check = reinterpret_cast<u32 *>(at(link.page_check));
  if (link.page_check && *page_check != 0 && *page_check != code_page)
    return;
  link.target = target;
  link.next_incoming = blocks_[target].incoming;
  blocks_[target].incoming = index;
  redirect(link.displacement, blocks_[target].host);
  if (link.page_check)
    __atomic_store_n(page_check, code_page, __ATOMIC_RELEASE);
}

void CodeCache::unchain(u32 index) {
  Link &link = links[index];
  link.target = no_index;
  redirect(link.displacement, link.stub);
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
