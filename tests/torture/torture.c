// usage: torture [--seed N] [--seconds N] [--rounds N] [--processes N] [--scarce] [--frames]
//
// Each round fills the slots with processes, lets them work, and then waits until every one of them
// has ended and been reaped. --scarce: memory may run out. --frames: /proc/meminfo tells of this
// run's memory alone (it does in a box), and must say the same after each round.
#include "torture.h"

#include <sys/prctl.h>
#include <sys/resource.h>

/// How often each is done, in relation to the others.
static const unsigned char weights[op_count] = {
    [op_map] = 10,       [op_unmap] = 4,        [op_protect] = 8,     [op_dontneed] = 3,
    [op_dontfork] = 2,   [op_wipeonfork] = 2,   [op_remap] = 6,       [op_write] = 30,
    [op_fault] = 4,      [op_kernel_write] = 4, [op_kernel_read] = 3, [op_break] = 3,
    [op_stack] = 2,      [op_check] = 5,        [op_fork] = 20,       [op_vfork] = 3,
    [op_vfork_exec] = 1, [op_clone_vm] = 3,     [op_spawn] = 1,       [op_shared_child] = 2,
    [op_pipe_child] = 2, [op_exec] = 1,         [op_thread_exec] = 1, [op_thread_exit] = 1,
    [op_thread] = 3,     [op_wait] = 3,         [op_reap] = 4,        [op_signal] = 12,
    [op_queue] = 8,      [op_kill] = 2,         [op_stop] = 3,        [op_timer] = 3,
    [op_billboard] = 10, [op_sleep] = 12};

static enum op random_op(void) {
  unsigned sum = 0;
  for (int i = 0; i < op_count; ++i)
    sum += weights[i];
  unsigned dice = below(sum);
  int op = 0;
  while (dice >= weights[op])
    dice -= weights[op++];
  return (enum op)op;
}

static void work_once(enum op op) {
  count_op(op); // first: some don't come back
  if (op < op_fork)
    random_memory_op(op);
  else if (op < op_signal)
    random_process_op(op);
  else
    random_signal_op(op);
}

void run_worker(void) {
  for (unsigned left = 20 + below(150); left > 0 && !board->stop; --left)
    work_once(random_op());
  stop_threads();
  reap_all();
  check_memory();
  check_handlers();
  if (below(8) == 0) {
    const int signal = below(2) ? SIGTERM : SIGABRT;
    board->slot[my_slot].intended = ends_by_signal | signal;
    raise(signal);
    fail("raise came back");
  }
  end_with((int)below(40));
}

/// What was execed: everything is new, but the slot, the children and the signals that are blocked.
static void worker_main(const char *slot, const char *seed) {
  attach_board();
  my_slot = atoi(slot);
  board->slot[my_slot].intended = ends_unknown;
  reseed(strtoull(seed, NULL, 10));
  install_handlers();
  make_window();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  run_worker();
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int live_slots(void) {
  int count = 0;
  for (int i = 0; i < board->slots; ++i)
    count += pid_of_slot(i) != 0;
  return count;
}

/// A stopper may be killed before it lets its child go on.
static void continue_all(void) {
  for (int i = 0; i < board->slots; ++i) {
    const pid_t pid = pid_of_slot(i);
    if (pid)
      kill(pid, SIGCONT);
  }
}

static unsigned long reaped;

/// Reaps what has ended; false: there is no child.
static bool bury(void) {
  int status;
  pid_t pid;
  while ((pid = wait_for(-1, &status, WNOHANG | __WALL)) > 0) {
    check_status(pid, status);
    ++reaped;
  }
  return pid == 0;
}

static void rest(void) {
  const struct timespec time = {.tv_nsec = 2000000};
  nanosleep(&time, NULL);
}

static void say_who_is_left(void) {
  for (int i = 0; i < board->slots; ++i)
    if (board->slot[i].state)
      fprintf(stderr, "slot %d: state %#llx, parent %llu, intended %#x\n", i,
              (unsigned long long)board->slot[i].state, (unsigned long long)board->slot[i].parent,
              board->slot[i].intended);
}

/// The most processes that were alive at once.
static int run_round(double seconds) {
  static const enum op own[] = {op_map, op_protect, op_write, op_remap, op_dontneed, op_check};
  const double end = seconds_now() + seconds;
  double next_continue = 0;
  int most = 0;
  board->stop = board->failures != 0;
  while (!board->stop && seconds_now() < end) {
    for (int i = 0; i < 6; ++i)
      work_once(own[below(sizeof own / sizeof *own)]);
    random_process_op(op_fork);
    bury();
    const int live = live_slots();
    most = live > most ? live : most;
    if (live > board->slots * 9 / 10)
      rest();
    if (seconds_now() > next_continue) {
      continue_all();
      next_continue = seconds_now() + 0.2;
    }
  }
  board->stop = 1;
  const double patience = seconds_now() + 120;
  while (bury()) {
    continue_all();
    rest();
    if (seconds_now() > patience) {
      say_who_is_left();
      fail("processes do not end");
    }
  }
  check_memory();
  return most;
}

/// Kilobytes of all memory that is free.
static long free_memory(void) {
  char text[512];
  long value = -1;
  const int fd = open("/proc/meminfo", O_RDONLY);
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length > 0) {
    text[length] = 0;
    const char *line = strstr(text, "MemFree:");
    value = line ? atol(line + 8) : -1;
  }
  return value;
}

static bool say(bool good, const char *what) {
  printf("%s %s\n", good ? "ok" : "FAIL", what);
  fflush(stdout);
  return good;
}

/// A slot that is only reserved is the board's own affair: no process was made for it. One whose
/// process is gone was reaped by a process that was killed before it could say so.
static bool no_process_is_left(void) {
  bool none = true;
  for (int i = 0; i < board->slots; ++i)
    if (board->slot[i].state) {
      const pid_t pid = pid_of_slot(i);
      const bool is_there = pid != 0 && (kill(pid, 0) == 0 || errno != ESRCH);
      fprintf(stderr, "slot %d is left with state %#llx, its process %s\n", i,
              (unsigned long long)board->slot[i].state, is_there ? "too" : "is gone");
      none &= !is_there;
    }
  return none;
}

static bool every_op_was_done(void) {
  bool all = true;
  for (int i = 0; i < op_count; ++i)
    if (!board->done[i]) {
      fprintf(stderr, "never done: %s\n", op_names[i]);
      all = false;
    }
  return all;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--exit") == 0)
    return short_child_status;
  if (argc == 4 && strcmp(argv[1], "--worker") == 0)
    worker_main(argv[2], argv[3]);
  u64 seed = (u64)time(NULL) * 1000 + (u64)getpid() % 1000;
  double seconds = 10;
  int rounds = 4, processes = 250;
  bool scarce = false, frames = false;
  for (int i = 1; i < argc; ++i) {
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp(argv[i], "--seed") == 0)
      seed = strtoull(value, NULL, 0), ++i;
    else if (strcmp(argv[i], "--seconds") == 0)
      seconds = atof(value), ++i;
    else if (strcmp(argv[i], "--rounds") == 0)
      rounds = atoi(value), ++i;
    else if (strcmp(argv[i], "--processes") == 0)
      processes = atoi(value), ++i;
    else if (strcmp(argv[i], "--scarce") == 0)
      scarce = true;
    else if (strcmp(argv[i], "--frames") == 0)
      frames = true;
    else
      return fprintf(stderr, "torture: what is %s?\n", argv[i]), 2;
  }
  if (processes < 1 || processes > most_slots)
    return fprintf(stderr, "torture: 1 to %d processes\n", most_slots), 2;
  printf("torture: --seed %llu, %d processes\n", (unsigned long long)seed, processes);
  fflush(stdout);
  const struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  make_board();
  board->seed = seed;
  board->slots = processes;
  board->scarce = scarce;
  if (scarce)
    set_oom_score("-1000"); // not main: who else would say what happened
  reseed(seed);
  make_file();
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
    fail("PR_SET_CHILD_SUBREAPER");
  install_handlers();
  make_window();
  int most = 0;
  long free_after_first = 0;
  bool same_memory = true;
  for (int round = 0; round < rounds; ++round) {
    const int live = run_round(seconds / rounds);
    most = live > most ? live : most;
    forget_window();
    const long free_now = free_memory();
    if (round == 0)
      free_after_first = free_now;
    const long lost = free_after_first - free_now;
    same_memory = same_memory && lost < 64;
    printf("round %d: most at once %d, reaped by main %lu, free memory %ld kB, lost %ld\n",
           round + 1, live, reaped, free_now, lost);
    fflush(stdout);
  }
  printf("done:");
  for (int i = 0; i < op_count; ++i)
    printf(" %s %llu", op_names[i], (unsigned long long)board->done[i]);
  printf("\nout of memory: %d calls, %d processes\n", board->no_memory, board->killed_for_memory);
  bool good = say(board->failures == 0, "all memory held what its process wrote");
  good &= say(no_process_is_left(), "every process ended as it meant to, and was reaped once");
  good &= say(scarce || most >= processes / 2, "half of the processes were alive at once");
  good &= say(every_op_was_done(), "everything was done");
  if (frames)
    good &= say(same_memory, "what ended left no memory behind");
  if (scarce)
    good &= say(board->no_memory + board->killed_for_memory > 0, "memory ran out");
  return good ? 0 : 1;
}
