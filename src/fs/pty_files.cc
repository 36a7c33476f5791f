// The two ends of a pseudoterminal as open files.
#include "fs/caller.hpp"
#include "fs/device_fs.hpp"
#include "fs/host_stream.hpp"
#include "fs/saved_classes.hpp"

#include <csignal>
#include <fcntl.h>

namespace tine::fs {
namespace {

class PtyMaster final : public PlacedFile {
public:
  PtyMaster(const Path &path, u32 flags, Ref<PtyTable> ptys, Ref<Pty> pty)
      : PlacedFile(path, flags), ptys_(std::move(ptys)), pty_(std::move(pty)) {
    ++pty_->master_count;
  }
  /// The terminal is gone: its session hears of it.
  ~PtyMaster() override {
    --pty_->master_count;
    ptys_->release(pty_->number());
    pty_->send_signal(SIGHUP);
    pty_->send_signal(SIGCONT);
    pty_->slave_changed.wake_all();
  }
  Result<u64> read(memory::IoBuffer &to) override { return pty_->master_read(to); }
  Result<u64> write(memory::IoBuffer &from) override { return pty_->master_write(from); }
  u32 poll() override { return pty_->master_poll(); }
  sched::WaitQueue *wait_queue() override { return &pty_->master_changed; }
  Result<u64> ioctl(const IoctlCall &call) override {
    return pty_->ioctl(call, Ref<File>(this), true);
  }
  [[nodiscard]] Pty &pty() { return *pty_; }
  static Ref<RefCounted> archive_head(Archive &archive, PtyMaster *saved) {
    return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
      Path place = saved ? saved->place_ : Path{};
      Ref<PtyTable> ptys = saved ? saved->ptys_ : nullptr;
      Ref<Pty> pty = saved ? saved->pty_ : nullptr;
      archive(place);
      archive.required(ptys);
      archive.required(pty);
      if (saved || !archive.ok() || !place)
        return nullptr;
      if (ptys->find(pty->number())) {
        archive.fail("it has two terminals of one number");
        return nullptr;
      }
      ptys->enter(*pty);
      return make_ref<PtyMaster>(place, flags, ptys, pty);
    });
  }

private:
  Result<Ref<File>> make_copy(Copier &copier) override {
    const Path place = TINE_TRY(copy_path(copier, place_));
    const Ref<PtyTable> ptys = TINE_TRY(copier.copy(ptys_));
    const Ref<Pty> pty = TINE_TRY(copier.copy(pty_));
    ptys->enter(*pty);
    return Ref<File>(make_ref<PtyMaster>(place, status_flags(), ptys, pty));
  }

  Ref<PtyTable> ptys_;
  Ref<Pty> pty_;
};

class PtySlave final : public PlacedFile {
public:
  PtySlave(const Path &path, u32 flags, Ref<Pty> pty)
      : PlacedFile(path, flags), pty_(std::move(pty)) {
    ++pty_->slave_count;
    pty_->slave_was_open = true;
  }
  ~PtySlave() override {
    --pty_->slave_count;
    pty_->master_changed.wake_all();
  }
  Result<u64> read(memory::IoBuffer &to) override { return pty_->slave_read(to); }
  Result<u64> write(memory::IoBuffer &from) override { return pty_->slave_write(from); }
  u32 poll() override { return pty_->slave_poll(); }
  sched::WaitQueue *wait_queue() override { return &pty_->slave_changed; }
  Result<u64> ioctl(const IoctlCall &call) override {
    return pty_->ioctl(call, Ref<File>(this), false);
  }
  [[nodiscard]] TerminalOwner &owner() { return pty_->owner; }
  static Ref<RefCounted> archive_head(Archive &archive, PtySlave *saved) {
    return archive_file(archive, saved, [&](u32 flags) -> Ref<File> {
      Path place = saved ? saved->place_ : Path{};
      Ref<Pty> pty = saved ? saved->pty_ : nullptr;
      archive(place);
      archive.required(pty);
      return saved || !archive.ok() || !place ? nullptr : make_ref<PtySlave>(place, flags, pty);
    });
  }

private:
  Result<Ref<File>> make_copy(Copier &copier) override {
    const Path place = TINE_TRY(copy_path(copier, place_));
    return Ref<File>(make_ref<PtySlave>(place, status_flags(), TINE_TRY(copier.copy(pty_))));
  }

  Ref<Pty> pty_;
};

} // namespace

TerminalOwner *owner_of_terminal(File &file) {
  if (auto *slave = dynamic_cast<PtySlave *>(&file))
    return &slave->owner();
  return dynamic_cast<HostStream *>(&file) != nullptr ? &host_terminal_owner() : nullptr;
}

Result<Ref<File>> open_pty_master(const Ref<PtyTable> &ptys, const Path &path, u32 flags) {
  Ref<Pty> pty = TINE_TRY(ptys->allocate());
  return Ref<File>(make_ref<PtyMaster>(path, flags, ptys, std::move(pty)));
}

Result<Ref<File>> open_pty_slave(const Ref<Pty> &pty, const Path &path, u32 flags) {
  if (pty->locked || pty->master_count == 0)
    return Errno{EIO};
  Ref<File> file = make_ref<PtySlave>(path, flags, pty);
  // "If the process is a session leader without a controlling terminal, opening one makes it that",
  // unless O_NOCTTY.
  Caller *caller = current_caller();
  if (caller && (flags & O_NOCTTY) == 0 && caller->session() == caller->process() &&
      !caller->controlling_terminal() && pty->owner.session.is_none()) {
    pty->owner.session = caller->session();
    pty->owner.foreground = caller->group();
    caller->set_controlling_terminal(file);
  }
  return file;
}

Result<Terminal> open_terminal(const FileSystemContext &context, const Credentials &credentials) {
  Terminal made;
  made.master = TINE_TRY(open(context, credentials, context.root, "/dev/ptmx", O_RDWR, 0));
  auto *master = dynamic_cast<PtyMaster *>(made.master.get());
  if (master == nullptr) // the box has put something else there
    return Errno{ENXIO};
  master->pty().locked = false;
  const std::string name = "/dev/pts/" + std::to_string(master->pty().number());
  made.slave = TINE_TRY(open(context, credentials, context.root, name, O_RDWR | O_NOCTTY, 0));
  if (dynamic_cast<PtySlave *>(made.slave.get()) == nullptr)
    return Errno{ENXIO};
  return made;
}

void set_terminal_size(File &master, const struct winsize &size) {
  if (auto *terminal = dynamic_cast<PtyMaster *>(&master))
    terminal->pty().set_size(size);
}

Ref<RefCounted> PtyTable::archive_head(Archive &archive, PtyTable *saved) {
  if (saved)
    return Ref<RefCounted>(saved);
  Ref<PtyTable> made = make_ref<PtyTable>();
  const auto &signals = *archive.context<TerminalSignals>();
  made->signal_group = signals.signal_group;
  made->signal_context = signals.signal_context;
  return made;
}

Ref<RefCounted> Pty::archive_head(Archive &archive, Pty *saved) {
  u32 number = saved ? saved->number_ : 0;
  archive(number);
  return saved ? Ref<RefCounted>(saved) : make_ref<Pty>(number);
}

void Pty::archive_body(Archive &archive) {
  archive(owner.session, owner.foreground, locked, slave_was_open, termios_.input_flags,
          termios_.output_flags, termios_.control_flags, termios_.local_flags, termios_.line,
          termios_.control_characters, size_.ws_row, size_.ws_col, size_.ws_xpixel, size_.ws_ypixel,
          line_, input_, lines_, output_, literal_next_, stopped_);
  if (!archive.is_reading())
    return;
  // Signals when there is somebody whole to get them.
  archive.at_end([keep = Ref<Pty>(this)](Archive &end) {
    const auto &signals = *end.context<TerminalSignals>();
    keep->signal_group = signals.signal_group;
    keep->signal_context = signals.signal_context;
  });
  std::size_t in_lines = 0;
  for (const std::size_t length : lines_)
    if (length > input_.size() || (in_lines += length) > input_.size())
      return archive.fail("it has a terminal that can't be");
}

void add_saved_terminals(ArchiveClasses &classes) {
  classes.add<PtyTable>("terminals");
  classes.add<Pty>("terminal");
  classes.add<PtyMaster>("terminal master");
  classes.add<PtySlave>("terminal slave");
}

} // namespace tine::fs
