// Generated trees: /proc, /sys, /dev. Text is made when a file is opened.
//
//   auto proc = make_ref<PseudoFs>("proc", PROC_SUPER_MAGIC);
//   PseudoDirectory &root = *proc->root_directory();
//   root.add("uptime", proc->file({.mode = 0444}, [] { return Result<std::string>("1.00 1.00\n");
//   })); root.add("self", proc->link([] { return Result<std::string>("17"); }));
//   root.set_dynamic(lookup_pid, list_pids);
//   proc->magic_link({}, [process] { return Result<Path>(path_of(*process->executable_file)); });
#pragma once

#include "fs/dentry.hpp"

#include <functional>
#include <map>

namespace tine::fs {

/// Owner and permission bits of a generated inode. A zero mode is the kind's usual one.
struct PseudoAttributes {
  u32 mode = 0;
  u32 uid = 0, gid = 0;
  u64 inode = 0; ///< 0: the next free number
};

/// Common part: fixed attributes, times of creation. Whoever keeps an inode keeps its file system
/// (by the mount).
class PseudoInode : public Inode {
public:
  PseudoInode(FileSystem &file_system, u32 type, PseudoAttributes attributes);
  [[nodiscard]] Result<Attributes> attributes() override;
  [[nodiscard]] FileSystem &file_system() override { return *file_system_; }
  [[nodiscard]] Status change(const AttributeChange &change) override;
  [[nodiscard]] Result<Ref<File>> open(const Path &path, u32 flags,
                                       const Credentials &credentials) override;
  /// What the copy of the directory has under the name, with this inode's attributes; an inode that
  /// says ESRCH if that is gone.
  [[nodiscard]] Result<Ref<Inode>> copy(Copier &copier, Inode *directory,
                                        const std::string &name) override;
  [[nodiscard]] bool is_generated() const override { return true; }
  /// Of a file system that was made anew: what `directory` (null: the file system itself) has under
  /// the name, with these attributes if there are any.
  [[nodiscard]] static Ref<Inode> find_again(FileSystem &made, u32 type, Inode *directory,
                                             const std::string &name, const Attributes *attributes);
  [[nodiscard]] const Attributes &kept_attributes() const { return attributes_; }

protected:
  Attributes attributes_;

private:
  FileSystem *file_system_;
};

/// A directory of fixed entries, and of those that two functions give. The functions may be asked
/// at any time; what they capture must live as long as the directory.
class PseudoDirectory final : public PseudoInode {
public:
  PseudoDirectory(FileSystem &file_system, PseudoAttributes attributes)
      : PseudoInode(file_system, S_IFDIR, attributes) {}

  void add(std::string name, Ref<Inode> inode);
  void remove(std::string_view name);
  /// A directory below, made if it isn't there.
  Ref<PseudoDirectory> directory(const std::string &name);
  using Lookup = std::function<Result<Ref<Inode>>(std::string_view name)>;
  using List = std::function<Result<std::vector<DirectoryEntry>>()>;
  /// Asked for what isn't among the fixed entries: ENOENT.
  void set_dynamic(Lookup lookup, List list);
  /// Fills the directory when it is first asked for something.
  void set_populate(std::function<void()> populate) { populate_ = std::move(populate); }
  /// The object that the directory shows, for those that are asked for the directory and mean the
  /// object (a process, by /proc/PID); null: none.
  void set_subject(Ref<RefCounted> subject) { subject_ = std::move(subject); }
  [[nodiscard]] const Ref<RefCounted> &subject() const { return subject_; }

  [[nodiscard]] Result<Ref<Inode>> lookup(std::string_view name) override;
  [[nodiscard]] Result<std::vector<DirectoryEntry>> list() override;
  [[nodiscard]] Result<Attributes> attributes() override;

private:
  void populate();

  std::map<std::string, Ref<Inode>, std::less<>> entries_;
  std::function<void()> populate_; ///< null: it is filled
  Lookup lookup_;
  List list_;
  Ref<RefCounted> subject_;
};

/// The contents of a generated file: asked once for each open and each read from offset 0.
using Generate = std::function<Result<std::string>()>;
/// What is written to it: once a write(2).
using Accept = std::function<Status(std::string_view text)>;

class PseudoFs final : public FileSystem {
public:
  PseudoFs(const char *type_name, u64 magic);
  /// With the device number of the one that it is a copy of.
  PseudoFs(const char *type_name, u64 magic, u64 device);
  [[nodiscard]] const char *type_name() const override { return type_name_; }
  [[nodiscard]] u64 magic() const { return magic_; }
  [[nodiscard]] Ref<Inode> root() override;
  [[nodiscard]] Result<struct statfs> statistics() override;
  [[nodiscard]] const Ref<PseudoDirectory> &root_directory();
  /// How the tree is made anew in the copy of a box; by default it can't be.
  using Rebuild = std::function<Result<Ref<FileSystem>>(Copier &copier)>;
  void set_rebuild(Rebuild rebuild) { rebuild_ = std::move(rebuild); }
  /// What a saved box's file has of what the tree shows besides the box; PseudoTrees makes the tree
  /// of it. By default the box can't be saved.
  using Save = std::function<void(Archive &archive)>;
  void set_save(Save save) { save_ = std::move(save); }
  [[nodiscard]] Result<Ref<FileSystem>> copy(Copier &copier) override;

  [[nodiscard]] Ref<PseudoDirectory> directory(PseudoAttributes attributes = {});
  /// A regular file; mode 0444, or 0644 with `accept`.
  [[nodiscard]] Ref<Inode> file(PseudoAttributes attributes, Generate generate,
                                Accept accept = nullptr);
  [[nodiscard]] Ref<Inode> text(std::string contents, PseudoAttributes attributes = {});
  /// A file whose read and write are whatever `open` returns (/proc/PID/mem).
  using Open = std::function<Result<Ref<File>>(const Path &path, u32 flags)>;
  [[nodiscard]] Ref<Inode> special(u32 type, u64 special_device, PseudoAttributes attributes,
                                   Open open);
  /// A symbolic link.
  [[nodiscard]] Ref<Inode> link(Generate target, PseudoAttributes attributes = {});
  [[nodiscard]] Ref<Inode> link_to(std::string target, PseudoAttributes attributes = {});
  /// A link that leads to the object itself, whatever its name (/proc/PID/exe, cwd, root). readlink
  /// shows its path.
  [[nodiscard]] Ref<Inode> magic_link(PseudoAttributes attributes,
                                      std::function<Result<Path>()> target);
  /// The same for an open file, with or without a place in the tree (/proc/PID/fd/N).
  [[nodiscard]] Ref<Inode> file_link(PseudoAttributes attributes,
                                     std::function<Result<Ref<File>>()> target);
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, PseudoFs *saved);

private:
  const char *type_name_;
  u64 magic_;
  Rebuild rebuild_;
  Save save_;
  Ref<PseudoDirectory> root_;
};

/// How the generated trees of a saved box are made again, by the names of their types: a function
/// that reads what PseudoFs::set_save's wrote, and gives null if it can't be.
using MakePseudoFs = std::function<Ref<PseudoFs>(Archive &archive, u64 device)>;
struct PseudoTrees {
  std::map<std::string, MakePseudoFs> makers;
};

/// A File of text, for `special` and for files that aren't in a tree.
[[nodiscard]] Ref<File> make_text_file(const Path &path, u32 flags, Generate generate,
                                       Accept accept);

} // namespace tine::fs
