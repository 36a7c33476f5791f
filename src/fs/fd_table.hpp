// A descriptor table: what CLONE_FILES shares and fork copies.
#pragma once

#include "fs/file.hpp"

#include <memory>
#include <vector>

namespace tine::fs {

struct Descriptor {
  Ref<File> file;
  bool close_on_exec = false;
};

/// Owned by the threads that share it. The descriptors are shared with forks until one side changes
/// its table. Guarded by the kernel lock.
class FdTable final : public RefCounted {
public:
  ~FdTable() override;
  /// EBADF.
  [[nodiscard]] Result<Ref<File>> get(int fd) const;
  [[nodiscard]] Result<Descriptor> descriptor(int fd) const;
  /// The lowest free descriptor from `from` on. EMFILE at `limit` (RLIMIT_NOFILE).
  [[nodiscard]] Result<int> install(Ref<File> file, bool close_on_exec, int from, u64 limit);
  /// dup2: replaces what is at `fd`. EBADF beyond the limit.
  [[nodiscard]] Status install_at(int fd, Ref<File> file, bool close_on_exec, u64 limit);
  [[nodiscard]] Status close(int fd);
  [[nodiscard]] Status set_close_on_exec(int fd, bool close_on_exec);
  void close_on_exec();
  void close_all();
  /// The child's table in fork(2): same descriptions, own table.
  [[nodiscard]] Ref<FdTable> clone() const;
  [[nodiscard]] std::vector<int> open_descriptors() const;
  /// The table in the copy of a box. Filled by the copier, later.
  [[nodiscard]] Result<Ref<FdTable>> copy(Copier &copier) const;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, FdTable *saved);
  void archive_body(Archive &archive);

private:
  using Entries = std::vector<Descriptor>;
  Entries &writable();
  void closed(const Descriptor &old);

  std::shared_ptr<Entries> entries_ = std::make_shared<Entries>();
};

} // namespace tine::fs
