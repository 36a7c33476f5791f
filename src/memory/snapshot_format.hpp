// The file that a box is saved in: docs/snapshot-format.md. All numbers are little endian.
#pragma once

#include "base/types.hpp"

#include <array>

namespace tine::memory {

inline constexpr std::array<char, 8> snapshot_magic = {'T', 'I', 'N', 'E', 'B', 'O', 'X', '\n'};
/// Another number for each change that an older tine would misread.
inline constexpr u32 snapshot_version = 7;

/// Contents of pages and nodes are stored in blocks, which are compressed one by one.
inline constexpr u64 block_bytes = u64{64} << 10;
inline constexpr u64 pages_per_block = block_bytes / page_size;
inline constexpr u64 node_entries = 64;
inline constexpr u64 nodes_per_block = block_bytes / (node_entries * sizeof(u32));

/// What stands for a page in a leaf of an image: nothing, a page of zeros, or a stored page.
inline constexpr u32 page_absent = 0, page_zero = 1, first_stored_page = 2;

/// Bytes of the file with their checksum.
struct SnapshotSection {
  u64 offset = 0, bytes = 0, checksum = 0;
};

/// At the start of the file. The checksum is that of the bytes before it.
struct SnapshotHeader {
  std::array<char, 8> magic = snapshot_magic;
  u32 version = snapshot_version;
  u32 header_bytes = 0;
  std::array<char, 32> tine_version{}; ///< text, of who wrote it
  u64 file_bytes = 0;                  ///< all of them
  SnapshotSection features;            ///< of the processor, as the box was told: a name a line
  SnapshotSection objects;             ///< base/archive.hpp
  SnapshotSection images;              ///< the root node of each, u32
  SnapshotSection index;               ///< one BlockEntry each; not checked as a whole
  u64 page_blocks = 0;                 ///< the first blocks are of pages, the rest of nodes
  u64 stored_pages = 0, nodes = 0;     ///< pages and nodes in them
  u64 checksum = 0;
};

/// Where a block is. `stored_bytes` of block_bytes: as it is; fewer: a zstd frame.
struct BlockEntry {
  u64 offset = 0;
  u32 stored_bytes = 0;
  u32 checksum = 0; ///< of the stored bytes and the block's number
};

} // namespace tine::memory
