#include "process/ipc/posix_queues.hpp"

#include "fs/caller.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <poll.h>

namespace tine::process {
namespace {

constexpr std::size_t longest_name = 255;

fs::Attributes attributes_of(const fs::CreateRequest &request, u64 device, u64 number) {
  fs::Attributes result;
  result.device = device;
  result.inode = number;
  result.mode = request.mode;
  result.uid = request.uid;
  result.gid = request.gid;
  result.accessed = result.modified = result.changed = fs::current_time();
  return result;
}

} // namespace

/// The root: queues by name.
class QueueFs::Directory final : public fs::Inode {
public:
  explicit Directory(QueueFs &owner)
      : Inode(S_IFDIR), owner_(owner),
        attributes_(attributes_of({.mode = S_IFDIR | S_ISVTX | 0777}, owner.device(), 1)) {
    attributes_.links = 2;
  }
  [[nodiscard]] Result<fs::Attributes> attributes() override { return attributes_; }
  [[nodiscard]] fs::FileSystem &file_system() override { return owner_; }
  [[nodiscard]] bool is_generated() const override { return true; }
  [[nodiscard]] Result<Ref<fs::Inode>> copy(Copier &copier, fs::Inode *,
                                            const std::string &) override {
    return TINE_TRY(copier.copy(Ref<QueueFs>(&owner_)))->root();
  }
  [[nodiscard]] Result<Ref<fs::Inode>> lookup(std::string_view name) override {
    const Ref<PosixQueue> found = owner_.find(name);
    return found ? Result<Ref<fs::Inode>>(Ref<fs::Inode>(found)) : Errno{ENOENT};
  }
  [[nodiscard]] Result<std::vector<fs::DirectoryEntry>> list() override {
    std::vector<fs::DirectoryEntry> entries;
    for (const auto &[name, queue] : owner_.queues_)
      entries.push_back({TINE_TRY(queue->attributes()).inode, 0, 8 /* DT_REG */, name});
    return entries;
  }
  [[nodiscard]] Result<Ref<fs::Inode>> create(std::string_view name,
                                              const fs::CreateRequest &request) override {
    if ((request.mode & S_IFMT) != S_IFREG)
      return Errno{EPERM};
    const PosixQueueLimits &own = owner_.limits;
    const Ref<PosixQueue> queue = TINE_TRY(
        owner_.create(name, {request, own.default_messages, own.default_message_bytes}, false));
    return Ref<fs::Inode>(queue);
  }
  [[nodiscard]] Status unlink(std::string_view name, fs::Inode &) override {
    return owner_.unlink(name);
  }
  [[nodiscard]] Result<Ref<fs::File>> open(const fs::Path &path, u32 flags,
                                           const fs::Credentials &) override {
    return Ref<fs::File>(make_ref<fs::DirectoryFile>(path, flags));
  }

private:
  QueueFs &owner_;
  fs::Attributes attributes_;
};

PosixQueue::PosixQueue(QueueFs &file_system, const fs::Attributes &attributes, u32 messages,
                       u32 message_bytes_)
    : Inode(S_IFREG), capacity(messages), message_bytes(message_bytes_), file_system_(file_system),
      attributes_(attributes) {}

Result<fs::Attributes> PosixQueue::attributes() {
  fs::Attributes result = attributes_;
  result.size = 80; // Linux's FILENT_SIZE
  return result;
}

Status PosixQueue::change(const fs::AttributeChange &change) {
  if (change.mode)
    attributes_.mode = S_IFREG | (*change.mode & 07777U);
  attributes_.uid = change.uid.value_or(attributes_.uid);
  attributes_.gid = change.gid.value_or(attributes_.gid);
  attributes_.changed = fs::current_time();
  return Done{};
}

fs::FileSystem &PosixQueue::file_system() {
  return file_system_;
}

Result<Ref<fs::File>> PosixQueue::open(const fs::Path &path, u32 flags, const fs::Credentials &) {
  return Ref<fs::File>(make_ref<QueueFile>(path, flags, Ref<PosixQueue>(this)));
}

void PosixQueue::send(std::vector<std::byte> text, u32 priority) {
  bytes_ += text.size();
  messages_[priority].push_back(std::move(text));
  ++count_;
  changed.wake_all();
}

PosixQueue::Received PosixQueue::receive() {
  const auto highest = std::prev(messages_.end());
  Received result{highest->first, std::move(highest->second.front())};
  highest->second.erase(highest->second.begin());
  if (highest->second.empty())
    messages_.erase(highest);
  --count_;
  bytes_ -= result.text.size();
  changed.wake_all();
  return result;
}

void PosixQueue::end_notification(NotificationEnd why) {
  if (notification->socket) {
    notification->cookie.back() = static_cast<std::byte>(why);
    notification->socket->deliver({notification->cookie.begin(), notification->cookie.end()});
  }
  notification.reset();
}

std::string PosixQueue::information() const {
  const bool known = notification.has_value();
  return fmt::format("QSIZE:{:<10} NOTIFY:{:<5} SIGNO:{:<5} NOTIFY_PID:{:<6}\n", bytes_,
                     known ? notification->method : 0,
                     known && notification->method == SIGEV_SIGNAL ? notification->signal : 0,
                     known ? notification->process.value : 0);
}

QueueFile::QueueFile(const fs::Path &path, u32 flags, Ref<PosixQueue> queue)
    : PlacedFile(path, flags), queue_(std::move(queue)) {}

void QueueFile::descriptor_closed() {
  const fs::Caller *caller = fs::current_caller();
  if (caller != nullptr && queue_->notification &&
      queue_->notification->process == caller->process())
    queue_->end_notification(PosixQueue::NotificationEnd::removed);
}

Result<u64> QueueFile::read(memory::IoBuffer &to) {
  const u64 count = TINE_TRY(read_at(to, offset));
  offset += count;
  return count;
}

Result<u64> QueueFile::read_at(memory::IoBuffer &to, u64 at) {
  const std::string text = queue_->information();
  if (at >= text.size())
    return u64{0};
  return to.copy_out(std::as_bytes(std::span(text)).subspan(at));
}

u32 QueueFile::poll() {
  return (queue_->is_empty() ? 0U : POLLIN | POLLRDNORM) |
         (queue_->is_full() ? 0U : POLLOUT | POLLWRNORM);
}

QueueFs::QueueFs(u64 device) : FileSystem(device), root_(make_ref<Directory>(*this)) {}
QueueFs::QueueFs() : root_(make_ref<Directory>(*this)) {}
QueueFs::~QueueFs() = default;

Ref<fs::Inode> QueueFs::root() {
  return root_;
}

Ref<PosixQueue> QueueFs::find(std::string_view name) const {
  const auto found = queues_.find(name);
  return found == queues_.end() ? nullptr : found->second;
}

Result<Ref<PosixQueue>> QueueFs::create(std::string_view name, const NewQueue &queue,
                                        bool privileged) {
  if (name.size() > longest_name)
    return Errno{ENAMETOOLONG};
  if (queues_.size() >= limits.queues && !privileged)
    return Errno{ENOSPC};
  Ref<PosixQueue> made =
      make_ref<PosixQueue>(*this, attributes_of(queue.request, device(), next_number_++),
                           queue.messages, queue.message_bytes);
  queues_.emplace(name, made);
  return made;
}

Status QueueFs::unlink(std::string_view name) {
  const auto found = queues_.find(name);
  if (found == queues_.end())
    return Errno{ENOENT};
  queues_.erase(found);
  return Done{};
}

fs::Path QueueFs::path_of(const std::string &name, Ref<PosixQueue> queue) {
  Ref<fs::Mount> mount = make_ref<fs::Mount>();
  mount->file_system = Ref<fs::FileSystem>(this);
  const auto parent = make_ref<fs::Dentry>("", nullptr, Ref<fs::Inode>(root_));
  return {mount, make_ref<fs::Dentry>(name, parent, Ref<fs::Inode>(std::move(queue)))};
}

} // namespace tine::process
