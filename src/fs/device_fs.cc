#include "fs/device_fs.hpp"

#include "fs/caller.hpp"
#include "fs/saved_classes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/sysmacros.h>

namespace tine::fs {
namespace {

/// The memory devices of major 1: how each reads and writes.
enum class Memory : u8 { null, zero, full, random };

class MemoryDevice final : public SeekableFile {
public:
  MemoryDevice(const Path &path, u32 flags, Memory kind) : SeekableFile(path, flags), kind_(kind) {}

  Result<u64> read_at(memory::IoBuffer &to, u64) override {
    switch (kind_) {
    case Memory::null:
      return u64{0};
    case Memory::random:
      return read_random(to);
    default:
      return to.fill_zero(to.remaining());
    }
  }
  Result<u64> write_at(memory::IoBuffer &from, u64) override {
    if (kind_ == Memory::full)
      return Errno{ENOSPC};
    const u64 count = from.remaining();
    from.advance(count);
    return count;
  }
  // Never waited for, but epoll accepts it, as it does no regular file.
  sched::WaitQueue *wait_queue() override { return kind_ == Memory::random ? &never_ : nullptr; }
  Result<u64> seek(i64, int) override { return offset = 0; }
  bool can_splice(Splice direction) const override {
    return kind_ != (direction == Splice::from ? Memory::null : Memory::full);
  }
  bool maps_as_anonymous() const override { return kind_ == Memory::zero; }
  static Ref<RefCounted> archive_head(Archive &archive, MemoryDevice *saved) {
    return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
      Path place = saved ? saved->place_ : Path{};
      Memory kind = saved ? saved->kind_ : Memory::null;
      archive(place);
      archive.choice(kind, Memory::random);
      return saved || !archive.ok() || !place ? nullptr
                                              : make_ref<MemoryDevice>(place, flags, kind);
    });
  }

private:
  Result<Ref<File>> make_copy(Copier &copier) override {
    return Ref<File>(
        make_ref<MemoryDevice>(TINE_TRY(copy_path(copier, place_)), status_flags(), kind_));
  }
  static Result<u64> read_random(memory::IoBuffer &to) {
    u64 done = 0;
    while (to.remaining() > 0) {
      const auto piece = to.window(memory::Access::write, 256);
      if (!piece)
        return done > 0 ? Result<u64>(done) : piece.error();
      const ssize_t count = ::getrandom(piece->data(), piece->size(), 0);
      if (count < 0)
        return Errno{errno};
      to.advance(static_cast<u64>(count));
      done += static_cast<u64>(count);
    }
    return done;
  }
  Memory kind_;
  sched::WaitQueue never_;
};

/// mem(4), null(4), random(4): those of major number 1.
constexpr struct {
  const char *name;
  u32 minor_number;
  Memory kind;
} memory_devices[] = {{"null", 3, Memory::null},
                      {"zero", 5, Memory::zero},
                      {"full", 7, Memory::full},
                      {"random", 8, Memory::random},
                      {"urandom", 9, Memory::random}};

void add_memory_device(PseudoFs &dev, const char *name, u32 minor_number, Memory kind) {
  dev.root_directory()->add(
      name, dev.special(S_IFCHR, makedev(1, minor_number), {.mode = 0666},
                        [kind](const Path &path, u32 flags) -> Result<Ref<File>> {
                          return Ref<File>(make_ref<MemoryDevice>(path, flags, kind));
                        }));
}

/// /dev/tty: "a synonym for the controlling terminal of a process, if any".
Result<Ref<File>> open_controlling_terminal(const Path &, u32) {
  const Caller *caller = current_caller();
  Ref<File> terminal = caller ? caller->controlling_terminal() : nullptr;
  if (!terminal)
    return Errno{ENXIO};
  return terminal;
}

void add_pts(PseudoFs &pts, const Ref<PtyTable> &ptys) {
  PseudoFs *fs = &pts;
  const auto inode_of = [fs, ptys](u32 number) -> Ref<Inode> {
    return fs->special(S_IFCHR, makedev(136, number), {.mode = 0620, .inode = number + 3},
                       [ptys, number](const Path &path, u32 flags) -> Result<Ref<File>> {
                         const Ref<Pty> pty = ptys->find(number);
                         if (!pty)
                           return Errno{ENXIO};
                         return open_pty_slave(pty, path, flags);
                       });
  };
  pts.root_directory()->add("ptmx", pts.special(S_IFCHR, makedev(5, 2), {.mode = 0666, .inode = 2},
                                                [ptys](const Path &path, u32 flags) {
                                                  return open_pty_master(ptys, path, flags);
                                                }));
  pts.root_directory()->set_dynamic(
      [ptys, inode_of](std::string_view name) -> Result<Ref<Inode>> {
        for (const u32 number : ptys->numbers())
          if (std::to_string(number) == name)
            return inode_of(number);
        return Errno{ENOENT};
      },
      [ptys]() -> Result<std::vector<DirectoryEntry>> {
        std::vector<DirectoryEntry> entries;
        for (const u32 number : ptys->numbers())
          entries.push_back({number + 3, 0, DT_CHR, std::to_string(number)});
        return entries;
      });
}

} // namespace

Result<Ref<File>> open_device_node(u64 device, const Path &path, u32 flags) {
  for (const auto &known : memory_devices)
    if (device == makedev(1, known.minor_number))
      return Ref<File>(make_ref<MemoryDevice>(path, flags, known.kind));
  if (device == makedev(5, 0) || device == makedev(5, 1))
    return open_controlling_terminal(path, flags);
  return Errno{ENXIO};
}

Result<Ref<Pty>> PtyTable::allocate() {
  u32 number = 0;
  while (ptys_.contains(number))
    ++number;
  if (number >= 4096)
    return Errno{ENOSPC};
  Ref<Pty> pty = make_ref<Pty>(number);
  pty->signal_group = signal_group;
  pty->signal_context = signal_context;
  ptys_.emplace(number, pty.get());
  return pty;
}

Ref<Pty> PtyTable::find(u32 number) const {
  const auto found = ptys_.find(number);
  return Ref<Pty>(found == ptys_.end() ? nullptr : found->second);
}

void PtyTable::release(u32 number) {
  ptys_.erase(number);
}

std::vector<u32> PtyTable::numbers() const {
  std::vector<u32> numbers;
  for (const auto &[number, pty] : ptys_)
    numbers.push_back(number);
  return numbers;
}

Result<Ref<PtyTable>> PtyTable::copy(Copier &copier) const {
  Ref<PtyTable> made = make_ref<PtyTable>();
  made->signal_group = signal_group;
  made->signal_context = copier.counterpart_address(signal_context);
  return made;
}

namespace {

void fill_dev(PseudoFs &dev, const Ref<BoxControl> &control) {
  PseudoDirectory &root = *dev.root_directory();
  for (const auto &[name, minor_number, kind] : memory_devices)
    add_memory_device(dev, name, minor_number, kind);
  root.add("tty", dev.special(S_IFCHR, makedev(5, 0), {.mode = 0666}, open_controlling_terminal));
  root.add("console",
           dev.special(S_IFCHR, makedev(5, 1), {.mode = 0600}, open_controlling_terminal));
  if (control)
    add_control_device(dev, control);
  root.add("ptmx", dev.link_to("pts/ptmx"));
  root.add("fd", dev.link_to("/proc/self/fd"));
  root.add("stdin", dev.link_to("/proc/self/fd/0"));
  root.add("stdout", dev.link_to("/proc/self/fd/1"));
  root.add("stderr", dev.link_to("/proc/self/fd/2"));
}

/// What is mounted there keeps the three directories; the rest is made when somebody looks, which
/// in most forks of a box nobody does.
void set_up_dev(PseudoFs &dev, const Ref<BoxControl> &control) {
  for (const char *name : {"pts", "shm", "mqueue"})
    dev.root_directory()->directory(name);
  dev.root_directory()->set_populate([&dev, control] { fill_dev(dev, control); });
  dev.set_save([control](Archive &archive) {
    Ref<BoxControl> saved = control;
    archive(saved);
  });
  dev.set_rebuild([&dev, control](Copier &copier) -> Result<Ref<FileSystem>> {
    Ref<PseudoFs> made = make_ref<PseudoFs>("devtmpfs", u64{TMPFS_MAGIC}, dev.device());
    set_up_dev(*made, TINE_TRY(copier.copy(control)));
    return Ref<FileSystem>(made);
  });
}

void set_up_pts(PseudoFs &pts, const Ref<PtyTable> &ptys) {
  pts.root_directory()->set_populate([&pts, ptys] { add_pts(pts, ptys); });
  pts.set_save([ptys](Archive &archive) {
    Ref<PtyTable> saved = ptys;
    archive(saved);
  });
  pts.set_rebuild([&pts, ptys](Copier &copier) -> Result<Ref<FileSystem>> {
    Ref<PseudoFs> made = make_ref<PseudoFs>("devpts", u64{DEVPTS_SUPER_MAGIC}, pts.device());
    set_up_pts(*made, TINE_TRY(copier.copy(ptys)));
    return Ref<FileSystem>(made);
  });
}

} // namespace

DeviceTree make_device_tree(const Ref<BoxControl> &control) {
  DeviceTree tree{make_ref<PseudoFs>("devtmpfs", u64{TMPFS_MAGIC}),
                  make_ref<PseudoFs>("devpts", u64{DEVPTS_SUPER_MAGIC}), make_ref<PtyTable>()};
  set_up_dev(*tree.dev, control);
  set_up_pts(*tree.pts, tree.ptys);
  return tree;
}

void add_saved_devices(ArchiveClasses &classes) {
  classes.add<MemoryDevice>("open device");
}

void add_saved_trees(PseudoTrees &trees) {
  trees.makers.emplace("devtmpfs", [](Archive &archive, u64 device) {
    Ref<BoxControl> control;
    archive(control);
    Ref<PseudoFs> made = make_ref<PseudoFs>("devtmpfs", u64{TMPFS_MAGIC}, device);
    set_up_dev(*made, control);
    return made;
  });
  trees.makers.emplace("devpts", [](Archive &archive, u64 device) -> Ref<PseudoFs> {
    Ref<PtyTable> ptys;
    archive.required(ptys);
    if (!ptys)
      return nullptr;
    Ref<PseudoFs> made = make_ref<PseudoFs>("devpts", u64{DEVPTS_SUPER_MAGIC}, device);
    set_up_pts(*made, ptys);
    return made;
  });
}

} // namespace tine::fs
