#include "fs/memory_fs.hpp"

#include "memory/mapping_registry.hpp"

#include <algorithm>
#include <linux/magic.h>

namespace tine::fs {

MemoryPages::MemoryPages(memory::FrameArena &frames, Ref<HostInode> lower, u64 lower_size)
    : PageObject(frames), lower_(std::move(lower)), lower_limit_(lower_ ? lower_size : 0),
      size_(lower_limit_) {}

Status MemoryPages::fill_pages(u64 first_index, std::span<std::byte> pages) {
  const u64 offset = first_index << page_shift;
  if (offset >= lower_limit_)
    return Done{};
  TINE_TRY(lower_->read_at(pages.first(std::min(pages.size(), lower_limit_ - offset)), offset));
  return Done{};
}

Ref<MemoryPages> MemoryPages::clone() const {
  auto copy = make_ref<MemoryPages>(frames(), lower_, lower_limit_);
  copy->size_ = size_;
  copy->share_pages_of(*this);
  return copy;
}

bool MemoryPages::has_data(u64 index) const {
  return present(index) || is_saved(index) || index << page_shift < lower_limit_;
}

/// mmap(2): "the remaining bytes in the partial page at the end of the mapping are zeroed", and
/// "modifications to that region are not written out to the file": what a mapping wrote behind the
/// end must not show when the end moves past it.
Status MemoryPages::zero_behind_end(u64 new_end) {
  const u64 within = size_ & page_mask;
  const u64 index = size_ >> page_shift;
  if (within == 0 || new_end <= size_ || (!present(index) && !is_saved(index)))
    return Done{};
  const FrameNumber last = TINE_TRY(own_page(index));
  const u64 count = std::min(new_end - size_, page_size - within);
  std::ranges::fill(frames().bytes(last).subspan(within, count), std::byte{0});
  return Done{};
}

Status MemoryPages::set_size(u64 size) {
  TINE_TRY(zero_behind_end(size));
  if (size < size_) {
    const u64 first_gone = round_up_to_page(size) >> page_shift;
    memory::MappingRegistry::unmap_truncated_pages(*this, first_gone);
    // What lies behind the new end reads zero if the file grows again.
    const u64 cut = size >> page_shift;
    if ((size & page_mask) != 0 && (present(cut) || is_saved(cut))) {
      const FrameNumber last = TINE_TRY(own_page(cut));
      std::ranges::fill(frames().bytes(last).subspan(size & page_mask), std::byte{0});
    }
    TINE_TRY(drop_pages_from(first_gone));
    lower_limit_ = std::min(lower_limit_, size);
  }
  size_ = size;
  return Done{};
}

Status MemoryPages::erase(u64 offset, u64 length) {
  const u64 end = std::min(offset + length, size_);
  while (offset < end) {
    const u64 index = offset >> page_shift;
    const u64 within = offset & page_mask;
    const u64 piece = std::min(page_size - within, end - offset);
    const bool whole = within == 0 && (piece == page_size || end == size_);
    if (whole && index << page_shift >= lower_limit_) {
      if (present(index) || is_saved(index)) {
        memory::MappingRegistry::unmap_object_pages(*this, index, 1);
        TINE_TRY(drop_pages(index, 1));
      }
    } else {
      const FrameNumber frame = TINE_TRY(page_for_write(index));
      std::ranges::fill(frames().bytes(frame).subspan(within, piece), std::byte{0});
    }
    offset += piece;
  }
  return Done{};
}

Status MemoryPages::punch_hole(u64 first_index, u64 count) {
  return erase(first_index << page_shift, count << page_shift);
}

Result<u64> MemoryPages::read_at(memory::IoBuffer &to, u64 offset) {
  u64 done = 0;
  while (to.remaining() > 0 && offset < size_) {
    const u64 index = offset >> page_shift;
    u64 piece = std::min({page_size - (offset & page_mask), size_ - offset, to.remaining()});
    Result<u64> copied = Errno{EIO};
    const auto frame = is_saved(index) ? std::optional(TINE_TRY(page(index))) : present_page(index);
    if (frame) {
      copied = to.copy_out(frames().bytes(*frame).subspan(offset & page_mask, piece));
    } else if (offset < lower_limit_) {
      piece = std::min(piece, lower_limit_ - offset);
      std::byte bytes[page_size];
      const Result<u64> read = lower_->read_at(std::span(bytes, piece), offset);
      if (!read || *read == 0) // the host's file has shrunk
        return done > 0 ? Result<u64>(done) : read;
      piece = *read;
      copied = to.copy_out(std::span(bytes, piece));
    } else {
      copied = to.fill_zero(piece);
    }
    if (!copied)
      return done > 0 ? Result<u64>(done) : copied.error();
    done += *copied;
    offset += *copied;
    if (*copied < piece)
      break;
  }
  return done;
}

Result<u64> MemoryPages::write_at(memory::IoBuffer &from, u64 offset) {
  u64 done = 0;
  if (from.remaining() > 0)
    TINE_TRY(zero_behind_end(offset));
  while (from.remaining() > 0) {
    const u64 piece = std::min(page_size - (offset & page_mask), from.remaining());
    const u64 old_size = size_;
    size_ = std::max(size_, offset + piece);
    const Result<FrameNumber> frame = page_for_write(offset >> page_shift);
    const Result<u64> copied =
        frame ? from.copy_in(frames().bytes(*frame).subspan(offset & page_mask, piece))
              : Result<u64>(frame.error() == Errno{ENOMEM} ? Errno{ENOSPC} : frame.error());
    size_ = std::max(old_size, offset + (copied ? *copied : 0));
    if (!copied) {
      size_ = old_size;
      return done > 0 ? Result<u64>(done) : copied.error();
    }
    done += *copied;
    offset += *copied;
    if (*copied < piece)
      break;
  }
  return done;
}

MemoryFs::MemoryFs(memory::FrameArena &frames, const Options &options)
    : frames_(frames), lower_(options.lower), is_secret_(options.is_secret), next_number_(2) {
  if (lower_) {
    // New inodes get numbers that no host file has.
    next_number_ = u64{1} << 44;
    const Ref<HostInode> root = lower_->host_root();
    lower_devices_.push_back(root->remembered().device);
    root_ = show(root);
  } else {
    root_ = make_ref<MemoryInode>(
        *this,
        CreateRequest{S_IFDIR | options.root_mode, options.root_uid, options.root_gid, 0, ""},
        u64{1});
  }
}

MemoryFs::~MemoryFs() = default;

Ref<Inode> MemoryFs::root() {
  return root_;
}

Result<struct statfs> MemoryFs::statistics() {
  struct statfs result {};
  result.f_type = lower_ ? OVERLAYFS_SUPER_MAGIC : TMPFS_MAGIC;
  result.f_bsize = page_size;
  result.f_frsize = page_size;
  result.f_namelen = 255;
  // What can still be written is what the box may still take of memory.
  const u64 total = frames_.limit_bytes() >> page_shift;
  const u64 free = total - std::min(total, frames_.frames_in_use());
  result.f_blocks = total;
  result.f_bfree = result.f_bavail = free;
  result.f_files = total;
  result.f_ffree = free;
  return result;
}

u64 MemoryFs::number_of(u64 lower_device, u64 lower_inode) {
  const auto known = std::ranges::find(lower_devices_, lower_device);
  const u64 index = static_cast<u64>(known - lower_devices_.begin());
  if (known == lower_devices_.end())
    lower_devices_.push_back(lower_device);
  return lower_inode ^ index << 48;
}

Ref<MemoryInode> MemoryFs::show(Ref<HostInode> lower) {
  const Attributes &attributes = lower->remembered();
  const LowerKey key{attributes.device, attributes.inode};
  if (const auto known = shown_.find(key); known != shown_.end())
    return Ref<MemoryInode>(known->second);
  const u64 number = number_of(attributes.device, attributes.inode);
  Ref<MemoryInode> inode = make_ref<MemoryInode>(*this, std::move(lower), number);
  shown_.emplace(key, inode.get());
  return inode;
}

Ref<MemoryInode> MemoryFs::unnamed(const CreateRequest &request) {
  Ref<MemoryInode> inode = make_ref<MemoryInode>(*this, request, next_number_++);
  inode->own_->links = 0;
  return inode;
}

} // namespace tine::fs
