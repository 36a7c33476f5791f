#include "memory/snapshot_file.hpp"
#include "memory/snapshot_writer.hpp"

#include <cstring>
#include <zstd.h>

namespace tine::memory {
namespace {

/// Level -9 takes two thirds of the time that -1 takes for a heap of python3, and a third for
/// arrays of numbers. Longer matches and a table that fits the first cache make text a quarter
/// faster still, and everything smaller.
constexpr std::pair<ZSTD_cParameter, int> compression[] = {
    {ZSTD_c_compressionLevel, -9}, {ZSTD_c_minMatch, 7}, {ZSTD_c_hashLog, 13}};
/// Blocks that wait for a thread; whoever adds more writes one itself, instead of sleeping and
/// being woken for each.
constexpr std::size_t most_waiting = 64;
/// What is given to the host at once, to a place that begins with a whole page. A save of a GiB
/// takes a third longer with blocks of 64 KiB, each where the last one ended, and half as long
/// again with 4 MiB, for which the threads wait for each other.
constexpr std::size_t chunk_bytes = 1 << 20;
/// What is written between two flushes to the disk.
constexpr u64 flushed_at_once = 8 << 20;
/// What saves less than an eighth is stored as it is: it is read faster.
constexpr std::size_t worth_it = block_bytes - block_bytes / 8;

} // namespace

/// What a thread needs. It puts its blocks together in `chunk`.
struct BlockWriter::Workspace {
  Workspace() {
    for (const auto &[parameter, value] : compression)
      ZSTD_CCtx_setParameter(context.get(), parameter, value);
  }
  std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx *)> context{ZSTD_createCCtx(),
                                                                   ZSTD_freeCCtx};
  std::unique_ptr<std::byte[]> plain = std::make_unique<std::byte[]>(block_bytes);
  std::unique_ptr<std::byte[]> chunk = std::make_unique<std::byte[]>(chunk_bytes);
  std::size_t used = 0;                           ///< of the chunk
  std::vector<std::pair<u64, BlockEntry>> blocks; ///< in the chunk, their offsets, too; by number
};

BlockWriter::BlockWriter(int file, u64 first_offset, unsigned threads)
    : file_(file), end_(first_offset), flushed_(first_offset), own_(std::make_unique<Workspace>()) {
  for (unsigned i = 0; i < threads; ++i)
    threads_.emplace_back([this] { work(); });
  threads_.emplace_back([this] { flush_ahead(); });
}

BlockWriter::~BlockWriter() {
  static_cast<void>(finish());
}

void BlockWriter::add(Block block) {
  Block first;
  {
    const std::lock_guard guard(mutex_);
    waiting_.push_back(std::move(block));
    if (waiting_.size() <= most_waiting) {
      more_.notify_one();
      return;
    }
    first = std::move(waiting_.front());
    waiting_.pop_front();
  }
  pack(first, *own_);
}

Status BlockWriter::finish() {
  if (own_)
    write_chunk(*own_);
  own_ = nullptr;
  {
    const std::lock_guard guard(mutex_);
    done_ = true;
  }
  more_.notify_all();
  unflushed_.notify_all();
  for (std::thread &thread : threads_)
    thread.join();
  threads_.clear();
  if (error_ != 0)
    return Errno{error_};
  return Done{};
}

void BlockWriter::work() {
  Workspace workspace;
  for (;;) {
    Block block;
    {
      std::unique_lock guard(mutex_);
      more_.wait(guard, [this] { return done_ || !waiting_.empty(); });
      if (waiting_.empty())
        break;
      block = std::move(waiting_.front());
      waiting_.pop_front();
    }
    pack(block, workspace);
  }
  write_chunk(workspace);
}

/// The last fsync(2) has little left to do then. The disk works while the processors compress:
/// sync_file_range(2) wouldn't do, as it leaves the data in the disk's own cache.
void BlockWriter::flush_ahead() {
  std::unique_lock guard(mutex_);
  for (;;) {
    unflushed_.wait(guard, [this] { return done_ || end_ - flushed_ >= flushed_at_once; });
    if (done_)
      return;
    flushed_ = end_;
    guard.unlock();
    // An error is reported once for a descriptor: the fsync(2) that follows wouldn't see it.
    const int failed = ::fdatasync(file_) != 0 ? errno : 0;
    guard.lock();
    if (failed != 0)
      error_ = failed;
  }
}

/// Frames mostly are neighbours, as their pages are.
std::span<const std::byte> BlockWriter::contents_of(const Block &block, std::span<std::byte> room) {
  if (block.owned)
    return {block.owned.get(), block_bytes};
  bool neighbours = true;
  for (std::size_t i = 0; i < pages_per_block; ++i)
    neighbours = neighbours && block.pages[i] == block.pages[0] + i * page_size;
  if (neighbours)
    return {block.pages[0], block_bytes};
  for (std::size_t i = 0; i < pages_per_block; ++i)
    if (block.pages[i] != nullptr)
      std::memcpy(room.data() + i * page_size, block.pages[i], page_size);
    else
      std::memset(room.data() + i * page_size, 0, page_size);
  return room;
}

void BlockWriter::pack(const Block &block, Workspace &workspace) {
  if (chunk_bytes - workspace.used < block_bytes)
    write_chunk(workspace);
  std::byte *const to = workspace.chunk.get() + workspace.used;
  const auto bytes = contents_of(block, {workspace.plain.get(), block_bytes});
  std::size_t size =
      ZSTD_compress2(workspace.context.get(), to, worth_it, bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0) {
    size = bytes.size();
    std::memcpy(to, bytes.data(), size);
  }
  workspace.blocks.emplace_back(block.number, BlockEntry{workspace.used, static_cast<u32>(size),
                                                         block_checksum(block.number, {to, size})});
  workspace.used += size;
}

void BlockWriter::write_chunk(Workspace &workspace) {
  const std::size_t size = round_up_to_page(workspace.used);
  std::memset(workspace.chunk.get() + workspace.used, 0, size - workspace.used);
  u64 offset = 0;
  int failed = 0;
  {
    const std::lock_guard guard(mutex_);
    offset = std::exchange(end_, end_ + size);
    for (const auto &[number, entry] : workspace.blocks) {
      if (index_.size() <= number)
        index_.resize(number + 1);
      index_[number] = {offset + entry.offset, entry.stored_bytes, entry.checksum};
    }
    failed = error_;
  }
  std::span<const std::byte> bytes{workspace.chunk.get(), size};
  workspace.blocks.clear();
  workspace.used = 0;
  while (failed == 0 && !bytes.empty()) {
    const ssize_t count = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0) {
      failed = count < 0 ? errno : ENOSPC;
      const std::lock_guard guard(mutex_);
      error_ = failed;
      break;
    }
    offset += static_cast<u64>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  unflushed_.notify_one();
}

} // namespace tine::memory
