#include "memory/snapshot_file.hpp"

#include "base/content_hash.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <fmt/format.h>
#include <sys/stat.h>
#include <zstd.h>

namespace tine::memory {
namespace {

/// Far more than any box has of them; a file with more is no snapshot.
constexpr u64 largest_section = u64{1} << 30;

template <typename T> std::span<std::byte> bytes_of(T &object) {
  return std::as_writable_bytes(std::span<T, 1>(&object, 1));
}

std::string text_of(std::span<const char> text) {
  return {text.begin(), std::find(text.begin(), text.end(), '\0')};
}

const char *const damaged = "it is damaged, or was not written whole";

} // namespace

u32 block_checksum(u64 number, std::span<const std::byte> stored) {
  ContentHash hash;
  hash.add_object(number);
  hash.add(stored);
  const u64 value = hash.value();
  return static_cast<u32>(value ^ (value >> 32));
}

u64 section_checksum(std::span<const std::byte> bytes) {
  ContentHash hash;
  hash.add(bytes);
  return hash.value();
}

std::variant<Ref<SnapshotFile>, std::string> SnapshotFile::open(UniqueFd file) {
  Ref<SnapshotFile> made(new SnapshotFile(std::move(file)));
  if (std::string wrong = made->load(); !wrong.empty())
    return wrong;
  return made;
}

bool SnapshotFile::read(u64 offset, std::span<std::byte> to) const {
  while (!to.empty()) {
    const ssize_t count = ::pread(file_.get(), to.data(), to.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    offset += static_cast<u64>(count);
    to = to.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

bool SnapshotFile::read_section(const SnapshotSection &section, std::span<std::byte> to) const {
  return read(section.offset, to) && section_checksum(to) == section.checksum;
}

/// The version is looked at before the checksum: a newer tine's header may be longer.
std::string SnapshotFile::check_header(u64 file_bytes) const {
  if (header_.version != snapshot_version)
    return fmt::format("it has format {}, written by tine {}; this tine reads format {}",
                       header_.version, text_of(header_.tine_version), snapshot_version);
  if (header_.header_bytes != sizeof header_ ||
      section_checksum(
          std::as_bytes(std::span(&header_, 1)).first(offsetof(SnapshotHeader, checksum))) !=
          header_.checksum ||
      header_.file_bytes != file_bytes)
    return damaged;
  for (const SnapshotSection *section :
       {&header_.features, &header_.objects, &header_.images, &header_.index})
    if ((section->bytes > largest_section && section != &header_.index) ||
        section->bytes > file_bytes || section->offset > file_bytes - section->bytes)
      return damaged;
  const u64 blocks = header_.index.bytes / sizeof(BlockEntry);
  if (header_.index.bytes % sizeof(BlockEntry) != 0 || blocks > ~u32{0} ||
      header_.page_blocks > blocks ||
      header_.stored_pages > header_.page_blocks * pages_per_block ||
      header_.nodes > (blocks - header_.page_blocks) * nodes_per_block ||
      header_.images.bytes % sizeof(u32) != 0 ||
      header_.stored_pages > ~u32{0} - first_stored_page || header_.nodes > ~u32{0} - 1)
    return damaged;
  return {};
}

std::string SnapshotFile::load() {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0)
    return std::strerror(errno);
  if (!S_ISREG(status.st_mode))
    return "it is no file that a box was saved in";
  const auto file_bytes = static_cast<u64>(status.st_size);
  if (!read(0, bytes_of(header_.magic)) || header_.magic != snapshot_magic)
    return "it is no file that a box was saved in";
  if (!read(0, bytes_of(header_).first(std::min<u64>(sizeof header_, file_bytes))))
    return damaged;
  if (std::string wrong = check_header(file_bytes); !wrong.empty())
    return wrong;
  block_count_ = header_.index.bytes / sizeof(BlockEntry);
  features_.resize(header_.features.bytes);
  objects_.resize(header_.objects.bytes);
  images_.resize(header_.images.bytes / sizeof(u32));
  if (!read_section(header_.features, std::as_writable_bytes(std::span(features_))) ||
      !read_section(header_.objects, objects_) ||
      !read_section(header_.images, std::as_writable_bytes(std::span(images_))))
    return damaged;
  for (const u32 root : images_)
    if (root > header_.nodes)
      return damaged;
  return {};
}

Status SnapshotFile::read_block(u64 number, std::span<std::byte> to) const {
  BlockEntry entry;
  if (number >= block_count_ ||
      !read(header_.index.offset + number * sizeof entry, bytes_of(entry)) ||
      entry.stored_bytes > block_bytes || entry.offset > header_.file_bytes)
    return Errno{EIO};
  if (entry.stored_bytes == block_bytes) {
    if (!read(entry.offset, to) || block_checksum(number, to) != entry.checksum)
      return Errno{EIO};
    return Done{};
  }
  const auto stored = std::make_unique<std::byte[]>(entry.stored_bytes);
  const std::span<std::byte> bytes(stored.get(), entry.stored_bytes);
  if (!read(entry.offset, bytes) || block_checksum(number, bytes) != entry.checksum ||
      ZSTD_decompress(to.data(), to.size(), bytes.data(), bytes.size()) != block_bytes)
    return Errno{EIO};
  return Done{};
}

} // namespace tine::memory
