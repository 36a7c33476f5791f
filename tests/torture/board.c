#include "torture.h"

#include <stdarg.h>

struct board *board;
int my_slot = -1;

static void *const board_address = (void *)0x200000000000;

const char *const op_names[op_count] = {
    "map",    "unmap",        "protect",    "dontneed",     "dontfork",    "wipeonfork",
    "remap",  "write",        "fault",      "kernel-write", "kernel-read", "break",
    "stack",  "check",        "fork",       "vfork",        "vfork-exec",  "clone-vm",
    "spawn",  "shared-child", "pipe-child", "exec",         "thread-exec", "thread-exit",
    "thread", "wait",         "reap",       "signal",       "queue",       "kill",
    "stop",   "timer",        "billboard",  "sleep"};

static void at_fixed_descriptor(int fd, int wanted) {
  if (fd == -1 || dup2(fd, wanted) != wanted) {
    perror("torture: memfd");
    exit(failure_status);
  }
  close(fd);
}

void make_board(void) {
  const int fd = memfd_create("board", 0);
  if (fd == -1 || ftruncate(fd, sizeof(struct board)) == -1) {
    perror("torture: memfd");
    exit(failure_status);
  }
  at_fixed_descriptor(fd, board_fd);
  attach_board();
}

void attach_board(void) {
  board = mmap(board_address, sizeof(struct board), PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_FIXED_NOREPLACE, board_fd, 0);
  if (board == MAP_FAILED)
    _exit(no_memory_status); // who execs says that it may end so
}

u64 mix(u64 value) { // splitmix64's finalizer
  value += 0x9e3779b97f4a7c15;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
  value = (value ^ value >> 27) * 0x94d049bb133111eb;
  return value ^ value >> 31;
}

static u64 state_of_random;
u64 next_random(void) {
  state_of_random += 0x9e3779b97f4a7c15;
  return mix(state_of_random);
}
unsigned below(unsigned limit) {
  return (unsigned)((next_random() >> 32) % limit);
}
void reseed(u64 value) {
  state_of_random = mix(value);
}
u64 random_state(void) {
  return state_of_random;
}

void fail(const char *format, ...) {
  const int error = errno;
  char text[400];
  va_list arguments;
  va_start(arguments, format);
  int length = snprintf(text, sizeof text, "FAIL process %d, slot %d, seed %llu: ", (int)getpid(),
                        my_slot, (unsigned long long)(board ? board->seed : 0));
  length += vsnprintf(text + length, sizeof text - (size_t)length, format, arguments);
  va_end(arguments);
  if (length > (int)sizeof text - 60)
    length = (int)sizeof text - 60;
  length += snprintf(text + length, sizeof text - (size_t)length, " (errno %d)\n", error);
  if (write(2, text, (size_t)length) != length)
    length = 0;
  if (board) {
    ++board->failures;
    board->stop = 1;
  }
  _exit(failure_status);
}

void refused(const char *what) {
  if (!board->scarce || (errno != ENOMEM && errno != EAGAIN))
    fail("%s", what);
  ++board->no_memory;
}

void give_up(void) {
  if (!board->scarce)
    fail("gives up without want of memory");
  if (my_slot >= 0)
    end_with(no_memory_status);
  fail("main has no memory");
}

void set_oom_score(const char *score) {
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  const ssize_t length = (ssize_t)strlen(score);
  if (fd == -1 || write(fd, score, (size_t)length) != length)
    give_up();
  close(fd);
}

void count_op(enum op op) {
  ++board->done[op];
}

u64 own_number(void) {
  return my_slot == -1 ? 0 : board->slot[my_slot].number;
}

int reserve_slot(void) {
  const unsigned first = below((unsigned)board->slots);
  for (int i = 0; i < board->slots; ++i) {
    const int index = (int)((first + (unsigned)i) % (unsigned)board->slots);
    struct slot *slot = &board->slot[index];
    u64 expected = 0;
    if (slot->state == 0 && atomic_compare_exchange_strong(&slot->state, &expected,
                                                           (u64)getpid() << 8 | slot_reserved)) {
      slot->number = ++board->numbered;
      slot->parent = own_number();
      slot->intended = ends_unknown;
      slot->sent = 0;
      return index;
    }
  }
  return -1;
}

void release_slot(int slot) {
  board->slot[slot].state = 0;
}

bool claim_slot(int slot, pid_t reserver, pid_t pid) {
  u64 expected = (u64)reserver << 8 | slot_reserved;
  return atomic_compare_exchange_strong(&board->slot[slot].state, &expected,
                                        (u64)pid << 8 | slot_live) ||
         (pid_t)(expected >> 8) == pid;
}

pid_t pid_of_slot(int slot) {
  const u64 state = board->slot[slot].state;
  return state & slot_live && !(state & slot_reaped) ? (pid_t)(state >> 8) : 0;
}

/// The slot of a process that is about to be reaped, -1: none. From then on nobody takes it for a
/// process's: whoever reaps it may be killed before it frees the slot, and the pid may come again.
static int mark_reaped(pid_t pid) {
  for (int i = 0; i < board->slots; ++i)
    if (pid_of_slot(i) == pid) {
      board->slot[i].state |= slot_reaped;
      return i;
    }
  return -1;
}

/// What mark_reaped() said of the process that wait_for() came back with.
static int reaped_slot = -1;

/// Before the signal is sent, and only if the slot still is that process's.
bool mark_killed(int slot, pid_t pid) {
  u64 expected = (u64)pid << 8 | slot_live;
  return atomic_compare_exchange_strong(&board->slot[slot].state, &expected,
                                        expected | slot_kill_sent) ||
         expected == ((u64)pid << 8 | slot_live | slot_kill_sent);
}

static bool killed_for_memory(int status) {
  if (!board->scarce || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
    return false;
  ++board->killed_for_memory;
  return true;
}

static bool status_is_intended(const struct slot *slot, int status) {
  const int intended = slot->intended;
  if (WIFEXITED(status))
    return intended == (ends_by_exit | WEXITSTATUS(status)) ||
           (board->scarce && WEXITSTATUS(status) == no_memory_status);
  if (!WIFSIGNALED(status))
    return false;
  if (WTERMSIG(status) == SIGKILL && slot->state & slot_kill_sent)
    return true;
  return intended == (ends_by_signal | WTERMSIG(status)) || killed_for_memory(status);
}

/// A slot that was marked by who was killed before it reaped the process.
static int marked_slot(pid_t pid, int status) {
  for (int i = 0; i < board->slots; ++i)
    if (board->slot[i].state >> 8 == (u64)pid && board->slot[i].state & slot_reaped &&
        status_is_intended(&board->slot[i], status))
      return i;
  return -1;
}

void check_status(pid_t pid, int status) {
  int again;
  if (waitpid(pid, &again, __WALL | WNOHANG) != -1 || errno != ECHILD)
    fail("process %d was reaped, and is there still", pid);
  const int index = reaped_slot != -1 ? reaped_slot : marked_slot(pid, status);
  if (index == -1) {
    // A short child, or one whose slot was taken back, that main has inherited.
    if (!(WIFEXITED(status) &&
          (WEXITSTATUS(status) == short_child_status || WEXITSTATUS(status) == lost_slot_status ||
           (board->scarce && WEXITSTATUS(status) == no_memory_status))) &&
        !killed_for_memory(status))
      fail("process %d, which has no slot, ended with status %#x", pid, status);
  } else if (!status_is_intended(&board->slot[index], status)) {
    fail("process %d in slot %d ended with status %#x and meant to with %#x; state %#llx", pid,
         index, status, board->slot[index].intended, (unsigned long long)board->slot[index].state);
  }
  // What it had reserved for children that it did not make, or that don't know yet: those find out.
  for (int i = 0; i < board->slots; ++i) {
    u64 reserved = (u64)pid << 8 | slot_reserved;
    atomic_compare_exchange_strong(&board->slot[i].state, &reserved, 0);
  }
  if (index != -1)
    release_slot(index);
}

bool check_short_child(pid_t pid, int status, const char *what) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == short_child_status)
    return true;
  if ((WIFEXITED(status) && WEXITSTATUS(status) == no_memory_status && board->scarce) ||
      killed_for_memory(status))
    return false;
  fail("%s: process %d ended with status %#x", what, pid, status);
}

pid_t wait_for(pid_t pid, int *status, int options) {
  siginfo_t ended = {0};
  const int kinds = WEXITED | (options & WUNTRACED ? WSTOPPED : 0);
  pid_t result;
  do
    result = waitid(pid == -1 ? P_ALL : P_PID, (id_t)pid, &ended,
                    kinds | WNOWAIT | (options & ~WUNTRACED));
  while (result == -1 && errno == EINTR);
  if (result == -1 || ended.si_pid == 0)
    return result;
  if (ended.si_code != CLD_STOPPED)
    reaped_slot = mark_reaped(ended.si_pid);
  do
    result = waitpid(ended.si_pid, status, options & ~WNOHANG);
  while (result == -1 && errno == EINTR);
  return result;
}

void end_with(int code) {
  if (my_slot >= 0)
    board->slot[my_slot].intended = ends_by_exit | code;
  _exit(code);
}

void write_billboard(void) {
  _Atomic u64 *page = board->billboard[my_slot];
  const u64 version = (page[0] | 1) + 2; // odd, also if who had it before was killed while it wrote
  page[0] = version;
  for (int i = 1; i < page_words; i += 7)
    atomic_store_explicit(&page[i], mix(version + 1 + (u64)i), memory_order_release);
  page[0] = version + 1;
}

void read_billboard(int slot) {
  _Atomic u64 *page = board->billboard[slot];
  u64 words[page_words];
  const u64 version = page[0];
  if (version == 0 || version & 1)
    return;
  for (int i = 1; i < page_words; i += 7)
    words[i] = atomic_load_explicit(&page[i], memory_order_acquire);
  if (page[0] != version)
    return; // written meanwhile
  for (int i = 1; i < page_words; i += 7)
    if (words[i] != mix(version + (u64)i))
      fail("billboard %d, version %llu, word %d is %llx", slot, (unsigned long long)version, i,
           (unsigned long long)words[i]);
}
