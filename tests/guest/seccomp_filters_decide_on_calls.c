// seccomp(2), SECCOMP_SET_MODE_FILTER: what each action does, which of several filters wins, who
// inherits them (fork, clone, execve), SECCOMP_FILTER_FLAG_TSYNC, and which programs are refused.
#include "check.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <ucontext.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define FILTER(...)                                                                                \
  &(struct sock_fprog) {                                                                           \
    .len = sizeof((struct sock_filter[]){__VA_ARGS__}) / sizeof(struct sock_filter),               \
    .filter = (struct sock_filter[]) {                                                             \
      __VA_ARGS__                                                                                  \
    }                                                                                              \
  }
/// Of one call, by number.
#define FOR(number, action)                                                                        \
  FILTER(LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), RETURN(action),            \
         RETURN(SECCOMP_RET_ALLOW))

static long add(const struct sock_fprog *filter) {
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter);
}
static long call(unsigned operation, unsigned flags, const void *argument) {
  return syscall(SYS_seccomp, operation, flags, argument);
}
static long status_line(const char *name) {
  char text[4096], format[64];
  const int file = open("/proc/thread-self/status", O_RDONLY);
  const ssize_t count = read(file, text, sizeof text - 1);
  close(file);
  NEED(count > 0);
  text[count] = 0;
  snprintf(format, sizeof format, "\n%s:\t", name);
  const char *found = strstr(text, format);
  return found ? strtol(found + strlen(format), NULL, 10) : -1;
}

// ---- who may, and which programs ----

static void test_refusals(void) {
  struct sock_fprog empty = {0, (FILTER(RETURN(0)))->filter};
  CHECK_ERRNO(add(&empty), EINVAL);
  CHECK_ERRNO(add((void *)8), EFAULT);
  CHECK_ERRNO(add(&(struct sock_fprog){1, (void *)8}), EFAULT);
  CHECK_ERRNO(add(&(struct sock_fprog){5000, empty.filter}), EINVAL);
  CHECK_ERRNO(add(FILTER(LOAD(nr))), EINVAL);                                         // no return
  CHECK_ERRNO(add(FILTER(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RETURN(0))), EINVAL); // misaligned
  CHECK_ERRNO(add(FILTER(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RETURN(0))), EINVAL);
  CHECK_ERRNO(add(FILTER(BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), RETURN(0))), EINVAL);
  CHECK_ERRNO(add(FILTER(BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), RETURN(0))), EINVAL);
  CHECK_ERRNO(add(FILTER(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RETURN(0))), EINVAL);
  CHECK_ERRNO(add(FILTER(BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), RETURN(0))), EINVAL);
  CHECK_ERRNO(add(FILTER(BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RETURN(0))), EINVAL);
  CHECK_ERRNO(add(FILTER(BPF_STMT(BPF_LD | BPF_MEM, 0), RETURN(0))), EINVAL); // never stored
  CHECK_ERRNO(add(FILTER(BPF_STMT(BPF_ST, 16), RETURN(0))), EINVAL);
  CHECK_ERRNO(add(FILTER(BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0), RETURN(0))), EINVAL);
  CHECK_ERRNO(add(FILTER(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1), RETURN(0))), EINVAL);
  CHECK_ERRNO(add(FILTER(BPF_STMT(0xff, 0), RETURN(0))), EINVAL);
  CHECK(prctl(PR_GET_SECCOMP) == 0 && status_line("Seccomp") == 0);
  CHECK_ERRNO(call(SECCOMP_SET_MODE_FILTER, 1U << 20, FILTER(RETURN(0))), EINVAL);
  CHECK_ERRNO(call(SECCOMP_SET_MODE_FILTER,
                   SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER, FILTER(RETURN(0))),
              EINVAL);
  const unsigned known[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP,
                            SECCOMP_RET_ERRNO,        SECCOMP_RET_TRACE,       SECCOMP_RET_LOG,
                            SECCOMP_RET_ALLOW};
  int available = 0;
  for (unsigned i = 0; i < sizeof known / sizeof *known; ++i)
    available += call(SECCOMP_GET_ACTION_AVAIL, 0, &known[i]) == 0;
  CHECK(available == 7);
  CHECK_ERRNO(call(SECCOMP_GET_ACTION_AVAIL, 0, &(unsigned){0x12340000}), EOPNOTSUPP);
  CHECK_ERRNO(call(SECCOMP_GET_ACTION_AVAIL, 1, &known[0]), EINVAL);
  CHECK_ERRNO(call(SECCOMP_GET_ACTION_AVAIL, 0, NULL), EFAULT);
  // "the caller must have the CAP_SYS_ADMIN capability ... or already have the no_new_privs bit".
  IN_CHILD({
    NEED(setresuid(1000, 1000, 1000) == 0);
    CHECK_ERRNO(add(FILTER(RETURN(SECCOMP_RET_ALLOW))), EACCES);
    CHECK_ERRNO(add(&empty), EINVAL);
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(add(FILTER(RETURN(SECCOMP_RET_ALLOW))) == 0);
    CHECK(prctl(PR_GET_SECCOMP) == 2);
    CHECK_ERRNO(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0), EINVAL);
  });
}

// ---- actions ----

static volatile siginfo_t caught;
static volatile long caught_rax;
static void on_sigsys(int signal, siginfo_t *info, void *context) {
  (void)signal;
  caught = *info;
  caught_rax = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX];
}

static void test_actions(void) {
  IN_CHILD({
    NEED(add(FOR(SYS_getppid, SECCOMP_RET_ERRNO | 42)) == 0);
    errno = 0;
    CHECK_THAT(syscall(SYS_getppid) == -1 && errno == 42, "SECCOMP_RET_ERRNO");
    CHECK(getuid() == 0);
    CHECK(status_line("Seccomp") == 2 && status_line("Seccomp_filters") == 1);
  });
  IN_CHILD({
    NEED(add(FOR(SYS_getppid, SECCOMP_RET_ERRNO | 0xffff)) == 0);
    CHECK_THAT(syscall(SYS_getppid) == -1 && errno == 4095, "an errno is 4095 at most");
  });
  IN_CHILD({
    NEED(add(FOR(SYS_getppid, SECCOMP_RET_ERRNO)) == 0);
    CHECK_THAT(syscall(SYS_getppid) == 0, "errno 0: the call does nothing and returns 0");
  });
  IN_CHILD({
    NEED(add(FOR(SYS_getppid, SECCOMP_RET_LOG)) == 0);
    CHECK_THAT(syscall(SYS_getppid) == getppid(), "SECCOMP_RET_LOG lets it through");
  });
  IN_CHILD({
    NEED(add(FOR(SYS_getppid, SECCOMP_RET_TRACE | 7)) == 0);
    CHECK_THAT(syscall(SYS_getppid) == -1 && errno == ENOSYS, "SECCOMP_RET_TRACE without a tracer");
  });
  CHECK(SIGNAL_THAT_KILLS(NEED(add(FOR(SYS_getppid, SECCOMP_RET_KILL_PROCESS)) == 0);
                          syscall(SYS_getppid)) == SIGSYS);
  CHECK(SIGNAL_THAT_KILLS(signal(SIGSYS, SIG_IGN);
                          NEED(add(FOR(SYS_getppid, SECCOMP_RET_KILL_THREAD)) == 0);
                          syscall(SYS_getppid)) == SIGSYS);
  CHECK_THAT(SIGNAL_THAT_KILLS(NEED(add(FOR(SYS_getppid, 0x12340000)) == 0);
                               syscall(SYS_getppid)) == SIGSYS,
             "an action that is none kills the process");
  CHECK_THAT(SIGNAL_THAT_KILLS(NEED(add(FOR(SYS_getppid, SECCOMP_RET_TRAP)) == 0);
                               syscall(SYS_getppid)) == SIGSYS,
             "SECCOMP_RET_TRAP without a handler");
  IN_CHILD({
    struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
    sigaction(SIGSYS, &action, NULL);
    NEED(add(FOR(SYS_getppid, SECCOMP_RET_TRAP | 99)) == 0);
    const long result = syscall(SYS_getppid);
    CHECK(caught.si_signo == SIGSYS && caught.si_code == 1 /* SYS_SECCOMP */ &&
          caught.si_errno == 99);
    CHECK(caught.si_syscall == SYS_getppid && caught.si_arch == AUDIT_ARCH_X86_64);
    CHECK_THAT(*(const unsigned short *)((const char *)caught.si_call_addr - 2) == 0x050f,
               "si_call_addr is behind the instruction");
    CHECK_THAT(caught_rax == SYS_getppid && (result == SYS_getppid),
               "rax is the number still, and what the handler leaves is the result");
  });
}

// ---- what a filter can see and compute ----

static void test_programs(void) {
  IN_CHILD({ // the high half of the third argument, the architecture
    NEED(add(FILTER(LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
                    RETURN(SECCOMP_RET_KILL_PROCESS), LOAD(nr),
                    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_lseek, 0, 3),
                    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + 4),
                    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x1234, 0, 1),
                    RETURN(SECCOMP_RET_ERRNO | 11), RETURN(SECCOMP_RET_ALLOW))) == 0);
    CHECK(lseek(-1, 0x123400000000, SEEK_SET) == -1 && errno == 11);
    CHECK(lseek(-1, 0x123500000000, SEEK_SET) == -1 && errno == EBADF);
  });
  IN_CHILD({ // errno = ((nr * 3 + 5) >> 1 & 0xff | M[3]) ^ X, by all kinds of instructions
    NEED(add(FILTER(LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SYS_getppid, 0, 19),
                    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_getppid, 18, 0),
                    BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LDX | BPF_IMM, 3),
                    BPF_STMT(BPF_STX, 2), BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0),
                    BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 5), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1),
                    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff), BPF_STMT(BPF_ST, 3),
                    BPF_STMT(BPF_LD | BPF_IMM, 0x100), BPF_STMT(BPF_LDX | BPF_MEM, 3),
                    BPF_STMT(BPF_ALU | BPF_OR | BPF_X, 0), BPF_STMT(BPF_LDX | BPF_MEM, 2),
                    BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
                    BPF_STMT(BPF_ALU | BPF_NEG, 0), BPF_STMT(BPF_ALU | BPF_NEG, 0),
                    BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
                    BPF_STMT(BPF_RET | BPF_A, 0), RETURN(SECCOMP_RET_ALLOW))) == 0);
    CHECK_THAT(syscall(SYS_getppid) == -1 && errno == ((0x100 | ((110 * 3 + 5) / 2)) - 3) / 3,
               "arithmetic");
  });
  CHECK_THAT(
      SIGNAL_THAT_KILLS(
          NEED(add(FILTER(LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 3),
                          BPF_STMT(BPF_LDX | BPF_IMM, 0), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
                          RETURN(SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_ALLOW))) == 0);
          syscall(SYS_getppid)) == SIGSYS,
      "a division by zero ends the program with 0, which kills");
  IN_CHILD({
    NEED(add(FILTER(BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
                    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 64, 1, 0),
                    RETURN(SECCOMP_RET_KILL_PROCESS), RETURN(SECCOMP_RET_ALLOW))) == 0);
    CHECK_THAT(getppid() > 0, "BPF_LEN is the size of seccomp_data");
  });
}

// ---- several filters ----

static void test_precedence(void) {
  IN_CHILD({
    NEED(add(FOR(SYS_getppid, SECCOMP_RET_ERRNO | 1)) == 0);
    NEED(add(FOR(SYS_getppid, SECCOMP_RET_ERRNO | 2)) == 0);
    CHECK_THAT(syscall(SYS_getppid) == -1 && errno == 2, "of equal actions the newest filter's");
    NEED(add(FOR(SYS_getppid, SECCOMP_RET_ALLOW)) == 0);
    CHECK_THAT(syscall(SYS_getppid) == -1 && errno == 2, "the strictest action wins");
    CHECK(status_line("Seccomp_filters") == 3);
    CHECK(SIGNAL_THAT_KILLS(NEED(add(FOR(SYS_getppid, SECCOMP_RET_TRAP)) == 0);
                            syscall(SYS_getppid)) == SIGSYS);
    CHECK_THAT(syscall(SYS_getppid) == -1 && errno == 2, "a child's filters are its own");
  });
  IN_CHILD({ // MAX_INSNS_PER_PATH
    static struct sock_filter many[4096];
    for (int i = 0; i < 4096; ++i)
      many[i] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
    const struct sock_fprog filter = {4096, many};
    int added = 0;
    while (added < 100 && add(&filter) == 0)
      ++added;
    CHECK_THAT(added > 0 && added < 100 && errno == ENOMEM,
               "there is a limit to all that a thread has");
  });
}

// ---- who has them ----

static void *forbidden_in_thread(void *unused) {
  errno = 0;
  CHECK_THAT(syscall(SYS_getppid) == -1 && errno == 33, "a new thread has the filters");
  return unused;
}
static struct bell go, done;
static int seen;
static void *wait_and_try(void *unused) {
  hear(go);
  seen = syscall(SYS_getppid) == -1 ? errno : 0;
  return unused;
}
static void *add_own(void *unused) {
  NEED(add(FOR(SYS_getppid, SECCOMP_RET_ERRNO | 1)) == 0);
  tell(done);
  hear(go);
  return unused;
}

static void test_inheritance(const char *self) {
  go = new_bell(), done = new_bell();
  IN_CHILD({
    NEED(add(FOR(SYS_getppid, SECCOMP_RET_ERRNO | 33)) == 0);
    pthread_t thread;
    pthread_create(&thread, NULL, forbidden_in_thread, NULL);
    pthread_join(thread, NULL);
    IN_CHILD(CHECK_THAT(syscall(SYS_getppid) == -1 && errno == 33, "a child has them"));
    IN_CHILD({
      execl(self, self, "executed", NULL);
      _exit(99);
    });
  });
  IN_CHILD({
    pthread_t thread;
    pthread_create(&thread, NULL, wait_and_try, NULL);
    NEED(call(SECCOMP_SET_MODE_FILTER, 0, FOR(SYS_getppid, SECCOMP_RET_ERRNO | 5)) == 0);
    tell(go);
    pthread_join(thread, NULL);
    CHECK_THAT(seen == 0, "another thread doesn't get it");
    pthread_create(&thread, NULL, wait_and_try, NULL);
    NEED(call(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
              FOR(SYS_getppid, SECCOMP_RET_ERRNO | 6)) == 0);
    tell(go);
    pthread_join(thread, NULL);
    CHECK_THAT(seen == 6, "SECCOMP_FILTER_FLAG_TSYNC: all threads get it");
    pthread_create(&thread, NULL, add_own, NULL);
    hear(done);
    CHECK_THAT(call(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
                    FOR(SYS_getppid, SECCOMP_RET_ERRNO | 7)) > 0,
               "unless one has another filter: its tid");
    CHECK_ERRNO(call(SECCOMP_SET_MODE_FILTER,
                     SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
                     FOR(SYS_getppid, SECCOMP_RET_ERRNO | 7)),
                ESRCH);
    CHECK_THAT(syscall(SYS_getppid) == -1 && errno == 6, "then nobody gets it");
    tell(go);
    pthread_join(thread, NULL);
  });
}

static void *die_alone(void *unused) {
  NEED(add(FOR(SYS_getppid, SECCOMP_RET_KILL_THREAD)) == 0);
  syscall(SYS_getppid);
  CHECK_THAT(0, "the thread is dead");
  return unused;
}

static void test_kill_thread(void) {
  IN_CHILD({
    pthread_t thread;
    pthread_create(&thread, NULL, die_alone, NULL);
    pthread_join(thread, NULL);
    CHECK_THAT(1, "SECCOMP_RET_KILL_THREAD ends the thread, its process goes on");
  });
}

// ---- ptrace ----

static void test_tracer(void) {
  const pid_t child = fork();
  if (child == 0) {
    NEED(ptrace(PTRACE_TRACEME) == 0);
    raise(SIGSTOP);
    NEED(add(FOR(SYS_getppid, SECCOMP_RET_TRACE | 77)) == 0);
    const long first = syscall(SYS_getppid), second = syscall(SYS_getppid);
    _exit((first == getpgid(0)) + 2 * (second == 4321));
  }
  int status;
  NEED(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
  NEED(ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESECCOMP) == 0);
  NEED(ptrace(PTRACE_CONT, child, 0, 0) == 0);
  unsigned long message = 0;
  CHECK(waitpid(child, &status, 0) == child &&
        status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8));
  CHECK(ptrace(PTRACE_GETEVENTMSG, child, 0, &message) == 0 && message == 77);
  struct ptrace_syscall_info { // linux/ptrace.h, which sys/ptrace.h doesn't go with
    uint8_t op, padding[3];
    uint32_t arch;
    uint64_t instruction_pointer, stack_pointer, number, arguments[6];
    uint32_t ret_data;
  } info = {0};
  CHECK(ptrace(0x420e /* PTRACE_GET_SYSCALL_INFO */, child, sizeof info, &info) == 84);
  CHECK(info.op == 3 /* PTRACE_SYSCALL_INFO_SECCOMP */ && info.number == SYS_getppid);
  CHECK(info.ret_data == 77 && info.arch == AUDIT_ARCH_X86_64);
  const size_t rax = offsetof(struct user, regs.rax), number = offsetof(struct user, regs.orig_rax);
  CHECK(ptrace(PTRACE_PEEKUSER, child, number, 0) == SYS_getppid);
  CHECK(ptrace(PTRACE_PEEKUSER, child, rax, 0) == -ENOSYS);
  NEED(ptrace(PTRACE_POKEUSER, child, number, SYS_getpgrp) == 0); // another call instead
  NEED(ptrace(PTRACE_CONT, child, 0, 0) == 0);
  CHECK(waitpid(child, &status, 0) == child &&
        status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8));
  NEED(ptrace(PTRACE_POKEUSER, child, number, -1L) == 0); // none
  NEED(ptrace(PTRACE_POKEUSER, child, rax, 4321) == 0);
  NEED(ptrace(PTRACE_CONT, child, 0, 0) == 0);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

int main(int argc, char **argv) {
  if (argc > 1) {
    CHECK_THAT(syscall(SYS_getppid) == -1 && errno == 33, "an executed program has them");
    return finish();
  }
  test_refusals();
  test_actions();
  test_programs();
  test_precedence();
  test_inheritance(argv[0]);
  test_kill_thread();
  test_tracer();
  return finish();
}
