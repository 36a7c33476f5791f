#include "memory/page_object.hpp"

#include "memory/mapping_registry.hpp"
#include "memory/saved_image.hpp"

#include <algorithm>
#include <array>

namespace tine::memory {

Result<FrameNumber> PageObject::page(u64 index) {
  if (const PageEntry found = entry(index); found.present())
    return found.frame();
  if (index >= (size() + page_mask) >> page_shift)
    return Errno{EFAULT};
  if (index >= PageTable::page_limit)
    return Errno{EFBIG};
  return fill(PageNumber{index});
}

Result<FrameNumber> PageObject::own_page(u64 index) {
  const FrameNumber old = TINE_TRY(page(index));
  const PageNumber page{index};
  if (const Leaf leaf = pages_.find(page); leaf.exclusive && !leaf.at(page).shared())
    return old;
  const Leaf leaf = TINE_TRY(own_leaf(page));
  if (!leaf.at(page).shared())
    return old;
  if (frames_.reference_count(old) == 1) { // the clone is gone
    leaf.set(page, PageEntry::of(old));
    return old;
  }
  const FrameNumber own = TINE_TRY(frames_.allocate());
  std::memcpy(frames_.pointer(own), frames_.pointer(old), page_size);
  MappingRegistry::unmap_object_pages(*this, index, 1);
  leaf.set(page, PageEntry::of(own));
  frames_.drop_reference(old);
  return own;
}

Result<FrameNumber> PageObject::page_for_write(u64 index) {
  const FrameNumber frame = TINE_TRY(own_page(index));
  page_may_become_dirty(index);
  frames_.clear_code(frame);
  return frame;
}

std::optional<FrameNumber> PageObject::page_to_map(u64 index, bool shared_mapping) const {
  if (index >= PageTable::page_limit)
    return std::nullopt;
  const PageNumber page{index};
  const Leaf leaf = pages_.find(page);
  const PageEntry found = leaf.at(page);
  if (!found.present() || (shared_mapping && (found.shared() || !leaf.exclusive)))
    return std::nullopt;
  return found.frame();
}

/// The entries of a node that a clone shares are about to be copied.
void PageObject::mark_shared(PageNumber page) {
  const Leaf leaf = pages_.find(page);
  if (!leaf.entries || leaf.exclusive)
    return;
  for (u32 i = 0; i < NodePool::entries_per_node; ++i)
    if (leaf.entries[i] != 0)
      leaf.entries[i] |= PageEntry::shared_bit;
}

Result<Leaf> PageObject::own_leaf(PageNumber page) {
  mark_shared(page);
  return pages_.exclusive_leaf(page);
}

PageRange PageObject::aligned_window(u64 index, u64 source_bytes) {
  const u64 first = index & ~(most_read_together - 1);
  const u64 end = std::min(first + most_read_together, (source_bytes + page_mask) >> page_shift);
  return index < end ? PageRange{PageNumber{first}, end - first} : PageRange{PageNumber{index}, 1};
}

/// The absent pages around `page`, itself among them, that are worth reading with it.
PageRange PageObject::absent_around(const Leaf &leaf, PageNumber page) const {
  const PageRange whole{page, 1};
  // Not where memory is scarce: nobody has asked for the others.
  if (frames_.frames_in_use() > (frames_.limit_bytes() >> page_shift) / 8 * 7)
    return whole;
  const PageRange limit = read_together(page.value);
  PageNumber first = page;
  while (first > limit.first && !leaf.at(first - 1).present())
    first = first - 1;
  PageNumber end = page + 1;
  while (end < limit.end() && !leaf.at(end).present())
    ++end;
  return {first, end - first};
}

Result<FrameNumber> PageObject::fill(PageNumber page) {
  const Leaf leaf = TINE_TRY(own_leaf(page));
  if (saved_) {
    // The image holds the frame as a clone would.
    if (const u32 found = TINE_TRY(saved_->find(page)); found != page_absent) {
      const FrameNumber frame = TINE_TRY(saved_->image().frame(found));
      frames_.add_reference(frame);
      leaf.set(page, {PageEntry::of(frame).bits | PageEntry::shared_bit});
      ++pages_present_;
      --saved_pages_;
      return frame;
    }
  }
  const PageRange range = absent_around(leaf, page);
  // What stands in the way of the neighbours need not stand in the way of the page.
  if (range.count == 1 || !fill_range(leaf, range).ok())
    TINE_TRY(fill_range(leaf, {page, 1}));
  return leaf.at(page).frame();
}

/// All or none.
Status PageObject::fill_range(const Leaf &leaf, PageRange range) {
  std::array<FrameNumber, most_read_together> frames;
  u64 count = 0;
  Status status = Done{};
  while (status.ok() && count < range.count) {
    const Result<FrameNumber> frame = frames_.allocate_zeroed();
    if (frame)
      frames[count++] = *frame;
    else
      status = frame.error();
  }
  const auto own = std::span(frames).first(count);
  if (status.ok())
    status = fill_frames(range.first, own);
  if (!status.ok()) {
    for (const FrameNumber frame : own)
      frames_.drop_reference(frame);
    return status;
  }
  for (u64 i = 0; i < count; ++i)
    leaf.set(range.first + i, PageEntry::of(frames[i]));
  pages_present_ += count;
  return Done{};
}

/// One call for each run of neighbouring frames.
Status PageObject::fill_frames(PageNumber first, std::span<const FrameNumber> frames) {
  for (u64 begin = 0; begin < frames.size();) {
    u64 end = begin + 1;
    while (end < frames.size() && frames[end].value == frames[end - 1].value + 1)
      ++end;
    const std::span pages(frames_.pointer(frames[begin]), (end - begin) << page_shift);
    TINE_TRY(fill_pages(first.value + begin, pages));
    begin = end;
  }
  return Done{};
}

Status PageObject::drop_pages(u64 first_index, u64 count) {
  if (first_index >= PageTable::page_limit || count == 0)
    return Done{};
  const PageRange range{PageNumber{first_index},
                        std::min(count, PageTable::page_limit - first_index)};
  mark_shared(range.first);
  mark_shared(range.end() - 1);
  TINE_TRY(pages_.prepare_removal(range));
  forget_saved(range);
  pages_.for_each_present(range, [this](PageNumber, PageEntry, u64) { --pages_present_; });
  pages_.remove(range);
  return Done{};
}

void PageObject::forget_saved(PageRange range) {
  if (!saved_ || !saved_->overlaps(range))
    return;
  // A page of the image that can't be found now was counted as little as it can be.
  static_cast<void>(saved_->image().for_each(range.first.value, range.count, [&](u64 index, u32) {
    if (!present(index) && saved_->overlaps({PageNumber{index}, 1}))
      --saved_pages_;
  }));
  if (saved_.use_count() > 1)
    saved_ = std::make_shared<SavedRanges>(*saved_);
  saved_->erase(range);
}

bool PageObject::is_saved(u64 index) const {
  if (!saved_ || index >= PageTable::page_limit || present(index))
    return false;
  const Result<u32> found = saved_->find(PageNumber{index});
  return !found || *found != page_absent; // a page that can't be read is there
}

void PageObject::share_pages_of(const PageObject &other) {
  MappingRegistry::unmap_object_pages(other, 0);
  pages_.become_share_of(other.pages_);
  pages_present_ = other.pages_present_;
  saved_pages_ = other.saved_pages_;
  saved_ = other.saved_;
}

Ref<AnonymousPageObject> AnonymousPageObject::clone() const {
  auto copy = make_ref<AnonymousPageObject>(frames(), size_);
  copy->share_pages_of(*this);
  return copy;
}

Result<Ref<PageObject>> PageObject::copy(Copier &copier) {
  return copier.refuse("memory of an unknown kind");
}

} // namespace tine::memory
