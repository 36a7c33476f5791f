// The program whose box bench_box forks.
//
//   box_guest MIB PROCESSES [busy]   fills so much memory, starts further processes that sleep,
//   says
//                                    "ready", and waits for a line (or counts, until it is killed)
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3)
    return 2;
  constexpr std::size_t page = 4096;
  const std::size_t bytes = std::strtoul(argv[1], nullptr, 10) << 20;
  auto *memory = static_cast<char *>(
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (memory == MAP_FAILED)
    return 3;
  for (std::size_t offset = 0; offset < bytes; offset += page)
    memory[offset] = static_cast<char>(1 + offset / page % 100);
  for (int i = 1; i < std::atoi(argv[2]); ++i)
    if (fork() == 0)
      for (;;)
        pause();
  if (write(1, "ready\n", 6) != 6)
    return 4;
  if (argc > 3)
    for (volatile unsigned long count = 0;;) {
      const unsigned long next = count + 1;
      count = next;
    }
  // What a request finds: all that was there before, and its own change.
  char line[64];
  if (read(0, line, sizeof line) <= 0)
    return 5;
  for (std::size_t offset = 0; offset < bytes; offset += bytes / 8)
    if (memory[offset] != static_cast<char>(1 + offset / page % 100))
      return 6;
  memory[0] = 'x';
  return write(1, "done\n", 5) == 5 ? 0 : 7;
}
