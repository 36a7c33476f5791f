// fork(2): "memory writes ... performed by one of the processes do not affect the other": that is
// so for code, too, also where a thread met the child's copy on the processor that then runs the
// parent.
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static unsigned char *code;
static atomic_int started, entered;
static int second_result;

static int call(void) {
  return ((int (*)(void))code)();
}
/// mov eax, value; ret
static void write_code(int value) {
  code[0] = 0xb8;
  memcpy(code + 1, &value, 4);
  code[5] = 0xc3;
}
/// Where there is such a processor; the rule holds on any.
static void run_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof set, &set);
}
static void *enter_second(void *unused) {
  run_on(1);
  atomic_store(&started, 1);
  while (!atomic_load(&entered)) // without a system call: it stays where it is
    ;
  second_result = call();
  return unused;
}

int main(void) {
  code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  NEED(code != MAP_FAILED);
  run_on(1);
  for (int round = 0; round < 20; ++round) {
    // Code that nobody has run yet, so that parent and child know the same of it.
    NEED(mmap(code, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == code);
    write_code(1);
    int done[2];
    NEED(pipe(done) == 0);
    const pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
      pthread_t second;
      run_on(0);
      NEED(pthread_create(&second, NULL, enter_second, NULL) == 0);
      while (!atomic_load(&started))
        sched_yield();
      CHECK(call() == 1);
      atomic_store(&entered, 1);
      NEED(pthread_join(second, NULL) == 0);
      CHECK(second_result == 1);
      NEED(write(done[1], "", 1) == 1);
      pause(); // as long as the parent looks
    }
    char byte;
    NEED(read(done[0], &byte, 1) == 1);
    write_code(2);
    CHECK(call() == 2);
    NEED(kill(child, SIGKILL) == 0);
    int status;
    NEED(waitpid(child, &status, 0) == child);
    close(done[0]);
    close(done[1]);
  }
  return finish();
}
