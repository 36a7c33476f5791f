// Descriptions that every file system uses: directories, O_PATH, and files with a place in the
// tree.
#pragma once

#include "fs/dentry.hpp"

namespace tine::fs {

/// A description of an inode that was reached by a path. Counts as a writer of the inode if it may
/// write; its locks go with it.
class PlacedFile : public File {
public:
  PlacedFile(const Path &path, u32 flags);
  ~PlacedFile() override;
  [[nodiscard]] const Path *place() const override { return &place_; }
  [[nodiscard]] Ref<Inode> inode() override { return inode_; }
  [[nodiscard]] std::string description() override;
  [[nodiscard]] Status deny_writers() override;

protected:
  /// Reading is an access, unless O_NOATIME or the mount says otherwise.
  void note_access();

  Path place_;
  Ref<Inode> inode_;

private:
  bool denies_writers_ = false; ///< is counted in the inode's executions
};

/// A file with bytes and an offset: read and write are read_at and write_at of the derived class.
class SeekableFile : public PlacedFile {
public:
  using PlacedFile::PlacedFile;
  [[nodiscard]] Result<u64> read(memory::IoBuffer &to) override;
  /// With O_APPEND "the file offset is first set to the end of the file".
  [[nodiscard]] Result<u64> write(memory::IoBuffer &from) override;
  [[nodiscard]] Result<u64> write_position(u64 wanted) override;
  /// SEEK_SET, SEEK_CUR, SEEK_END; SEEK_DATA and SEEK_HOLE by next_data and next_hole.
  [[nodiscard]] Result<u64> seek(i64 distance, int whence) override;
  [[nodiscard]] Status sync() override { return Done{}; }
  [[nodiscard]] Status truncate(u64 size) override { return inode_->truncate(size); }

protected:
  [[nodiscard]] virtual Result<u64> size();
  /// The first byte from `from` on that isn't (is) part of a hole; `end` is the file's size.
  [[nodiscard]] virtual u64 next_data(u64 from, u64 end) { return (void)end, from; }
  [[nodiscard]] virtual u64 next_hole(u64 from, u64 end) { return (void)from, end; }
};

/// A directory that is read: the entries as they were when reading began or was rewound.
class DirectoryFile final : public PlacedFile {
public:
  using PlacedFile::PlacedFile;
  [[nodiscard]] bool can_splice(Splice) const override { return false; }
  [[nodiscard]] Result<u64> read(memory::IoBuffer &) override { return Errno{EISDIR}; }
  [[nodiscard]] Result<u64> write(memory::IoBuffer &) override { return Errno{EBADF}; }
  [[nodiscard]] Result<u64> read_at(memory::IoBuffer &, u64) override { return Errno{EISDIR}; }
  [[nodiscard]] Result<u64> write_at(memory::IoBuffer &, u64) override { return Errno{EBADF}; }
  [[nodiscard]] Result<u64> seek(i64 distance, int whence) override;
  [[nodiscard]] Status
  read_directory(const std::function<bool(const DirectoryEntry &)> &visit) override;
  [[nodiscard]] Status sync() override { return Done{}; }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, DirectoryFile *saved);
  void archive_body(Archive &archive);

private:
  [[nodiscard]] Result<Ref<File>> make_copy(Copier &copier) override;
  Status take_entries();
  std::vector<DirectoryEntry> entries_;
  bool taken_ = false;
};

/// O_PATH: "obtain a file descriptor that can be used to indicate a location in the filesystem
/// tree".
class PathFile final : public PlacedFile {
public:
  using PlacedFile::PlacedFile;
  [[nodiscard]] Result<u64> read(memory::IoBuffer &) override { return Errno{EBADF}; }
  [[nodiscard]] Result<u64> write(memory::IoBuffer &) override { return Errno{EBADF}; }
  [[nodiscard]] Result<u64> ioctl(const IoctlCall &) override { return Errno{EBADF}; }
  [[nodiscard]] Result<Ref<memory::MappedFile>> map() override { return Errno{EBADF}; }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, PathFile *saved);

private:
  [[nodiscard]] Result<Ref<File>> make_copy(Copier &copier) override;
};

} // namespace tine::fs
