// mremap: page-table entries move, pages are never copied.
#include "memory/address_space.hpp"
#include "memory/mapping_set.hpp"
#include "memory/page_table.hpp"
#include "memory/saved_image.hpp"

#include <algorithm>
#include <sys/mman.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

namespace tine::memory {
namespace {

/// "The old region and the new region overlap"; a length that wraps around counts as Linux counts
/// it.
bool overlap(GuestAddress a, u64 a_length, GuestAddress b, u64 b_length) {
  return a.value + a_length > b.value && b.value + b_length > a.value;
}
} // namespace

/// A request that passed the checks.
struct AddressSpace::Move {
  Mapping source; ///< the mapping as it is
  PageRange old;  ///< empty: another window on a shared mapping (old_size 0)
  u64 new_pages = 0;
  GuestAddress place; ///< with MREMAP_FIXED
  bool fixed = false;
  bool keep_old = false; ///< MREMAP_DONTUNMAP
};

Result<GuestAddress> AddressSpace::remap(GuestAddress old_address, u64 old_length, u64 new_length,
                                         int flags, GuestAddress new_address) {
  const bool may_move = (flags & MREMAP_MAYMOVE) != 0;
  const bool fixed = (flags & MREMAP_FIXED) != 0;
  const bool keep_old = (flags & MREMAP_DONTUNMAP) != 0;
  const u64 old_pages = round_up_to_page(old_length) >> page_shift;
  const u64 new_pages = round_up_to_page(new_length) >> page_shift;
  if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0 ||
      ((fixed || keep_old) && !may_move) || (keep_old && old_pages != new_pages) ||
      !old_address.is_page_aligned() || new_pages == 0 || new_pages > user_end.value)
    return Errno{EINVAL};
  if (fixed &&
      (!new_address.is_page_aligned() || new_address.value > user_address_limit ||
       new_pages > user_end - new_address.page() ||
       overlap(old_address, old_pages << page_shift, new_address, new_pages << page_shift)))
    return Errno{EINVAL};
  if (old_address.value >= user_address_limit || old_pages > user_end - old_address.page())
    return Errno{old_pages > new_pages ? EINVAL : EFAULT}; // a shrinking call fails in its munmap
  const PageRange old{old_address.page(), old_pages};
  const Mapping *const mapping = mappings_->find(old.first);
  if (!mapping)
    return Errno{EFAULT};
  // "old_size is zero and old_address does not refer to a shareable mapping"
  if (old_pages == 0 && !mapping->shared)
    return Errno{EINVAL};

  if (!fixed && !keep_old && old_pages != 0 && new_pages <= old_pages) {
    if (new_pages < old_pages)
      TINE_TRY(unmap(address_of(old.first + new_pages), (old_pages - new_pages) << page_shift));
    return old_address;
  }
  if (old.end() > mapping->range.end()) {
    if (fixed && !keep_old && new_pages == old_pages)
      return move_several(old, new_address);
    return Errno{EFAULT};
  }
  if (new_pages > old_pages) {
    const u64 growth = keep_old ? new_pages : new_pages - old_pages;
    if ((mappings_->total_pages() + growth) << page_shift > limits_.address_space)
      return Errno{ENOMEM};
    if (is_data(*mapping) && limits_.data != ~u64{0} &&
        (mappings_->data_pages() + growth) << page_shift > limits_.data)
      return Errno{ENOMEM};
  }
  if (!fixed && !keep_old && can_expand(*mapping, old, new_pages)) {
    Mapping tail = *mapping;
    tail.range = PageRange{old.end(), new_pages - old_pages};
    tail.object_page = mapping->object_page + (old.end() - mapping->range.first);
    own_mappings().insert(std::move(tail));
    if (mappings_->find(old.first)->protection.execute)
      tell_code_changed(PageRange{old.end(), new_pages - old_pages});
    check();
    populate_if_locked(PageRange{old.end(), new_pages - old_pages});
    return old_address;
  }
  if (!may_move)
    return Errno{ENOMEM};
  const GuestAddress place = fixed || keep_old ? new_address : GuestAddress{};
  return move_mapping({*mapping, old, new_pages, place, fixed, keep_old});
}

/// mremap(2): "If the memory segment … is locked …, then … the memory is still locked, … and the
/// whole range is populated".
void AddressSpace::populate_if_locked(PageRange range) {
  const Mapping *const mapping = mappings_->find(range.first);
  if (mapping && mapping->locked && !mapping->lock_on_fault)
    populate(range);
}

/// "If there is room": the range ends its mapping, and what follows is free.
bool AddressSpace::can_expand(const Mapping &mapping, PageRange old, u64 pages) const {
  if (old.count == 0 || old.end() != mapping.range.end() || pages > user_end - old.first)
    return false;
  return mappings_->is_free(PageRange{old.end(), pages - old.count});
}

Result<PageRange> AddressSpace::place_for_move(const Move &move) const {
  MapRequest request;
  request.address = move.place;
  request.length = move.new_pages << page_shift;
  request.fixed = move.fixed;
  request.protection = move.source.protection;
  request.shared = move.source.shared;
  TINE_TRY(check_request(request));
  // Worst case: the target is cut out of a mapping, and the source.
  if (mappings_->count() + 4 > most_mappings)
    return Errno{ENOMEM};
  return choose_place(request, move.new_pages);
}

/// "Since Linux 6.17 … mremap() may move multiple mappings, if MREMAP_FIXED is specified and the
/// size doesn't change". Each keeps its distance to the first.
Result<GuestAddress> AddressSpace::move_several(PageRange old, GuestAddress place) {
  const auto overlapping = mappings_->overlapping(old);
  const std::vector<Mapping> moved(overlapping.begin(), overlapping.end());
  for (const Mapping &mapping : moved) {
    const PageNumber first = std::max(mapping.range.first, old.first);
    const PageRange piece{first, std::min(mapping.range.end(), old.end()) - first};
    const GuestAddress target = place + ((first - old.first) << page_shift);
    TINE_TRY(move_mapping({mapping, piece, piece.count, target, true, false}));
  }
  return place;
}

/// The pages become visible at the new place first, and then vanish from the old one, so that a
/// failure in between loses nothing.
Result<GuestAddress> AddressSpace::move_mapping(const Move &move) {
  const PageRange target = TINE_TRY(place_for_move(move));
  // "MREMAP_FIXED: any previous mapping at the address range ... is unmapped."
  TINE_TRY(remove_mappings(target));
  const PageRange moved{move.old.first, std::min(move.old.count, move.new_pages)};
  const auto undo = [&](Errno error) {
    if (page_table_->prepare_removal(target))
      page_table_->remove(target);
    return error;
  };
  if (const Status copied = page_table_->duplicate(moved, target.first); !copied)
    return undo(copied.error());
  if (const Status prepared = page_table_->prepare_removal(move.old); !prepared)
    return undo(prepared.error());

  tell(move.old, TranslationObserver::Change::removed);
  page_table_->remove(move.old);
  if (saved_ && saved_->overlaps(move.old)) {
    own_saved().move(moved, target.first);
    forget_saved(move.old);
  }
  Mapping mapping = move.source;
  mapping.object_page += move.old.first - mapping.range.first;
  mapping.range = target;
  MappingSet &own = own_mappings();
  if (!move.keep_old)
    own.erase(move.old);
  own.insert(std::move(mapping));
  if (move.source.protection.execute) {
    tell_code_changed(move.old);
    tell_code_changed(target);
  }
  check();
  populate_if_locked(target);
  return address_of(target.first);
}

} // namespace tine::memory
