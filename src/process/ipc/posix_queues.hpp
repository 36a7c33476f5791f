// POSIX message queues: mq_overview(7), mq_open(3) and the file system that shows them.
#pragma once

#include "fs/plain_files.hpp"
#include "net/netlink_socket.hpp"
#include "sched/wait_queue.hpp"

#include <array>
#include <csignal>
#include <map>
#include <optional>
#include <vector>

namespace tine::process {

class QueueFs;

/// /proc/sys/fs/mqueue.
struct PosixQueueLimits {
  u32 queues = 256, messages = 10, message_bytes = 8192, default_messages = 10,
      default_message_bytes = 8192;
};
/// HARD_MSGMAX and HARD_MSGSIZEMAX: what no limit may exceed, nor a queue of the privileged.
inline constexpr u32 most_posix_messages = 65536, most_posix_bytes = 16777216;
/// "mq_prio … from 0 to sysconf(_SC_MQ_PRIO_MAX) - 1".
inline constexpr u32 posix_priority_limit = 32768;

/// mq_notify(3): who is told when a message arrives at an empty queue.
struct QueueNotification {
  Pid process;
  int method = SIGEV_NONE;
  int signal = 0;
  sigval value{};
  /// SIGEV_THREAD: a thread of the C library reads the cookie from this netlink socket.
  Ref<net::NetlinkSocket> socket;
  std::array<std::byte, 32> cookie{};
};

/// A queue: an inode of the queues' file system. Guarded by the kernel lock.
class PosixQueue final : public fs::Inode {
public:
  PosixQueue(QueueFs &file_system, const fs::Attributes &attributes, u32 messages,
             u32 message_bytes);

  [[nodiscard]] Result<fs::Attributes> attributes() override;
  [[nodiscard]] Status change(const fs::AttributeChange &change) override;
  [[nodiscard]] fs::FileSystem &file_system() override;
  [[nodiscard]] Result<Ref<fs::File>> open(const fs::Path &path, u32 flags,
                                           const fs::Credentials &credentials) override;

  [[nodiscard]] Result<Ref<fs::Inode>> copy(Copier &copier, fs::Inode *directory,
                                            const std::string &name) override;
  /// The queue in the copy of a box, with its messages and who is to be told of the next.
  [[nodiscard]] Result<Ref<PosixQueue>> copy(Copier &copier) const;

  [[nodiscard]] bool is_full() const { return count_ == capacity; }
  [[nodiscard]] bool is_empty() const { return count_ == 0; }
  [[nodiscard]] u32 count() const { return count_; }
  /// Its inode number: names it in what a thread keeps while it sleeps.
  [[nodiscard]] u64 number() const { return attributes_.inode; }
  void send(std::vector<std::byte> text, u32 priority);
  struct Received {
    u32 priority;
    std::vector<std::byte> text;
  };
  /// The oldest of the highest priority. Not when it is empty.
  [[nodiscard]] Received receive();
  /// As a read(2) of the file shows it.
  [[nodiscard]] std::string information() const;

  /// The registration ends, by a message or because its process doesn't want it any more; a helper
  /// thread is told which.
  enum class NotificationEnd : u8 { message = 1, removed = 2 };
  void end_notification(NotificationEnd why);

  const u32 capacity, message_bytes;
  std::optional<QueueNotification> notification;
  sched::WaitQueue changed;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, PosixQueue *saved);
  void archive_body(Archive &archive);

private:
  QueueFs &file_system_;
  fs::Attributes attributes_;
  std::map<u32, std::vector<std::vector<std::byte>>> messages_; ///< by priority, oldest first
  u32 count_ = 0;
  u64 bytes_ = 0;
};

/// An open queue: a message queue descriptor is a file descriptor.
class QueueFile final : public fs::PlacedFile {
public:
  QueueFile(const fs::Path &path, u32 flags, Ref<PosixQueue> queue);
  [[nodiscard]] Result<u64> read(memory::IoBuffer &to) override;
  [[nodiscard]] Result<u64> read_at(memory::IoBuffer &to, u64 at) override;
  [[nodiscard]] u32 poll() override;
  [[nodiscard]] bool can_splice(Splice) const override { return false; }
  [[nodiscard]] sched::WaitQueue *wait_queue() override { return &queue_->changed; }
  /// mq_close(3): "If the calling process has attached a notification request to this message
  /// queue …, then this request is removed".
  void descriptor_closed() override;
  [[nodiscard]] PosixQueue &queue() const { return *queue_; }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, QueueFile *saved);

private:
  [[nodiscard]] Result<Ref<fs::File>> make_copy(Copier &copier) override;

  Ref<PosixQueue> queue_;
};

/// One directory of queues; mounted on /dev/mqueue.
class QueueFs final : public fs::FileSystem {
public:
  QueueFs();
  /// A copy, still without queues.
  explicit QueueFs(u64 device);
  ~QueueFs() override;
  [[nodiscard]] const char *type_name() const override { return "mqueue"; }
  [[nodiscard]] Ref<fs::Inode> root() override;
  [[nodiscard]] Result<Ref<fs::FileSystem>> copy(Copier &copier) override;

  PosixQueueLimits limits;
  [[nodiscard]] Ref<PosixQueue> find(std::string_view name) const;
  struct NewQueue {
    fs::CreateRequest request;
    u32 messages, message_bytes;
  };
  /// ENOSPC beyond queues_max.
  [[nodiscard]] Result<Ref<PosixQueue>> create(std::string_view name, const NewQueue &queue,
                                               bool privileged);
  /// ENOENT.
  [[nodiscard]] Status unlink(std::string_view name);
  /// Where the queue is, for its descriptions.
  [[nodiscard]] fs::Path path_of(const std::string &name, Ref<PosixQueue> queue);
  [[nodiscard]] const std::map<std::string, Ref<PosixQueue>, std::less<>> &queues() const {
    return queues_;
  }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, QueueFs *saved);
  void archive_body(Archive &archive);

private:
  friend class PosixQueue;
  class Directory;
  std::map<std::string, Ref<PosixQueue>, std::less<>> queues_;
  Ref<Directory> root_;
  u64 next_number_ = 2;
};

} // namespace tine::process
