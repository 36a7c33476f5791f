// A family: a box and its forks, kept by one host process.
#pragma once

#include "base/unique_fd.hpp"
#include "box/box.hpp"
#include "daemon/output_log.hpp"
#include "daemon/wakeup.hpp"

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tine::daemon {

/// What `tine run -d` and `tine restore` ask for.
struct FamilyOptions {
  std::string name; ///< of the first box
  box::BoxOptions box;
  box::RuntimeOptions runtime;
  u64 log_bytes = u64{1} << 20; ///< of each box's output, the latest
  bool remove_at_end = false;   ///< a box goes when its main process has ended
  std::string code_cache;       ///< as CodeStore has it
  bool limit_host_calls = true; ///< the seccomp filter
  // Instead of a program: a saved box.
  UniqueFd snapshot;
  int restores = 1;                  ///< boxes that go on from it
  std::vector<std::string> writable; ///< as box::RestoreOptions has it
};

/// A box and what is kept beside it. Shared with the connections that look at it; what is of the
/// box itself is guarded by the kernel lock.
struct KeptBox {
  KeptBox(Wakeup &wakeup, u64 log_bytes) : log(log_bytes), watch(std::make_unique<Watch>(wakeup)) {}

  std::string name, parent; ///< no parent: the first box
  std::unique_ptr<box::Box> box;
  OutputLog log;
  Nanoseconds started = 0;        ///< host monotonic
  std::optional<int> wait_status; ///< the main process has ended, as wait4 reports it
  bool frozen = false;
  bool output_ended = false;    ///< and all that it wrote is in the log
  bool held_back = false;       ///< there is no room for more before a reader goes on
  std::unique_ptr<Watch> watch; ///< none: it was removed
  Ref<fs::BoxControl> control;  ///< likewise
  /// Where those who must not lose output have read up to: the box waits for the slowest.
  std::map<const void *, u64> readers;

  [[nodiscard]] process::Kernel &kernel() const { return box->kernel(); }
  [[nodiscard]] bool has_terminal() const { return kernel().console[0] && !kernel().console[1]; }
};

/// What `tine ps` shows.
struct BoxState {
  std::string state; ///< running, paused, exited
  int exit_status = 0;
  std::size_t processes = 0;
  u64 owned_bytes = 0,
      shared_bytes = 0; ///< memory of its processes that it alone can reach; the rest
  Nanoseconds age = 0;
};

/// Owns the boxes and the host threads that run them. Used by one thread, the server's.
class Family {
public:
  explicit Family(FamilyOptions options);
  ~Family();
  Family(const Family &) = delete;
  Family &operator=(const Family &) = delete;

  /// Starts the first box and the host threads; the calling thread is behind the seccomp filter
  /// afterwards, the threads that run guest code behind a narrower one.
  [[nodiscard]] std::optional<box::StartFailure> start();
  /// Keeps what was translated, if that was asked for.
  void finish();

  [[nodiscard]] const FamilyOptions &options() const { return options_; }
  [[nodiscard]] Wakeup &wakeup() { return wakeup_; }
  [[nodiscard]] KernelLock &lock() { return runtime_.host().lock; }
  /// Null if there is none of that name.
  [[nodiscard]] std::shared_ptr<KeptBox> find(const std::string &name) const;
  /// In the order in which they came.
  [[nodiscard]] const std::vector<std::shared_ptr<KeptBox>> &boxes() const { return boxes_; }

  [[nodiscard]] std::variant<std::shared_ptr<KeptBox>, box::StartFailure>
  fork(KeptBox &original, fs::ForkRights rights = {});
  /// In the order of the boxes, all as of the same instant.
  [[nodiscard]] std::vector<BoxState> states_of(std::span<const std::shared_ptr<KeptBox>> boxes);
  /// SIGKILL ends all its processes, a paused box too; another signal goes to the main process.
  void signal(KeptBox &kept, int number);
  void set_frozen(KeptBox &kept, bool frozen);
  void remove(KeptBox &kept);
  /// What a saved box keeps of how it began.
  [[nodiscard]] box::Surroundings surroundings() const;
  /// Options for a further process: the environment, user and directory that the box began with.
  [[nodiscard]] box::BoxOptions program_options() const;

  /// After a wake-up: takes what boxes wrote, and notes those that have ended.
  void collect();
  /// The same for one box, at the next collect().
  void look_at(KeptBox &kept);
  /// Takes as much as fits of `bytes` to the box's standard input; how much.
  std::size_t write_input(KeptBox &kept, std::string_view bytes);
  /// The box reads the end of its input; on a terminal, the character for it.
  void end_input(KeptBox &kept);
  /// tine's own messages go to the logs of the boxes that run.
  void note_message(std::string_view text);

private:
  [[nodiscard]] std::optional<box::StartFailure> start_first(KeptBox &first);
  [[nodiscard]] std::optional<box::StartFailure> restore_first(KeptBox &first);
  [[nodiscard]] std::optional<box::StartFailure> start_runtime();
  void keep(const std::shared_ptr<KeptBox> &kept);
  /// Forks that were asked for in boxes.
  void carry_out_requests();
  void collect_box(KeptBox &kept);
  [[nodiscard]] bool take_output(KeptBox &kept);
  void install_filter(bool answers_commands);

  FamilyOptions options_;
  Wakeup wakeup_;
  UniqueFd null_;
  box::Runtime runtime_;
  std::vector<std::shared_ptr<KeptBox>> boxes_;
  u64 last_number_ = 0;
  std::vector<Ref<fs::BoxControl>> requests_; ///< guarded by the kernel lock
  struct Code;
  std::unique_ptr<Code> code_;
};

/// A shell's convention: 128 + n when signal n killed the program.
[[nodiscard]] int shell_status(int wait_status);

} // namespace tine::daemon
