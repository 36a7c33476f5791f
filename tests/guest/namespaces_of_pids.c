// pid_namespaces(7): numbers, process 1, what it shields, what its end means.
#include "namespaces.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static volatile sig_atomic_t seen_pid = -1, seen_signal;
static void handler(int signal, siginfo_t *info, void *context) {
  (void)context;
  seen_signal = signal;
  seen_pid = info->si_pid;
}

static void catch_signal(int signal) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  NEED(sigaction(signal, &action, NULL) == 0);
}

static void first_process(void) {
  CHECK(getpid() == 1 && getppid() == 0 && getpgrp() == 0 && getsid(0) == 0);
  CHECK(syscall(SYS_gettid) == 1);
  CHECK_ERRNO(kill(99, 0), ESRCH);
  CHECK(kill(1, SIGTERM) == 0); // no handler: nothing happens
  CHECK(kill(1, SIGKILL) == 0);
  CHECK(raise(SIGSTOP) == 0);
  union sigval value = {.sival_int = 1};
  CHECK(sigqueue(1, SIGKILL, value) == 0);
  catch_signal(SIGUSR1);
  const pid_t child = fork();
  if (child == 0) {
    CHECK(getpid() == 2 && getppid() == 1);
    CHECK(kill(1, SIGUSR1) == 0);
    _exit(check_failures);
  }
  CHECK_THAT(child == 2, "the second process is number 2");
  int status;
  while (waitpid(child, &status, 0) < 0)
    NEED(errno == EINTR);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK_THAT(seen_signal == SIGUSR1 && seen_pid == 2, "the sender is number 2 here");
  // An orphan is process 1's child.
  int ready[2];
  NEED(pipe(ready) == 0);
  const pid_t middle = fork();
  if (middle == 0) {
    if (fork() == 0) {
      while (getppid() != 1)
        sched_yield();
      char byte = getppid() == 1 ? 'y' : 'n';
      NEED(write(ready[1], &byte, 1) == 1);
      _exit(7);
    }
    _exit(0);
  }
  char byte = 0;
  CHECK(waitpid(middle, &status, 0) == middle);
  CHECK(read(ready[0], &byte, 1) == 1 && byte == 'y');
  siginfo_t info;
  CHECK(waitid(P_ALL, 0, &info, WEXITED) == 0 && info.si_pid == 4 && info.si_status == 7);
  // CLONE_PARENT by process 1, and its session.
  CHECK_ERRNO(clone_into(CLONE_PARENT), EINVAL);
  CHECK(setsid() == 1 && getpgrp() == 1 && getsid(0) == 1);
}

static void numbers_outside(void) {
  int pair[2];
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  const pid_t child = clone_into(CLONE_NEWPID);
  if (child == 0) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == 0);
    catch_signal(SIGUSR2);
    char byte = 'r';
    NEED(write(pair[1], &byte, 1) == 1);
    while (seen_signal != SIGUSR2)
      pause();
    CHECK_THAT(seen_pid == 0, "a sender from outside has number 0");
    _exit(check_failures);
  }
  CHECK(child > 1);
  char byte;
  NEED(read(pair[0], &byte, 1) == 1);
  char path[64], line[64];
  snprintf(path, sizeof path, "/proc/%d/status", child);
  snprintf(line, sizeof line, "NSpid: %d 1", child);
  CHECK(has_status(path, line));
  // The wake-up must not come between the look and pause.
  int status;
  while (waitpid(child, &status, WNOHANG) == 0) {
    kill(child, SIGUSR2);
    sleep_ms(2);
  }
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/// "If the init process … terminates, the kernel terminates all of the processes in the namespace
/// via a SIGKILL"; before its parent is told.
static void end_of_process_1(void) {
  int ends[2];
  NEED(pipe(ends) == 0);
  const pid_t child = clone_into(CLONE_NEWPID);
  if (child == 0) {
    for (int i = 0; i < 3; ++i)
      if (fork() == 0) {
        signal(SIGTERM, SIG_IGN);
        for (;;)
          pause();
      }
    _exit(5);
  }
  close(ends[1]);
  int status;
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 5);
  struct pollfd end = {.fd = ends[0], .events = POLLIN};
  CHECK_THAT(poll(&end, 1, 0) == 1 && (end.revents & POLLHUP) != 0,
             "all of the namespace had ended by then");
  // SIGKILL from outside is forced.
  const pid_t second = clone_into(CLONE_NEWPID);
  if (second == 0)
    for (;;)
      pause();
  CHECK(kill(second, SIGTERM) == 0);
  sleep_ms(20);
  CHECK(waitpid(second, &status, WNOHANG) == 0);
  CHECK(kill(second, SIGKILL) == 0);
  CHECK(waitpid(second, &status, 0) == second && WIFSIGNALED(status));
}

static void for_children(void) {
  struct stat own, before;
  CHECK(stat("/proc/self/ns/pid", &own) == 0);
  CHECK(stat("/proc/self/ns/pid_for_children", &before) == 0 && own.st_ino == before.st_ino);
  CHECK(unshare(CLONE_NEWPID) == 0);
  CHECK_THAT(getpid() != 1, "the caller keeps its number");
  CHECK_ERRNO(open("/proc/self/ns/pid_for_children", O_RDONLY), ENOENT);
  CHECK_ERRNO(unshare(CLONE_NEWPID), EINVAL);
  int status;
  const pid_t child = fork();
  if (child == 0)
    _exit(getpid() == 1 ? 0 : 1);
  CHECK(child != 1 && waitpid(child, &status, 0) == child && status == 0);
  CHECK_ERRNO(fork(), ENOMEM); // its process 1 has ended
}

static void own_proc(void) {
  NEED(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  const pid_t child = clone_into(CLONE_NEWPID);
  if (child == 0) {
    char target[16] = "";
    CHECK(mount("proc", "/proc", "proc", 0, NULL) == 0);
    CHECK(readlink("/proc/self", target, sizeof target) == 1 && target[0] == '1');
    CHECK(has_status("/proc/1/status", "PPid: 0") && has_status("/proc/1/status", "NSpid: 1"));
    CHECK(access("/proc/2", F_OK) != 0);
    _exit(check_failures);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void subreapers(void) {
  // One outside of the namespace doesn't get its orphans.
  NEED(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  const pid_t child = clone_into(CLONE_NEWPID);
  if (child == 0) {
    int ready[2];
    NEED(pipe(ready) == 0);
    if (fork() == 0) {
      if (fork() == 0) {
        while (getppid() != 1)
          sched_yield();
        _exit(3);
      }
      _exit(0);
    }
    int status, sum = 0;
    while (wait(&status) > 0)
      sum += WEXITSTATUS(status);
    _exit(sum);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);
  CHECK_ERRNO(wait(&status), ECHILD);
}

int main(void) {
  IN_CHILD({
    if (geteuid() != 0)
      become_root_inside();
    const pid_t child = clone_into(CLONE_NEWPID);
    NEED(child >= 0);
    if (child == 0) {
      first_process();
      _exit(check_failures);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    IN_CHILD(numbers_outside());
    IN_CHILD(end_of_process_1());
    IN_CHILD(for_children());
    IN_CHILD(own_proc());
    IN_CHILD(subreapers());
  });
  return finish();
}
