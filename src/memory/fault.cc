// How a fault is resolved. The copy-on-write rule of page_table.hpp is kept in
// resolve_private_write, and asked for in is_writable_now.
#include "memory/address_space.hpp"
#include "memory/mapping_set.hpp"
#include "memory/page_table.hpp"
#include "memory/saved_image.hpp"

#include <algorithm>
#include <cstring>

namespace tine::memory {
namespace {
/// What is looked at around a page, aligned: 64 KiB, as Linux's fault_around_bytes, and as much as
/// a vCPU's TLB takes of a run.
constexpr u64 around_pages = 16;
static_assert(NodePool::entries_per_node % around_pages == 0);

/// The part of the mapping within the aligned `around_pages` that hold the page.
PageRange around(const Mapping &mapping, PageNumber page) {
  const PageNumber window{page.value & ~(around_pages - 1)};
  const PageNumber first = std::max(mapping.range.first, window);
  return {first, std::min(mapping.range.end(), window + around_pages) - first};
}

u64 object_index(const Mapping &mapping, PageNumber page) {
  return mapping.object_page + (page - mapping.range.first);
}

/// The frame that continues, at `page`, the run of the nearest neighbour that is the address
/// space's own; none: frame 0.
FrameNumber next_to_neighbour(const FrameArena &frames, const Leaf &leaf, PageNumber page) {
  const auto is_own = [&](PageNumber other) {
    const PageEntry entry = leaf.at(other);
    return entry.present() && frames.reference_count(entry.frame()) == 1;
  };
  const auto continued = [&](PageNumber other) {
    const u64 distance = page.value - other.value; // modulo 2^64: the sum is right below, too
    return FrameNumber{static_cast<u32>(leaf.at(other).frame().value + distance)};
  };
  const u64 below = page.value % around_pages, above = around_pages - 1 - below;
  for (u64 distance = 1; distance < around_pages; ++distance) {
    if (distance <= below && is_own(PageNumber{page.value - distance}))
      return continued(PageNumber{page.value - distance});
    if (distance <= above && is_own(page + distance))
      return continued(page + distance);
  }
  return FrameArena::zero_frame;
}

/// An object without such a page, or whose file can't be read, is SIGBUS.
FaultOutcome outcome_of(Errno error) {
  return error == Errno{ENOMEM} ? FaultOutcome::out_of_memory : FaultOutcome::bus;
}
} // namespace

/// How the fault ended, and where the page's entry is now.
struct AddressSpace::Resolution {
  FaultOutcome outcome;
  Leaf leaf{};
};

FaultResult AddressSpace::resolve_fault(GuestAddress address, Access access) {
  const Mapping *const mapping = mapping_for(address);
  if (!mapping || mapping->guarded)
    return {FaultOutcome::maperr, {}};
  if (!allows(mapping->protection, access))
    return {FaultOutcome::accerr, {}};
  const PageNumber page = address.page();
  const Resolution resolution = resolve(*mapping, page, access);
  if (!is_resolved(resolution.outcome))
    return {resolution.outcome, {}};
  return {resolution.outcome, translation_of(*mapping, resolution.leaf, page)};
}

AddressSpace::Resolution AddressSpace::resolve(const Mapping &mapping, PageNumber page,
                                               Access access) {
  const Resolution resolution = access != Access::write ? resolve_read(mapping, page)
                                : mapping.shared        ? resolve_shared_write(mapping, page)
                                                        : resolve_private_write(mapping, page);
  count_fault(resolution.outcome);
  return resolution;
}

AddressSpace::Resolution AddressSpace::resolve_read(const Mapping &mapping, PageNumber page) {
  if (const Leaf leaf = page_table_->find(page); leaf.at(page).present())
    return {FaultOutcome::spurious, leaf};
  const Result<std::optional<FrameNumber>> saved = saved_frame(page);
  if (!saved)
    return {outcome_of(saved.error())};
  FrameNumber frame = saved->value_or(FrameArena::zero_frame);
  if (mapping.object && !*saved) {
    const u64 index = object_index(mapping, page);
    const Result<FrameNumber> from_object =
        mapping.shared ? mapping.object->own_page(index) : mapping.object->page(index);
    if (!from_object)
      return {outcome_of(from_object.error())};
    frame = *from_object;
  }
  const Result<Leaf> leaf = page_table_->exclusive_leaf(page);
  if (!leaf)
    return {FaultOutcome::out_of_memory};
  leaf->set(page, PageEntry::of(frame));
  frames_.add_reference(frame);
  if (*saved)
    map_saved_around(mapping, *leaf, page);
  else if (mapping.object)
    map_around(mapping, *leaf, page);
  return {mapping.object || *saved ? FaultOutcome::file_page : FaultOutcome::zero_filled, *leaf};
}

/// Linux's do_fault_around: the neighbours that the object has already become visible for reading,
/// too, which saves their faults and takes no memory.
void AddressSpace::map_around(const Mapping &mapping, const Leaf &leaf, PageNumber page) {
  const PageRange range = around(mapping, page);
  for (PageNumber other = range.first; other < range.end(); ++other) {
    if (leaf.at(other).present() || (saved_ && saved_->overlaps({other, 1})))
      continue;
    const std::optional<FrameNumber> frame =
        mapping.object->page_to_map(object_index(mapping, other), mapping.shared);
    if (!frame)
      continue;
    leaf.set(other, PageEntry::of(*frame));
    frames_.add_reference(*frame);
  }
}

Result<std::optional<FrameNumber>> AddressSpace::saved_frame(PageNumber page) const {
  if (!saved_) [[likely]]
    return std::optional<FrameNumber>();
  const u32 found = TINE_TRY(saved_->find(page));
  if (found == page_absent)
    return std::optional<FrameNumber>();
  return std::optional<FrameNumber>(TINE_TRY(saved_->image().frame(found)));
}

/// The same for pages that were read from the image together with this one.
void AddressSpace::map_saved_around(const Mapping &mapping, const Leaf &leaf, PageNumber page) {
  const SavedImage &image = saved_->image();
  const PageRange range = around(mapping, page);
  for (PageNumber other = range.first; other < range.end(); ++other) {
    if (leaf.at(other).present())
      continue;
    const Result<u32> found = saved_->find(other);
    if (!found || *found < first_stored_page)
      continue;
    const std::optional<FrameNumber> frame = image.pages().present_page(*found - first_stored_page);
    if (!frame)
      continue;
    leaf.set(other, PageEntry::of(*frame));
    frames_.add_reference(*frame);
  }
}

/// A frame of a shared mapping is the object's, whoever else can reach it: the write goes there.
AddressSpace::Resolution AddressSpace::resolve_shared_write(const Mapping &mapping,
                                                            PageNumber page) {
  if (const Leaf leaf = page_table_->find(page); leaf.at(page).written()) {
    frames_.clear_code(leaf.at(page).frame());
    return {FaultOutcome::spurious, leaf};
  }
  const Result<FrameNumber> frame = mapping.object->page_for_write(object_index(mapping, page));
  if (!frame)
    return {outcome_of(frame.error())};
  if (mapping.file)
    mapping.file->written();
  const Leaf leaf = page_table_->find(page);
  const PageEntry old = leaf.at(page);
  const PageEntry entry{PageEntry::of(*frame).bits | PageEntry::written_bit};
  if (old.present()) { // was only read until now
    leaf.set(page, entry);
    return {FaultOutcome::reused, leaf};
  }
  const Result<Leaf> own = page_table_->exclusive_leaf(page);
  if (!own)
    return {FaultOutcome::out_of_memory};
  own->set(page, entry);
  frames_.add_reference(*frame);
  return {FaultOutcome::file_page, *own};
}

/// The copy-on-write rule: the path is made exclusive, and then the frame: kept if this is its only
/// reference, else replaced by a copy.
AddressSpace::Resolution AddressSpace::resolve_private_write(const Mapping &mapping,
                                                             PageNumber page) {
  const Result<Leaf> leaf = page_table_->exclusive_leaf(page);
  if (!leaf)
    return {FaultOutcome::out_of_memory};
  const u32 index = Leaf::index_of(page);
  const PageEntry old = leaf->at(page);
  if (old.present() && frames_.reference_count(old.frame()) == 1) {
    frames_.clear_code(old.frame());
    const bool again = frames_.nodes().test_and_set_written(leaf->node, index, epoch_);
    return {again ? FaultOutcome::spurious : FaultOutcome::reused, *leaf};
  }

  FrameNumber source = FrameArena::zero_frame;
  if (old.present()) {
    source = old.frame();
  } else {
    const Result<std::optional<FrameNumber>> saved = saved_frame(page);
    const Result<FrameNumber> from = !saved   ? Result<FrameNumber>(saved.error())
                                     : *saved ? Result<FrameNumber>(**saved)
                                     : mapping.object
                                         ? mapping.object->page(object_index(mapping, page))
                                         : Result<FrameNumber>(FrameArena::zero_frame);
    if (!from)
      return {outcome_of(from.error())};
    source = *from;
  }
  const bool zero = source == FrameArena::zero_frame;
  const Result<FrameNumber> own =
      frames_.allocate_near(next_to_neighbour(frames_, *leaf, page), zero);
  if (!own)
    return {FaultOutcome::out_of_memory};
  if (!zero)
    std::memcpy(frames_.pointer(*own), frames_.pointer(source), page_size);
  if (old.present()) {
    // No vCPU of this address space may read the old frame once it can be someone else's alone.
    tell(PageRange{page, 1}, TranslationObserver::Change::removed);
    if (mapping.protection.execute)
      tell_code_changed(PageRange{page, 1});
    frames_.drop_reference(old.frame());
  }
  leaf->set(page, PageEntry::of(*own));
  frames_.nodes().test_and_set_written(leaf->node, index, epoch_);
  return {zero ? FaultOutcome::zero_filled : FaultOutcome::copied, *leaf};
}

const Mapping *AddressSpace::mapping_for(GuestAddress address) {
  const Mapping *const mapping = mappings_->find(address.page());
  return mapping ? mapping : grow_stack(address.page());
}

/// The mapping above, if it is a stack that may grow down to the page: within RLIMIT_STACK and
/// RLIMIT_AS, and no nearer than the guard gap to what lies below (Linux's expand_downwards).
const Mapping *AddressSpace::grow_stack(PageNumber page) {
  const std::size_t index = mappings_->first_ending_after(page);
  if (index == mappings_->count() || page < lowest_page)
    return nullptr;
  const Mapping &stack = mappings_->all()[index];
  if (!stack.grows_down)
    return nullptr;
  const u64 growth = stack.range.first - page;
  if ((stack.range.count + growth) << page_shift > limits_.stack ||
      (mappings_->total_pages() + growth) << page_shift > limits_.address_space)
    return nullptr;
  if (index > 0) {
    const Mapping &below = mappings_->all()[index - 1];
    if (is_readable(below.protection) && !below.grows_down &&
        page - below.range.end() < stack_guard_pages)
      return nullptr;
  }
  own_mappings().grow_down(stack.range.first, growth);
  check();
  return mappings_->find(page);
}

void AddressSpace::count_fault(FaultOutcome outcome) {
  switch (outcome) {
  case FaultOutcome::zero_filled:
    ++counters_.zero_filled;
    break;
  case FaultOutcome::file_page:
    ++counters_.file_pages;
    break;
  case FaultOutcome::copied:
    ++counters_.copied;
    break;
  case FaultOutcome::reused:
    ++counters_.reused;
    break;
  default:
    break;
  }
}

/// Whether the next write to the page needs no fault.
bool AddressSpace::is_writable_now(const Mapping &mapping, const Leaf &leaf,
                                   PageEntry entry) const {
  if (!mapping.protection.write)
    return false;
  if (mapping.shared)
    return entry.written() && !frames_.has_code(entry.frame());
  return leaf.exclusive && frames_.is_writable_by_sole_owner(entry.frame());
}

/// The run around a present page whose frames are neighbours and that can be used in the same way,
/// within the mapping and the aligned pages around it.
Translation AddressSpace::translation_of(const Mapping &mapping, const Leaf &leaf,
                                         PageNumber page) const {
  const PageRange limit = around(mapping, page);
  const PageNumber bottom = limit.first;
  const PageNumber top = limit.end();
  const PageEntry entry = leaf.at(page);
  const bool writable = is_writable_now(mapping, leaf, entry);
  const auto belongs = [&](PageNumber other) {
    const PageEntry neighbour = leaf.at(other);
    return neighbour.present() &&
           u64{neighbour.frame().value} + page.value == u64{entry.frame().value} + other.value &&
           is_writable_now(mapping, leaf, neighbour) == writable;
  };
  PageNumber first = page;
  while (first > bottom && belongs(first - 1))
    first = first - 1;
  PageNumber end = page + 1;
  while (end < top && belongs(end))
    ++end;
  if (writable)
    gave_write_translations_ = true;
  std::byte *const host = frames_.pointer(entry.frame()) - ((page - first) << page_shift);
  return {PageRange{first, end - first}, host, writable, mapping.protection.execute};
}

std::optional<Translation> AddressSpace::lookup(GuestAddress address) const {
  const PageNumber page = address.page();
  const Mapping *const mapping = mappings_->find(page);
  if (!mapping || !is_readable(mapping->protection))
    return std::nullopt;
  const Leaf leaf = page_table_->find(page);
  if (!leaf.at(page).present())
    return std::nullopt;
  return translation_of(*mapping, leaf, page);
}

/// Without regard to protection a private page is written as a copy; a shared mapping that can't be
/// written stays so (Linux's FOLL_FORCE).
Result<std::span<std::byte>> AddressSpace::forced_window(GuestAddress address, Access access) {
  const Mapping *const mapping = mapping_for(address);
  if (!mapping || mapping->guarded ||
      (access == Access::write && mapping->shared && !mapping->protection.write))
    return Errno{EFAULT};
  const PageNumber page = address.page();
  Resolution resolution = resolve(*mapping, page, access);
  if (resolution.outcome == FaultOutcome::out_of_memory && frames_.at_limit()) {
    const FrameArena::UseReserve use(frames_);
    resolution = resolve(*mapping, page, access);
  }
  if (!is_resolved(resolution.outcome))
    return Errno{resolution.outcome == FaultOutcome::out_of_memory ? ENOMEM : EFAULT};
  return frames_.bytes(resolution.leaf.at(page).frame()).subspan(address.page_offset());
}

} // namespace tine::memory
