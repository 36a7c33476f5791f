// The torture test: hundreds of processes that fork, exec, exit, map, unmap, write and signal one
// another at random, and each of which knows what its memory must hold (README.md).
//
//   board.c      what all processes share: their slots, their billboards, the failures
//   memory.c     the window: the pages that a process maps and changes, and its model of them
//   processes.c  fork, vfork, clone, exec, threads, wait
//   signals.c    handlers, and what they must find
//   torture.c    a worker's life, and main, which starts and buries workers
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t u64;

enum { page_size = 4096, page_words = page_size / 8 };

// ---- board.c ----

enum { most_slots = 512, board_fd = 200, file_fd = 201 };

/// What a process will end with: stored before it ends.
enum { ends_unknown = 0, ends_by_exit = 0x100, ends_by_signal = 0x200 };
/// Children that are reaped by who made them at once, and whoever else ends well without a slot.
enum { short_child_status = 42, lost_slot_status = 77, no_memory_status = 78, failure_status = 99 };

/// One process. Owned by its parent before the fork, by the process while it lives, by who reaps it
/// after.
struct slot {
  /// 0: free; reserver's pid << 8 | slot_reserved; pid << 8 | slot_live, slot_kill_sent,
  /// slot_reaped
  _Atomic u64 state;
  _Atomic u64 number;   ///< never given twice, as pids are; main's is 0
  _Atomic u64 parent;   ///< its number
  _Atomic int intended; ///< ends_*, and the exit code or signal
  _Atomic u64 digest;   ///< of the process's model of its memory
  _Atomic u64 sent;     ///< real-time signals that others began to send to it
};
enum { slot_reserved = 1, slot_live = 2, slot_kill_sent = 4, slot_reaped = 8 };

/// What the processes do: counted, so that a run that did none of something is not called good.
enum op {
  op_map,
  op_unmap,
  op_protect,
  op_dontneed,
  op_dontfork,
  op_wipeonfork,
  op_remap,
  op_write,
  op_fault,
  op_kernel_write,
  op_kernel_read,
  op_break,
  op_stack,
  op_check,
  op_fork,
  op_vfork,
  op_vfork_exec,
  op_clone_vm,
  op_spawn,
  op_shared_child,
  op_pipe_child,
  op_exec,
  op_thread_exec,
  op_thread_exit,
  op_thread,
  op_wait,
  op_reap,
  op_signal,
  op_queue,
  op_kill,
  op_stop,
  op_timer,
  op_billboard,
  op_sleep,
  op_count
};
extern const char *const op_names[op_count];

struct board {
  u64 seed;
  int slots;   ///< in use by this run, at most most_slots
  bool scarce; ///< memory may run out: ENOMEM, and SIGKILL from the kernel, are no failures
  _Atomic int stop;
  _Atomic int failures;
  _Atomic u64 numbered;  ///< processes that have a number
  _Atomic int no_memory; ///< calls that failed for want of memory
  _Atomic int killed_for_memory;
  _Atomic u64 done[op_count];
  struct slot slot[most_slots];
  /// Each live process writes its own, and reads others': version (odd while it is written), then
  /// words that follow from it.
  _Alignas(page_size) _Atomic u64 billboard[most_slots][page_words];
};
extern struct board *board;
extern int my_slot; ///< -1: main

void make_board(void);
void attach_board(void);
u64 mix(u64 value);
/// Of this process alone; a child's differs (reseed).
u64 next_random(void);
unsigned below(unsigned limit);
void reseed(u64 value);
u64 random_state(void);
/// Says what is wrong, stops the run and ends the process.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/// A call failed: for want of memory, where that may be, else a failure. Returns for the first.
void refused(const char *what);
/// Ends a process that can't go on without the memory that it was refused.
_Noreturn void give_up(void);
/// Which process goes when memory has run out: proc(5), oom_score_adj.
void set_oom_score(const char *score);
void count_op(enum op op);

/// struct slot's, of the caller.
u64 own_number(void);
/// -1: none is free.
int reserve_slot(void);
void release_slot(int slot);
/// The child's or the parent's word that the reserved slot's process is `pid`; false: it was taken
/// back, since the parent had died.
bool claim_slot(int slot, pid_t reserver, pid_t pid);
pid_t pid_of_slot(int slot);
bool mark_killed(int slot, pid_t pid);
/// To be called once for each child that wait reported: its status must be what it said it would
/// be.
void check_status(pid_t pid, int status);
/// The same of a child that its maker waits for at once.
bool check_short_child(pid_t pid, int status, const char *what);
/// waitpid(2), again after EINTR.
pid_t wait_for(pid_t pid, int *status, int options);
_Noreturn void end_with(int code);
void write_billboard(void);
void read_billboard(int slot);

// ---- memory.c ----

void make_file(void);
void make_window(void);
/// Unmaps all of it.
void forget_window(void);
void random_memory_op(enum op op);
/// Every page of the window, the heap's end, what threads of the parent left.
void check_memory(void);
/// Before fork, and in its child: what a child has and has not.
void before_fork(void);
void become_child(void);
/// A page of the window that may be written, of any kind or shared; null: there is none.
u64 *find_writable(bool shared, int *index);
void fill_page(u64 *page, u64 stamp);
void note_written(int index, u64 stamp);

enum { most_threads = 3 };
/// Each thread of a process counts up its own page.
extern _Atomic u64 thread_pages[most_threads][page_words];
void start_threads_pages(void);

// ---- processes.c ----

void random_process_op(enum op op);
/// Of all children that are left.
void reap_all(void);
void stop_threads(void);
void run_worker(void);

// ---- signals.c ----

void install_handlers(void);
void random_signal_op(enum op op);
void check_handlers(void);
void handlers_of_child(void);
/// Runs `access` and says which signal and code it got; 0: none.
struct fault_seen {
  int signal, code;
  u64 address;
};
struct fault_seen fault_of(volatile u64 *address, bool write);
