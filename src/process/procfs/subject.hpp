// Whose entries a directory below /proc shows: a process, or one of its threads. Private to procfs.
#pragma once

#include "fs/caller.hpp"
#include "fs/pseudo_fs.hpp"
#include "process/kernel.hpp"
#include "process/process.hpp"

#include <span>

namespace tine::process {

inline constexpr Nanoseconds nanoseconds_per_tick = 10'000'000; ///< USER_HZ is 100

/// A thread or process by number, looked up anew each time: the files stay when it is gone, and say
/// ESRCH.
struct Subject {
  Kernel &kernel;
  Pid id;
  bool is_thread = false; ///< below task/: figures are the thread's own
  /// What the procfs shows; kept by its root. Null: the box's own.
  const PidNamespace *pids = nullptr;

  /// A pid as this procfs numbers it; 0: not there.
  [[nodiscard]] i32 shown(Pid pid) const { return kernel.pid_numbers.number(pids, pid).value; }

  /// ESRCH.
  [[nodiscard]] Result<Process *> process() const;
  /// The thread, or the process's first; ESRCH for a zombie.
  [[nodiscard]] Result<Thread *> thread() const;
  /// ESRCH for a zombie.
  [[nodiscard]] Result<memory::AddressSpace *> memory() const;
};

/// An entry of such a directory. Exactly one of `text` and `make` is set.
struct SubjectEntry {
  const char *name;
  u32 type; ///< S_IFREG, S_IFLNK, S_IFDIR
  u32 mode;
  Result<std::string> (*text)(const Subject &) = nullptr;
  Status (*accept)(const Subject &, std::string_view) = nullptr;
  Result<Ref<fs::Inode>> (*make)(fs::PseudoFs &, const Subject &, fs::PseudoAttributes) = nullptr;
};

/// A directory of `entries`, whose inodes are made when they are asked for.
[[nodiscard]] Ref<fs::PseudoDirectory> make_subject_directory(fs::PseudoFs &fs,
                                                              const Subject &subject,
                                                              std::span<const SubjectEntry> entries,
                                                              fs::PseudoAttributes attributes);

/// Owner of the subject's entries: its effective ids, or root if it isn't dumpable (proc(5)).
[[nodiscard]] fs::PseudoAttributes owner_of(const Subject &subject);
/// Whether the reader may look into the subject's memory and files: EACCES unless it may trace it
/// (proc(5): "Permission to access this file is governed by a ptrace access mode check").
[[nodiscard]] Status check_reader(const Subject &subject);
/// A stable inode number for entry `index` of a subject.
[[nodiscard]] u64 entry_number(const Subject &subject, u64 index);

/// The directory of a process (/proc/PID), of a thread (/proc/PID/task/TID).
[[nodiscard]] Ref<fs::Inode> make_process_directory(fs::PseudoFs &fs, const Subject &subject);

// ---- the texts, by file ----
// status.cc
[[nodiscard]] Result<std::string> stat_text(const Subject &subject);
[[nodiscard]] Result<std::string> statm_text(const Subject &subject);
[[nodiscard]] Result<std::string> status_text(const Subject &subject);
/// 'R', 'S', 'T', 'Z'.
[[nodiscard]] char state_letter(const Subject &subject);
[[nodiscard]] std::string command_name(const Subject &subject);
// maps.cc
[[nodiscard]] Result<std::string> maps_text(const Subject &subject);
[[nodiscard]] Result<std::string> smaps_text(const Subject &subject);
[[nodiscard]] Result<std::string> smaps_rollup_text(const Subject &subject);
[[nodiscard]] Result<std::string> numa_maps_text(const Subject &subject);
[[nodiscard]] Result<Ref<fs::Inode>> make_map_files(fs::PseudoFs &fs, const Subject &subject,
                                                    fs::PseudoAttributes attributes);
// memory_files.cc
[[nodiscard]] Result<Ref<fs::Inode>> make_mem(fs::PseudoFs &fs, const Subject &subject,
                                              fs::PseudoAttributes attributes);
[[nodiscard]] Result<Ref<fs::Inode>> make_pagemap(fs::PseudoFs &fs, const Subject &subject,
                                                  fs::PseudoAttributes attributes);
// descriptors.cc
[[nodiscard]] Result<Ref<fs::Inode>> make_fd(fs::PseudoFs &fs, const Subject &subject,
                                             fs::PseudoAttributes attributes);
[[nodiscard]] Result<Ref<fs::Inode>> make_fdinfo(fs::PseudoFs &fs, const Subject &subject,
                                                 fs::PseudoAttributes attributes);
// mounts.cc
[[nodiscard]] Result<std::string> mounts_text(const Subject &subject);
[[nodiscard]] Result<std::string> mountinfo_text(const Subject &subject);
[[nodiscard]] Result<std::string> mountstats_text(const Subject &subject);
// process_texts.cc
[[nodiscard]] std::span<const SubjectEntry> process_entries();
[[nodiscard]] std::span<const SubjectEntry> thread_entries();
// net_texts.cc
[[nodiscard]] Ref<fs::PseudoDirectory> make_net_directory(fs::PseudoFs &fs, const Subject &subject);
// procfs.cc
using FillTree = void (*)(fs::PseudoFs &fs, Kernel &kernel);
/// The tree is filled when it is first looked at, and made anew of the copy's kernel in the fork of
/// a box.
void set_up_generated(fs::PseudoFs &fs, Kernel &kernel, FillTree fill);
// user_maps.cc
/// Whose system call it is.
[[nodiscard]] const Thread *current_thread(const Kernel &kernel);
[[nodiscard]] Result<std::string> uid_map_text(const Subject &subject);
[[nodiscard]] Result<std::string> gid_map_text(const Subject &subject);
[[nodiscard]] Status write_uid_map(const Subject &subject, std::string_view text);
[[nodiscard]] Status write_gid_map(const Subject &subject, std::string_view text);
[[nodiscard]] Result<std::string> setgroups_text(const Subject &subject);
[[nodiscard]] Status write_setgroups(const Subject &subject, std::string_view text);
// locks.cc
[[nodiscard]] std::string locks_text(const Kernel &kernel);
// system_texts.cc, sysctl.cc, sysvipc.cc
void add_system_v_ipc(fs::PseudoFs &fs, Kernel &kernel);
void add_system_files(fs::PseudoFs &fs, Kernel &kernel);
void add_sysctl(fs::PseudoFs &fs, Kernel &kernel);
/// "2,5-7" of the first `count` bits.
[[nodiscard]] std::string bit_list(u64 bits);
/// As proc(5) writes names that may hold blanks: octal escapes.
[[nodiscard]] std::string escape(std::string_view text, std::string_view special);
/// "Linux version ..." with the release that uname(2) tells.
[[nodiscard]] std::string version_line();

} // namespace tine::process
