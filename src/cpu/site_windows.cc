#include "cpu/site_windows.hpp"

#include <algorithm>
#include <bit>
#include <x86intrin.h>

namespace tine::cpu {
namespace {
constexpr unsigned group_shift = 16; ///< a window lies within 64 KiB
constexpr u64 few_groups = 8;

/// Calls `function` for each set bit.
template <typename Function> void for_each_bit(std::span<const u64> words, Function &&function) {
  for (std::size_t i = 0; i < words.size(); ++i)
    for (u64 word = words[i]; word != 0; word &= word - 1)
      function(static_cast<u32>(i * 64 + static_cast<unsigned>(std::countr_zero(word))));
}
} // namespace

SiteWindows::SiteWindows(VcpuContext &context) : context_(context) {
  context_.window_counts.fill(fills);
}

SiteWindow &SiteWindows::window(u32 number) const {
  return number < site_windows ? context_.read_windows[number]
                               : context_.write_windows[number - site_windows];
}

void SiteWindows::clear(u32 number) {
  window(number).limit8 = window(number).limit64 = 0;
  context_.windows_used[number / 64] &= ~(u64{1} << number % 64);
}

void SiteWindows::flush() {
  for_each_bit(context_.windows_used, [this](u32 number) { clear(number); });
}

void SiteWindows::flush(u32 side, PageRange range) {
  const u32 first_number = side * site_windows;
  const u64 first = range.first.value << page_shift >> group_shift;
  const u64 last = ((range.end().value << page_shift) - 1) >> group_shift;
  if (last - first >= few_groups) {
    const std::span words =
        std::span(context_.windows_used).subspan(first_number / 64, site_windows / 64);
    for_each_bit(words, [&](u32 bit) {
      const u64 group = window(first_number + bit).start >> group_shift;
      if (group >= first && group <= last)
        clear(first_number + bit);
    });
    return;
  }
  const std::span tags = std::span(context_.window_tags).subspan(first_number, site_windows);
  for (u64 group = first; group <= last; ++group) {
    const u16 tag = static_cast<u16>(group);
    u32 matches = 0;
    for (const u16 other : tags)
      matches += other == tag ? 1U : 0U;
    for (u32 i = 0; matches != 0; ++i)
      if (tags[i] == tag) {
        clear(first_number + i);
        --matches;
      }
  }
}

bool SiteWindows::reaches(const SiteWindow &window, const std::byte *host) {
  const u64 offset = reinterpret_cast<u64>(host) - (window.start + window.delta);
  return window.limit8 != 0 && offset < window.limit8 + 7;
}

bool SiteWindows::writes_reach(const std::byte *host) const {
  return std::any_of(context_.write_windows.begin(), context_.write_windows.end(),
                     [host](const SiteWindow &window) { return reaches(window, host); });
}

void SiteWindows::flush_writes_to(const std::byte *host) {
  for (u32 number = site_windows; number < 2 * site_windows; ++number)
    if (reaches(window(number), host))
      clear(number);
}

bool SiteWindows::was_filled_fast() {
  const auto found = std::find(context_.window_counts.begin(), context_.window_counts.end(), 0U);
  if (found == context_.window_counts.end())
    return false;
  *found = fills;
  u64 &last = last_look_[static_cast<std::size_t>(found - context_.window_counts.begin())];
  const u64 now = __rdtsc();
  const bool is_fast = now - last < u64{fills} * cycles_apart;
  last = now;
  return is_fast;
}

} // namespace tine::cpu
