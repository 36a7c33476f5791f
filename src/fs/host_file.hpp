// An open regular file of a HostFs.
#pragma once

#include "fs/host_files.hpp"
#include "fs/plain_files.hpp"

namespace tine::fs {

/// What a mapping of a file knows of it. Keeps the place, and with it the file system.
class FileMapping final : public memory::MappedFile {
public:
  FileMapping(const Path &place, Ref<memory::PageObject> pages);
  /// The copy in the fork of a box, where the file has the same numbers.
  FileMapping(Path place, Ref<memory::PageObject> pages, const FileMapping &original)
      : place_(std::move(place)), pages_(std::move(pages)), device_(original.device_),
        inode_(original.inode_) {}
  [[nodiscard]] Ref<memory::PageObject> pages() override { return pages_; }
  [[nodiscard]] std::string path() const override;
  [[nodiscard]] u64 device() const override { return device_; }
  [[nodiscard]] u64 inode() const override { return inode_; }
  void written() override { place_.dentry->inode()->contents_changed(); }
  [[nodiscard]] Result<Ref<memory::MappedFile>> copy(Copier &copier) override;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, FileMapping *saved);

private:
  Path place_;
  Ref<memory::PageObject> pages_;
  u64 device_ = 0, inode_ = 0;
};

class HostFile final : public SeekableFile {
public:
  HostFile(const Path &path, u32 flags, Ref<HostInode> host)
      : SeekableFile(path, flags), host_(std::move(host)) {}
  [[nodiscard]] Result<u64> read_at(memory::IoBuffer &to, u64 at) override;
  [[nodiscard]] Result<u64> write_at(memory::IoBuffer &from, u64 at) override;
  [[nodiscard]] Status allocate(int mode, u64 at, u64 length) override;
  [[nodiscard]] Status sync() override;
  [[nodiscard]] Result<Ref<memory::MappedFile>> map() override;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, HostFile *saved);

protected:
  [[nodiscard]] u64 next_data(u64 from, u64 end) override;
  [[nodiscard]] u64 next_hole(u64 from, u64 end) override;

private:
  [[nodiscard]] Result<Ref<File>> make_copy(Copier &copier) override;

  Ref<HostInode> host_;
};

} // namespace tine::fs
