// Memory that is still in a saved box's file: which page of the file a page is, and the pages that
// were read so far.
//
//   AddressSpace --> SavedRanges --> SavedImage --> SnapshotPages --> SnapshotFile
//                    which pages     a tree of      one for all       blocks
//                    are not here    page numbers   restores of it
//
// A page that was restored and not used yet is absent from the page table, and in the ranges. A
// fault finds its frame in the SnapshotPages, as a fault of a private mapping of a file does; so
// what several boxes restore from one file is one frame until one of them writes.
#pragma once

#include "memory/page_object.hpp"
#include "memory/snapshot_file.hpp"

#include <array>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace tine::memory {

/// The stored pages of a file, by number. Guarded by the kernel lock.
class SnapshotPages final : public PageObject {
public:
  SnapshotPages(FrameArena &frames, Ref<SnapshotFile> file);
  [[nodiscard]] u64 size() const override { return file_->header().stored_pages << page_shift; }
  [[nodiscard]] const SnapshotFile &file() const { return *file_; }
  /// The entries of a node, which is read if need be; null if the file doesn't have it, or has it
  /// damaged. Node 0 has no entries.
  [[nodiscard]] const u32 *node(u32 number);
  /// The contents of a stored page, without keeping a frame for it. EIO.
  [[nodiscard]] Status read_page(u32 number, std::span<std::byte> to);

protected:
  Status fill_pages(u64 first_index, std::span<std::byte> pages) override;
  [[nodiscard]] PageRange read_together(u64 index) const override {
    return aligned_window(index, size());
  }

private:
  using NodeBlock = std::array<u32, block_bytes / sizeof(u32)>;
  [[nodiscard]] Status load(u64 block);
  void report();

  Ref<SnapshotFile> file_;
  std::unordered_map<u64, std::unique_ptr<NodeBlock>> nodes_;
  std::unique_ptr<std::array<std::byte, block_bytes>> buffer_; ///< the block that was read last
  u64 buffered_ = ~u64{0};
  bool reported_ = false;
};

/// The memory of one address space or page object, by page number. Immutable.
class SavedImage final : public RefCounted {
public:
  SavedImage(Ref<SnapshotPages> pages, u32 root) : pages_(std::move(pages)), root_(root) {}
  /// page_absent, page_zero or a stored page. EIO.
  [[nodiscard]] Result<u32> find(u64 page) const;
  /// The frame of what find() said.
  [[nodiscard]] Result<FrameNumber> frame(u32 found) const;
  [[nodiscard]] SnapshotPages &pages() const { return *pages_; }
  /// Calls visit(page, found) for each page of the range that isn't absent, ascending. EIO, also
  /// for an image of more pages than there are in any memory: its nodes may say anything.
  template <typename Visit>
  [[nodiscard]] Status for_each(u64 first, u64 count, Visit &&visit) const {
    if (root_ == 0 || count == 0)
      return Done{};
    u64 left = most_entries;
    return visit_node({root_, PageTable::levels - 1, 0}, {PageNumber{first}, count}, left, visit);
  }

private:
  static constexpr u64 most_entries = u64{1} << 26; ///< 256 GiB
  struct Place {
    u32 number, level;
    u64 first; ///< page
  };
  template <typename Visit>
  Status visit_node(const Place &node, PageRange range, u64 &left, Visit &visit) const {
    const u32 *const entries = pages_->node(node.number);
    if (entries == nullptr || left == 0)
      return Errno{EIO};
    --left;
    const u64 span = PageTable::entry_span(node.level);
    for (u64 i = 0; i < node_entries; ++i) {
      const u64 page = node.first + i * span;
      if (entries[i] == 0 || page + span <= range.first.value || page >= range.end().value)
        continue;
      if (node.level == 0) {
        left -= left > 0 ? 1 : 0;
        visit(page, entries[i]);
      } else if (Status status = visit_node({entries[i], node.level - 1, page}, range, left, visit);
                 !status) {
        return status;
      }
    }
    return Done{};
  }

  Ref<SnapshotPages> pages_;
  u32 root_;
  mutable u64 last_group_ = ~u64{0}; ///< whose leaf was found last
  mutable const u32 *last_leaf_ = nullptr;
};

/// Which pages are still in an image. A value: shared with forks until one side changes it.
/// Invariant: ranges ascend and don't overlap.
class SavedRanges {
public:
  struct Range {
    PageRange range;
    u64 image_page; ///< of the range's first page
  };

  explicit SavedRanges(Ref<SavedImage> image) : image_(std::move(image)) {}
  [[nodiscard]] const SavedImage &image() const { return *image_; }
  [[nodiscard]] const std::vector<Range> &ranges() const { return ranges_; }
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  /// What the image has for the page; page_absent outside of the ranges. EIO.
  [[nodiscard]] Result<u32> find(PageNumber page) const;
  [[nodiscard]] bool overlaps(PageRange range) const;
  /// Above all that is there.
  void append(Range range);
  void erase(PageRange range);
  /// What was at `from` is at `to`, where nothing was.
  void move(PageRange from, PageNumber to);

private:
  [[nodiscard]] std::vector<Range>::const_iterator first_ending_after(PageNumber page) const;

  Ref<SavedImage> image_;
  std::vector<Range> ranges_;
};

} // namespace tine::memory
