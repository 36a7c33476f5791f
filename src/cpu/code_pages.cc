#include "cpu/code_pages.hpp"

#include "base/content_hash.hpp"

namespace tine::cpu {
namespace {
u64 contents_of(const memory::FrameArena &frames, u32 frame) {
  ContentHash hash;
  hash.add(std::span(frames.pointer(FrameNumber{frame}), page_size));
  return hash.value();
}
} // namespace

PageOrigin origin_of(const std::optional<memory::Mapping> &mapping, PageNumber page,
                     FrameNumber frame, const IdentifyObject &identify) {
  if (!identify || !mapping || !mapping->object)
    return {};
  const u64 index = mapping->object_page + (page - mapping->range.first);
  if (mapping->object->present_page(index) != frame)
    return {};
  return {identify(*mapping->object), index};
}

u32 CodePages::enter(u64 page, u32 frame, const PageOrigin &origin,
                     const memory::FrameArena &frames, CodeCache &cache) {
  const auto [at, is_new] = numbers_.try_emplace(key(page, frame), 0);
  if (!is_new) {
    entries_[at->second].origin = origin;
    return at->second;
  }
  const SavedPage saved = take_match(page, frame, origin, frames);
  if (saved.code_page != 0) {
    at->second = saved.code_page;
    entries_[saved.code_page] = {page, frame, origin, saved.first_target};
    restored_bytes_ += cache.activate(saved.first, frame);
    ++restored_;
  } else {
    at->second = static_cast<u32>(entries_.size());
    entries_.push_back({page, frame, origin, no_index});
  }
  return at->second;
}

u32 CodePages::number_of(u64 page, u32 frame) const {
  const auto found = numbers_.find(key(page, frame));
  return found == numbers_.end() ? 0 : found->second;
}

void CodePages::add_target(CodeCache &cache, BlockIndex index) {
  Block &block = cache.block(index);
  if (block.is_target || block.mode != BlockMode::normal || block.second_frame != no_index)
    return;
  const u32 code_page = number_of(block.pc >> page_shift, block.frame);
  if (code_page == 0)
    return;
  block.is_target = true;
  block.next_target = entries_[code_page].first_target;
  entries_[code_page].first_target = index;
}

void CodePages::forget_saved() {
  saved_.clear();
  for (Entry &entry : entries_)
    entry.first_target = no_index;
}

SavedPage CodePages::take_match(u64 page, u32 frame, const PageOrigin &origin,
                                const memory::FrameArena &frames) {
  if (origin.identity == 0)
    return {};
  const auto [first, last] = saved_.equal_range(page);
  for (auto at = first; at != last; ++at) {
    const SavedPage saved = at->second;
    if (saved.origin != origin.identity || saved.object_page != origin.object_page ||
        saved.contents != contents_of(frames, frame))
      continue;
    saved_.erase(at);
    return saved;
  }
  return {};
}

void CodePages::take_saved(const SavedPages &saved, u64 code_bytes) {
  loaded_bytes_ = code_bytes;
  entries_.resize(saved.last_code_page + 1U);
  wasted_runs_ = saved.wasted_runs;
  saved_.reserve(saved.pages.size());
  for (const SavedPage &page : saved.pages)
    saved_.emplace(page.page, page);
}

SavedPages CodePages::collect(const memory::FrameArena &frames, CodeCache &cache) const {
  SavedPages result;
  std::unordered_map<u64, std::size_t> index_of;
  result.last_code_page = static_cast<u32>(entries_.size() - 1);
  result.wasted_runs = wasted_runs();
  for (u32 number = 1; number < entries_.size(); ++number) {
    const Entry &entry = entries_[number];
    // While a frame is marked, its blocks were made from what it holds now.
    if (entry.origin.identity == 0 || !frames.has_code(FrameNumber{entry.frame}))
      continue;
    index_of.emplace(key(entry.page, entry.frame), result.pages.size());
    result.pages.push_back({entry.page, entry.origin.identity, entry.origin.object_page,
                            contents_of(frames, entry.frame), number, no_index, no_index, 0});
  }
  for (BlockIndex index = 0; Block & block : cache.blocks()) {
    const BlockIndex current = index++;
    if (block.dropped || block.frame == no_index)
      continue;
    const auto found = block.second_frame == no_index
                           ? index_of.find(key(block.pc >> page_shift, block.frame))
                           : index_of.end();
    block.frame = no_index;
    if (found == index_of.end()) {
      block.dropped = true;
      continue;
    }
    SavedPage &page = result.pages[found->second];
    block.next_of_frame = page.first;
    page.first = current;
    if (block.is_target) {
      block.next_target = page.first_target;
      page.first_target = current;
    }
  }
  std::erase_if(result.pages, [](const SavedPage &page) { return page.first == no_index; });
  for (const auto &[page, saved] : saved_)
    result.pages.push_back(saved);
  return result;
}

} // namespace tine::cpu
