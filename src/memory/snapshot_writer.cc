#include "memory/snapshot_writer.hpp"

#include "base/content_hash.hpp"
#include "memory/saved_image.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace tine::memory {
namespace {

/// With the caller's.
constexpr unsigned most_threads = 4;

bool is_zero(const std::byte *page) {
  u64 words[8];
  for (u64 at = 0; at < page_size; at += sizeof words) {
    std::memcpy(words, page + at, sizeof words);
    if ((words[0] | words[1] | words[2] | words[3] | words[4] | words[5] | words[6] | words[7]) !=
        0)
      return false;
  }
  return true;
}

u64 content_of(std::span<const std::byte> bytes) {
  ContentHash hash;
  hash.add(bytes);
  return hash.value();
}

} // namespace

u32 ImageList::add(AddressSpace &space) {
  const auto [place, added] =
      spaces_.try_emplace(space.identity_of_memory(), static_cast<u32>(sources_.size()));
  if (added)
    sources_.push_back({Ref<AddressSpace>(&space), {}});
  return place->second;
}

u32 ImageList::add(PageObject &object) {
  sources_.push_back({{}, Ref<PageObject>(&object)});
  return static_cast<u32>(sources_.size() - 1);
}

ImageSource::ImageSource(Ref<SnapshotPages> pages) : pages_(std::move(pages)) {}
ImageSource::~ImageSource() = default;

std::unique_ptr<SavedRanges> ImageSource::image(u32 number) const {
  const auto images = pages_->file().images();
  if (number >= images.size())
    return nullptr;
  return std::make_unique<SavedRanges>(make_ref<SavedImage>(pages_, images[number]));
}

SnapshotWriter::SnapshotWriter(FrameArena &frames, KernelLock &lock, int file)
    : frames_(frames), lock_(lock), file_(file),
      blocks_(file, round_up_to_page(sizeof(SnapshotHeader)),
              std::clamp(std::thread::hardware_concurrency(), 2U, most_threads) - 1) {}

Status SnapshotWriter::write_images(const ImageList &images) {
  for (const ImageList::Source &source : images.sources())
    roots_.push_back(
        TINE_TRY(source.space ? write_space(*source.space) : write_object(*source.object)));
  return Done{};
}

Result<u32> SnapshotWriter::write_space(AddressSpace &space) {
  std::vector<Page> pages;
  Status problem = Done{};
  TINE_TRY(space.for_each_private_page(lock_, [&](const AddressSpace::PrivatePage &page) {
    if (page.frame) {
      pages.push_back({page.page.value, store_frame(*page.frame)});
      return;
    }
    if (const Result<u32> stored = store_saved(*space.saved_ranges(), page.saved))
      pages.push_back({page.page.value, *stored});
    else
      problem = stored.error();
  }));
  TINE_TRY(std::move(problem));
  return make_tree(std::move(pages));
}

Result<u32> SnapshotWriter::write_object(PageObject &object) {
  std::vector<Page> pages;
  object.for_each_present([&](u64 index, FrameNumber frame) {
    pages.push_back({index, store_frame(frame)});
  });
  if (const SavedRanges *saved = object.saved_ranges()) {
    const std::size_t present = pages.size();
    const std::vector<Page> unused = TINE_TRY(saved_pages(object, *saved));
    for (const Page &found : unused) {
      const u32 stored = TINE_TRY(store_saved(*saved, found.stored));
      pages.push_back({found.index, stored});
    }
    std::inplace_merge(pages.begin(), pages.begin() + static_cast<std::ptrdiff_t>(present),
                       pages.end(), [](const Page &a, const Page &b) { return a.index < b.index; });
  }
  return make_tree(std::move(pages));
}

/// Those that nobody has used since the box was restored, with what their file has for them. The
/// nodes of the file's images are read when they are used, by running boxes, too: with the lock.
Result<std::vector<SnapshotWriter::Page>> SnapshotWriter::saved_pages(PageObject &object,
                                                                      const SavedRanges &saved) {
  std::vector<Page> pages;
  for (const SavedRanges::Range &range : saved.ranges()) {
    const KernelGuard guard(lock_);
    TINE_TRY(saved.image().for_each(range.image_page, range.range.count, [&](u64 page, u32 found) {
      const u64 index = range.range.first.value + (page - range.image_page);
      if (!object.present(index))
        pages.push_back({index, found});
    }));
  }
  return pages;
}

/// A page that nobody has used since the box was restored goes from file to file.
Result<u32> SnapshotWriter::store_saved(const SavedRanges &ranges, u32 found) {
  if (found == page_zero)
    return page_zero;
  SnapshotPages &from = ranges.image().pages();
  const auto key = std::pair<const void *, u32>(&from, found);
  if (const auto known = saved_.find(key); known != saved_.end())
    return known->second;
  std::array<std::byte, page_size> page;
  {
    const KernelGuard guard(lock_);
    TINE_TRY(from.read_page(found - first_stored_page, page));
  }
  const u32 stored = store(page.data(), false, FrameArena::zero_frame);
  saved_.emplace(key, stored);
  return stored;
}

u32 SnapshotWriter::store_frame(FrameNumber frame) {
  if (frame == FrameArena::zero_frame)
    return page_zero;
  const std::size_t group = frame.value / frames_per_group;
  if (by_frame_.size() <= group)
    by_frame_.resize(group + 1);
  if (!by_frame_[group])
    by_frame_[group] = std::make_unique<FrameGroup>();
  u32 &stored = (*by_frame_[group])[frame.value % frames_per_group];
  if (stored == 0)
    stored = store(frames_.pointer(frame), true, frame);
  return stored;
}

/// `stays`: the page is there until the file is finished.
u32 SnapshotWriter::store(const std::byte *page, bool stays, FrameNumber frame) {
  if (is_zero(page))
    return page_zero;
  const auto [place, added] = by_content_.try_emplace(
      content_of({page, page_size}), static_cast<u32>(stored_pages_) + first_stored_page);
  // Equal checksums are no proof.
  if (!added) {
    const FrameNumber other = frame_of_[place->second - first_stored_page];
    if (other != FrameArena::zero_frame &&
        std::memcmp(frames_.pointer(other), page, page_size) == 0)
      return place->second;
  }
  const auto number = static_cast<u32>(stored_pages_++);
  frame_of_.push_back(frame);
  const u64 slot = number % pages_per_block;
  if (stays && !block_.owned) {
    block_.pages[slot] = page;
  } else {
    if (!block_.owned) {
      block_.owned = std::make_unique<std::byte[]>(block_bytes);
      for (u64 before = 0; before < slot; ++before)
        std::memcpy(block_.owned.get() + before * page_size, block_.pages[before], page_size);
    }
    std::memcpy(block_.owned.get() + slot * page_size, page, page_size);
  }
  if (slot == pages_per_block - 1)
    flush();
  return number + first_stored_page;
}

void SnapshotWriter::flush() {
  if (stored_pages_ == 0 || (block_.pages[0] == nullptr && !block_.owned))
    return;
  block_.number = (stored_pages_ - 1) / pages_per_block;
  blocks_.add(std::exchange(block_, {}));
}

/// From the leaves up; equal nodes are one node.
u32 SnapshotWriter::make_tree(std::vector<Page> pages) {
  for (u32 level = 0; level < PageTable::levels; ++level) {
    std::vector<Page> above;
    for (std::size_t next = 0; next < pages.size();) {
      Node node{};
      const u64 group = pages[next].index / node_entries;
      for (; next < pages.size() && pages[next].index / node_entries == group; ++next)
        node[pages[next].index % node_entries] = pages[next].stored;
      above.push_back({group, make_node(node)});
    }
    pages = std::move(above);
  }
  return pages.empty() ? 0 : pages.front().stored;
}

u32 SnapshotWriter::make_node(const Node &node) {
  const u64 content = content_of(std::as_bytes(std::span(node)));
  const auto [first, last] = by_node_.equal_range(content);
  for (auto known = first; known != last; ++known)
    if (nodes_[known->second - 1] == node)
      return known->second;
  nodes_.push_back(node);
  const auto number = static_cast<u32>(nodes_.size());
  by_node_.emplace(content, number);
  return number;
}

Status SnapshotWriter::write_section(SnapshotSection &section, std::span<const std::byte> bytes) {
  section = {end_, bytes.size(), section_checksum(bytes)};
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(end_));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return Errno{count < 0 ? errno : ENOSPC};
    end_ += static_cast<u64>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return Done{};
}

Status SnapshotWriter::finish(std::span<const std::byte> objects, const std::string &features,
                              const std::string &tine_version) {
  flush();
  SnapshotHeader header;
  header.page_blocks = (stored_pages_ + pages_per_block - 1) / pages_per_block;
  for (u64 first = 0; first < nodes_.size(); first += nodes_per_block) {
    BlockWriter::Block block;
    block.number = header.page_blocks + first / nodes_per_block;
    block.owned = std::make_unique<std::byte[]>(block_bytes);
    const u64 count = std::min<u64>(nodes_per_block, nodes_.size() - first);
    std::memcpy(block.owned.get(), nodes_.data() + first, count * sizeof(Node));
    blocks_.add(std::move(block));
  }
  TINE_TRY(blocks_.finish());
  end_ = blocks_.end();
  TINE_TRY(write_section(header.features, std::as_bytes(std::span(features))));
  TINE_TRY(write_section(header.objects, objects));
  TINE_TRY(write_section(header.images, std::as_bytes(std::span(roots_))));
  TINE_TRY(write_section(header.index, std::as_bytes(std::span(blocks_.index()))));
  header.header_bytes = sizeof header;
  tine_version.copy(header.tine_version.data(), header.tine_version.size() - 1);
  header.file_bytes = end_;
  header.stored_pages = stored_pages_;
  header.nodes = nodes_.size();
  const auto bytes = std::as_bytes(std::span(&header, 1));
  header.checksum = section_checksum(bytes.first(offsetof(SnapshotHeader, checksum)));
  if (::pwrite(file_, &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header))
    return Errno{errno};
  return Done{};
}

} // namespace tine::memory
