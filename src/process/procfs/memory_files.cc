// /proc/PID/mem and pagemap: a process's memory as a file.
#include "fs/caller.hpp"
#include "fs/plain_files.hpp"
#include "process/procfs/subject.hpp"
#include "process/ptrace.hpp"

#include <algorithm>

namespace tine::process {
namespace {

/// proc(5): what mem and pagemap show is the address space that the process had when they were
/// opened. Nothing can be read of it once no process has it.
class SpaceFile : public fs::SeekableFile {
public:
  SpaceFile(const fs::Path &path, u32 flags, Ref<memory::AddressSpace> space)
      : SeekableFile(path, flags), space_(std::move(space)) {
    space_->add_viewer();
  }
  ~SpaceFile() override { space_->drop_viewer(); }
  Status truncate(u64) override { return Errno{EINVAL}; }

protected:
  /// The same address space's copy; nothing can be read of one that no process has any more.
  template <typename FileType> Result<Ref<fs::File>> copy_as(Copier &copier) {
    const fs::Path place = TINE_TRY(fs::copy_path(copier, place_));
    Ref<memory::AddressSpace> space(copier.find(*space_));
    if (!space)
      space = TINE_TRY(memory::AddressSpace::create(space_->frames()));
    return Ref<fs::File>(make_ref<FileType>(place, status_flags(), std::move(space)));
  }
  [[nodiscard]] bool has_ended() const { return space_->user_count() == 0; }

  Ref<memory::AddressSpace> space_;
};

class MemoryFile final : public SpaceFile {
public:
  using SpaceFile::SpaceFile;
  Result<Ref<fs::File>> make_copy(Copier &copier) override { return copy_as<MemoryFile>(copier); }

  Result<u64> read_at(memory::IoBuffer &to, u64 at) override {
    return by_page(to, at, [&](std::span<std::byte> piece, u64 address) -> Result<u64> {
      if (!space_->force_read(GuestAddress{address}, piece).ok())
        return Errno{EIO};
      return to.copy_out(piece);
    });
  }
  Result<u64> write_at(memory::IoBuffer &from, u64 at) override {
    return by_page(from, at, [&](std::span<std::byte> piece, u64 address) -> Result<u64> {
      const u64 count = TINE_TRY(from.copy_in(piece));
      if (!space_->force_write(GuestAddress{address}, piece.first(count)).ok())
        return Errno{EIO};
      return count;
    });
  }

private:
  template <typename Move> Result<u64> by_page(memory::IoBuffer &buffer, u64 at, Move move) {
    std::array<std::byte, page_size> page;
    u64 total = 0;
    if (has_ended())
      return total;
    while (buffer.remaining() != 0 && at < user_address_limit) {
      const u64 size = std::min(page_size - (at & page_mask), buffer.remaining());
      const Result<u64> count = move(std::span(page).first(size), at);
      if (!count)
        return total != 0 ? Result<u64>{total} : count;
      total += *count;
      at += *count;
      if (*count < size)
        break;
    }
    if (total == 0 && buffer.remaining() != 0)
      return Errno{EIO};
    return total;
  }
};

/// Eight bytes a page: Documentation/admin-guide/mm/pagemap.rst.
class PagemapFile final : public SpaceFile {
public:
  using SpaceFile::SpaceFile;
  Result<Ref<fs::File>> make_copy(Copier &copier) override { return copy_as<PagemapFile>(copier); }

  Result<u64> read_at(memory::IoBuffer &to, u64 at) override {
    if (at % entry_size != 0 || to.remaining() % entry_size != 0)
      return Errno{EINVAL};
    u64 total = 0;
    if (has_ended())
      return total;
    for (u64 page = at / entry_size; to.remaining() != 0 && page < user_address_limit >> page_shift;
         ++page) {
      const u64 entry = entry_of(PageNumber{page});
      const Result<u64> count = to.copy_out(std::as_bytes(std::span(&entry, 1)));
      if (!count)
        return total != 0 ? Result<u64>{total} : count;
      total += *count;
    }
    return total;
  }
  Result<u64> write_at(memory::IoBuffer &, u64) override { return Errno{EINVAL}; }

private:
  static constexpr u64 entry_size = 8;
  static constexpr u64 present = u64{1} << 63, of_file = u64{1} << 61, exclusive = u64{1} << 56;

  [[nodiscard]] u64 entry_of(PageNumber page) const {
    const std::optional<FrameNumber> frame = space_->frame_of(page);
    if (!frame)
      return 0;
    const std::optional<memory::Mapping> mapping = space_->mapping_at(address_of(page));
    const bool is_file = mapping && mapping->object &&
                         mapping->object->present_page(mapping->object_page +
                                                       (page - mapping->range.first)) == *frame;
    const u32 references = space_->frames().reference_count(*frame);
    return present | frame->value | (is_file ? of_file : 0) | (references == 1 ? exclusive : 0);
  }
};

template <typename FileType>
Result<Ref<fs::Inode>> make_space_file(fs::PseudoFs &fs, const Subject &subject,
                                       fs::PseudoAttributes attributes) {
  return fs.special(
      S_IFREG, 0, attributes, [subject](const fs::Path &path, u32 flags) -> Result<Ref<fs::File>> {
        const Thread &thread = *TINE_TRY(subject.thread());
        if (!thread.memory)
          return Errno{ESRCH};
        // proc(5): "governed by a ptrace access mode check".
        const fs::Caller *caller = fs::current_caller();
        const Thread *reader = caller ? subject.kernel.find_thread(caller->thread()) : nullptr;
        if (reader && !check_ptrace_access(*reader, thread).ok())
          return Errno{EACCES};
        return Ref<fs::File>(make_ref<FileType>(path, flags, thread.memory));
      });
}

} // namespace

Result<Ref<fs::Inode>> make_mem(fs::PseudoFs &fs, const Subject &subject,
                                fs::PseudoAttributes attributes) {
  return make_space_file<MemoryFile>(fs, subject, attributes);
}

Result<Ref<fs::Inode>> make_pagemap(fs::PseudoFs &fs, const Subject &subject,
                                    fs::PseudoAttributes attributes) {
  return make_space_file<PagemapFile>(fs, subject, attributes);
}

} // namespace tine::process
