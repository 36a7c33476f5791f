// Writes a saved box's file: images of memory, then the objects that refer to them.
#pragma once

#include "base/kernel_lock.hpp"
#include "memory/address_space.hpp"
#include "memory/page_object.hpp"
#include "memory/snapshot_format.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <tsl/robin_map.h>
#include <unordered_map>
#include <vector>

namespace tine::memory {

class SnapshotPages;

/// The memory that a box's objects refer to, while they are archived: each gets the number of its
/// image. Keeps the owners.
class ImageList {
public:
  struct Source {
    Ref<AddressSpace> space;
    Ref<PageObject> object; ///< one of both
  };
  [[nodiscard]] u32 add(AddressSpace &space);
  [[nodiscard]] u32 add(PageObject &object);
  [[nodiscard]] const std::vector<Source> &sources() const { return sources_; }

private:
  std::vector<Source> sources_;
  std::map<std::array<const void *, 3>, u32> spaces_; ///< those that share all share an image
};

/// The images of a file that is read, for the objects that ask for theirs by number.
class ImageSource {
public:
  explicit ImageSource(Ref<SnapshotPages> pages);
  ~ImageSource();
  ImageSource(const ImageSource &) = delete;
  ImageSource &operator=(const ImageSource &) = delete;
  /// The ranges of a whole image; null if the file doesn't have it.
  [[nodiscard]] std::unique_ptr<SavedRanges> image(u32 number) const;

private:
  Ref<SnapshotPages> pages_;
};

/// Compresses and writes blocks with threads of its own, and with the caller's when they have
/// enough to do. A block that was given is written at some time before finish(), and most of the
/// file is on the disk by then.
class BlockWriter {
public:
  BlockWriter(int file, u64 first_offset, unsigned threads);
  ~BlockWriter();
  BlockWriter(const BlockWriter &) = delete;
  BlockWriter &operator=(const BlockWriter &) = delete;

  struct Block {
    u64 number = 0;
    std::array<const std::byte *, pages_per_block> pages{}; ///< valid until finish(); null: zero
    std::unique_ptr<std::byte[]> owned;                     ///< instead of `pages`
  };
  void add(Block block);
  /// EIO, ENOSPC, ...: of the first write that failed.
  [[nodiscard]] Status finish();
  [[nodiscard]] const std::vector<BlockEntry> &index() const { return index_; }
  /// Where the file ends: at a whole page.
  [[nodiscard]] u64 end() const { return end_; }

private:
  [[nodiscard]] static std::span<const std::byte> contents_of(const Block &block,
                                                              std::span<std::byte> room);
  struct Workspace;
  void work();
  void pack(const Block &block, Workspace &workspace);
  void write_chunk(Workspace &workspace);
  void flush_ahead();

  int file_;
  std::mutex mutex_;
  std::condition_variable more_, unflushed_;
  std::deque<Block> waiting_;
  bool done_ = false;
  int error_ = 0;
  u64 end_;
  u64 flushed_; ///< the file's end when it was last flushed
  std::vector<BlockEntry> index_;
  std::unique_ptr<Workspace> own_; ///< the caller's
  std::vector<std::thread> threads_;
};

/// Used once. Of a box that never runs.
class SnapshotWriter {
public:
  SnapshotWriter(FrameArena &frames, KernelLock &lock, int file);
  /// An image for each of the list's.
  [[nodiscard]] Status write_images(const ImageList &images);
  /// The rest of the file, and its header. The file is not synchronized yet.
  [[nodiscard]] Status finish(std::span<const std::byte> objects, const std::string &features,
                              const std::string &tine_version);

private:
  struct Page {
    u64 index;
    u32 stored;
  };
  using Node = std::array<u32, node_entries>;
  /// What is stored of neighbouring frames; 0: not looked at yet.
  static constexpr std::size_t frames_per_group = 1024;
  using FrameGroup = std::array<u32, frames_per_group>;

  [[nodiscard]] Result<u32> write_space(AddressSpace &space);
  [[nodiscard]] Result<u32> write_object(PageObject &object);
  [[nodiscard]] Result<std::vector<Page>> saved_pages(PageObject &object, const SavedRanges &saved);
  [[nodiscard]] Result<u32> store_saved(const SavedRanges &ranges, u32 found);
  [[nodiscard]] u32 store_frame(FrameNumber frame);
  [[nodiscard]] u32 store(const std::byte *page, bool stays, FrameNumber frame);
  [[nodiscard]] u32 make_tree(std::vector<Page> pages);
  [[nodiscard]] u32 make_node(const Node &node);
  void flush();
  [[nodiscard]] Status write_section(SnapshotSection &section, std::span<const std::byte> bytes);

  FrameArena &frames_;
  KernelLock &lock_;
  int file_;
  BlockWriter blocks_;
  BlockWriter::Block block_;
  std::vector<std::unique_ptr<FrameGroup>> by_frame_;
  tsl::robin_map<u64, u32> by_content_;               ///< checksum of a page to its number
  std::map<std::pair<const void *, u32>, u32> saved_; ///< pages of files that are still unread
  std::vector<FrameNumber> frame_of_;                 ///< by page; the zero frame: not a frame's
  u64 stored_pages_ = 0;
  std::vector<Node> nodes_;
  std::unordered_multimap<u64, u32> by_node_;
  std::vector<u32> roots_;
  u64 end_ = 0;
};

} // namespace tine::memory
