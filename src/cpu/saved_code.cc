#include "cpu/saved_code.hpp"

#include "base/content_hash.hpp"
#include "cpu/translate.hpp"
#include "cpu/vcpu.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <link.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <Zydis/Zydis.h>

namespace tine::cpu {
namespace {

constexpr u64 magic = 0x32454e4954444f43; // "CODTINE2"

struct FileHeader {
  u64 magic_number = magic;
  u64 key = 0;
  u64 checksum = 0; ///< of all sections, and of this header without it
  u64 hot_bytes = 0, cold_bytes = 0;
  u32 places = 0, sites = 0, links = 0, blocks = 0, pages = 0, last_code_page = 0;
  u32 wasted_runs = 0; ///< changes without the checksum
  u32 unused = 0;
};

/// In steps that stay in the processor's cache, so that what is read is hashed from there.
constexpr std::size_t chunk_bytes = std::size_t{256} << 10;

/// A file that is read or written from its start to its end, and its checksum.
class Stream {
public:
  Stream(int fd, u64 offset) : fd_(fd), offset_(offset) {}

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty() && !failed_) {
      const auto chunk = bytes.first(std::min(bytes.size(), chunk_bytes));
      const ssize_t count = ::pwrite(fd_, chunk.data(), chunk.size(), static_cast<off_t>(offset_));
      failed_ = count <= 0;
      if (failed_)
        break;
      hash.add(chunk.first(static_cast<std::size_t>(count)));
      offset_ += static_cast<u64>(count);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
  }
  void read(std::span<std::byte> bytes) {
    while (!bytes.empty() && !failed_) {
      const auto chunk = bytes.first(std::min(bytes.size(), chunk_bytes));
      const ssize_t count = ::pread(fd_, chunk.data(), chunk.size(), static_cast<off_t>(offset_));
      failed_ = count != static_cast<ssize_t>(chunk.size());
      hash.add(chunk);
      offset_ += chunk.size();
      bytes = bytes.subspan(chunk.size());
    }
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] u64 offset() const { return offset_; }

  ContentHash hash;

private:
  int fd_;
  u64 offset_;
  bool failed_ = false;
};

u64 checksum_of(ContentHash hash, FileHeader header) {
  header.checksum = header.wasted_runs = 0;
  hash.add_object(header);
  return hash.value();
}

/// The linker's build id, of the program that runs: a hash of all that it consists of. 0: it has
/// none.
u64 build_id() {
  u64 result = 0;
  ::dl_iterate_phdr(
      [](dl_phdr_info *info, std::size_t, void *data) {
        for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
          const auto &segment = info->dlpi_phdr[i];
          if (segment.p_type != PT_NOTE)
            continue;
          const auto *notes =
              reinterpret_cast<const std::byte *>(info->dlpi_addr + segment.p_vaddr);
          std::span<const std::byte> rest(notes, segment.p_memsz);
          const auto padded = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
          for (ElfW(Nhdr) note; rest.size() >= sizeof note;) {
            std::memcpy(&note, rest.data(), sizeof note);
            const std::size_t size = sizeof note + padded(note.n_namesz) + padded(note.n_descsz);
            if (size > rest.size())
              break;
            if (note.n_type == NT_GNU_BUILD_ID) {
              ContentHash hash;
              hash.add(rest.first(size));
              *static_cast<u64 *>(data) = hash.value();
            }
            rest = rest.subspan(size);
          }
        }
        return 1; // the first is the program itself
      },
      &result);
  return result;
}

} // namespace

u64 saved_code_key(const CodeCache &cache, const Thunks &thunks) {
  const u64 build = build_id();
  if (build == 0)
    return 0;
  ContentHash hash;
  hash.add_object(build);
  hash.add_object(ZydisGetVersion());
  for (const u32 leaf : {0U, 1U, 7U, 13U, 0x80000001U}) {
    CpuidResult result = guest_cpuid(leaf, leaf == 13 ? 1 : 0);
    if (leaf == 1)
      result.ebx = 0; // which of the processors this is
    hash.add_object(result);
  }
  // Blocks jump to them.
  for (const u8 *thunk :
       {thunks.range_miss, thunks.stack_refill, thunks.read_miss, thunks.write_miss, thunks.link,
        thunks.indirect, thunks.helper, thunks.raise, thunks.poll, thunks.step, thunks.system_call,
        thunks.window_read8, thunks.window_read64, thunks.window_write8, thunks.window_write64})
    hash.add_object(cache.offset_of(thunk));
  return hash.value() | 1;
}

Status write_saved_code(int fd, const CodeCache &cache, u64 key, const SavedPages &saved) {
  const CodeCache::Contents contents = cache.contents();
  FileHeader header;
  header.key = key;
  header.hot_bytes = contents.hot.size();
  header.cold_bytes = contents.cold.size();
  header.places = cache.places.size();
  header.sites = cache.sites.size();
  header.links = cache.links.size();
  header.blocks = static_cast<u32>(contents.blocks.size());
  header.pages = static_cast<u32>(saved.pages.size());
  header.last_code_page = saved.last_code_page;
  header.wasted_runs = saved.wasted_runs;
  Stream stream(fd, sizeof header);
  stream.write(contents.hot);
  stream.write(contents.cold);
  stream.write(std::as_bytes(cache.places.records()));
  stream.write(std::as_bytes(cache.sites.records()));
  stream.write(std::as_bytes(cache.links.records()));
  stream.write(std::as_bytes(contents.blocks));
  stream.write(std::as_bytes(std::span(saved.pages)));
  header.checksum = checksum_of(stream.hash, header);
  Stream start(fd, 0);
  start.write(std::as_bytes(std::span(&header, 1)));
  if (stream.failed() || start.failed())
    return Errno{EIO};
  return Done{};
}

u32 read_wasted_runs(int fd) {
  FileHeader header;
  Stream start(fd, 0);
  start.read(std::as_writable_bytes(std::span(&header, 1)));
  return start.failed() ? 0 : header.wasted_runs;
}

Status write_wasted_runs(int fd, u32 wasted_runs) {
  Stream stream(fd, offsetof(FileHeader, wasted_runs));
  stream.write(std::as_bytes(std::span(&wasted_runs, 1)));
  if (stream.failed())
    return Errno{EIO};
  return Done{};
}

Result<SavedPages> read_saved_code(int fd, CodeCache &cache, u64 key) {
  FileHeader header;
  Stream start(fd, 0);
  start.read(std::as_writable_bytes(std::span(&header, 1)));
  struct stat status {};
  if (start.failed() || header.magic_number != magic || header.key != key ||
      ::fstat(fd, &status) != 0)
    return Errno{EINVAL};
  const u64 size = sizeof header + header.hot_bytes + header.cold_bytes +
                   u64{header.places} * sizeof(Place) + u64{header.sites} * sizeof(Site) +
                   u64{header.links} * sizeof(Link) + u64{header.blocks} * sizeof(Block) +
                   u64{header.pages} * sizeof(SavedPage);
  const u64 actual = static_cast<u64>(status.st_size);
  // None of the sections is larger than the file: their sum can't have wrapped around.
  if (header.hot_bytes > actual || header.cold_bytes > actual || size != actual)
    return Errno{EINVAL};
  const std::optional<CodeCache::Room> room =
      cache.make_room({header.hot_bytes, header.cold_bytes, header.places, header.sites,
                       header.links, header.blocks});
  if (!room)
    return Errno{EINVAL};
  SavedPages saved;
  saved.pages.resize(header.pages);
  saved.last_code_page = header.last_code_page;
  saved.wasted_runs = header.wasted_runs;
  Stream stream(fd, sizeof header);
  stream.read(room->hot);
  stream.read(room->cold);
  stream.read(std::as_writable_bytes(room->places));
  stream.read(std::as_writable_bytes(room->sites));
  stream.read(std::as_writable_bytes(room->links));
  stream.read(std::as_writable_bytes(room->blocks));
  stream.read(std::as_writable_bytes(std::span(saved.pages)));
  if (stream.failed() || checksum_of(stream.hash, header) != header.checksum) {
    cache.reset();
    return Errno{EINVAL};
  }
  return saved;
}

} // namespace tine::cpu
