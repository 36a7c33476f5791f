// mmap, munmap, mprotect, brk: what changes the mappings.
//
// Layout is deterministic: places are found top-down from below the stack, as Linux does, but
// without randomization. Equal programs get equal addresses, so that translated code can be shared
// between processes, and a box runs the same way twice.
#include "memory/address_space.hpp"
#include "memory/mapping_set.hpp"
#include "memory/page_table.hpp"

#include <algorithm>

namespace tine::memory {
namespace {
/// Room that is left for the stack below the top of the address space: at least 128 MiB, at most
/// 5/6.
constexpr u64 least_stack_gap = u64{128} << 20;
/// TASK_UNMAPPED_BASE: where Linux looks, upwards, when nothing is free below the stack.
constexpr PageNumber unmapped_base{round_up_to_page(user_address_limit / 3) >> page_shift};
constexpr PageNumber below_4g_start{0x40000000 >> page_shift};
constexpr PageNumber below_4g_end{0x80000000 >> page_shift};
} // namespace

PageNumber AddressSpace::mmap_base() const {
  const u64 gap = std::clamp(limits_.stack, least_stack_gap, user_address_limit / 6 * 5);
  return PageNumber{(user_address_limit - round_up_to_page(gap)) >> page_shift};
}

/// The pages of a range that a call names: EINVAL if it isn't aligned, empty, or not the user's.
Result<PageRange> AddressSpace::checked_range(GuestAddress address, u64 length) const {
  const u64 pages = round_up_to_page(length) >> page_shift;
  if (!address.is_page_aligned() || length == 0 || pages == 0 ||
      address.value > user_address_limit || pages > user_end - address.page())
    return Errno{EINVAL};
  return PageRange{address.page(), pages};
}

Status AddressSpace::check_request(const MapRequest &request) const {
  if (request.length == 0 || (request.object_offset & page_mask) != 0)
    return Errno{EINVAL};
  const u64 length = round_up_to_page(request.length);
  if (length == 0 || length > user_address_limit)
    return Errno{ENOMEM};
  if (request.object_offset + length < request.object_offset)
    return Errno{EOVERFLOW};
  if (request.fixed || request.fixed_no_replace) {
    if (request.address.value > user_address_limit - length)
      return Errno{ENOMEM};
    if (!request.address.is_page_aligned())
      return Errno{EINVAL};
    if (request.address.page() < lowest_page)
      return Errno{EPERM};
  }
  if (request.shared && request.protection.write && !request.may_write)
    return Errno{EACCES};
  return Done{};
}

/// ENOMEM: "The process's maximum number of mappings would have been exceeded", RLIMIT_AS,
/// RLIMIT_DATA; and a request that exceeds all memory of the box by itself (Linux's heuristic
/// overcommit).
Status AddressSpace::check_limits(const MapRequest &request, u64 pages) const {
  const bool accounted = !request.shared && request.protection.write && !request.no_reserve;
  const bool data = !request.shared && request.protection.write && !request.grows_down;
  if (mappings_->count() + 2 > most_mappings ||
      (mappings_->total_pages() + pages) << page_shift > limits_.address_space ||
      (accounted && pages << page_shift > frames_.limit_bytes()))
    return Errno{ENOMEM};
  if (data && limits_.data != ~u64{0} &&
      (mappings_->data_pages() + pages) << page_shift > limits_.data)
    return Errno{ENOMEM};
  return Done{};
}

Result<PageRange> AddressSpace::choose_place(const MapRequest &request, u64 pages) const {
  if (request.fixed_no_replace || request.fixed) {
    const PageRange place{request.address.page(), pages};
    if (request.fixed_no_replace && !mappings_->overlapping(place).empty())
      return Errno{EEXIST};
    return place;
  }
  // "If addr is not NULL, then the kernel takes it as a hint about where to place the mapping."
  const u64 hint = round_up_to_page(request.address.value);
  if (hint != 0 && hint <= user_address_limit) {
    const PageRange place{std::max(PageNumber{hint >> page_shift}, lowest_page), pages};
    if (place.first < user_end && pages <= user_end - place.first && mappings_->is_free(place) &&
        (!request.below_4g || place.end() <= below_4g_end))
      return place;
  }
  PageRange place;
  if (request.below_4g) {
    place = mappings_->find_free_above(below_4g_start, below_4g_end, pages);
  } else {
    place = mappings_->find_free_below(mmap_base(), lowest_page, pages);
    if (place.empty())
      place = mappings_->find_free_above(unmapped_base, user_end, pages);
  }
  if (place.empty())
    return Errno{ENOMEM};
  return place;
}

Result<GuestAddress> AddressSpace::map(const MapRequest &request) {
  TINE_TRY(check_request(request));
  const u64 pages = round_up_to_page(request.length) >> page_shift;
  const PageRange place = TINE_TRY(choose_place(request, pages));
  u64 replaced = 0;
  for (const Mapping &old : mappings_->overlapping(place))
    replaced += std::min(old.range.end(), place.end()) - std::max(old.range.first, place.first);
  TINE_TRY(check_limits(request, pages - replaced));

  Mapping mapping;
  mapping.range = place;
  mapping.protection = request.protection;
  mapping.shared = request.shared;
  mapping.may_write = request.may_write || !request.shared;
  mapping.grows_down = request.grows_down;
  mapping.droppable = request.droppable;
  mapping.no_reserve = request.no_reserve || request.droppable;
  mapping.wipe_on_fork = mapping.dont_dump = request.droppable;
  mapping.locked = lock_future_ && !request.droppable;
  mapping.lock_on_fault = mapping.locked && lock_future_on_fault_;
  mapping.file = request.file;
  mapping.object = request.object;
  mapping.object_page = request.object_offset >> page_shift;
  mapping.name = request.name;
  if (!mapping.object && mapping.file)
    mapping.object = mapping.file->pages();
  if (!mapping.object && mapping.shared) {
    mapping.object = make_ref<AnonymousPageObject>(frames_, pages << page_shift);
    if (*mapping.name == 0)
      mapping.name = "/dev/zero (deleted)";
  }

  if (replaced > 0)
    TINE_TRY(remove_mappings(place));
  own_mappings().insert(std::move(mapping));
  if (request.protection.execute)
    tell_code_changed(place);
  check();
  if (request.populate || (lock_future_ && !lock_future_on_fault_))
    populate(place);
  return address_of(place.first);
}

/// ENOMEM: nothing was changed.
Status AddressSpace::remove_mappings(PageRange range) {
  const auto gone = mappings_->overlapping(range);
  if (gone.empty())
    return Done{};
  const bool code = std::any_of(gone.begin(), gone.end(),
                                [](const Mapping &mapping) { return mapping.protection.execute; });
  note_peak();
  TINE_TRY(remove_pages(range));
  own_mappings().erase(range);
  if (code)
    tell_code_changed(range);
  return Done{};
}

Status AddressSpace::unmap(GuestAddress address, u64 length) {
  const PageRange range = TINE_TRY(checked_range(address, length));
  // "unmapping a region in the middle of an existing mapping" may exceed the number of mappings.
  if (mappings_->count_after_cutting(range) > most_mappings)
    return Errno{ENOMEM};
  TINE_TRY(remove_mappings(range));
  check();
  return Done{};
}

Status AddressSpace::protect(GuestAddress address, u64 length, Protection protection) {
  if (!address.is_page_aligned())
    return Errno{EINVAL};
  if (length == 0)
    return Done{};
  const u64 pages = round_up_to_page(length) >> page_shift;
  if (pages == 0 || address.value > user_address_limit || pages > user_end - address.page())
    return Errno{ENOMEM};
  const PageRange range{address.page(), pages};
  if (mappings_->count_after_cutting(range) > most_mappings)
    return Errno{ENOMEM};
  // Mapping by mapping: what lies before a hole, or before one that refuses, is changed.
  for (PageNumber page = range.first; page < range.end();) {
    const Mapping *const mapping = mappings_->find(page);
    if (!mapping)
      return Errno{ENOMEM};
    const PageRange piece{page, std::min(mapping->range.end(), range.end()) - page};
    if (mapping->shared && protection.write && !mapping->may_write)
      return Errno{EACCES};
    const bool becomes_data =
        protection.write && !mapping->protection.write && !mapping->shared && !mapping->grows_down;
    if (becomes_data && limits_.data != ~u64{0} &&
        (mappings_->data_pages() + piece.count) << page_shift > limits_.data)
      return Errno{ENOMEM};
    page = piece.end();
    if (mapping->protection != protection)
      protect_piece(piece, mapping->protection, protection);
  }
  check();
  return Done{};
}

/// Write permission alone makes no frame writable: the next write faults and breaks what is shared.
void AddressSpace::protect_piece(PageRange piece, Protection before, Protection after) {
  own_mappings().change(piece, [after](Mapping &mapping) { mapping.protection = after; });
  if (is_readable(before) && !is_readable(after))
    tell(piece, TranslationObserver::Change::removed);
  else if (before.write && !after.write)
    tell(piece, TranslationObserver::Change::write_protected);
  if (before.execute != after.execute)
    tell_code_changed(piece);
}

/// MAP_POPULATE: "mmap() doesn't fail if the mapping cannot be populated".
void AddressSpace::populate(PageRange range) {
  for (PageNumber page = range.first; page < range.end(); ++page) {
    const Mapping *const mapping = mappings_->find(page);
    if (!mapping || !is_readable(mapping->protection))
      return;
    // As Linux: a private mapping that may be written gets its own pages at once.
    const bool write = mapping->protection.write && !mapping->shared;
    if (!is_resolved(resolve_fault(address_of(page), write ? Access::write : Access::read).outcome))
      return;
  }
}

void AddressSpace::set_heap_start(GuestAddress start) {
  layout_.heap_start = start;
  layout_.heap_break = start;
}

GuestAddress AddressSpace::set_break(GuestAddress requested) {
  const GuestAddress current = layout_.heap_break;
  if (requested < layout_.heap_start || requested.value > user_address_limit)
    return current;
  const PageNumber old_end{round_up_to_page(current.value) >> page_shift};
  const PageNumber new_end{round_up_to_page(requested.value) >> page_shift};
  if (new_end < old_end) {
    if (!unmap(address_of(new_end), (old_end - new_end) << page_shift))
      return current;
  } else if (new_end > old_end) {
    if (limits_.data != ~u64{0} && requested - layout_.heap_start > limits_.data)
      return current;
    MapRequest heap;
    heap.address = address_of(old_end);
    heap.length = (new_end - old_end) << page_shift;
    heap.protection = {.read = true, .write = true, .execute = false};
    heap.fixed_no_replace = true;
    heap.name = "[heap]";
    // One page is kept free above the heap; nothing is mapped over.
    if (!mappings_->is_free(PageRange{old_end, new_end - old_end + 1}) || !map(heap))
      return current;
  }
  layout_.heap_break = requested;
  return requested;
}

} // namespace tine::memory
