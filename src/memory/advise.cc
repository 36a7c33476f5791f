// madvise, msync, mincore, mlock.
#include "memory/address_space.hpp"
#include "memory/mapping_registry.hpp"
#include "memory/mapping_set.hpp"
#include "memory/page_table.hpp"

#include <algorithm>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace tine::memory {
namespace {

/// MADV_DONTNEED_LOCKED of Linux 5.18: MADV_DONTNEED for locked pages, too.
constexpr int dontneed_locked = 24;
/// MADV_COLLAPSE: there are no huge pages.
constexpr int collapse = 25;
/// MADV_GUARD_INSTALL and MADV_GUARD_REMOVE of Linux 6.13.
constexpr int guard_install = 102, guard_remove = 103;

bool is_known(int advice) {
  switch (advice) {
  case MADV_NORMAL:
  case MADV_RANDOM:
  case MADV_SEQUENTIAL:
  case MADV_WILLNEED:
  case MADV_DONTNEED:
  case dontneed_locked:
  case MADV_FREE:
  case MADV_REMOVE:
  case MADV_DONTFORK:
  case MADV_DOFORK:
  case MADV_MERGEABLE:
  case MADV_UNMERGEABLE:
  case MADV_HUGEPAGE:
  case MADV_NOHUGEPAGE:
  case MADV_DONTDUMP:
  case MADV_DODUMP:
  case MADV_WIPEONFORK:
  case MADV_KEEPONFORK:
  case MADV_COLD:
  case MADV_PAGEOUT:
  case MADV_POPULATE_READ:
  case MADV_POPULATE_WRITE:
  case collapse:
  case guard_install:
  case guard_remove:
    return true;
  default:
    return false;
  }
}

bool changes_mappings(int advice) {
  return advice == MADV_DONTFORK || advice == MADV_DOFORK || advice == MADV_WIPEONFORK ||
         advice == MADV_KEEPONFORK || advice == MADV_DONTDUMP || advice == MADV_DODUMP ||
         advice == guard_install || advice == guard_remove;
}
} // namespace

Status AddressSpace::advise(GuestAddress address, u64 length, int advice) {
  const u64 pages = round_up_to_page(length) >> page_shift;
  if (!is_known(advice) || !address.is_page_aligned() || (pages == 0 && length != 0))
    return Errno{EINVAL};
  if (pages == 0)
    return Done{};
  if (address.value > user_address_limit || pages > user_end - address.page())
    return Errno{address.value + (pages << page_shift) < address.value ? EINVAL : ENOMEM};
  const PageRange range{address.page(), pages};
  if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
    return populate_pages(range, advice == MADV_POPULATE_READ ? Access::read : Access::write);
  if (changes_mappings(advice) && mappings_->count_after_cutting(range) > most_mappings)
    return Errno{ENOMEM};
  // "ENOMEM: Addresses in the specified range are not currently mapped": the advice is applied to
  // the parts that are.
  bool hole = false;
  for (PageNumber page = range.first; page < range.end();) {
    const std::size_t index = mappings_->first_ending_after(page);
    if (index == mappings_->count() || mappings_->all()[index].range.first >= range.end()) {
      hole = true;
      break;
    }
    const Mapping mapping = mappings_->all()[index];
    hole = hole || mapping.range.first > page;
    page = std::max(page, mapping.range.first);
    const PageRange piece{page, std::min(mapping.range.end(), range.end()) - page};
    TINE_TRY(advise_mapping(mapping, piece, advice));
    page = piece.end();
  }
  check();
  if (hole)
    return Errno{ENOMEM};
  return Done{};
}

Status AddressSpace::advise_mapping(const Mapping &mapping, PageRange range, int advice) {
  const bool private_anonymous = !mapping.shared && !mapping.object;
  switch (advice) {
  case MADV_DONTNEED:
  case dontneed_locked:
  case MADV_FREE:
  case MADV_REMOVE:
    return discard(mapping, range, advice);
  case MADV_DONTFORK:
    own_mappings().change(range, [](Mapping &one) { one.dont_fork = true; });
    return Done{};
  case MADV_DOFORK:
    own_mappings().change(range, [](Mapping &one) { one.dont_fork = false; });
    return Done{};
  case MADV_WIPEONFORK:
    // "The MADV_WIPEONFORK operation can be applied only to private anonymous pages."
    if (!private_anonymous)
      return Errno{EINVAL};
    own_mappings().change(range, [](Mapping &one) { one.wipe_on_fork = true; });
    return Done{};
  case MADV_KEEPONFORK:
    if (mapping.droppable)
      return Errno{EINVAL};
    own_mappings().change(range, [](Mapping &one) { one.wipe_on_fork = false; });
    return Done{};
  case MADV_DONTDUMP:
    own_mappings().change(range, [](Mapping &one) { one.dont_dump = true; });
    return Done{};
  case MADV_DODUMP:
    if (mapping.droppable)
      return Errno{EINVAL};
    own_mappings().change(range, [](Mapping &one) { one.dont_dump = false; });
    return Done{};
  case collapse:
    return Errno{EINVAL};
  case guard_install:
    return install_guard(mapping, range);
  case guard_remove:
    own_mappings().change(range, [](Mapping &one) { one.guarded = false; });
    return Done{};
  case MADV_PAGEOUT:
  case MADV_COLD:
    return mapping.locked ? Status(Errno{EINVAL}) : Status(Done{});
  default:
    return Done{}; // advice about speed that changes nothing here
  }
}

/// "MADV_GUARD_INSTALL: If the region maps memory pages already, those mappings are replaced with
/// guard regions"; EINVAL for locked memory.
Status AddressSpace::install_guard(const Mapping &mapping, PageRange range) {
  if (mapping.locked)
    return Errno{EINVAL};
  const bool code = mapping.protection.execute;
  note_peak();
  TINE_TRY(remove_pages(range));
  own_mappings().change(range, [](Mapping &one) { one.guarded = true; });
  if (code)
    tell_code_changed(range);
  return Done{};
}

/// MADV_DONTNEED: "subsequent accesses ... will result in either repopulating the memory contents
/// from the up-to-date contents of the underlying mapped file ... or zero-fill-on-demand pages".
/// MADV_FREE may free at once. MADV_REMOVE punches a hole into the object.
Status AddressSpace::discard(const Mapping &mapping, PageRange range, int advice) {
  if (mapping.locked && advice != dontneed_locked)
    return Errno{EINVAL};
  if (advice == MADV_FREE && (mapping.shared || mapping.object))
    return Errno{EINVAL};
  if (advice == MADV_REMOVE) {
    if (!mapping.object)
      return Errno{EINVAL};
    if (!mapping.shared || !mapping.may_write)
      return Errno{EACCES};
    const u64 first = mapping.object_page + (range.first - mapping.range.first);
    MappingRegistry::unmap_object_pages(*mapping.object, first, range.count);
    return mapping.object->punch_hole(first, range.count);
  }
  note_peak();
  TINE_TRY(remove_pages(range));
  if (mapping.protection.execute)
    tell_code_changed(range);
  return Done{};
}

/// "MADV_POPULATE_*: Populate (prefault) page tables ..., triggering faults as if accessing every
/// page"; unlike MAP_POPULATE it reports failure: EFAULT where a SIGBUS would be generated, EINVAL
/// where the mapping forbids the access, ENOMEM for holes and lack of memory.
Status AddressSpace::populate_pages(PageRange range, Access access) {
  for (PageNumber page = range.first; page < range.end(); ++page) {
    const Mapping *const mapping = mappings_->find(page);
    if (mapping && mapping->guarded)
      return Errno{EFAULT};
    if (mapping && access == Access::read && !mapping->protection.read)
      return Errno{EINVAL}; // though x86-64 could read what may only be written
    switch (resolve_fault(address_of(page), access).outcome) {
    case FaultOutcome::maperr:
    case FaultOutcome::out_of_memory:
      return Errno{ENOMEM};
    case FaultOutcome::accerr:
      return Errno{EINVAL};
    case FaultOutcome::bus:
      return Errno{EFAULT};
    default:
      break;
    }
  }
  return Done{};
}

Status AddressSpace::sync(GuestAddress address, u64 length, int flags) {
  const u64 pages = round_up_to_page(length) >> page_shift;
  if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) != 0 || !address.is_page_aligned() ||
      ((flags & MS_ASYNC) != 0 && (flags & MS_SYNC) != 0))
    return Errno{EINVAL};
  if (pages == 0) // as Linux: a length that wraps to nothing is nothing
    return Done{};
  if (address.value > user_address_limit || pages > user_end - address.page())
    return Errno{ENOMEM};
  const PageRange range{address.page(), pages};
  const auto mapped = mappings_->overlapping(range);
  for (const Mapping &mapping : mapped) {
    // "EBUSY: MS_INVALIDATE was specified in flags, and a memory lock exists".
    if ((flags & MS_INVALIDATE) != 0 && mapping.locked)
      return Errno{EBUSY};
    if (!mapping.shared || !mapping.object || (flags & MS_SYNC) == 0)
      continue;
    const PageNumber first = std::max(range.first, mapping.range.first);
    const PageNumber end = std::min(range.end(), mapping.range.end());
    TINE_TRY(mapping.object->write_back(mapping.object_page + (first - mapping.range.first),
                                        end - first));
  }
  return mappings_->covers(range) ? Status(Done{}) : Status(Errno{ENOMEM});
}

Result<std::vector<u8>> AddressSpace::resident_pages(GuestAddress address, u64 length) const {
  if (!address.is_page_aligned())
    return Errno{EINVAL};
  const u64 pages = round_up_to_page(length) >> page_shift;
  if (length == 0)
    return std::vector<u8>();
  if (pages == 0 || address.value > user_address_limit || pages > user_end - address.page())
    return Errno{ENOMEM};
  const PageRange range{address.page(), pages};
  if (!mappings_->covers(range))
    return Errno{ENOMEM};
  std::vector<u8> resident(pages, 0);
  for (const Mapping &mapping : mappings_->overlapping(range)) {
    if (!mapping.object)
      continue; // of a file, what the page cache holds is resident
    const PageNumber first = std::max(range.first, mapping.range.first);
    const PageNumber end = std::min(range.end(), mapping.range.end());
    for (PageNumber page = first; page < end; ++page)
      if (mapping.object->present(mapping.object_page + (page - mapping.range.first)))
        resident[page - range.first] = 1;
  }
  page_table_->for_each_present(
      range, [&](PageNumber page, PageEntry, u64) { resident[page - range.first] = 1; });
  return resident;
}

Status AddressSpace::lock(GuestAddress address, u64 length, Lock lock) {
  const u64 start = round_down_to_page(address.value);
  const u64 pages = round_up_to_page(length + address.page_offset()) >> page_shift;
  if (pages == 0)
    return Done{};
  if (start + (pages << page_shift) < start)
    return Errno{EINVAL};
  if (start > user_address_limit || pages > (user_address_limit - start) >> page_shift)
    return Errno{ENOMEM};
  const PageRange range{PageNumber{start >> page_shift}, pages};
  if (mappings_->count_after_cutting(range) > most_mappings)
    return Errno{ENOMEM};
  const bool whole = mappings_->covers(range);
  own_mappings().change(range, [lock](Mapping &mapping) {
    mapping.locked = lock != Lock::none && !mapping.droppable;
    mapping.lock_on_fault = mapping.locked && lock == Lock::on_fault;
  });
  check();
  if (!whole)
    return Errno{ENOMEM};
  if (lock == Lock::now)
    populate(range);
  return Done{};
}

} // namespace tine::memory
