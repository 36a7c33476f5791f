// What a mapping of a file, of shared memory or of a memfd is a window on: pages by index. Linux's
// struct address_space, the page cache of one file.
#pragma once

#include "base/archive.hpp"
#include "base/copier.hpp"
#include "base/ref.hpp"
#include "memory/frame_arena.hpp"
#include "memory/page_table.hpp"

#include <optional>

namespace tine::memory {

class SavedRanges;

/// Holds its pages in a page table of its own, by index. Pages that are absent are filled on first
/// use by fill_pages. A page object outlives its mappings. Guarded by the kernel lock.
///
/// A clone (of the object of a box that is forked) shares the nodes of the page table until one
/// side changes them, and the frames until one side writes. A frame's count doesn't tell whether a
/// clone holds it, since mappings count too; so when a node is copied, the entries of both copies
/// are marked PageEntry::shared. Invariant: a frame that a clone may hold is in a node that is
/// shared or in an entry that is so marked, and no shared mapping shows it.
class PageObject : public RefCounted {
public:
  explicit PageObject(FrameArena &frames) : frames_(frames), pages_(frames) {}

  /// The frame of page `index`, filled if need be, to be read. The reference stays the object's:
  /// take one to keep. ENOMEM, EIO from the file; EFAULT beyond the end of the object (a fault
  /// there is SIGBUS); EFBIG where no page can be.
  [[nodiscard]] Result<FrameNumber> page(u64 index);
  /// The same for a shared mapping, which is to show what is written later: no clone holds it.
  [[nodiscard]] Result<FrameNumber> own_page(u64 index);
  /// The same, to be written into by the kernel or through a shared mapping: it becomes dirty, and
  /// translated code that was made from it goes.
  [[nodiscard]] Result<FrameNumber> page_for_write(u64 index);
  /// Whether the page is present.
  [[nodiscard]] bool present(u64 index) const { return entry(index).present(); }
  /// The frame, if the page is present.
  [[nodiscard]] std::optional<FrameNumber> present_page(u64 index) const {
    const PageEntry found = entry(index);
    return found.present() ? std::optional(found.frame()) : std::nullopt;
  }
  /// The frame, if it is present and a mapping can show it as it is.
  [[nodiscard]] std::optional<FrameNumber> page_to_map(u64 index, bool shared_mapping) const;
  /// Size in bytes; pages that begin at or beyond it don't exist.
  [[nodiscard]] virtual u64 size() const = 0;
  /// Called when a shared mapping makes page `index` writable.
  virtual void page_may_become_dirty(u64 index) { (void)index; }
  /// Writes what shared mappings may have changed in pages [first, first + count) to where it
  /// belongs.
  virtual Status write_back(u64 first, u64 count) {
    (void)first, (void)count;
    return Done{};
  }

  /// Drops pages from `first_index` on (truncation), or `count` pages (a hole). Mappings must be
  /// told first: see unmap_object_pages() in mapping_registry.hpp. ENOMEM, only if there are
  /// clones: nothing was dropped.
  [[nodiscard]] Status drop_pages_from(u64 first_index) { return drop_pages(first_index, ~u64{0}); }
  [[nodiscard]] Status drop_pages(u64 first_index, u64 count);
  /// Makes the pages read zero (madvise's MADV_REMOVE). EOPNOTSUPP where the source can't.
  virtual Status punch_hole(u64 first_index, u64 count) {
    (void)first_index, (void)count;
    return Errno{EOPNOTSUPP};
  }
  /// Calls visit(index, frame) for each page that is present, in ascending order.
  template <typename Visit> void for_each_present(Visit &&visit) const {
    pages_.for_each_present(
        PageRange{PageNumber{0}, PageTable::page_limit},
        [&](PageNumber page, PageEntry found, u64) { visit(page.value, found.frame()); });
  }

  /// The object in the copy of a box: itself if the boxes share it. ENOTSUP.
  [[nodiscard]] virtual Result<Ref<PageObject>> copy(Copier &copier);

  [[nodiscard]] FrameArena &frames() const { return frames_; }
  /// Those that are still in a saved box's file counted in.
  [[nodiscard]] u64 pages_present() const { return pages_present_ + saved_pages_; }
  [[nodiscard]] const PageTable &page_table() const { return pages_; }

  /// The pages that are still in a saved box's file, and not present; null: none.
  [[nodiscard]] const SavedRanges *saved_ranges() const { return saved_.get(); }
  /// Page `index` is in the image that the object was restored from, and not present.
  [[nodiscard]] bool is_saved(u64 index) const;

protected:
  /// What a saved box's file has of the object: the number of its image. When reading, the object
  /// has no pages yet.
  void archive_pages(Archive &archive);
  /// Fills zeroed frames with the contents of the pages from `first_index` on; the length is a
  /// multiple of the page size.
  virtual Status fill_pages(u64 first_index, std::span<std::byte> pages) = 0;
  /// The pages that are read from the source together with page `index`: at most
  /// most_read_together, `index` among them.
  [[nodiscard]] virtual PageRange read_together(u64 index) const { return {PageNumber{index}, 1}; }
  static constexpr u64 most_read_together = 16;
  /// What a source that is slow to reach reads together: the aligned 64 KiB around the page, up to
  /// the source's end.
  [[nodiscard]] static PageRange aligned_window(u64 index, u64 source_bytes);
  /// For a clone: this object, which has no pages yet, gets the other's, copy on write. What
  /// mappings show of the other is absent afterwards.
  void share_pages_of(const PageObject &other);

private:
  [[nodiscard]] PageEntry entry(u64 index) const {
    return index < PageTable::page_limit ? pages_.find(PageNumber{index}).at(PageNumber{index})
                                         : PageEntry{};
  }
  [[nodiscard]] Result<Leaf> own_leaf(PageNumber page);
  void mark_shared(PageNumber page);
  void forget_saved(PageRange range);
  [[nodiscard]] Result<FrameNumber> fill(PageNumber page);
  [[nodiscard]] Status fill_range(const Leaf &leaf, PageRange range);
  [[nodiscard]] PageRange absent_around(const Leaf &leaf, PageNumber page) const;
  [[nodiscard]] Status fill_frames(PageNumber first, std::span<const FrameNumber> frames);

  FrameArena &frames_;
  PageTable pages_;
  u64 pages_present_ = 0;
  u64 saved_pages_ = 0;                ///< that aren't present
  std::shared_ptr<SavedRanges> saved_; ///< shared with clones until one side changes it
};

/// Anonymous shared memory, and the pages of in-memory files: absent pages are zero.
class AnonymousPageObject final : public PageObject {
public:
  AnonymousPageObject(FrameArena &frames, u64 size) : PageObject(frames), size_(size) {}
  [[nodiscard]] u64 size() const override { return size_; }
  void set_size(u64 size) { size_ = size; }
  Status punch_hole(u64 first_index, u64 count) override { return drop_pages(first_index, count); }
  /// The same contents, copy on write: what one side writes the other doesn't see.
  [[nodiscard]] Ref<AnonymousPageObject> clone() const;
  [[nodiscard]] Result<Ref<PageObject>> copy(Copier &) override { return Ref<PageObject>(clone()); }
  static Ref<RefCounted> archive_head(Archive &archive, AnonymousPageObject *saved);
  void archive_body(Archive &archive);

protected:
  Status fill_pages(u64, std::span<std::byte>) override { return Done{}; }

private:
  u64 size_;
};

} // namespace tine::memory
