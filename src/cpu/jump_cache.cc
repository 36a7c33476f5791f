#include "cpu/jump_cache.hpp"

#include "cpu/host_table.hpp"

#include <algorithm>

namespace tine::cpu {
namespace {

/// A pc that does not look in this entry; zero, as fresh memory is, but in the entry where 0 looks.
constexpr u64 empty_pc(u16 index) {
  return index == 0 ? 1 : 0;
}
static_assert(jump_cache_index(0) == 0 && jump_cache_index(1) != 0);

} // namespace

JumpCache::JumpCache(VcpuContext &context) : context_(context) {
  context_.jump_caches[0][0].pc.store(empty_pc(0), std::memory_order_relaxed);
}

const u8 *JumpCache::find(u64 pc) const {
  const JumpCacheEntry &entry = context_.jump_caches[selected_][jump_cache_index(pc)];
  if (entry.pc.load(std::memory_order_acquire) != pc)
    return nullptr;
  return reinterpret_cast<const u8 *>(entry.host.load(std::memory_order_relaxed));
}

void JumpCache::remember(u64 pc, const u8 *host) {
  const u16 index = jump_cache_index(pc);
  JumpCacheEntry &entry = context_.jump_caches[selected_][index];
  if (entry.pc.load(std::memory_order_relaxed) == empty_pc(index))
    note_target(index);
  entry.pc.store(empty_pc(index), std::memory_order_relaxed);
  entry.host.store(reinterpret_cast<u64>(host), std::memory_order_relaxed);
  entry.pc.store(pc, std::memory_order_release);
}

/// An entry that is forgotten and remembered is noted again each time: some programs change their
/// code for ever.
void JumpCache::note_target(u16 index) {
  std::vector<u16> &targets = selected().targets;
  if (targets.size() == std::size_t{2} * jump_cache_entries) {
    std::sort(targets.begin(), targets.end());
    targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  }
  targets.push_back(index);
}

void JumpCache::forget(u64 pc) {
  const u16 index = jump_cache_index(pc);
  for (std::size_t layout = 0; layout < layouts_.size(); ++layout) {
    if (layouts_[layout].targets.empty())
      continue;
    u64 expected = pc;
    context_.jump_caches[layout][index].pc.compare_exchange_strong(expected, empty_pc(index));
  }
}

void JumpCache::remember_code_page(u64 page, u32 id) {
  const auto index = static_cast<u16>(page % code_page_entries);
  std::atomic<u32> &entry = context_.code_pages[index];
  if (entry.load(std::memory_order_relaxed) == 0)
    selected().code_pages.emplace_back(index, id);
  entry.store(id, std::memory_order_relaxed);
}

void JumpCache::take_code_pages_out() {
  for (auto &[index, id] : selected().code_pages)
    id = context_.code_pages[index].exchange(0, std::memory_order_relaxed);
}

void JumpCache::select(u64 version) {
  if (selected().version == version)
    return;
  take_code_pages_out();
  const auto known =
      std::find_if(layouts_.begin(), layouts_.end(),
                   [version](const Layout &layout) { return layout.version == version; });
  const auto next = known != layouts_.end()
                        ? known
                        : std::min_element(layouts_.begin(), layouts_.end(),
                                           [](const Layout &a, const Layout &b) {
                                             return a.last_selected < b.last_selected;
                                           });
  next->last_selected = ++selections_;
  selected_ = static_cast<std::size_t>(next - layouts_.begin());
  auto &entries = context_.jump_caches[selected_];
  if (known == layouts_.end()) {
    if (next->version == 0) {
      populate_host_memory(&entries, sizeof entries);
      entries[0].pc.store(empty_pc(0), std::memory_order_relaxed);
    }
    empty_targets(selected_);
    next->code_pages.clear();
    next->version = version;
  }
  for (const auto &[index, id] : next->code_pages)
    context_.code_pages[index].store(id, std::memory_order_relaxed);
  context_.jump_cache_offset = selected_ * sizeof entries;
}

void JumpCache::empty_targets(std::size_t layout) {
  for (const u16 index : layouts_[layout].targets)
    context_.jump_caches[layout][index].pc.store(empty_pc(index), std::memory_order_relaxed);
  layouts_[layout].targets.clear();
}

void JumpCache::flush() {
  empty_targets(selected_);
  take_code_pages_out();
  selected().code_pages.clear();
}

void JumpCache::flush_all() {
  flush();
  for (std::size_t layout = 0; layout < layouts_.size(); ++layout) {
    empty_targets(layout);
    layouts_[layout].code_pages.clear();
  }
}

} // namespace tine::cpu
