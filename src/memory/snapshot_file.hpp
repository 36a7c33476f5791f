// A saved box's file, as it is read: what is needed at once is checked when it is opened, blocks
// when they are read.
#pragma once

#include "base/ref.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "memory/snapshot_format.hpp"

#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace tine::memory {

/// Checksum of a block as it is stored; other blocks' bytes don't pass for it.
[[nodiscard]] u32 block_checksum(u64 number, std::span<const std::byte> stored);
[[nodiscard]] u64 section_checksum(std::span<const std::byte> bytes);

/// Owns the descriptor. Reads by pread(2), so that a file that is cut off meanwhile is an error,
/// not a SIGBUS. Nothing in the file is trusted.
class SnapshotFile final : public RefCounted {
public:
  /// The file, or what is wrong with it, for the person who named it.
  [[nodiscard]] static std::variant<Ref<SnapshotFile>, std::string> open(UniqueFd file);

  [[nodiscard]] const SnapshotHeader &header() const { return header_; }
  [[nodiscard]] const std::string &features() const { return features_; }
  [[nodiscard]] std::span<const std::byte> objects() const { return objects_; }
  /// Not needed any more once the objects are made.
  void forget_objects() { objects_ = {}; }
  [[nodiscard]] std::span<const u32> images() const { return images_; }
  [[nodiscard]] u64 block_count() const { return block_count_; }
  /// The contents of a block; `to` has block_bytes. EIO, also if the block is damaged.
  [[nodiscard]] Status read_block(u64 number, std::span<std::byte> to) const;

private:
  explicit SnapshotFile(UniqueFd file) : file_(std::move(file)) {}
  /// What is wrong; empty if nothing is.
  [[nodiscard]] std::string load();
  [[nodiscard]] std::string check_header(u64 file_bytes) const;
  [[nodiscard]] bool read(u64 offset, std::span<std::byte> to) const;
  [[nodiscard]] bool read_section(const SnapshotSection &section, std::span<std::byte> to) const;

  UniqueFd file_;
  SnapshotHeader header_;
  std::string features_;
  std::vector<std::byte> objects_;
  std::vector<u32> images_;
  u64 block_count_ = 0;
};

} // namespace tine::memory
