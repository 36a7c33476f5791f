// Filters of system calls: seccomp(2) with classic BPF, bpf(4) and linux/filter.h.
#pragma once

#include "base/archive.hpp"
#include "base/ref.hpp"
#include "base/result.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <vector>

namespace tine::process {

class Thread;

/// A program and those that were added before it. Immutable, shared by the threads that inherit it
/// and by copies of the box. Invariant: the program was checked, so it ends, within its bounds.
class SeccompFilter final : public RefCounted {
public:
  /// EINVAL for a program that seccomp(2) doesn't take; ENOMEM if it and those before are too long
  /// together (MAX_INSNS_PER_PATH).
  static Result<Ref<SeccompFilter>> create(std::vector<sock_filter> program,
                                           Ref<SeccompFilter> previous);

  /// What is to be done with the call, SECCOMP_RET_*: of all programs' actions that of the highest
  /// precedence; of equal ones the one that was added last.
  [[nodiscard]] u32 evaluate(const seccomp_data &data) const;
  /// Whether `later` was added to this one, or is it.
  [[nodiscard]] bool is_ancestor_of(const SeccompFilter *later) const;
  /// Programs, with those before.
  [[nodiscard]] u32 count() const { return count_; }

  /// To the archive, or from it: null if it has none or one that can't be.
  static void archive(Archive &archive, Ref<SeccompFilter> &filter);

private:
  SeccompFilter(std::vector<sock_filter> program, Ref<SeccompFilter> previous);

  std::vector<sock_filter> program_;
  Ref<SeccompFilter> previous_;
  u32 count_ = 1;
  u64 cost_ = 0; ///< instructions of all, with what each program costs beyond its own
};

/// SECCOMP_SET_MODE_STRICT. EINVAL in a thread that has filters.
[[nodiscard]] Status enter_strict_seccomp(Thread &thread);
/// SECCOMP_SET_MODE_FILTER. EINVAL in strict mode; the rest as create().
[[nodiscard]] Status add_seccomp_filter(Thread &thread, std::vector<sock_filter> program);
/// SECCOMP_FILTER_FLAG_TSYNC: the thread that can't have the caller's filters, since it has others;
/// null if all can.
[[nodiscard]] const Thread *find_unsynchronizable(const Thread &caller);
/// Gives the caller's filters, and its no_new_privs, to all threads of its process.
void synchronize_seccomp(Thread &caller);

} // namespace tine::process
