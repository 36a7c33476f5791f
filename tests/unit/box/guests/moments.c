// A thread in the midst of string instructions, one in signal handlers that interrupt computing and
// blocked calls, one in page faults: the box is forked in the midst of it.
#define _GNU_SOURCE
#include "guest.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

enum { size = 1 << 18 };

static int stop;
static long copies, scans, handled, faults;

static int is_stopped(void) {
  return __atomic_load_n(&stop, __ATOMIC_SEQ_CST);
}

static void *string_instructions(void *unused) {
  unsigned char *from =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned char *to = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (long i = 0; i < size; ++i)
    from[i] = (unsigned char)(i * 31 + i / 251);
  long round = 0;
  do {
    void *destination = to, *source = from;
    size_t count = size - 1;
    __asm__ volatile("rep movsb" : "+D"(destination), "+S"(source), "+c"(count) : : "memory");
    if (count != 0 || destination != to + size - 1 || source != from + size - 1 ||
        memcmp(from, to, size - 1) != 0)
      say("WRONG rep movsb, round %ld", round);
    ++copies;
    memset(to, 'a', size);
    to[size - 7] = 'b';
    void *at = to;
    count = size;
    __asm__ volatile("repne scasb" : "+D"(at), "+c"(count) : "a"('b') : "memory", "cc");
    if (at != to + size - 6 || count != 6)
      say("WRONG repne scasb, round %ld", round);
    ++scans;
    ++round;
  } while (!is_stopped());
  return unused;
}

static void *page_faults(void *unused) {
  long round = 0;
  do {
    unsigned char *pages =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (long page = 0; page < size / 4096; ++page)
      pages[page * 4096] = (unsigned char)(page + round);
    for (long page = 0; page < size / 4096; ++page)
      if (pages[page * 4096] != (unsigned char)(page + round) || pages[page * 4096 + 1] != 0)
        say("WRONG page %ld, round %ld", page, round);
    munmap(pages, size);
    ++faults;
    ++round;
  } while (!is_stopped());
  return unused;
}

static void handle(int signal, siginfo_t *information, void *context) {
  (void)context;
  // Long enough to be forked in, and with state of its own on the stack.
  volatile long sum = 0;
  for (int i = 0; i < 20000; ++i)
    sum = sum + i;
  if (signal != SIGALRM || information->si_signo != SIGALRM || sum != 199990000)
    say("WRONG handler");
  ++handled;
}

int main(void) {
  pthread_t threads[2];
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  pthread_create(&threads[0], NULL, string_instructions, NULL);
  pthread_create(&threads[1], NULL, page_faults, NULL);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval timer = {{0, 1500}, {0, 1500}};
  setitimer(ITIMER_REAL, &timer, NULL);
  say("ready");
  next_line(); // blocked in a read that handlers interrupt
  __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
  for (int i = 0; i < 2; ++i)
    pthread_join(threads[i], NULL);
  CHECK("string", copies > 0 && scans > 0);
  CHECK("faults", faults > 0);
  CHECK("handler", handled > 0);
  say("done");
  return 0;
}
