// What a mapping of a file, of shared memory or of a memfd is a window on: pages by index. Linux's
// struct address_space, the page cache of one file.
#pragma once

#include "base/ref.hpp"
#include "memory/frame_arena.hpp"

#include <map>
#include <optional>

namespace tine::memory {

/// Owns one reference to each frame that it holds. Pages that are absent are filled on first use by
/// fill_page. A page object outlives its mappings. Guarded by the kernel lock.
class PageObject : public RefCounted {
public:
  explicit PageObject(FrameArena &frames) : frames_(frames) {}
  ~PageObject() override;

  /// The frame of page `index`, filled if need be. The reference stays the object's: take one to
  /// keep. ENOMEM, EIO from the file; EFAULT beyond the end of the object (a fault there is
  /// SIGBUS).
  [[nodiscard]] Result<FrameNumber> page(u64 index);
  /// The same, to be written into by the kernel or through a shared mapping: it becomes dirty, and
  /// translated code that was made from it goes.
  [[nodiscard]] Result<FrameNumber> page_for_write(u64 index);
  /// Whether the page is present.
  [[nodiscard]] bool present(u64 index) const { return pages_.contains(index); }
  /// The frame, if the page is present and exists.
  [[nodiscard]] std::optional<FrameNumber> present_page(u64 index) const {
    const auto found = pages_.find(index);
    return found == pages_.end() ? std::nullopt : std::optional(found->second);
  }
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
  /// told first: see unmap_object_pages() in mapping_registry.hpp.
  void drop_pages_from(u64 first_index) { drop_pages(first_index, ~u64{0}); }
  void drop_pages(u64 first_index, u64 count);
  /// Makes the pages read zero (madvise's MADV_REMOVE). EOPNOTSUPP where the source can't.
  virtual Status punch_hole(u64 first_index, u64 count) {
    (void)first_index, (void)count;
    return Errno{EOPNOTSUPP};
  }
  /// Calls visit(index, frame) for each page that is present.
  template <typename Visit> void for_each_present(Visit &&visit) const {
    for (const auto &[index, frame] : pages_)
      visit(index, frame);
  }

  [[nodiscard]] FrameArena &frames() const { return frames_; }
  [[nodiscard]] u64 pages_present() const { return pages_.size(); }

protected:
  /// Fills a zeroed frame with the contents of page `index`.
  virtual Status fill_page(u64 index, std::span<std::byte, page_size> frame) = 0;

private:
  FrameArena &frames_;
  std::map<u64, FrameNumber> pages_;
};

/// Anonymous shared memory, and the pages of in-memory files: absent pages are zero.
class AnonymousPageObject final : public PageObject {
public:
  AnonymousPageObject(FrameArena &frames, u64 size) : PageObject(frames), size_(size) {}
  [[nodiscard]] u64 size() const override { return size_; }
  void set_size(u64 size) { size_ = size; }
  Status punch_hole(u64 first_index, u64 count) override {
    drop_pages(first_index, count);
    return Done{};
  }

protected:
  Status fill_page(u64, std::span<std::byte, page_size>) override { return Done{}; }

private:
  u64 size_;
};

} // namespace tine::memory
