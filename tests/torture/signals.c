// Signals that the processes send to one another, and what their handlers must find.
#include "torture.h"

#include <poll.h>
#include <setjmp.h>

enum { stack_size = 32768 };

/// Counted up together by one handler, in pages of their own.
static _Alignas(page_size) volatile u64 handled_here[page_words];
static _Alignas(page_size) volatile u64 handled_there[page_words];
static volatile u64 queued; ///< real-time signals that came
static volatile sig_atomic_t alarms;
static _Alignas(16) char alternate_stack[stack_size];

static sigjmp_buf after_fault;
static volatile bool fault_is_meant;
static volatile struct fault_seen last_fault;

static void on_signal(int signal, siginfo_t *info, void *context) {
  (void)context;
  char here;
  if (&here < alternate_stack || &here >= alternate_stack + stack_size)
    fail("a handler is not on the alternate stack");
  if (signal == SIGUSR1) {
    if ((info->si_code != SI_USER && info->si_code != SI_TKILL) || info->si_pid <= 0)
      fail("SIGUSR1 has code %d, pid %d", info->si_code, info->si_pid);
    ++handled_here[0];
    ++handled_there[page_words - 1];
  } else {
    if (info->si_code != SI_QUEUE || (u64)info->si_value.sival_ptr != mix((u64)getpid()))
      fail("a queued signal has code %d, value %p", info->si_code, info->si_value.sival_ptr);
    ++queued;
  }
}

static void on_alarm(int signal) {
  (void)signal;
  alarms = 1;
}

static void on_fault(int signal, siginfo_t *info, void *context) {
  (void)context;
  if (!fault_is_meant)
    fail("signal %d, code %d at %p", signal, info->si_code, info->si_addr);
  fault_is_meant = false;
  last_fault.signal = signal;
  last_fault.code = info->si_code;
  last_fault.address = (u64)info->si_addr;
  siglongjmp(after_fault, 1);
}

struct fault_seen fault_of(volatile u64 *address, bool write) {
  last_fault.signal = 0;
  if (sigsetjmp(after_fault, 1) == 0) {
    fault_is_meant = true;
    if (write)
      *address = 1;
    else
      (void)*address;
    fault_is_meant = false;
  }
  return (struct fault_seen){last_fault.signal, last_fault.code, last_fault.address};
}

void install_handlers(void) {
  const stack_t stack = {.ss_sp = alternate_stack, .ss_size = stack_size};
  struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
  sigfillset(&action.sa_mask);
  sigdelset(&action.sa_mask, SIGSEGV);
  action.sa_sigaction = on_signal;
  bool good = sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0;
  for (int i = 0; i < 3; ++i)
    good = good && sigaction(SIGRTMIN + i, &action, NULL) == 0;
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  good = good && sigaction(SIGSEGV, &action, NULL) == 0 && sigaction(SIGBUS, &action, NULL) == 0;
  action.sa_handler = on_alarm;
  action.sa_flags = SA_ONSTACK;
  good = good && sigaction(SIGALRM, &action, NULL) == 0;
  if (!good)
    fail("sigaction");
}

void check_handlers(void) {
  sigset_t all, old;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &old);
  if (handled_here[0] != handled_there[page_words - 1])
    fail("a handler's memory: %llu and %llu", (unsigned long long)handled_here[0],
         (unsigned long long)handled_there[page_words - 1]);
  if (my_slot >= 0 && queued > board->slot[my_slot].sent)
    fail("%llu queued signals came, %llu were sent", (unsigned long long)queued,
         (unsigned long long)board->slot[my_slot].sent);
  sigprocmask(SIG_SETMASK, &old, NULL);
}

/// Called with all signals blocked: what was sent to the parent is not the child's.
void handlers_of_child(void) {
  struct itimerval timer;
  if (getitimer(ITIMER_REAL, &timer) == -1 || timer.it_value.tv_sec || timer.it_value.tv_usec)
    fail("a child has its parent's timer");
  queued = 0;
}

static int random_live_slot(void) {
  const int slot = (int)below((unsigned)board->slots);
  return pid_of_slot(slot) ? slot : -1;
}

static void do_signal(void) {
  const int slot = random_live_slot();
  if (slot == -1)
    return;
  const pid_t pid = pid_of_slot(slot);
  if (pid && kill(pid, SIGUSR1) == -1 && errno != ESRCH)
    fail("kill");
  if (below(8) == 0) {
    const u64 before = handled_here[0];
    if (syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1) == -1)
      fail("tgkill");
    // A signal that is not blocked is delivered before the call that sent it returns.
    if (handled_here[0] == before)
      fail("a signal to oneself has not come");
  }
}

static void do_queue(void) {
  const int slot = random_live_slot();
  const pid_t pid = slot == -1 ? 0 : pid_of_slot(slot);
  if (!pid)
    return;
  ++board->slot[slot].sent; // if the slot is another's by now, it may only get fewer than were sent
  const union sigval value = {.sival_ptr = (void *)mix((u64)pid)};
  if (sigqueue(pid, SIGRTMIN + (int)below(3), value) == -1 && errno != ESRCH && errno != EAGAIN)
    fail("sigqueue");
}

static void do_kill(void) {
  const int slot = random_live_slot();
  const pid_t pid = slot == -1 ? 0 : pid_of_slot(slot);
  if (pid && below(3) == 0 && mark_killed(slot, pid) && kill(pid, SIGKILL) == -1 && errno != ESRCH)
    fail("kill");
}

/// Stops a child, sees it stopped, lets it go on.
static void do_stop(void) {
  const int slot = random_live_slot();
  if (slot == -1 || board->slot[slot].parent != own_number())
    return;
  const pid_t pid = pid_of_slot(slot);
  if (!pid || pid == getpid())
    return;
  if (kill(pid, SIGSTOP) == -1)
    fail("SIGSTOP to a child that was not reaped");
  int status;
  if (wait_for(pid, &status, WUNTRACED) != pid)
    fail("waitpid of a child that was stopped");
  if (!WIFSTOPPED(status)) {
    check_status(pid, status);
    return;
  }
  if (WSTOPSIG(status) != SIGSTOP)
    fail("a child was stopped by signal %d", WSTOPSIG(status));
  if (kill(pid, SIGCONT) == -1)
    fail("SIGCONT to a child that was stopped");
}

static void do_timer(void) {
  const struct itimerval timer = {.it_value.tv_usec = 1 + (int)below(3000)};
  alarms = 0;
  if (setitimer(ITIMER_REAL, &timer, NULL) == -1)
    fail("setitimer");
  if (below(2))
    return; // it comes in the middle of what is next
  for (int tries = 0; !alarms; ++tries) {
    struct timespec left = {.tv_nsec = 20000000};
    nanosleep(&left, NULL);
    if (tries == 1000)
      fail("no SIGALRM in 20 s");
  }
}

static void do_sleep(void) {
  const struct timespec time = {.tv_nsec = (long)below(3000000)};
  switch (below(3)) {
  case 0:
    sched_yield();
    break;
  case 1:
    nanosleep(&time, NULL);
    break;
  default:
    poll(NULL, 0, (int)below(4));
    break;
  }
}

void random_signal_op(enum op op) {
  switch (op) {
  case op_signal:
    do_signal();
    break;
  case op_queue:
    do_queue();
    break;
  case op_kill:
    do_kill();
    break;
  case op_stop:
    do_stop();
    break;
  case op_timer:
    do_timer();
    break;
  case op_sleep:
    do_sleep();
    break;
  default:
    write_billboard();
    for (int i = 0; i < 4; ++i)
      read_billboard((int)below((unsigned)board->slots));
    break;
  }
}
