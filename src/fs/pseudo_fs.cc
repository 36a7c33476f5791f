#include "fs/pseudo_fs.hpp"

#include "fs/caller.hpp"
#include "fs/plain_files.hpp"
#include "fs/saved_classes.hpp"

#include <algorithm>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>

namespace tine::fs {
namespace {

u32 usual_mode(u32 type) {
  switch (type) {
  case S_IFDIR:
    return 0555;
  case S_IFLNK:
    return 0777;
  case S_IFCHR:
    return 0666;
  default:
    return 0444;
  }
}

/// The text of a generated file, made at the first read and again when it is read from the start.
class TextFile final : public SeekableFile {
public:
  TextFile(const Path &path, u32 flags, Generate generate, Accept accept)
      : SeekableFile(path, flags), generate_(std::move(generate)), accept_(std::move(accept)) {}

  Result<u64> read_at(memory::IoBuffer &to, u64 at) override {
    if (!made_ || at == 0) {
      text_ = generate_ ? TINE_TRY(generate_()) : std::string();
      made_ = true;
    }
    if (at >= text_.size() || to.remaining() == 0)
      return u64{0};
    return to.copy_out(std::as_bytes(std::span(text_).subspan(at)));
  }
  Result<u64> write_at(memory::IoBuffer &from, u64) override {
    if (!accept_)
      return Errno{EACCES};
    std::string text(std::min<u64>(from.remaining(), page_size), '\0');
    const u64 count = TINE_TRY(from.copy_in(std::as_writable_bytes(std::span(text))));
    text.resize(count);
    TINE_TRY(accept_(text));
    return count;
  }
  Status truncate(u64) override { return Done{}; }
  /// The same in a saved box; what its place shows may be no text any more.
  static Ref<RefCounted> archive_head(Archive &archive, TextFile *saved) {
    return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
      Path place = saved ? saved->place_ : Path{};
      std::string text = saved ? saved->text_ : std::string();
      bool made = saved && saved->made_;
      archive(place, text, made);
      if (saved || !archive.ok() || !place)
        return nullptr;
      auto opened = place.dentry->inode()->open(place, flags, {});
      const auto file = opened ? ref_cast<TextFile>(*opened) : nullptr;
      if (!file)
        return make_text_file(
            place, flags, []() -> Result<std::string> { return Errno{ESRCH}; },
            [](std::string_view) -> Status { return Errno{ESRCH}; });
      file->text_ = std::move(text);
      file->made_ = made;
      return file;
    });
  }

private:
  /// What its place shows in the copy, as far as it was read.
  Result<Ref<File>> make_copy(Copier &copier) override {
    const Path place = TINE_TRY(copy_path(copier, place_));
    Ref<File> made = TINE_TRY(place.dentry->inode()->open(place, status_flags(), {}));
    if (auto text = ref_cast<TextFile>(made)) {
      text->text_ = text_;
      text->made_ = made_;
    }
    return made;
  }

  Generate generate_;
  Accept accept_;
  std::string text_;
  bool made_ = false;
};

class TextInode final : public PseudoInode {
public:
  TextInode(FileSystem &file_system, PseudoAttributes attributes, Generate generate, Accept accept)
      : PseudoInode(file_system, S_IFREG, attributes), generate_(std::move(generate)),
        accept_(std::move(accept)) {}
  Result<Ref<File>> open(const Path &path, u32 flags, const Credentials &) override {
    return make_text_file(path, flags, generate_, accept_);
  }
  Status truncate(u64) override { return accept_ ? Status(Done{}) : Errno{EACCES}; }

private:
  Generate generate_;
  Accept accept_;
};

class SpecialInode final : public PseudoInode {
public:
  SpecialInode(FileSystem &file_system, u32 type, u64 device, PseudoAttributes attributes,
               PseudoFs::Open open)
      : PseudoInode(file_system, type, attributes), open_(std::move(open)) {
    attributes_.special_device = device;
  }
  Result<Ref<File>> open(const Path &path, u32 flags, const Credentials &) override {
    return open_(path, flags);
  }
  Status truncate(u64) override { return Done{}; }

private:
  PseudoFs::Open open_;
};

class LinkInode final : public PseudoInode {
public:
  LinkInode(FileSystem &file_system, PseudoAttributes attributes, Generate target)
      : PseudoInode(file_system, S_IFLNK, attributes), target_(std::move(target)) {}
  Result<std::string> read_link() override { return target_(); }

private:
  Generate target_;
};

class MagicInode final : public PseudoInode {
public:
  MagicInode(FileSystem &file_system, PseudoAttributes attributes,
             std::function<Result<Path>()> target)
      : PseudoInode(file_system, S_IFLNK, attributes), target_(std::move(target)) {}
  Result<std::string> read_link() override {
    const Path path = TINE_TRY(target_());
    const Caller *caller = current_caller();
    return path_name(path, caller ? caller->root() : Path{});
  }
  std::optional<Result<Path>> magic_target() override { return target_(); }

private:
  std::function<Result<Path>()> target_;
};

/// Shows an open file that has no place in the tree, so that stat and open can reach it by a magic
/// link.
class DetachedInode final : public Inode {
public:
  DetachedInode(Ref<File> file, u32 type) : Inode(type), file_(std::move(file)) {}
  Result<Attributes> attributes() override { return from_stat(TINE_TRY(file_->stat())); }
  FileSystem &file_system() override {
    static const Ref<PseudoFs> anonymous = make_ref<PseudoFs>("anon_inodefs", u64{0x09041934});
    return *anonymous;
  }
  Result<Ref<File>> open(const Path &, u32 flags, const Credentials &) override {
    return file_->reopen(flags);
  }
  Status truncate(u64 size) override { return file_->truncate(size); }
  Ref<File> detached_file() override { return file_; }

private:
  Ref<File> file_;
};

} // namespace

namespace {
/// What an inode of the original shows whose place is gone in the copy: that of a process that has
/// ended.
class GoneInode final : public PseudoInode {
public:
  GoneInode(FileSystem &file_system, u32 type) : PseudoInode(file_system, type, {}) {}
  Result<Ref<File>> open(const Path &path, u32 flags, const Credentials &credentials) override {
    if (is_directory())
      return PseudoInode::open(path, flags, credentials);
    return make_text_file(
        path, flags, []() -> Result<std::string> { return Errno{ESRCH}; },
        [](std::string_view) -> Status { return Errno{ESRCH}; });
  }
  Result<Ref<Inode>> lookup(std::string_view) override { return Errno{ENOENT}; }
  Result<std::vector<DirectoryEntry>> list() override { return Errno{ENOENT}; }
  Result<std::string> read_link() override { return Errno{ENOENT}; }
};
} // namespace

Path detached_path(const Ref<File> &file) {
  u32 type = S_IFREG;
  if (const Result<struct stat> status = file->stat(); status && (status->st_mode & S_IFMT) != 0)
    type = status->st_mode & S_IFMT;
  if (type == S_IFLNK || type == S_IFDIR)
    type = S_IFREG;
  return {nullptr, make_ref<Dentry>(file->description(), nullptr,
                                    Ref<Inode>(make_ref<DetachedInode>(file, type)))};
}

PseudoInode::PseudoInode(FileSystem &file_system, u32 type, PseudoAttributes attributes)
    : Inode(type), file_system_(&file_system) {
  attributes_.device = file_system.device();
  attributes_.inode = attributes.inode != 0 ? attributes.inode : file_system.allocate_number();
  attributes_.mode = type | (attributes.mode != 0 ? attributes.mode : usual_mode(type));
  attributes_.links = type == S_IFDIR ? 2 : 1;
  attributes_.uid = attributes.uid;
  attributes_.gid = attributes.gid;
  attributes_.block_size = type == S_IFREG ? 1024 : page_size;
  attributes_.accessed = attributes_.modified = attributes_.changed = current_time();
}

Result<Attributes> PseudoInode::attributes() {
  return attributes_;
}

Status PseudoInode::change(const AttributeChange &change) {
  if (change.mode)
    attributes_.mode = type() | *change.mode;
  attributes_.uid = change.uid.value_or(attributes_.uid);
  attributes_.gid = change.gid.value_or(attributes_.gid);
  attributes_.accessed = change.accessed.value_or(attributes_.accessed);
  attributes_.modified = change.modified.value_or(attributes_.modified);
  attributes_.changed = current_time();
  return Done{};
}

Result<Ref<File>> PseudoInode::open(const Path &path, u32 flags, const Credentials &) {
  if (is_directory())
    return Ref<File>(make_ref<DirectoryFile>(path, flags));
  return Errno{ENXIO};
}

Result<Ref<Inode>> PseudoInode::copy(Copier &copier, Inode *directory, const std::string &name) {
  const Ref<FileSystem> made = TINE_TRY(copier.copy(Ref<FileSystem>(file_system_)));
  return find_again(*made, type(), directory, name, &attributes_);
}

Ref<Inode> PseudoInode::find_again(FileSystem &made, u32 type, Inode *directory,
                                   const std::string &name, const Attributes *attributes) {
  Ref<Inode> inode;
  if (directory == nullptr)
    inode = made.root();
  else if (Result<Ref<Inode>> found = directory->lookup(name); found && (*found)->type() == type)
    inode = std::move(*found);
  else
    inode = make_ref<GoneInode>(made, type);
  if (auto *pseudo = dynamic_cast<PseudoInode *>(inode.get()); pseudo && attributes)
    pseudo->attributes_ = *attributes;
  return inode;
}

void PseudoDirectory::populate() {
  if (const auto fill = std::exchange(populate_, nullptr))
    fill();
}

void PseudoDirectory::add(std::string name, Ref<Inode> inode) {
  entries_.insert_or_assign(std::move(name), std::move(inode));
}

void PseudoDirectory::remove(std::string_view name) {
  if (const auto found = entries_.find(name); found != entries_.end())
    entries_.erase(found);
}

Ref<PseudoDirectory> PseudoDirectory::directory(const std::string &name) {
  if (const auto found = entries_.find(name); found != entries_.end())
    return ref_cast<PseudoDirectory>(found->second);
  Ref<PseudoDirectory> below = make_ref<PseudoDirectory>(file_system(), PseudoAttributes{});
  add(name, below);
  return below;
}

void PseudoDirectory::set_dynamic(Lookup lookup, List list) {
  lookup_ = std::move(lookup);
  list_ = std::move(list);
}

Result<Ref<Inode>> PseudoDirectory::lookup(std::string_view name) {
  if (const auto found = entries_.find(name); found != entries_.end())
    return found->second;
  if (populate_) {
    populate();
    return lookup(name);
  }
  if (lookup_)
    return lookup_(name);
  return Errno{ENOENT};
}

Result<std::vector<DirectoryEntry>> PseudoDirectory::list() {
  populate();
  std::vector<DirectoryEntry> entries;
  for (const auto &[name, inode] : entries_) {
    const Attributes attributes = TINE_TRY(inode->attributes());
    entries.push_back({attributes.inode, 0, static_cast<u8>(IFTODT(inode->type())), name});
  }
  if (list_) {
    std::vector<DirectoryEntry> more = TINE_TRY(list_());
    entries.insert(entries.end(), more.begin(), more.end());
  }
  return entries;
}

Result<Attributes> PseudoDirectory::attributes() {
  populate();
  Attributes result = attributes_;
  for (const auto &[name, inode] : entries_)
    result.links += inode->is_directory() ? 1U : 0U;
  // What the directory shows may be gone: who has it open still gets its attributes (fstat(2)).
  if (const auto list = list_ ? list_() : Result<std::vector<DirectoryEntry>>(Errno{ENOENT}))
    for (const DirectoryEntry &entry : *list)
      result.links += entry.type == DT_DIR ? 1U : 0U;
  return result;
}

PseudoFs::PseudoFs(const char *type_name, u64 magic) : type_name_(type_name), magic_(magic) {
  root_ = make_ref<PseudoDirectory>(*this, PseudoAttributes{.inode = 1});
}

PseudoFs::PseudoFs(const char *type_name, u64 magic, u64 device)
    : FileSystem(device), type_name_(type_name), magic_(magic) {
  root_ = make_ref<PseudoDirectory>(*this, PseudoAttributes{.inode = 1});
}

Result<Ref<FileSystem>> PseudoFs::copy(Copier &copier) {
  return rebuild_ ? rebuild_(copier) : FileSystem::copy(copier);
}

Ref<Inode> PseudoFs::root() {
  return root_;
}
const Ref<PseudoDirectory> &PseudoFs::root_directory() {
  return root_;
}

Result<struct statfs> PseudoFs::statistics() {
  struct statfs result {};
  result.f_type = static_cast<__fsword_t>(magic_);
  result.f_bsize = page_size;
  result.f_frsize = page_size;
  result.f_namelen = 255;
  return result;
}

Ref<PseudoDirectory> PseudoFs::directory(PseudoAttributes attributes) {
  return make_ref<PseudoDirectory>(*this, attributes);
}

Ref<Inode> PseudoFs::file(PseudoAttributes attributes, Generate generate, Accept accept) {
  if (attributes.mode == 0 && accept)
    attributes.mode = 0644;
  return make_ref<TextInode>(*this, attributes, std::move(generate), std::move(accept));
}

Ref<Inode> PseudoFs::text(std::string contents, PseudoAttributes attributes) {
  return file(attributes,
              [contents = std::move(contents)] { return Result<std::string>(contents); });
}

Ref<Inode> PseudoFs::special(u32 type, u64 special_device, PseudoAttributes attributes, Open open) {
  return make_ref<SpecialInode>(*this, type, special_device, attributes, std::move(open));
}

Ref<Inode> PseudoFs::link(Generate target, PseudoAttributes attributes) {
  return make_ref<LinkInode>(*this, attributes, std::move(target));
}

Ref<Inode> PseudoFs::link_to(std::string target, PseudoAttributes attributes) {
  return link([target = std::move(target)] { return Result<std::string>(target); }, attributes);
}

Ref<Inode> PseudoFs::magic_link(PseudoAttributes attributes, std::function<Result<Path>()> target) {
  return make_ref<MagicInode>(*this, attributes, std::move(target));
}

Ref<Inode> PseudoFs::file_link(PseudoAttributes attributes,
                               std::function<Result<Ref<File>>()> target) {
  return magic_link(attributes, [target = std::move(target)]() -> Result<Path> {
    const Ref<File> file = TINE_TRY(target());
    const Path place = path_of(*file);
    return place ? place : detached_path(file);
  });
}

Ref<File> make_text_file(const Path &path, u32 flags, Generate generate, Accept accept) {
  return make_ref<TextFile>(path, flags, std::move(generate), std::move(accept));
}

void add_saved_text_files(ArchiveClasses &classes) {
  classes.add<TextFile>("open text");
}

} // namespace tine::fs
