// The host's files, read and (below a read-write bind) written by the box: host descriptors that
// are opened when needed, and one page cache for all boxes.
#pragma once

#include "base/unique_fd.hpp"
#include "fs/inode.hpp"

#include <list>
#include <map>
#include <unordered_map>

namespace tine::fs {

class HostInode;
class HostFs;

/// The result of a host call that returns -1 and errno.
[[nodiscard]] inline Status host_status(int result) {
  if (result < 0)
    return Errno{errno};
  return Done{};
}

/// Which host file, in which state: a file that was changed since has other pages.
struct HostFileKey {
  u64 device = 0, inode = 0, size = 0;
  i64 modified_seconds = 0, modified_nanoseconds = 0;
  auto operator<=>(const HostFileKey &) const = default;
};

/// The pages of a host file. Kept after the last close, so that the next exec of a program maps the
/// same frames, and shares their translations.
class HostPages final : public memory::PageObject {
public:
  HostPages(memory::FrameArena &frames, Ref<HostInode> inode, const HostFileKey &key,
            u64 identity = 0);
  ~HostPages() override;
  [[nodiscard]] u64 size() const override { return size_; }
  /// A number for the file and the state that it was in, the same in every run of tine; 0: it may
  /// be written.
  [[nodiscard]] u64 identity() const { return identity_; }
  [[nodiscard]] const HostFileKey &key() const { return key_; }
  void page_may_become_dirty(u64 index) override;
  Status write_back(u64 first, u64 count) override;
  /// Bytes were written to the host file past the cache: pages that are present follow.
  void refresh(u64 offset, u64 length);
  void set_size(u64 size) { size_ = size; }
  /// The page cache is one for all boxes.
  [[nodiscard]] Result<Ref<memory::PageObject>> copy(Copier &) override {
    return Ref<memory::PageObject>(this);
  }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, HostPages *saved);

protected:
  Status fill_pages(u64 first_index, std::span<std::byte> pages) override;
  [[nodiscard]] PageRange read_together(u64 index) const override {
    return aligned_window(index, size_);
  }

private:
  Ref<HostInode> inode_;
  HostFileKey key_;
  u64 size_;
  u64 identity_;
  std::map<u64, bool> dirty_;
};

/// What all HostFs of this host process share. Invariant: at most `descriptor_limit` host
/// descriptors are kept for inodes, those of files that are written apart. Guarded by the kernel
/// lock.
class HostFiles final : public RefCounted {
public:
  struct Options {
    std::size_t descriptor_limit = 4096;
    u64 cached_bytes = u64{2} << 30; ///< pages of files that nobody maps
  };
  explicit HostFiles(memory::FrameArena &frames) : HostFiles(frames, Options()) {}
  HostFiles(memory::FrameArena &frames, const Options &options);

  [[nodiscard]] memory::FrameArena &frames() { return frames_; }
  /// The pages of the file as it is now.
  [[nodiscard]] Result<Ref<HostPages>> pages(HostInode &inode);
  /// Drops the pages of files that nobody maps.
  void drop_unused();
  /// Forgets all pages: those that are mapped go with their last mapping.
  void drop_all();

private:
  friend class HostInode;
  void descriptor_used(HostInode &inode);
  void descriptor_gone(HostInode &inode);
  void trim();

  memory::FrameArena &frames_;
  Options options_;
  std::list<HostInode *> with_descriptors_; ///< the one used last in front
  std::unordered_map<HostInode *, std::list<HostInode *>::iterator> positions_;
  std::map<HostFileKey, Ref<HostPages>> cache_;
  std::list<HostFileKey> recent_; ///< the one used last in front
};

/// Keeps the page cache, for a box and its forks. Pages refer to their inode and that to HostFiles,
/// which refers to the pages; the last owner of this ends it.
class HostPageCache final : public RefCounted, public memory::Reclaimer {
public:
  explicit HostPageCache(Ref<HostFiles> files);
  ~HostPageCache() override;
  HostPageCache(const HostPageCache &) = delete;
  HostPageCache &operator=(const HostPageCache &) = delete;
  void reclaim() override { files_->drop_unused(); }

private:
  Ref<HostFiles> files_;
};

/// A directory (or a single file) of the host and what is below it. Names are opened one component
/// at a time without following links, so nothing outside can be reached.
class HostFs final : public FileSystem {
public:
  enum class Writing : u8 { forbidden, allowed };
  /// ENOENT, EACCES, ... of the host.
  [[nodiscard]] static Result<Ref<HostFs>> create(const std::string &path, Writing writing,
                                                  Ref<HostFiles> files);
  HostFs(UniqueFd root, std::string source, Writing writing, Ref<HostFiles> files);

  [[nodiscard]] const char *type_name() const override { return "hostfs"; }
  [[nodiscard]] Ref<Inode> root() override;
  [[nodiscard]] Ref<HostInode> host_root();
  [[nodiscard]] Result<struct statfs> statistics() override;
  [[nodiscard]] bool is_writable() const { return writing_ == Writing::allowed; }
  [[nodiscard]] const std::string &source() const { return source_; }
  [[nodiscard]] HostFiles &files() { return *files_; }
  /// The host's files are the same for all boxes.
  [[nodiscard]] Result<Ref<FileSystem>> copy(Copier &) override { return Ref<FileSystem>(this); }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, HostFs *saved);

private:
  friend class HostInode;
  using Key = std::pair<u64, u64>;
  [[nodiscard]] Ref<HostInode> inode(const struct stat &status, Ref<HostInode> parent,
                                     std::string name);

  UniqueFd root_;
  std::string source_; ///< where on the host, absolute: a saved box finds it there again
  Writing writing_;
  Ref<HostFiles> files_;
  std::map<Key, HostInode *> inodes_; ///< those that are alive
};

/// What a restored box may have of the host, whatever its file asks for: a context of the archive.
/// As every box it may read what whoever restores it may read.
struct HostAccess {
  Ref<HostFiles> files;
  std::vector<std::string> writable; ///< directories, as their HostFs has them
  [[nodiscard]] bool allows(const std::string &source, bool writing) const;
};

/// A file of the host. Remembers one of its names, to open it when its descriptor was given up.
class HostInode final : public Inode {
public:
  HostInode(Ref<HostFs> host, const struct stat &status, Ref<HostInode> parent, std::string name);
  ~HostInode() override;

  [[nodiscard]] Result<Attributes> attributes() override;
  [[nodiscard]] Result<Attributes> permissions() override { return remembered_; }
  [[nodiscard]] Status change(const AttributeChange &change) override;
  [[nodiscard]] FileSystem &file_system() override { return *host_; }
  [[nodiscard]] Result<Ref<Inode>> lookup(std::string_view name) override;
  [[nodiscard]] Result<Ref<HostInode>> host_lookup(std::string_view name);
  [[nodiscard]] Result<std::vector<DirectoryEntry>> list() override;
  [[nodiscard]] Result<Ref<Inode>> create(std::string_view name,
                                          const CreateRequest &request) override;
  [[nodiscard]] Status link(std::string_view name, Inode &target) override;
  [[nodiscard]] Status unlink(std::string_view name, Inode &child) override;
  [[nodiscard]] Status remove_directory(std::string_view name, Inode &child) override;
  [[nodiscard]] Status rename(std::string_view name, Inode &child, Inode &new_directory,
                              std::string_view new_name, Inode *replaced, RenameKind kind) override;
  [[nodiscard]] Result<std::string> read_link() override;
  [[nodiscard]] Result<Ref<File>> open(const Path &path, u32 flags,
                                       const Credentials &credentials) override;
  [[nodiscard]] Status truncate(u64 size) override;

  /// As remembered from the last look at the host.
  [[nodiscard]] const Attributes &remembered() const { return remembered_; }
  /// Reads without a description; at most to.remaining() bytes.
  [[nodiscard]] Result<u64> read_at(memory::IoBuffer &to, u64 offset);
  [[nodiscard]] Result<u64> read_at(std::span<std::byte> to, u64 offset);
  [[nodiscard]] Result<u64> write_at(std::span<const std::byte> from, u64 offset);
  [[nodiscard]] Ref<HostPages> cached_pages() const { return Ref<HostPages>(pages_); }
  [[nodiscard]] Result<Ref<HostPages>> pages();
  /// Host descriptors; they stay the inode's.
  [[nodiscard]] Result<int> directory_descriptor();
  [[nodiscard]] Result<int> read_descriptor();
  [[nodiscard]] Result<int> write_descriptor();
  [[nodiscard]] HostFs &host() { return *host_; }
  /// By the name that is remembered, below the file system's root: "/a/b", "" for the root.
  [[nodiscard]] std::string path() const {
    return parent_ ? parent_->path() + "/" + name_ : std::string();
  }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, HostInode *saved);

private:
  friend class HostFiles;
  friend class HostFs;
  friend class HostPages;
  void close_descriptors();
  [[nodiscard]] Result<UniqueFd> open_again(int flags);
  [[nodiscard]] bool is_same(const struct stat &status) const;
  void remember(const struct stat &status);

  Ref<HostFs> host_;
  Ref<HostInode> parent_; ///< null for the root
  std::string name_;
  u64 host_device_, host_inode_;
  Attributes remembered_;
  UniqueFd directory_, reading_, writing_;
  /// Of a file below a read-write bind, while it is mapped; not owned: they leave with the last
  /// mapping, and are written back then.
  HostPages *pages_ = nullptr;
};

} // namespace tine::fs
