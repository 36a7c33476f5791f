// Files in memory (tmpfs), by themselves or as a copy-on-write layer over a tree of the host
// (overlay).
//
// An inode shows a lower file until it is changed; from then on its attributes, its contents or its
// entries are its own. Nothing is copied when a file is opened for writing or truncated: a page
// that isn't in memory comes from the lower file, and is copied when it is touched. A directory
// that is renamed keeps showing its lower directory. Inode numbers never change.
#pragma once

#include "fs/host_files.hpp"
#include "fs/pipe.hpp"
#include "fs/tree_changes.hpp"

#include <map>
#include <memory>
#include <set>
#include <unordered_map>

namespace tine::fs {

class MemoryInode;

/// The contents of a file in memory. A page that is absent reads as the lower file's, up to
/// lower_limit, and zero after it.
class MemoryPages final : public memory::PageObject {
public:
  MemoryPages(memory::FrameArena &frames, Ref<HostInode> lower, u64 lower_size);
  [[nodiscard]] u64 size() const override { return size_; }
  /// Mappings of what is cut off fault from now on. ENOMEM, only if there are clones.
  [[nodiscard]] Status set_size(u64 size);
  /// The same contents, copy on write: what one side writes the other doesn't see.
  [[nodiscard]] Ref<MemoryPages> clone() const;
  /// Reads as zero from now on, without taking memory where it can.
  [[nodiscard]] Status erase(u64 offset, u64 length);
  Status punch_hole(u64 first_index, u64 count) override;
  [[nodiscard]] Result<u64> read_at(memory::IoBuffer &to, u64 offset);
  /// Grows the file.
  [[nodiscard]] Result<u64> write_at(memory::IoBuffer &from, u64 offset);
  /// The page is in memory or in the lower file.
  [[nodiscard]] bool has_data(u64 index) const;

  [[nodiscard]] Result<Ref<memory::PageObject>> copy(Copier &copier) override;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, MemoryPages *saved);
  void archive_body(Archive &archive);

protected:
  Status fill_pages(u64 first_index, std::span<std::byte> pages) override;

private:
  [[nodiscard]] Status zero_behind_end(u64 new_end);

  Ref<HostInode> lower_;
  u64 lower_limit_;
  u64 size_;
};

/// Owns its tree. Guarded by the kernel lock.
class MemoryFs final : public FileSystem {
public:
  struct Options {
    u32 root_mode = 0755;
    u32 root_uid = 0, root_gid = 0;
    Ref<HostFs> lower = {}; ///< null: an empty tmpfs
    bool is_secret = false; ///< its regular files are withheld from forks of the box
  };
  MemoryFs(memory::FrameArena &frames, const Options &options);
  /// A copy in the fork of a box, still without files.
  explicit MemoryFs(const MemoryFs &original);
  /// Of a saved box, still without files.
  MemoryFs(memory::FrameArena &frames, Ref<HostFs> lower, u64 device)
      : FileSystem(device), frames_(frames), lower_(std::move(lower)), next_number_(0) {}
  ~MemoryFs() override;

  [[nodiscard]] const char *type_name() const override { return lower_ ? "overlay" : "tmpfs"; }
  [[nodiscard]] Ref<Inode> root() override;
  [[nodiscard]] Result<struct statfs> statistics() override;
  [[nodiscard]] memory::FrameArena &frames() { return frames_; }
  /// What differs from the tree below, which there must be; ordered by path.
  [[nodiscard]] std::vector<TreeChange> changes();
  /// A regular file without a name (memfd_create, O_TMPFILE).
  [[nodiscard]] Ref<MemoryInode> unnamed(const CreateRequest &request);
  [[nodiscard]] Result<Ref<FileSystem>> copy(Copier &copier) override;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, MemoryFs *saved);
  void archive_body(Archive &archive);

private:
  friend class MemoryInode;
  using LowerKey = std::pair<u64, u64>;
  /// The inode that shows the lower one.
  [[nodiscard]] Ref<MemoryInode> show(Ref<HostInode> lower);
  [[nodiscard]] u64 number_of(u64 lower_device, u64 lower_inode);
  void check_restored(Archive &archive) const;
  /// Whether the copy goes without the regular files.
  [[nodiscard]] bool withholds_files(const Copier &copier) const;
  [[nodiscard]] bool shows(const std::string &path, const MemoryInode &inode);
  void add_changes(const std::string &path, const MemoryInode &inode,
                   std::vector<TreeChange> &changes) const;

  memory::FrameArena &frames_;
  Ref<HostFs> lower_;
  bool is_secret_ = false;
  u64 next_number_;
  std::map<LowerKey, MemoryInode *> shown_; ///< those that are alive; inodes leave it when they go
  Ref<MemoryInode> root_;
  std::map<LowerKey, Ref<MemoryInode>> changed_; ///< those that must be kept
  std::vector<u64> lower_devices_;               ///< by the top bits of an inode number
};

/// Invariant: an inode that differs from its lower one is in changed_ as long as it has a name.
class MemoryInode final : public Inode {
public:
  MemoryInode(MemoryFs &memory, const CreateRequest &request, u64 number);
  MemoryInode(MemoryFs &memory, Ref<HostInode> lower, u64 number);
  /// The copy in `memory`, a copy of the original's file system; copy_rest() adds what others have.
  MemoryInode(MemoryFs &memory, const MemoryInode &original);
  /// Of a saved box; archive_body() adds the rest.
  MemoryInode(MemoryFs &memory, u32 type, u64 number, Ref<HostInode> lower)
      : Inode(type), memory_(memory), number_(number), lower_(std::move(lower)) {}
  ~MemoryInode() override;

  [[nodiscard]] Result<Attributes> attributes() override;
  [[nodiscard]] Result<Attributes> permissions() override;
  [[nodiscard]] Status change(const AttributeChange &change) override;
  [[nodiscard]] FileSystem &file_system() override { return memory_; }
  [[nodiscard]] bool remembers_children() const override { return true; }
  [[nodiscard]] Result<Ref<Inode>> lookup(std::string_view name) override;
  [[nodiscard]] Result<std::vector<DirectoryEntry>> list() override;
  [[nodiscard]] Result<Ref<Inode>> create(std::string_view name,
                                          const CreateRequest &request) override;
  [[nodiscard]] Status link(std::string_view name, Inode &target) override;
  [[nodiscard]] Status unlink(std::string_view name, Inode &child) override;
  [[nodiscard]] Status remove_directory(std::string_view name, Inode &child) override;
  [[nodiscard]] Status rename(std::string_view name, Inode &child, Inode &new_directory,
                              std::string_view new_name, Inode *replaced, RenameKind kind) override;
  [[nodiscard]] Result<Ref<Inode>> create_unnamed(const CreateRequest &request) override;
  [[nodiscard]] Result<std::string> read_link() override;
  [[nodiscard]] Result<Ref<File>> open(const Path &path, u32 flags,
                                       const Credentials &credentials) override;
  [[nodiscard]] sched::WaitQueue *open_wait_queue(u32 flags) override;
  [[nodiscard]] Status truncate(u64 size) override;
  [[nodiscard]] Result<std::string> extended_attribute(const std::string &name) override;
  [[nodiscard]] Status set_extended_attribute(const std::string &name, std::string_view value,
                                              int flags) override;
  [[nodiscard]] Status remove_extended_attribute(const std::string &name) override;
  [[nodiscard]] Result<std::vector<std::string>> extended_attributes() override;

  // ---- contents of a regular file ----
  [[nodiscard]] Result<u64> read_at(memory::IoBuffer &to, u64 offset);
  [[nodiscard]] Result<u64> write_at(memory::IoBuffer &from, u64 offset);
  /// The pages to map: the lower file's as long as nothing has changed it.
  enum class Mapping : u8 { may_write, read_only };
  [[nodiscard]] Result<Ref<memory::PageObject>> pages_to_map(Mapping mapping);
  /// The file's own pages; made from the lower file on first use.
  [[nodiscard]] Result<Ref<MemoryPages>> own_pages();
  [[nodiscard]] const Ref<MemoryPages> &pages() const { return pages_; }
  [[nodiscard]] const Ref<HostInode> &lower() const { return lower_; }
  /// mount(8): relatime, "access time is only updated if the previous access time was earlier than
  /// or equal to the current modify or change time", or "more than 1 day old".
  void contents_read() override;
  void contents_changed() override;
  /// F_SEAL_*, for memfd.
  u32 seals = 0;
  [[nodiscard]] Result<Ref<Inode>> copy(Copier &copier, Inode *directory,
                                        const std::string &name) override;
  [[nodiscard]] bool is_withheld(const Copier &copier) const override;
  [[nodiscard]] Result<Ref<MemoryInode>> copy(Copier &copier);
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, MemoryInode *saved);
  void archive_body(Archive &archive);

private:
  friend class MemoryFs;
  [[nodiscard]] Status copy_rest(Copier &copier, MemoryInode &made) const;
  [[nodiscard]] Status become_own();
  void touch_directory();
  void one_name_less();
  void hide(std::string_view name);
  [[nodiscard]] bool is_lower_name(std::string_view name) const;

  MemoryFs &memory_;
  const u64 number_;
  Ref<HostInode> lower_;            ///< null for what was made here
  std::unique_ptr<Attributes> own_; ///< null: the lower file's attributes count
  Ref<MemoryPages> pages_;
  std::map<std::string, Ref<MemoryInode>, std::less<>> entries_; ///< null: the lower name is hidden
  std::string link_target_;
  Ref<Pipe> fifo_;
  std::map<std::string, std::string> extended_;
};

/// An open regular file of a MemoryFs.
class MemoryFile final : public SeekableFile {
public:
  MemoryFile(const Path &path, u32 flags, Ref<MemoryInode> memory)
      : SeekableFile(path, flags), memory_(std::move(memory)) {}
  [[nodiscard]] Result<u64> read_at(memory::IoBuffer &to, u64 at) override;
  [[nodiscard]] Result<u64> write_at(memory::IoBuffer &from, u64 at) override;
  [[nodiscard]] Status allocate(int mode, u64 at, u64 length) override;
  [[nodiscard]] Result<Ref<memory::MappedFile>> map() override;
  [[nodiscard]] const Ref<MemoryInode> &memory_inode() const { return memory_; }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, MemoryFile *saved);

protected:
  [[nodiscard]] Result<u64> size() override;
  [[nodiscard]] u64 next_data(u64 from, u64 end) override;
  [[nodiscard]] u64 next_hole(u64 from, u64 end) override;

private:
  [[nodiscard]] Result<Ref<File>> make_copy(Copier &copier) override;

  Ref<MemoryInode> memory_;
};

/// memfd_create(2): "/memfd:NAME (deleted)".
[[nodiscard]] Result<Ref<File>> make_memfd(const Ref<MemoryFs> &memory, const std::string &name,
                                           bool sealable, u32 mode);

} // namespace tine::fs
