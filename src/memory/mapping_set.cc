#include "memory/mapping_set.hpp"

#include <algorithm>
#include <cstring>

namespace tine::memory {

std::size_t MappingSet::first_ending_after(PageNumber page) const {
  const auto found =
      std::partition_point(mappings_.begin(), mappings_.end(),
                           [page](const Mapping &mapping) { return mapping.range.end() <= page; });
  return static_cast<std::size_t>(found - mappings_.begin());
}

std::span<const Mapping> MappingSet::overlapping(PageRange range) const {
  if (range.empty())
    return {};
  const std::size_t first = first_ending_after(range.first);
  std::size_t end = first;
  while (end < mappings_.size() && mappings_[end].range.first < range.end())
    ++end;
  return mappings_.all().subspan(first, end - first);
}

bool MappingSet::covers(PageRange range) const {
  PageNumber next = range.first;
  for (const Mapping &mapping : overlapping(range)) {
    if (mapping.range.first > next)
      return false;
    next = mapping.range.end();
  }
  return next >= range.end();
}

std::size_t MappingSet::count_after_cutting(PageRange range) const {
  std::size_t count = mappings_.size();
  for (const PageNumber edge : {range.first, range.end()}) {
    const Mapping *const mapping = find(edge);
    if (mapping && mapping->range.first != edge)
      ++count;
  }
  return count;
}

bool MappingSet::can_merge(const Mapping &lower, const Mapping &upper) {
  return lower.range.end() == upper.range.first && lower.protection == upper.protection &&
         lower.shared == upper.shared && lower.may_write == upper.may_write &&
         lower.grows_down == upper.grows_down && lower.dont_fork == upper.dont_fork &&
         lower.wipe_on_fork == upper.wipe_on_fork && lower.locked == upper.locked &&
         lower.lock_on_fault == upper.lock_on_fault && lower.dont_dump == upper.dont_dump &&
         lower.droppable == upper.droppable && lower.guarded == upper.guarded &&
         lower.no_reserve == upper.no_reserve && lower.object == upper.object &&
         lower.file == upper.file && std::strcmp(lower.name, upper.name) == 0 &&
         (!lower.object || lower.object_page + lower.range.count == upper.object_page);
}

void MappingSet::merge_around(PageRange range) {
  std::size_t index = first_ending_after(range.first);
  if (index > 0)
    --index;
  std::size_t kept = index;
  std::size_t next = index + 1;
  for (; next < mappings_.size() && mappings_[next].range.first <= range.end(); ++next) {
    if (can_merge(mappings_[kept], mappings_[next]))
      mappings_[kept].range.count += mappings_[next].range.count;
    else if (++kept != next)
      mappings_[kept] = std::move(mappings_[next]);
  }
  if (kept + 1 < next)
    mappings_.erase(kept + 1, next);
}

void MappingSet::cut(PageNumber page) {
  const std::size_t index = first_ending_after(page);
  if (index == mappings_.size() || mappings_[index].range.first >= page)
    return;
  Mapping upper = mappings_[index];
  const u64 pages = page - upper.range.first;
  upper.range = PageRange{page, upper.range.count - pages};
  upper.object_page += pages;
  mappings_[index].range.count = pages;
  mappings_.insert(index + 1, std::move(upper));
}

void MappingSet::insert(Mapping mapping) {
  const PageRange range = mapping.range;
  total_pages_ += range.count;
  forget_summaries();
  mappings_.insert(first_ending_after(range.first), std::move(mapping));
  merge_around(range);
}

void MappingSet::erase(PageRange range) {
  if (range.empty())
    return;
  forget_summaries();
  cut(range.first);
  cut(range.end());
  const std::size_t first = first_ending_after(range.first);
  std::size_t end = first;
  while (end < mappings_.size() && mappings_[end].range.first < range.end())
    total_pages_ -= mappings_[end++].range.count;
  mappings_.erase(first, end);
  searched_ = {};
}

void MappingSet::grow_down(PageNumber first, u64 pages) {
  Mapping &mapping = mappings_[first_ending_after(first)];
  mapping.range = PageRange{first - pages, mapping.range.count + pages};
  if (mapping.object)
    mapping.object_page -= pages;
  total_pages_ += pages;
}

PageNumber MappingSet::claim_of(const Mapping &mapping) {
  const u64 gap = mapping.grows_down ? stack_guard_pages : 0;
  return PageNumber{mapping.range.first.value - std::min(gap, mapping.range.first.value)};
}

PageRange MappingSet::find_free_below(PageNumber top, PageNumber bottom, u64 pages) const {
  // There is no such range between where an earlier search for one ended and `top`.
  const PageNumber start_at =
      searched_.top == top && searched_.pages <= pages ? searched_.bottom : top;
  std::size_t above = first_ending_after(start_at); // from here on they lie above it or cross it
  PageNumber end = start_at;
  if (above < mappings_.size())
    end = std::min(end, claim_of(mappings_[above]));
  for (;; --above) {
    const PageNumber start =
        std::max(bottom, above > 0 ? mappings_[above - 1].range.end() : PageNumber{0});
    if (end > start && end - start >= pages) {
      searched_ = {top, end, pages};
      return PageRange{end - pages, pages};
    }
    if (above == 0 || start == bottom)
      return {};
    end = std::min(end, claim_of(mappings_[above - 1]));
  }
}

PageRange MappingSet::find_free_above(PageNumber bottom, PageNumber top, u64 pages) const {
  PageNumber start = bottom;
  for (std::size_t next = first_ending_after(bottom); start < top; ++next) {
    const PageNumber end = next < mappings_.size() ? std::min(top, claim_of(mappings_[next])) : top;
    if (end > start && end - start >= pages)
      return PageRange{start, pages};
    if (next == mappings_.size())
      return {};
    start = std::max(start, mappings_[next].range.end());
  }
  return {};
}

bool MappingSet::is_free(PageRange range) const {
  const std::size_t next = first_ending_after(range.first);
  return next == mappings_.size() || claim_of(mappings_[next]) >= range.end();
}

bool MappingSet::has_fork_exceptions() const {
  if (fork_exceptions_ == Known::unknown) {
    const bool found = std::any_of(mappings_.begin(), mappings_.end(), [](const Mapping &mapping) {
      return mapping.dont_fork || mapping.wipe_on_fork || mapping.locked;
    });
    fork_exceptions_ = found ? Known::yes : Known::no;
  }
  return fork_exceptions_ == Known::yes;
}

u64 MappingSet::data_pages() const {
  u64 pages = 0;
  for (const Mapping &mapping : mappings_)
    if (is_data(mapping))
      pages += mapping.range.count;
  return pages;
}

std::string MappingSet::validate() const {
  u64 total = 0;
  for (std::size_t i = 0; i < mappings_.size(); ++i) {
    const Mapping &mapping = mappings_[i];
    if (mapping.range.empty())
      return "a mapping is empty";
    if (mapping.range.end() > GuestAddress{user_address_limit}.page())
      return "a mapping ends above the user's addresses";
    if (i > 0 && mappings_[i - 1].range.end() > mapping.range.first)
      return "mappings overlap or are out of order";
    if (i > 0 && can_merge(mappings_[i - 1], mapping))
      return "neighbours were not merged";
    total += mapping.range.count;
  }
  return total == total_pages_ ? std::string() : "the total of mapped pages is wrong";
}

} // namespace tine::memory
