// /dev: what a box has of devices.
#pragma once

#include "fs/control_device.hpp"
#include "fs/pseudo_fs.hpp"
#include "fs/terminal.hpp"

namespace tine::fs {

/// The pseudoterminals of one box: /dev/ptmx makes them, /dev/pts shows them.
class PtyTable final : public RefCounted {
public:
  /// ENOSPC beyond 4,096.
  [[nodiscard]] Result<Ref<Pty>> allocate();
  [[nodiscard]] Ref<Pty> find(u32 number) const;
  void release(u32 number);
  [[nodiscard]] std::vector<u32> numbers() const;
  /// The table in the copy of a box, empty: masters enter their terminals when they are copied.
  [[nodiscard]] Result<Ref<PtyTable>> copy(Copier &copier) const;
  void enter(Pty &pty) { ptys_.emplace(pty.number(), &pty); }

  SignalGroup signal_group = nullptr;
  void *signal_context = nullptr;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, PtyTable *saved);

private:
  std::map<u32, Pty *> ptys_; ///< kept by their masters
};

struct DeviceTree {
  Ref<PseudoFs> dev; ///< to mount at /dev
  Ref<PseudoFs> pts; ///< to mount at /dev/pts
  Ref<PtyTable> ptys;
};
/// null, zero, full, random, urandom, tty, console, ptmx, fd, stdin, stdout, stderr; pts, shm and
/// mqueue as directories to mount on; tine, if the box has a control.
[[nodiscard]] DeviceTree make_device_tree(const Ref<BoxControl> &control = {});

/// What a node of a file system in memory is that mknod(2) made: one of the box's devices. ENXIO.
[[nodiscard]] Result<Ref<File>> open_device_node(u64 device, const Path &path, u32 flags);
/// A new master and its description (open of /dev/ptmx).
[[nodiscard]] Result<Ref<File>> open_pty_master(const Ref<PtyTable> &ptys, const Path &path,
                                                u32 flags);
[[nodiscard]] Result<Ref<File>> open_pty_slave(const Ref<Pty> &pty, const Path &path, u32 flags);

/// Both ends of a new pseudoterminal of the box, by its /dev/ptmx and /dev/pts. ENXIO if the box
/// has other things there; ENOSPC.
struct Terminal {
  Ref<File> master, slave;
};
[[nodiscard]] Result<Terminal> open_terminal(const FileSystemContext &context,
                                             const Credentials &credentials);
/// What TIOCSWINSZ on the master does.
void set_terminal_size(File &master, const struct winsize &size);

} // namespace tine::fs
