// The measured side of bench/fork: the same program runs natively and in a box. Prints "NAME
// NANOSECONDS" lines. With `children COUNT MEGABYTES` it instead keeps that many forked children
// alive and says "ready" until its standard input ends; with `bare-children`, children that do
// nothing but sleep.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t mebibyte = std::size_t{1} << 20;

double now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void report(const char *name, double nanoseconds) {
  std::printf("%s %.1f\n", name, nanoseconds);
  std::fflush(stdout);
}

[[noreturn]] void fail(const char *what) {
  std::perror(what);
  std::exit(1);
}

/// Private anonymous memory, every page written. Small pages, so that both sides have the same
/// work.
char *touched_memory(std::size_t bytes) {
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    fail("mmap");
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  char *bytes_of = static_cast<char *>(memory);
  for (std::size_t i = 0; i < bytes; i += page)
    bytes_of[i] = 1;
  return bytes_of;
}

void measure_getppid() {
  std::vector<double> rounds;
  for (int round = 0; round < 9; ++round) {
    constexpr int calls = 100'000;
    const double begin = now();
    for (int i = 0; i < calls; ++i)
      syscall(SYS_getppid);
    rounds.push_back((now() - begin) / calls);
  }
  report("getppid", median(rounds));
}

void measure_zero_fill() {
  constexpr std::size_t bytes = 64 * mebibyte;
  std::vector<double> rounds;
  for (int round = 0; round < 5; ++round) {
    void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      fail("mmap");
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    const double begin = now();
    for (std::size_t i = 0; i < bytes; i += page)
      static_cast<volatile char *>(memory)[i] = 1;
    rounds.push_back((now() - begin) / static_cast<double>(bytes / page));
    munmap(memory, bytes);
  }
  report("zero-fill fault", median(rounds));
}

/// fork() until it returns in the parent, and until the child's end is known.
void measure_fork(std::size_t megabytes) {
  char *memory = touched_memory(megabytes * mebibyte);
  std::vector<double> fork_times, whole_times;
  constexpr int least_rounds = 11, most_rounds = 2001;
  constexpr double enough = 0.5e9; // ns
  const double start = now();
  for (int round = 0; round < most_rounds; ++round) {
    const double begin = now();
    if (round >= least_rounds && begin - start > enough)
      break;
    const pid_t child = fork();
    if (child == 0)
      _exit(0);
    const double forked = now();
    if (child < 0)
      fail("fork");
    waitpid(child, nullptr, 0);
    whole_times.push_back(now() - begin);
    fork_times.push_back(forked - begin);
  }
  char name[64];
  std::snprintf(name, sizeof name, "fork %zu MiB", megabytes);
  report(name, median(fork_times));
  std::snprintf(name, sizeof name, "fork+exit+wait %zu MiB", megabytes);
  report(name, median(whole_times));
  munmap(memory, megabytes * mebibyte);
}

/// Writes to pages that a sleeping child shares.
void measure_copying_fault() {
  constexpr std::size_t bytes = 64 * mebibyte;
  char *memory = touched_memory(bytes);
  std::vector<double> rounds;
  for (int round = 0; round < 5; ++round) {
    int ends[2];
    if (pipe(ends) != 0)
      fail("pipe");
    const pid_t child = fork();
    if (child == 0) {
      close(ends[1]);
      char byte;
      (void)!read(ends[0], &byte, 1);
      _exit(0);
    }
    const double begin = now();
    for (std::size_t i = 0; i < bytes; i += page)
      static_cast<volatile char *>(memory)[i] = 2;
    rounds.push_back((now() - begin) / static_cast<double>(bytes / page));
    close(ends[0]);
    close(ends[1]);
    waitpid(child, nullptr, 0);
  }
  report("copying write fault", median(rounds));
  munmap(memory, bytes);
}

void measure_exec(const char *self) {
  std::vector<double> rounds;
  for (int round = 0; round < 51; ++round) {
    const double begin = now();
    const pid_t child = fork();
    if (child == 0) {
      execl(self, self, "exit", static_cast<char *>(nullptr));
      _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0)
      fail("exec");
    rounds.push_back(now() - begin);
  }
  report("fork+exec+wait", median(rounds));
}

void *end_at_once(void *unused) {
  return unused;
}

/// A thread from pthread_create() until it was joined.
void measure_threads() {
  std::vector<double> rounds;
  for (int round = 0; round < 2001; ++round) {
    const double begin = now();
    pthread_t thread;
    if (pthread_create(&thread, nullptr, end_at_once, nullptr) != 0)
      fail("pthread_create");
    pthread_join(thread, nullptr);
    rounds.push_back(now() - begin);
  }
  report("thread created and joined", median(rounds));
}

int turn; ///< whose it is, 0 or 1: a futex

void hand_over(int mine, int times) {
  for (int i = 0; i < times; ++i) {
    while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != mine)
      syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, 1 - mine, nullptr, nullptr, 0);
    __atomic_store_n(&turn, 1 - mine, __ATOMIC_RELEASE);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
}

/// From one thread that wakes another by a futex, and sleeps, to that.
void measure_hand_offs() {
  constexpr int times = 5000;
  std::vector<double> rounds;
  for (int round = 0; round < 5; ++round) {
    pthread_t other;
    const double begin = now();
    if (pthread_create(
            &other, nullptr,
            [](void *unused) {
              hand_over(1, times);
              return unused;
            },
            nullptr) != 0)
      fail("pthread_create");
    hand_over(0, times);
    pthread_join(other, nullptr);
    rounds.push_back((now() - begin) / (2.0 * times));
  }
  report("futex hand-off", median(rounds));
}

/// A byte to another process and back by pipes, while two others compute.
void measure_loaded_round_trips() {
  pid_t others[3];
  int there[2], back[2];
  if (pipe(there) != 0 || pipe(back) != 0)
    fail("pipe");
  char byte = 0;
  for (pid_t &other : others)
    if ((other = fork()) == 0) {
      if (&other != &others[0])
        for (volatile bool goes_on = true; goes_on;) {
        }
      while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1) {
      }
      _exit(0);
    }
  const double begin = now();
  long rounds = 0;
  for (; now() - begin < 1e9; ++rounds)
    if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
      fail("round trip");
  report("round trip beside load", (now() - begin) / static_cast<double>(rounds));
  for (const pid_t other : others) {
    kill(other, SIGKILL);
    waitpid(other, nullptr, 0);
  }
}

/// A byte to cat(1) and back by pipes: another program each time.
void measure_programs() {
  constexpr int times = 10000;
  int there[2], back[2];
  if (pipe2(there, O_CLOEXEC) != 0 || pipe2(back, O_CLOEXEC) != 0)
    fail("pipe2");
  const pid_t other = fork();
  if (other == 0) {
    dup2(there[0], 0);
    dup2(back[1], 1);
    execl("/bin/cat", "cat", nullptr);
    _exit(127);
  }
  char byte = 0;
  const auto round_trip = [&] {
    if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
      fail("a byte to cat and back");
  };
  round_trip(); // it has started
  std::vector<double> rounds;
  for (int round = 0; round < 5; ++round) {
    const double begin = now();
    for (int i = 0; i < times; ++i)
      round_trip();
    rounds.push_back((now() - begin) / times);
  }
  report("a byte to cat and back", median(rounds));
  kill(other, SIGKILL);
  waitpid(other, nullptr, 0);
}

int keep_children(int count, std::size_t megabytes) {
  touched_memory(megabytes * mebibyte);
  std::printf("before\n");
  std::fflush(stdout);
  char byte;
  (void)!read(0, &byte, 1);
  int ends[2];
  if (pipe(ends) != 0)
    fail("pipe");
  std::vector<double> times;
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) {
    const double begin = now();
    const pid_t child = fork();
    if (child == 0) {
      close(ends[1]);
      (void)!read(ends[0], &byte, 1);
      _exit(0);
    }
    if (child < 0)
      break;
    times.push_back(now() - begin);
    children.push_back(child);
  }
  usleep(300'000); // they all sleep
  std::printf("ready %zu %.1f\n", children.size(), times.empty() ? 0 : median(times));
  std::fflush(stdout);
  (void)!read(0, &byte, 1);
  close(ends[1]);
  close(ends[0]);
  for (const pid_t child : children)
    waitpid(child, nullptr, 0);
  std::printf("done\n");
  return 0;
}

/// Children that have written nothing but their return address, and of which the parent knows by
/// shared memory: what is measured is the kernel's. fork(3) of the C library writes three or four
/// pages in each child, and the parent above one for each child in its heap.
int keep_bare_children(int count, std::size_t megabytes) {
  touched_memory(megabytes * mebibyte);
  const std::size_t bytes = static_cast<std::size_t>(count) * (sizeof(double) + sizeof(pid_t));
  void *results = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (results == MAP_FAILED)
    fail("mmap");
  std::memset(results, 0, bytes);
  double *times = static_cast<double *>(results);
  pid_t *children = reinterpret_cast<pid_t *>(times + count);
  std::printf("before\n");
  std::fflush(stdout);
  char byte;
  (void)!read(0, &byte, 1);
  int made = 0;
  for (; made < count; ++made) {
    const double begin = now();
    const long child = syscall(SYS_fork);
    if (child == 0)
      for (;;)
        syscall(SYS_pause);
    if (child < 0)
      break;
    times[made] = now() - begin;
    children[made] = static_cast<pid_t>(child);
  }
  usleep(300'000); // they all sleep
  std::printf("ready %d %.1f\n", made, median(std::vector<double>(times, times + made)));
  std::fflush(stdout);
  (void)!read(0, &byte, 1);
  for (int i = 0; i < made; ++i)
    kill(children[i], SIGKILL);
  for (int i = 0; i < made; ++i)
    waitpid(children[i], nullptr, 0);
  std::printf("done\n");
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  if (argc > 1 && std::strcmp(argv[1], "exit") == 0)
    return 0;
  if (argc > 3 && std::strcmp(argv[1], "children") == 0)
    return keep_children(std::atoi(argv[2]), std::strtoul(argv[3], nullptr, 10));
  if (argc > 3 && std::strcmp(argv[1], "bare-children") == 0)
    return keep_bare_children(std::atoi(argv[2]), std::strtoul(argv[3], nullptr, 10));
  measure_getppid();
  measure_zero_fill();
  measure_copying_fault();
  measure_exec("/proc/self/exe");
  for (int i = 1; i < argc; ++i)
    measure_fork(std::strtoul(argv[i], nullptr, 10));
  measure_loaded_round_trips();
  measure_programs();
  // Last: fork(3) of a program that has had a thread has more to do.
  measure_threads();
  measure_hand_offs();
}
