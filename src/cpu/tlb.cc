#include "cpu/tlb.hpp"

#include <algorithm>

namespace tine::cpu {

void Tlb::fill(const memory::Translation &translation, PageNumber page) {
  const PageNumber window{page.value & ~(window_pages - 1)};
  const PageNumber first = std::max(translation.run.first, window);
  const PageNumber end = std::min(translation.run.end(), window + window_pages);
  const u64 bytes = (end - first) << page_shift;
  TlbEntry entry;
  entry.start = first.value << page_shift;
  entry.limit8 = bytes - 7;
  entry.limit64 = bytes - 63;
  entry.host =
      reinterpret_cast<u64>(translation.host) + ((first - translation.run.first) << page_shift);
  for (PageNumber at = first; at < end; ++at) {
    const u64 index = at.value % tlb_entries;
    TlbEntry &slot = entries_[index];
    const bool is_part = slot.start - entry.start < bytes; // of this run, as it was when shorter
    if (at != page && slot.limit8 != 0 && !is_part)
      continue; // a neighbour is not worth what is in use there
    slot = entry;
    if (!logged_[index]) {
      logged_[index] = true;
      log_.push_back(static_cast<u16>(index));
    }
  }
}

void Tlb::flush() {
  for (u16 index : log_) {
    clear(entries_[index]);
    logged_[index] = false;
  }
  log_.clear();
}

void Tlb::flush(PageRange range) {
  const auto clear_if_inside = [&](TlbEntry &entry) {
    const u64 first = entry.start >> page_shift;
    if (entry.limit8 != 0 && first < range.end().value &&
        first + ((entry.limit8 + 7) >> page_shift) > range.first.value)
      clear(entry);
  };
  const u64 first = range.first.value & ~(window_pages - 1);
  const u64 end = (range.end().value + window_pages - 1) & ~(window_pages - 1);
  if (end - first > log_.size()) {
    // What is empty leaves the log, so that the next fork doesn't look at it again.
    std::erase_if(log_, [&](u16 index) {
      clear_if_inside(entries_[index]);
      logged_[index] = entries_[index].limit8 != 0;
      return !logged_[index];
    });
    return;
  }
  for (u64 page = first; page < end; ++page)
    clear_if_inside(entries_[page % tlb_entries]);
}

bool Tlb::holds_host_page(const std::byte *host) const {
  return std::any_of(log_.begin(), log_.end(),
                     [&](u16 index) { return covers(entries_[index], host); });
}

bool Tlb::flush_host_page(const std::byte *host) {
  bool found = false;
  for (u16 index : log_)
    if (covers(entries_[index], host)) {
      clear(entries_[index]);
      found = true;
    }
  return found;
}

u64 Tlb::guest_of(u64 host) const {
  for (u16 index : log_)
    if (covers(entries_[index], reinterpret_cast<const std::byte *>(host)))
      return entries_[index].start + (host - entries_[index].host);
  return 0;
}

} // namespace tine::cpu
