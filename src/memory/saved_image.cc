#include "memory/saved_image.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <cstring>

namespace tine::memory {

SnapshotPages::SnapshotPages(FrameArena &frames, Ref<SnapshotFile> file)
    : PageObject(frames), file_(std::move(file)),
      buffer_(std::make_unique<std::array<std::byte, block_bytes>>()) {}

/// The box gets SIGBUS, as for a page of a file that can't be read; a person wants to know why.
void SnapshotPages::report() {
  if (!std::exchange(reported_, true))
    log::error("a page of the file that a box was restored from is damaged or can't be read");
}

Status SnapshotPages::load(u64 block) {
  if (buffered_ == block)
    return Done{};
  buffered_ = ~u64{0};
  if (const Status status = file_->read_block(block, *buffer_); !status) {
    report();
    return status;
  }
  buffered_ = block;
  return Done{};
}

Status SnapshotPages::fill_pages(u64 first_index, std::span<std::byte> pages) {
  while (!pages.empty()) {
    const u64 block = first_index / pages_per_block;
    const u64 within = (first_index % pages_per_block) << page_shift;
    const u64 bytes = std::min<u64>(pages.size(), block_bytes - within);
    if (bytes == block_bytes) {
      if (const Status status = file_->read_block(block, pages.first(bytes)); !status) {
        report();
        return status;
      }
    } else {
      TINE_TRY(load(block));
      std::memcpy(pages.data(), buffer_->data() + within, bytes);
    }
    pages = pages.subspan(bytes);
    first_index += bytes >> page_shift;
  }
  return Done{};
}

Status SnapshotPages::read_page(u32 number, std::span<std::byte> to) {
  if (number >= file_->header().stored_pages)
    return Errno{EIO};
  if (const auto present = present_page(number)) {
    std::memcpy(to.data(), frames().pointer(*present), page_size);
    return Done{};
  }
  return fill_pages(number, to.first(page_size));
}

const u32 *SnapshotPages::node(u32 number) {
  if (number == 0 || number > file_->header().nodes)
    return nullptr;
  const u64 index = number - 1;
  std::unique_ptr<NodeBlock> &block = nodes_[index / nodes_per_block];
  if (!block) {
    auto made = std::make_unique<NodeBlock>();
    const u64 stored = file_->header().page_blocks + index / nodes_per_block;
    if (!file_->read_block(stored, std::as_writable_bytes(std::span(*made)))) {
      report();
      return nullptr;
    }
    block = std::move(made);
  }
  return block->data() + index % nodes_per_block * node_entries;
}

Result<u32> SavedImage::find(u64 page) const {
  if (page >= PageTable::page_limit || root_ == 0)
    return page_absent;
  const u64 group = page / node_entries;
  if (group != last_group_) {
    u32 number = root_;
    for (u32 level = PageTable::levels - 1; level > 0 && number != 0; --level) {
      const u32 *const entries = pages_->node(number);
      if (entries == nullptr)
        return Errno{EIO};
      number = entries[PageTable::index_at(PageNumber{page}, level)];
    }
    last_leaf_ = number == 0 ? nullptr : pages_->node(number);
    if (number != 0 && last_leaf_ == nullptr)
      return Errno{EIO};
    last_group_ = group;
  }
  return last_leaf_ == nullptr ? page_absent : last_leaf_[page % node_entries];
}

Result<FrameNumber> SavedImage::frame(u32 found) const {
  if (found == page_zero)
    return FrameArena::zero_frame;
  const Result<FrameNumber> frame = pages_->page(found - first_stored_page);
  // A number that the file has no page for is damage, too.
  return frame || frame.error() == Errno{ENOMEM} ? frame : Errno{EIO};
}

std::vector<SavedRanges::Range>::const_iterator
SavedRanges::first_ending_after(PageNumber page) const {
  return std::partition_point(ranges_.begin(), ranges_.end(),
                              [page](const Range &range) { return range.range.end() <= page; });
}

Result<u32> SavedRanges::find(PageNumber page) const {
  const auto found = first_ending_after(page);
  if (found == ranges_.end() || !found->range.contains(page))
    return page_absent;
  return image_->find(found->image_page + (page - found->range.first));
}

bool SavedRanges::overlaps(PageRange range) const {
  const auto found = first_ending_after(range.first);
  return found != ranges_.end() && found->range.first < range.end();
}

void SavedRanges::append(Range range) {
  if (!ranges_.empty()) {
    Range &last = ranges_.back();
    if (last.range.end() == range.range.first &&
        last.image_page + last.range.count == range.image_page) {
      last.range.count += range.range.count;
      return;
    }
  }
  ranges_.push_back(range);
}

void SavedRanges::erase(PageRange range) {
  std::vector<Range> rest;
  for (const Range &one : ranges_) {
    if (one.range.first < range.first)
      rest.push_back({{one.range.first, std::min(one.range.end(), range.first) - one.range.first},
                      one.image_page});
    if (one.range.end() > range.end()) {
      const PageNumber first = std::max(one.range.first, range.end());
      rest.push_back(
          {{first, one.range.end() - first}, one.image_page + (first - one.range.first)});
    }
  }
  ranges_ = std::move(rest);
}

void SavedRanges::move(PageRange from, PageNumber to) {
  std::vector<Range> moved;
  for (const Range &one : ranges_) {
    const PageNumber first = std::max(one.range.first, from.first);
    const PageNumber end = std::min(one.range.end(), from.end());
    if (first < end)
      moved.push_back(
          {{to + (first - from.first), end - first}, one.image_page + (first - one.range.first)});
  }
  erase(from);
  ranges_.insert(ranges_.end(), moved.begin(), moved.end());
  std::sort(ranges_.begin(), ranges_.end(), [](const Range &left, const Range &right) {
    return left.range.first < right.range.first;
  });
}

} // namespace tine::memory
