#include "memory/page_object.hpp"

namespace tine::memory {

PageObject::~PageObject() {
  drop_pages_from(0);
}

Result<FrameNumber> PageObject::page(u64 index) {
  if (const auto found = pages_.find(index); found != pages_.end())
    return found->second;
  if (index >= (size() + page_mask) >> page_shift)
    return Errno{EFAULT};
  const FrameNumber frame = TINE_TRY(frames_.allocate_zeroed());
  const Status filled = fill_page(index, frames_.bytes(frame));
  if (!filled) {
    frames_.drop_reference(frame);
    return filled.error();
  }
  pages_.emplace(index, frame);
  return frame;
}

Result<FrameNumber> PageObject::page_for_write(u64 index) {
  const FrameNumber frame = TINE_TRY(page(index));
  page_may_become_dirty(index);
  frames_.clear_code(frame);
  return frame;
}

void PageObject::drop_pages(u64 first_index, u64 count) {
  auto at = pages_.lower_bound(first_index);
  while (at != pages_.end() && at->first - first_index < count) {
    frames_.drop_reference(at->second);
    at = pages_.erase(at);
  }
}

} // namespace tine::memory
