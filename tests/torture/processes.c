// fork in all its forms, exec, threads, wait.
#include "torture.h"

#include <poll.h>
#include <pthread.h>
#include <spawn.h>

extern char **environ;
static char self[] = "/proc/self/exe";

enum { most_pipe_bytes = 100000, clone_stack_size = 16384 };
static unsigned char pipe_bytes[most_pipe_bytes];

static pthread_t threads[most_threads];
static int thread_count;
static _Atomic int threads_stop;

static sigset_t block_signals(void) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  return old;
}
static void set_signals(const sigset_t *set) {
  pthread_sigmask(SIG_SETMASK, set, NULL);
}

// ---- fork ----

static void do_fork(void) {
  if (board->stop)
    return;
  const int slot = reserve_slot();
  if (slot == -1)
    return;
  const pid_t parent = getpid();
  const u64 seed = next_random();
  const sigset_t old = block_signals();
  before_fork();
  const pid_t pid = fork();
  if (pid == 0) {
    const bool of_main = my_slot == -1;
    my_slot = slot;
    if (!claim_slot(slot, parent, getpid()))
      _exit(lost_slot_status);
    if (getppid() != parent && getppid() != 1 && pid_of_slot(slot) != getpid())
      fail("the parent of a child is %d", getppid());
    if (of_main && board->scarce)
      set_oom_score("0");
    reseed(seed);
    thread_count = 0;
    become_child();
    handlers_of_child();
    set_signals(&old);
    run_worker();
  }
  if (pid == -1) {
    refused("fork");
    release_slot(slot);
  } else {
    claim_slot(slot, parent, pid);
  }
  set_signals(&old);
}

static void do_shared_child(void) {
  int index;
  u64 *page = find_writable(true, &index);
  if (!page)
    return;
  const u64 stamp = next_random() | 1;
  const sigset_t old = block_signals();
  const pid_t pid = fork();
  if (pid == 0) {
    fill_page(page, stamp);
    _exit(short_child_status);
  }
  set_signals(&old);
  if (pid == -1) {
    refused("fork");
    return;
  }
  int status;
  if (wait_for(pid, &status, 0) != pid)
    fail("waitpid of a child");
  if (!check_short_child(pid, status, "child that writes to a shared page"))
    fill_page(page, stamp); // half written
  note_written(index, stamp);
}

static void do_pipe_child(void) {
  int ends[2];
  if (pipe(ends) == -1) {
    refused("pipe");
    return;
  }
  const unsigned size = 1 + below(most_pipe_bytes);
  const unsigned char first = (unsigned char)below(256);
  const sigset_t old = block_signals();
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]); // so that it ends when its parent is killed
    for (unsigned i = 0; i < size; ++i)
      pipe_bytes[i] = (unsigned char)(first + i * 7);
    for (unsigned sent = 0; sent < size;) {
      const ssize_t count = write(ends[1], pipe_bytes + sent, size - sent);
      if (count <= 0)
        _exit(errno == EPIPE ? short_child_status : no_memory_status);
      sent += (unsigned)count;
    }
    _exit(short_child_status);
  }
  set_signals(&old);
  close(ends[1]);
  unsigned got = 0;
  ssize_t count = pid == -1 ? 0 : 1;
  while (count > 0) {
    count = read(ends[0], pipe_bytes + got, most_pipe_bytes - got);
    if (count == -1 && errno == EINTR)
      count = 1;
    else if (count > 0)
      got += (unsigned)count;
  }
  close(ends[0]);
  if (pid == -1) {
    errno = ENOMEM;
    refused("fork");
    return;
  }
  int status;
  if (wait_for(pid, &status, 0) != pid)
    fail("waitpid of a child");
  if (!check_short_child(pid, status, "child that writes to a pipe"))
    return;
  if (got != size)
    fail("%u bytes of %u came through a pipe", got, size);
  for (unsigned i = 0; i < size; ++i)
    if (pipe_bytes[i] != (unsigned char)(first + i * 7))
      fail("byte %u of a pipe", i);
}

// ---- vfork, and clone with the memory in common ----

/// The child writes to the parent's memory, and the parent sees it when it goes on.
static void do_vfork(bool exec) {
  int index;
  u64 *const page = find_writable(false, &index);
  if (!page)
    return;
  const u64 stamp = next_random() | 1;
  char *const arguments[] = {"torture", "--exit", NULL};
  const sigset_t old = block_signals();
  const pid_t pid = vfork();
  if (pid == 0) {
    fill_page(page, stamp);
    if (exec)
      execve(self, arguments, environ);
    _exit(exec ? no_memory_status : short_child_status);
  }
  if (pid == -1) {
    set_signals(&old);
    refused("vfork");
    return;
  }
  set_signals(&old);
  int status;
  if (wait_for(pid, &status, 0) != pid)
    fail("waitpid of a vfork child");
  if (!check_short_child(pid, status, "vfork child"))
    fill_page(page, stamp);
  note_written(index, stamp);
}

struct clone_work {
  u64 *page;
  u64 stamp;
};
static int clone_main(void *argument) {
  const struct clone_work *work = argument;
  fill_page(work->page, work->stamp);
  return short_child_status;
}

static void do_clone_vm(void) {
  static _Alignas(16) char stack[clone_stack_size];
  struct clone_work work;
  int index;
  work.page = find_writable(false, &index);
  if (!work.page)
    return;
  work.stamp = next_random() | 1;
  const int sharing = CLONE_VM | (below(2) ? CLONE_FILES : 0) | (below(2) ? CLONE_FS : 0);
  const int signals[] = {SIGCHLD, 0, SIGWINCH};
  const sigset_t old = block_signals();
  const pid_t pid = clone(clone_main, stack + clone_stack_size, sharing | signals[below(3)], &work);
  if (pid == -1) {
    set_signals(&old);
    refused("clone");
    return;
  }
  int status;
  if (wait_for(pid, &status, __WALL) != pid)
    fail("waitpid of a clone");
  set_signals(&old);
  if (!check_short_child(pid, status, "clone"))
    fill_page(work.page, work.stamp);
  note_written(index, work.stamp);
}

static void do_spawn(void) {
  char *const arguments[] = {"torture", "--exit", NULL};
  pid_t pid;
  const sigset_t old = block_signals();
  const int error = posix_spawn(&pid, self, NULL, NULL, arguments, environ);
  set_signals(&old);
  if (error) {
    errno = error;
    refused("posix_spawn");
    return;
  }
  int status;
  if (wait_for(pid, &status, 0) != pid)
    fail("waitpid of what was spawned");
  check_short_child(pid, status, "posix_spawn");
}

// ---- exec ----

/// The process goes on as a new image, with its slot, its children and its pending signals; those
/// stay blocked until it has handlers again.
static void exec_self(void) {
  char slot[16], seed[32];
  snprintf(slot, sizeof slot, "%d", my_slot);
  snprintf(seed, sizeof seed, "%llu", (unsigned long long)next_random());
  char *const arguments[] = {"torture", "--worker", slot, seed, NULL};
  block_signals();
  if (board->scarce) // the new image may not get the memory to say so
    board->slot[my_slot].intended = ends_by_exit | no_memory_status;
  execve(self, arguments, environ);
}

static void do_exec(void) {
  if (my_slot == -1)
    return;
  check_memory();
  const sigset_t old = block_signals();
  exec_self();
  refused("execve");
  set_signals(&old);
}

static void *exec_thread(void *argument) {
  (void)argument;
  exec_self();
  return NULL;
}

static void *exit_thread(void *argument) {
  const struct timespec time = {.tv_nsec = 1000 * (long)(u64)argument};
  nanosleep(&time, NULL);
  const int code = (int)(mix((u64)getpid()) % 40);
  board->slot[my_slot].intended = ends_by_exit | code;
  syscall(SYS_exit_group, code);
  return NULL;
}

/// Starts it with all signals blocked, which is for the first thread.
static bool start_thread(pthread_t *thread, void *(*function)(void *), void *argument) {
  const sigset_t old = block_signals();
  const int error = pthread_create(thread, NULL, function, argument);
  set_signals(&old);
  if (error) {
    errno = error;
    refused("pthread_create");
  }
  return !error;
}

static void do_thread_exec(void) {
  pthread_t thread;
  if (my_slot == -1)
    return;
  check_memory();
  if (start_thread(&thread, exec_thread, NULL) && pthread_join(thread, NULL) == 0 && !board->scarce)
    fail("execve in a second thread");
}

static void do_thread_exit(void) {
  pthread_t thread;
  if (my_slot == -1 || !start_thread(&thread, exit_thread, (void *)(u64)below(3000)))
    return;
  for (;;) { // children that are left are main's from then on
    check_memory();
    sched_yield();
  }
}

// ---- threads ----

static void *count_up(void *argument) {
  _Atomic u64 *page = argument;
  for (u64 n = 1; !threads_stop; ++n) {
    for (int i = 0; i < page_words; i += page_words / 8)
      atomic_store_explicit(&page[i], n, memory_order_relaxed);
    for (int i = 0; i < page_words; i += page_words / 8)
      if (atomic_load_explicit(&page[i], memory_order_relaxed) != n)
        fail("a thread's page was written by another process");
    if (n % 64 == 0) {
      const struct timespec time = {.tv_nsec = 200000};
      nanosleep(&time, NULL);
    }
  }
  return NULL;
}

void stop_threads(void) {
  threads_stop = 1;
  while (thread_count > 0)
    if (pthread_join(threads[--thread_count], NULL) != 0)
      fail("pthread_join");
}

static void do_thread(void) {
  const int wanted = 1 + (int)below(most_threads);
  stop_threads();
  if (below(3) == 0)
    return;
  start_threads_pages();
  threads_stop = 0;
  while (thread_count < wanted &&
         start_thread(&threads[thread_count], count_up, thread_pages[thread_count]))
    ++thread_count;
}

// ---- wait ----

/// One child that has a slot, in one of the ways to wait.
static void do_wait(void) {
  const u64 own = own_number();
  const int start = (int)below((unsigned)board->slots);
  pid_t pid = 0;
  for (int i = 0; i < board->slots && !pid; ++i) {
    const int slot = (start + i) % board->slots;
    if (board->slot[slot].parent == own)
      pid = pid_of_slot(slot);
  }
  if (!pid)
    return;
  int status;
  siginfo_t info = {0};
  switch (below(4)) {
  case 0:
    if (wait_for(pid, &status, WNOHANG) == 0)
      return;
    check_status(pid, status);
    return;
  case 1: // "leave the child in a waitable state": it is seen, and then reaped once
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == -1)
      if (errno != EINTR)
        fail("waitid with WNOWAIT");
    if (info.si_pid != pid)
      fail("waitid of %d says %d", pid, info.si_pid);
    break;
  case 2: {
    const int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd == -1) {
      refused("pidfd_open");
      break;
    }
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (poll(&ready, 1, -1) == -1)
      if (errno != EINTR)
        fail("poll of a pidfd");
    close(fd);
    break;
  }
  default:
    break;
  }
  if (wait_for(pid, &status, 0) != pid)
    fail("waitpid of child %d", pid);
  check_status(pid, status);
}

void reap_all(void) {
  int status;
  pid_t pid;
  while ((pid = wait_for(-1, &status, __WALL)) > 0)
    check_status(pid, status);
  if (errno != ECHILD)
    fail("waitpid without children");
}

static void reap_any(void) {
  int status;
  pid_t pid;
  while ((pid = wait_for(-1, &status, WNOHANG)) > 0)
    check_status(pid, status);
}

void random_process_op(enum op op) {
  switch (op) {
  case op_fork:
    do_fork();
    break;
  case op_vfork:
    do_vfork(false);
    break;
  case op_vfork_exec:
    do_vfork(true);
    break;
  case op_clone_vm:
    do_clone_vm();
    break;
  case op_spawn:
    do_spawn();
    break;
  case op_shared_child:
    do_shared_child();
    break;
  case op_pipe_child:
    do_pipe_child();
    break;
  case op_exec:
    do_exec();
    break;
  case op_thread_exec:
    do_thread_exec();
    break;
  case op_thread_exit:
    do_thread_exit();
    break;
  case op_thread:
    do_thread();
    break;
  case op_wait:
    do_wait();
    break;
  default:
    reap_any();
    break;
  }
}
