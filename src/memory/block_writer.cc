#include "memory/snapshot_file.hpp"
#include "memory/snapshot_writer.hpp"

#include <cstring>
#include <zstd.h>

namespace tine::memory {
namespace {

/// Text shrinks by 3.6 (by 4.0 at -1) and as fast as at any level above; arrays of numbers and
/// pointers take a third of the time that they take at -1.
constexpr int compression_level = -10;
/// Blocks that wait for a thread; whoever adds more writes one itself, instead of sleeping and
/// being woken for each.
constexpr std::size_t most_waiting = 64;
/// What saves less than an eighth is stored as it is: it is read faster.
constexpr std::size_t worth_it = block_bytes - block_bytes / 8;

} // namespace

/// What a thread needs to compress.
struct BlockWriter::Workspace {
  std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx *)> context{ZSTD_createCCtx(),
                                                                   ZSTD_freeCCtx};
  std::unique_ptr<std::byte[]> plain = std::make_unique<std::byte[]>(block_bytes);
  std::unique_ptr<std::byte[]> packed = std::make_unique<std::byte[]>(block_bytes);
};

BlockWriter::BlockWriter(int file, u64 first_offset, unsigned threads)
    : file_(file), end_(first_offset), own_(std::make_unique<Workspace>()) {
  for (unsigned i = 0; i < threads; ++i)
    threads_.emplace_back([this] { work(); });
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
  write(first, *own_);
}

Status BlockWriter::finish() {
  {
    const std::lock_guard guard(mutex_);
    done_ = true;
  }
  more_.notify_all();
  for (std::thread &thread : threads_)
    thread.join();
  threads_.clear();
  if (error_ != 0)
    return Errno{error_};
  return Done{};
}

void BlockWriter::work() {
  const Workspace workspace;
  for (;;) {
    Block block;
    {
      std::unique_lock guard(mutex_);
      more_.wait(guard, [this] { return done_ || !waiting_.empty(); });
      if (waiting_.empty())
        return;
      block = std::move(waiting_.front());
      waiting_.pop_front();
    }
    write(block, workspace);
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

void BlockWriter::write(const Block &block, const Workspace &workspace) {
  std::byte *const packed = workspace.packed.get();
  std::span<const std::byte> bytes = contents_of(block, {workspace.plain.get(), block_bytes});
  const std::size_t size = ZSTD_compressCCtx(workspace.context.get(), packed, worth_it,
                                             bytes.data(), bytes.size(), compression_level);
  if (ZSTD_isError(size) == 0)
    bytes = {packed, size};
  BlockEntry entry{0, static_cast<u32>(bytes.size()), block_checksum(block.number, bytes)};
  {
    const std::lock_guard guard(mutex_);
    entry.offset = end_;
    end_ += bytes.size();
    if (index_.size() <= block.number)
      index_.resize(block.number + 1);
    index_[block.number] = entry;
    if (error_ != 0)
      return;
  }
  u64 offset = entry.offset;
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0) {
      const std::lock_guard guard(mutex_);
      error_ = count < 0 ? errno : ENOSPC;
      return;
    }
    offset += static_cast<u64>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

} // namespace tine::memory
