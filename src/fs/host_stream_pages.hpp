// mmap(2) of a standard stream that is a regular file of the host.
#pragma once

#include "base/unique_fd.hpp"
#include "memory/mapping.hpp"
#include "memory/page_object.hpp"

#include <memory>
#include <set>
#include <string>

namespace tine::fs {

class StreamPages;

/// The host descriptors behind standard streams, and the pages of what they lead to while it is
/// mapped. Streams with the same access mode share one: those that reopen(2) or the fork of a box
/// made. Guarded by the kernel lock.
struct StreamDescriptor {
  enum class Kind : u8 { terminal, stream, socket, seekable };
  UniqueFd given;
  UniqueFd own; ///< a description of our own, non-blocking, where the host gives one
  Kind kind = Kind::stream;
  StreamPages *pages = nullptr; ///< not owned: leaves with the last mapping
  [[nodiscard]] int fd() const { return own ? own.get() : given.get(); }
};

/// The pages of a host file that is mapped by its descriptor. The file is the caller's too: its
/// size is asked of the host each time, and what shared mappings changed is written to it by
/// msync(2), before a read(2), and when the last mapping goes.
class StreamPages final : public memory::PageObject {
public:
  StreamPages(memory::FrameArena &frames, std::shared_ptr<StreamDescriptor> stream);
  ~StreamPages() override;
  [[nodiscard]] u64 size() const override;
  void page_may_become_dirty(u64 index) override { dirty_.insert(index); }
  Status write_back(u64 first, u64 count) override;
  /// Bytes were written to the file by its descriptor: pages that are present follow.
  void refresh(u64 offset, u64 length);
  /// The file is about to have this size.
  [[nodiscard]] Status truncate(u64 size);
  /// The file is the same for all boxes.
  [[nodiscard]] Result<Ref<memory::PageObject>> copy(Copier &) override {
    return Ref<memory::PageObject>(this);
  }
  /// Whoever restores the box may give it another stream: what is mapped can't be saved.
  static Ref<RefCounted> archive_head(Archive &archive, StreamPages *saved);

protected:
  Status fill_pages(u64 first_index, std::span<std::byte> pages) override;
  [[nodiscard]] PageRange read_together(u64 index) const override {
    return aligned_window(index, size());
  }

private:
  std::shared_ptr<StreamDescriptor> stream_;
  /// "BUGS: opening a file with the O_APPEND flag should have no effect on the location at which
  /// pwrite() writes data. However, on Linux [it] appends" (pwrite(2)): a description without it.
  UniqueFd writing_;
  std::set<u64> dirty_;
};

/// What a mapping of a standard stream knows of it.
class StreamMapping final : public memory::MappedFile {
public:
  StreamMapping(Ref<StreamPages> pages, std::string name, u64 device, u64 inode)
      : pages_(std::move(pages)), name_(std::move(name)), device_(device), inode_(inode) {}
  [[nodiscard]] Ref<memory::PageObject> pages() override { return pages_; }
  [[nodiscard]] std::string path() const override { return name_; }
  [[nodiscard]] u64 device() const override { return device_; }
  [[nodiscard]] u64 inode() const override { return inode_; }
  [[nodiscard]] Result<Ref<memory::MappedFile>> copy(Copier &) override {
    return Ref<memory::MappedFile>(this);
  }

private:
  Ref<StreamPages> pages_;
  std::string name_;
  u64 device_, inode_;
};

} // namespace tine::fs
