#include "cpu/saved_code.hpp"

#include "base/content_hash.hpp"
#include "cpu/translate.hpp"
#include "cpu/vcpu.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <link.h>
#include <optional>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <Zydis/Zydis.h>

namespace tine::cpu {
namespace {

constexpr u64 magic = 0x33454e4954444f43; // "CODTINE3"

struct FileHeader {
  u64 magic_number = magic;
  u64 key = 0;
  u64 checksum = 0; ///< of the checksums of all chunks, and of this header without it
  u64 hot_bytes = 0, cold_bytes = 0;
  u32 places = 0, sites = 0, links = 0, blocks = 0, pages = 0, last_code_page = 0;
  u32 wasted_runs = 0; ///< changes without the checksum
  u32 unused = 0;
};

/// In steps that stay in the processor's cache, so that what is read is hashed from there.
constexpr std::size_t chunk_bytes = std::size_t{256} << 10;
/// The first use of memory that was just read may cost more than reading it: worth a thread.
constexpr std::size_t worth_a_thread = 4 * chunk_bytes;

/// The part of a file that lies, or is to lie, in memory. `Byte` is const for what is written.
template <typename Byte> struct Chunk {
  std::span<Byte> bytes;
  u64 offset = 0;
  u64 checksum = 0;
};

/// The file's sections in their order, the first after the header, in chunks.
template <typename Byte> class Chunks {
public:
  void add(std::span<Byte> section) {
    while (!section.empty()) {
      const auto bytes = section.first(std::min(section.size(), chunk_bytes));
      chunks_.push_back({bytes, end_});
      end_ += bytes.size();
      section = section.subspan(bytes.size());
    }
  }
  /// Calls `transfer` for each chunk, also by a further thread where it is worth it, and takes
  /// their checksums. False if one can't be transferred.
  template <typename Transfer> [[nodiscard]] bool for_each(Transfer &&transfer) {
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    const auto work = [&] {
      for (std::size_t i = next++; i < chunks_.size() && !failed; i = next++) {
        if (!transfer(chunks_[i]))
          failed = true;
        ContentHash hash;
        hash.add(chunks_[i].bytes);
        chunks_[i].checksum = hash.value();
      }
    };
    if (end_ < worth_a_thread) {
      work();
    } else {
      std::thread helper(work);
      work();
      helper.join();
    }
    return !failed;
  }
  [[nodiscard]] u64 checksum(FileHeader header) const {
    header.checksum = header.wasted_runs = 0;
    ContentHash hash;
    for (const Chunk<Byte> &chunk : chunks_)
      hash.add_object(chunk.checksum);
    hash.add_object(header);
    return hash.value();
  }

private:
  std::vector<Chunk<Byte>> chunks_;
  u64 end_ = sizeof(FileHeader);
};

/// Whole, or not at all.
bool write_at(int fd, std::span<const std::byte> bytes, u64 offset) {
  return ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)) ==
         static_cast<ssize_t>(bytes.size());
}
bool read_at(int fd, std::span<std::byte> bytes, u64 offset) {
  return ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)) ==
         static_cast<ssize_t>(bytes.size());
}
bool read_header(int fd, FileHeader &header) {
  return read_at(fd, std::as_writable_bytes(std::span(&header, 1)), 0);
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
  Chunks<const std::byte> chunks;
  chunks.add(contents.hot);
  chunks.add(contents.cold);
  chunks.add(std::as_bytes(cache.places.records()));
  chunks.add(std::as_bytes(cache.sites.records()));
  chunks.add(std::as_bytes(cache.links.records()));
  chunks.add(std::as_bytes(contents.blocks));
  chunks.add(std::as_bytes(std::span(saved.pages)));
  if (!chunks.for_each([fd](const auto &chunk) { return write_at(fd, chunk.bytes, chunk.offset); }))
    return Errno{EIO};
  header.checksum = chunks.checksum(header);
  if (!write_at(fd, std::as_bytes(std::span(&header, 1)), 0))
    return Errno{EIO};
  return Done{};
}

u32 read_wasted_runs(int fd) {
  FileHeader header;
  return read_header(fd, header) ? header.wasted_runs : 0;
}

Status write_wasted_runs(int fd, u32 wasted_runs) {
  if (!write_at(fd, std::as_bytes(std::span(&wasted_runs, 1)), offsetof(FileHeader, wasted_runs)))
    return Errno{EIO};
  return Done{};
}

Result<SavedPages> read_saved_code(int fd, CodeCache &cache, u64 key) {
  FileHeader header;
  struct stat status {};
  if (!read_header(fd, header) || header.magic_number != magic || header.key != key ||
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
  Chunks<std::byte> chunks;
  chunks.add(room->hot);
  chunks.add(room->cold);
  chunks.add(std::as_writable_bytes(room->places));
  chunks.add(std::as_writable_bytes(room->sites));
  chunks.add(std::as_writable_bytes(room->links));
  chunks.add(std::as_writable_bytes(room->blocks));
  chunks.add(std::as_writable_bytes(std::span(saved.pages)));
  if (!chunks.for_each(
          [fd](const auto &chunk) { return read_at(fd, chunk.bytes, chunk.offset); }) ||
      chunks.checksum(header) != header.checksum) {
    cache.reset();
    return Errno{EINVAL};
  }
  return saved;
}

} // namespace tine::cpu
